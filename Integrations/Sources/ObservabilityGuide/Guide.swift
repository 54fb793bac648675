// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Configuration
import ConnectionPooling
import Logging
import PostgresPooling
import SQLitePooling
import ServiceLifecycle
import UnixSignals

func observe(url: String, logger: Logger) throws -> (PostgresPool, SQLitePool) {
    var configuration = PostgresConfiguration(url)
    configuration.applicationName = "orders"  // the pool's name in logs and metrics, too
    configuration.logNotices(to: logger)
    let orders = try PostgresPool(configuration, observers: [.logging(logger), .metrics()])
    var caching = SQLiteConfiguration("cache.sqlite")
    caching.pool.name = "cache"  // “cache readers” and “cache writer”
    let cache = try SQLitePool(caching, observers: [.logging(logger), .metrics()])
    return (orders, cache)
}

func observeStatements(url: String, logger: Logger) throws -> PostgresPool {
    let slow = StatementLogger(logger, slowerThan: .milliseconds(200))
    let orders = try PostgresPool(url, statementObservers: [slow, .tracing(), .metrics()])
    return orders
}

func countStatements(url: String) throws -> PostgresPool {
    struct FailurePrinter: StatementObserver {
        func observe(_ event: StatementEvent) {
            guard case .failed(let failure) = event.outcome else { return }
            print(failure.code, event.duration, event.callSite ?? "", event.text)
        }
    }
    let orders = try PostgresPool(url, statementObservers: [FailurePrinter()])
    return orders
}

func serve(pool: PostgresPool, server: some Service, logger: Logger) async throws {
    let group = ServiceGroup(
        services: [pool, server, pool.shutdownNotice],  // they stop in reverse order
        gracefulShutdownSignals: [.sigterm],
        logger: logger
    )
    try await group.run()
}

func configure() throws -> ConnectionPoolConfiguration {
    let config = ConfigReader(provider: EnvironmentVariablesProvider())
    // DATABASE_POOL_MAXIMUM_CONNECTIONS=20 DATABASE_POOL_CHECKOUT_TIMEOUT=500ms
    let configuration = try ConnectionPoolConfiguration(config: config.scoped(to: "database.pool"))
    return configuration
}
