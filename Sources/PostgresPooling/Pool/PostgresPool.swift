// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolTLS
public import ConnectionPooling

/// A pool of connections to a PostgreSQL server.
///
/// ```swift
/// let pool = try PostgresPool("postgres://app@db.example.com/app")
/// try await pool.execute("INSERT INTO users (name) VALUES (\(name))")
/// let names = try await pool.query("SELECT name FROM users", as: String.self)
/// ```
///
/// The pool makes connections on demand, at most `maximumConnections` of
/// ``PostgresConfiguration/pool``. If none is free, callers wait in FIFO order. Threads that run
/// tasks are never blocked: not by name resolution, not by connecting, not by waiting for answers.
///
/// If a body throws or its task is cancelled, the pool resets the connection before the next
/// lease: it ends the statement, rolls back the transaction, and restores settings that `SET` has
/// changed. If the server closes an idle connection, the pool detects and replaces it.
public final class PostgresPool: Sendable {
    /// The configuration of the pool, including its name.
    public let configuration: PostgresConfiguration

    let connections: ConnectionPool<PostgresConnectionFactory>

    /// The connection attempts in progress.
    let attempts: ConnectAttempts

    /// Runs single statements on shared connections; `nil` if each leases its own.
    let multiplexer: Multiplexer?

    /// The counts of repeated transactions.
    let retries: RetryCounters

    /// Whether statements have observers.
    let observesStatements: Bool

    /// The subscriptions to notifications.
    let listener: NotificationListener

    /// Creates a pool. It makes no connection before the first use.
    ///
    /// - Parameters:
    ///   - configuration: The server, and the settings of the pool.
    ///   - hooks: Callbacks for connection lifecycle events. Changes that `afterConnect` makes to
    ///     the session are undone, as after a lease: permanent settings belong in
    ///     ``PostgresConfiguration/setup``. A connection on which `beforeHandOut` leaves a
    ///     transaction or a statement is replaced; one on which `afterReturn` does is reset.
    ///   - observers: The observers of connection events.
    ///   - statementObservers: The observers of statements.
    ///   - clock: The clock for the waits of callers, and for the ages and idle times of
    ///     connections. A test can pass a clock that it advances. Statement deadlines always use
    ///     the system's clock.
    ///   - executor: The executor whose thread waits for answers, for tasks that prefer it. By
    ///     default all pools share a thread that runs no tasks.
    /// - Throws: ``PostgresError`` with the code `invalidConfiguration`.
    public convenience init(
        _ configuration: PostgresConfiguration,
        hooks: ConnectionHooks<PostgresConnection> = .init(),
        observers: [any PoolObserver] = [],
        statementObservers: [any StatementObserver] = [],
        clock: some Clock<Duration> = ContinuousClock(),
        executor: PostgresExecutor? = nil
    ) throws(PostgresError) {
        try self.init(
            configuration,
            hooks: hooks,
            observers: observers,
            statementObservers: statementObservers,
            clock: clock,
            reactor: executor?.reactor ?? .shared,
            executor: executor
        )
    }

    /// Creates a pool with default settings.
    ///
    /// - Parameters:
    ///   - server: A URL or keywords; see ``PostgresConfiguration/server``.
    ///   - observers: The observers of connection events.
    ///   - statementObservers: The observers of statements.
    ///   - executor: The executor whose thread waits for answers, for tasks that prefer it.
    /// - Throws: ``PostgresError`` with the code `invalidConfiguration`.
    public convenience init(
        _ server: String,
        observers: [any PoolObserver] = [],
        statementObservers: [any StatementObserver] = [],
        executor: PostgresExecutor? = nil
    ) throws(PostgresError) {
        try self.init(
            PostgresConfiguration(server),
            observers: observers,
            statementObservers: statementObservers,
            executor: executor
        )
    }

    init(
        _ configuration: PostgresConfiguration,
        hooks: ConnectionHooks<PostgresConnection> = .init(),
        observers: [any PoolObserver] = [],
        statementObservers: [any StatementObserver] = [],
        clock: some Clock<Duration> = ContinuousClock(),
        reactor: Reactor,
        executor: PostgresExecutor? = nil
    ) throws(PostgresError) {
        // The process calls this itself at startup if the linker has kept it.
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
            watcher: watcher,
            statementObservers: statementObservers
        )
        attempts = factory.attempts
        retries = RetryCounters(observers.compactMap { $0 as? any PostgresPoolObserver }, pool: configuration.pool.name)
        observesStatements = !statementObservers.isEmpty
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
        multiplexer =
            configuration.multiplexing == .off ? nil : Multiplexer(connections, configuration, executor: executor)
        watcher.watch(connections)
        listener = NotificationListener(connections, configuration)
    }

    deinit { listener.end() }
}

/// Makes a pool inspect its idle connections. Holds the pool weakly.
final class PoolWatcher: Sendable {
    private struct Watched {
        weak var pool: ConnectionPool<PostgresConnectionFactory>?
        /// The tokens of connections that are inspected repeatedly.
        var reinspected: Set<UInt64> = []
    }

    private let watched = Locked(Watched())

    func watch(_ pool: ConnectionPool<PostgresConnectionFactory>) { watched.withLock { $0.pool = pool } }

    /// Inspects the idle connections, because a session has received something while it was idle.
    ///
    /// The pool cannot lease a connection that is between two states, such as released but not
    /// idle yet, or retained while the pool is suspended. The watcher then inspects again, at
    /// growing intervals, until an inspection or a statement has consumed the input.
    func inspect(_ session: Session) {
        watched.withLock { $0.pool }?.inspectIdle()
        let token = session.token
        guard session.hasUnreadActivity, watched.withLock({ $0.reinspected.insert(token).inserted }) else { return }
        Task.detached { [weak self, weak session] in
            var pause = Duration.milliseconds(1)
            while session?.hasUnreadActivity == true {
                try? await Task.sleep(for: pause)
                guard let pool = self?.watched.withLock({ $0.pool }) else { break }
                pool.inspectIdle()
                pause = min(pause * 2, .seconds(1))
            }
            self?.watched.withLock { _ = $0.reinspected.remove(token) }
        }
    }

    /// Whether a caller waits for a connection.
    var hasWaiters: Bool { (watched.withLock { $0.pool }?.waiters ?? 0) > 0 }
}
