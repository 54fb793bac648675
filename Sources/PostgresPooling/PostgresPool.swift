// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

/// Connections to a PostgreSQL server.
///
/// ```swift
/// let pool = try PostgresPool("postgres://app@db.example.com/app")
/// try await pool.execute("INSERT INTO users (name) VALUES (\(name))")
/// let names = try await pool.query("SELECT name FROM users", as: String.self)
/// ```
///
/// Connections are made when they are first needed, at most ``PostgresConfiguration/maximumConnections``. Callers that find none
/// free wait in the order in which they came. No thread that tasks run on is blocked: not to find the
/// server, not to connect, not to wait for answers.
///
/// A body that throws, or whose task is cancelled, leaves a connection that is put in order before anybody else gets it: its statement
/// is ended, its transaction rolled back, settings that `SET` has changed are restored. One that the server has closed is noticed while it is idle,
/// and replaced.
public final class PostgresPool: Sendable {
    /// How the pool was made.
    public let configuration: PostgresConfiguration

    let connections: ConnectionPool<PostgresConnectionFactory>

    /// A pool for a server, which nobody is connected to before the first use.
    ///
    /// - Parameter configuration: Where the server is, and how it is used.
    /// - Throws: ``PostgresError`` with the code `invalidConfiguration`.
    public convenience init(_ configuration: PostgresConfiguration) throws(PostgresError) {
        try self.init(configuration, reactor: .shared)
    }

    /// A pool for a server, with defaults.
    ///
    /// - Parameter server: A URL or keywords; see ``PostgresConfiguration/server``.
    /// - Throws: ``PostgresError`` with the code `invalidConfiguration`.
    public convenience init(_ server: String) throws(PostgresError) {
        try self.init(PostgresConfiguration(server))
    }

    init(_ configuration: PostgresConfiguration, reactor: Reactor) throws(PostgresError) {
        try configuration.validate()
        var server = try ConnectParameters(parsing: configuration.server)
        for (keyword, value) in configuration.parameters { server[keyword] = value }
        if server["application_name"] == nil { server["application_name"] = configuration.applicationName }
        self.configuration = configuration
        let watcher = Watcher()
        do {
            connections = try ConnectionPool(
                factory: PostgresConnectionFactory(
                    configuration: configuration,
                    server: server,
                    reactor: reactor,
                    onActivity: { watcher.inspect() }
                ),
                configuration: ConnectionPoolConfiguration(
                    name: configuration.applicationName,
                    maximumConnections: configuration.maximumConnections,
                    maximumWaiters: configuration.maximumWaiters,
                    checkoutTimeout: configuration.checkoutTimeout
                )
            )
        } catch {
            throw PostgresError(.invalidConfiguration, "\(error)")
        }
        watcher.watch(connections)
    }

    /// How the pool's places are used now. O(connections).
    public var status: PoolStatus { connections.status }

    /// Closes the connections; those that are in use when their bodies have ended.
    ///
    /// Suspends until all are closed that were not in use. Calls that wait for a connection, and later ones, fail. Safe to call
    /// again, and from several tasks at once.
    public func close() async { await connections.close() }
}

/// Has a pool look at its idle connections, as long as there is the pool.
private final class Watcher: Sendable {
    private struct Watched {
        weak var pool: ConnectionPool<PostgresConnectionFactory>?
    }

    private let watched = Locked(Watched())

    func watch(_ pool: ConnectionPool<PostgresConnectionFactory>) { watched.withLock { $0.pool = pool } }

    func inspect() { watched.withLock { $0.pool }?.inspectIdle() }
}
