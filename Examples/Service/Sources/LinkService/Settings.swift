// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import Configuration
public import ConnectionPooling
public import Logging
import PostgresPooling
import SQLitePooling

/// The configuration of the service.
///
/// | key | variable | default |
/// | --- | --- | --- |
/// | `links.database` | `LINKS_DATABASE` | `links.sqlite`; a path, or a URL `postgres://…` |
/// | `links.host` | `LINKS_HOST` | `127.0.0.1` |
/// | `links.port` | `LINKS_PORT` | `8080`; 0 for a free one |
/// | `links.logLevel` | `LINKS_LOG_LEVEL` | `info` |
/// | `links.pool.…` | `LINKS_POOL_…` | those of `ConnectionPoolConfiguration` |
///
/// `maximumConnections` is 4 by default for SQLite, where it counts readers.
public struct Settings: Sendable {
    /// The path of a SQLite file, or the URL of a PostgreSQL database.
    public var database: String
    /// The address to listen on.
    public var host: String
    /// The port to listen on; 0 for a free one.
    public var port: Int
    /// The minimum level that is logged.
    public var logLevel: Logger.Level
    /// The pool's name, size and timeouts.
    public var pool: ConnectionPoolConfiguration

    /// An invalid setting.
    public struct Invalid: Error, CustomStringConvertible {
        /// The variable, and its valid values.
        public let description: String
    }

    /// Reads the settings.
    ///
    /// - Parameter config: The source of the settings; the keys begin with `links`.
    /// - Throws: ``Invalid`` or `PoolError` if a setting is invalid.
    public init(_ config: ConfigReader) throws {
        let links = config.scoped(to: "links")
        let database = links.string(forKey: "database", default: "links.sqlite")
        self.database = database
        host = links.string(forKey: "host", default: "127.0.0.1")
        let port = links.string(forKey: "port", default: "8080")
        guard let number = Int(port), 0...65_535 ~= number else {
            throw Invalid(description: "LINKS_PORT must be a number from 0 to 65535, not “\(port)”")
        }
        self.port = number
        let level = links.string(forKey: "logLevel", default: "info")
        guard let logLevel = Logger.Level(rawValue: level) else {
            throw Invalid(description: "LINKS_LOG_LEVEL must be a level of swift-log such as info, not “\(level)”")
        }
        self.logLevel = logLevel
        let isPostgres = Self.isPostgres(database)
        pool = try ConnectionPoolConfiguration(
            config: links.scoped(to: "pool"),
            // The minimum of one connection lets the pool notice by itself that the server is
            // available again.
            defaults: ConnectionPoolConfiguration(
                name: "links",
                maximumConnections: isPostgres ? 10 : 4,
                minimumConnections: isPostgres ? 1 : 0
            )
        )
    }

    private static func isPostgres(_ database: String) -> Bool {
        database.hasPrefix("postgres://") || database.hasPrefix("postgresql://")
    }
}

extension Settings {
    /// Creates the store that ``database`` names, which connects on its first use.
    public func store(logger: Logger) throws -> any LinkStore {
        let observers: [any PoolObserver] = [.logging(logger), .metrics()]
        guard Self.isPostgres(database) else {
            var configuration = SQLiteConfiguration(database)
            configuration.pool.name = pool.name
            configuration.pool.maximumConnections = pool.maximumConnections
            configuration.pool.checkoutTimeout = pool.checkoutTimeout
            configuration.pool.drainTimeout = pool.drainTimeout
            configuration.pool.maximumWaiters = pool.maximumWaiters
            // Simultaneous writes share a commit. Each has its own outcome.
            configuration.maximumWritesPerCommit = 64
            return SQLiteLinks(try SQLitePool(configuration, observers: observers))
        }
        var configuration = PostgresConfiguration(database)
        configuration.applicationName = pool.name
        configuration.pool = pool
        return PostgresLinks(try PostgresPool(configuration, observers: observers))
    }
}
