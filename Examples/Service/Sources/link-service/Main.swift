// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Foundation
import LinkService
import Logging

@main
struct LinkServiceCommand {
    static func main() async {
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        // A deployment also bootstraps a metrics backend here. The pools report metrics with
        // OpenTelemetry's names.
        var logger = Logger(label: "link-service")
        do {
            let settings = try Settings(ConfigReader(provider: EnvironmentVariablesProvider()))
            logger.logLevel = settings.logLevel
            try await serve(try settings.store(logger: logger), settings: settings, logger: logger)
        } catch {
            logger.critical("The service has ended.", metadata: ["error": "\(error)"])
            exit(1)
        }
    }
}
