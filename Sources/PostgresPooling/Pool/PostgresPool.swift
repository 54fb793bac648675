// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolTLS
public import ConnectionPooling

/// Connections to a PostgreSQL server.
///
/// ```swift
/// let pool = try PostgresPool("postgres://app@db.example.com/app")
/// try await pool.execute("INSERT INTO users (name) VALUES (\(name))")
/// let names = try await pool.query("SELECT name FROM users", as: String.self)
/// ```
///
/// Connections are made when they are first needed, at most `maximumConnections` of ``PostgresConfiguration/pool``. Callers that find none
/// free wait in the order in which they came. No thread that tasks run on is blocked: not to find the
/// server, not to connect, not to wait for answers.
///
/// A body that throws, or whose task is cancelled, leaves a connection that is put in order before anybody else gets it: its statement
/// is ended, its transaction rolled back, settings that `SET` has changed are restored. One that the server has closed is noticed while it is idle,
/// and replaced.
public final class PostgresPool: Sendable {
    /// How the pool was made, with the name that it has.
    public let configuration: PostgresConfiguration

    let connections: ConnectionPool<PostgresConnectionFactory>

    /// The connection attempts that are under way.
    let attempts: ConnectAttempts

    /// A pool for a server, which nobody is connected to before the first use.
    ///
    /// - Parameters:
    ///   - configuration: Where the server is, and how it is used.
    ///   - hooks: Callbacks for connection lifecycle events. What `afterConnect` leaves in the session is undone, as after a lease:
    ///     settings that are to last belong into ``PostgresConfiguration/setup``.
    ///   - observers: Are told what happens to connections.
    ///   - clock: Measures the pool's times: the waits of callers, and the ages and idle times of connections. A test advances a clock
    ///     of its own. The times of the server's answers are always the system's.
    ///   - executor: A thread to wait for answers, for tasks that prefer it. By default it is one that all pools share and that runs no
    ///     tasks.
    /// - Throws: ``PostgresError`` with the code `invalidConfiguration`.
    public convenience init(
        _ configuration: PostgresConfiguration,
        hooks: ConnectionHooks<PostgresConnection> = .init(),
        observers: [any PoolObserver] = [],
        clock: some Clock<Duration> = ContinuousClock(),
        executor: PostgresExecutor? = nil
    ) throws(PostgresError) {
        try self.init(
            configuration,
            hooks: hooks,
            observers: observers,
            clock: clock,
            reactor: executor?.reactor ?? .shared,
            executor: executor
        )
    }

    /// A pool for a server, with defaults.
    ///
    /// - Parameters:
    ///   - server: A URL or keywords; see ``PostgresConfiguration/server``.
    ///   - observers: Are told what happens to connections.
    ///   - executor: A thread to wait for answers, for tasks that prefer it.
    /// - Throws: ``PostgresError`` with the code `invalidConfiguration`.
    public convenience init(
        _ server: String,
        observers: [any PoolObserver] = [],
        executor: PostgresExecutor? = nil
    ) throws(PostgresError) {
        try self.init(PostgresConfiguration(server), observers: observers, executor: executor)
    }

    init(
        _ configuration: PostgresConfiguration,
        hooks: ConnectionHooks<PostgresConnection> = .init(),
        observers: [any PoolObserver] = [],
        clock: some Clock<Duration> = ContinuousClock(),
        reactor: Reactor,
        executor: PostgresExecutor? = nil
    ) throws(PostgresError) {
        // Called by the process itself when it starts, where the linker has kept that.
        clockpool_keep_openssl()
        try configuration.validate()
        var server = try ConnectParameters(parsing: configuration.server)
        for (keyword, value) in configuration.parameters { server[keyword] = value }
        try server.checkEncoding()
        if let name = configuration.applicationName { server["application_name"] = name }
        try server.validate()
        if server["fallback_application_name"] == nil { server["fallback_application_name"] = "swift-lock-pool" }
        var configuration = configuration
        if configuration.pool.name == ConnectionPoolConfiguration.unnamed {
            configuration.pool.name =
                server["application_name"] ?? getenvString("PGAPPNAME")
                ?? ConnectionPoolConfiguration.uniqueName("postgres")
        }
        self.configuration = configuration
        let watcher = PoolWatcher()
        let factory = PostgresConnectionFactory(
            configuration: configuration,
            server: server,
            reactor: reactor,
            executor: executor,
            watcher: watcher
        )
        attempts = factory.attempts
        do {
            connections = try ConnectionPool(
                factory: factory,
                configuration: configuration.pool,
                hooks: factory.preparing(hooks),
                observers: observers,
                clock: clock
            )
        } catch {
            throw PostgresError(.invalidConfiguration, "\(error)")
        }
        watcher.watch(connections)
    }
}

/// Has a pool look at its idle connections, as long as there is the pool.
final class PoolWatcher: Sendable {
    private struct Watched {
        weak var pool: ConnectionPool<PostgresConnectionFactory>?
        /// The tokens of connections that are inspected again.
        var pursued: Set<UInt64> = []
    }

    private let watched = Locked(Watched())

    func watch(_ pool: ConnectionPool<PostgresConnectionFactory>) { watched.withLock { $0.pool = pool } }

    /// Inspects the idle connections, because this one has received something while it was not in use.
    ///
    /// The pool cannot lease a connection that is between two states, such as returned and not idle yet, or held while the pool is
    /// suspended. The watcher then inspects again, after longer and longer pauses, until an inspection or a statement has taken in
    /// what was received.
    func inspect(_ link: Link) {
        watched.withLock { $0.pool }?.inspectIdle()
        let token = link.token
        guard link.isUnseen, watched.withLock({ $0.pursued.insert(token).inserted }) else { return }
        Task.detached { [weak self, weak link] in
            var pause = Duration.milliseconds(1)
            while link?.isUnseen == true {
                try? await Task.sleep(for: pause)
                guard let pool = self?.watched.withLock({ $0.pool }) else { break }
                pool.inspectIdle()
                pause = min(pause * 2, .seconds(1))
            }
            self?.watched.withLock { _ = $0.pursued.remove(token) }
        }
    }

    /// Whether somebody waits for a connection.
    var isCrowded: Bool { (watched.withLock { $0.pool }?.waiters ?? 0) > 0 }
}
