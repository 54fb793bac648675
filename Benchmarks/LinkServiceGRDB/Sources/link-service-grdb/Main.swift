// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Configuration
import LinkService
import Logging

@main
struct LinkServiceGRDB {
    static func main() async throws {
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        let settings = try Settings(ConfigReader(provider: EnvironmentVariablesProvider()))
        var logger = Logger(label: "link-service-grdb")
        logger.logLevel = settings.logLevel
        if settings.database == "none" { return try await serve(ConstantLinks(), settings: settings, logger: logger) }
        let store = try GRDBLinks(path: settings.database, maximumReaders: settings.pool.maximumConnections)
        try await serve(store, settings: settings, logger: logger)
    }
}
