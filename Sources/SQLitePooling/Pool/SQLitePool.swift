// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling
internal import LockPool

/// A connection pool for a SQLite database file: one connection writes, and several read at the
/// same time.
///
/// ```swift
/// let pool = try SQLitePool("app.sqlite")
/// try await pool.execute("INSERT INTO user (name) VALUES (\(name))")
/// let names = try await pool.query("SELECT name FROM user", as: String.self)
/// ```
///
/// The pool opens connections on demand. Each connection has its own thread, and SQLite runs only
/// there. Tasks wait without holding a thread, in FIFO order. The database has a write-ahead log,
/// so that readers and the writer do not wait for each other.
///
/// After a body that throws, and after a cancellation, which interrupts the running statement, the
/// pool rolls back the transaction and can use the connection again.
public final class SQLitePool: Sendable {
    let file: SQLiteFile

    /// The absolute path of the database file; for a URI, the URI with an absolute path.
    public var path: String { file.location.path }

    /// The configuration of the pool.
    public let configuration: SQLiteConfiguration

    let readers: ConnectionPool<SQLiteWorkerFactory>
    let writer: ConnectionPool<SQLiteWorkerFactory>
    let readerCounter = ConnectionCounter()
    let writerCounter = ConnectionCounter()
    let detector: DeadlockDetector
    /// The state of group commit; `nil` if each write has its own transaction.
    let group: GroupCommit?

    /// Creates a pool. It does not access the file before the first use.
    ///
    /// - Parameters:
    ///   - configuration: The database, the number of connections, and all other settings.
    ///   - hooks: Callbacks for the lifecycle events of connections.
    ///   - observers: Receive the events of two connection pools, the readers' and the writer's.
    ///   - statementObservers: Receive each statement of a call when it has ended, on the thread
    ///     of its connection. Without any, statements cost nothing more.
    ///   - clock: Measures the waits of callers, the ages of connections and leases, and
    ///     ``SQLiteConfiguration/optimizeInterval``. Tests can pass their own clock. The `timeout`
    ///     of a call always uses the system's clock.
    /// - Throws: ``SQLiteError`` with the code `invalidConfiguration` if a field of the
    ///   configuration is out of its range, if the path is empty or names a folder, or if a URI
    ///   has an invalid option, which the message names; `nulCharacter` if the path contains a NUL
    ///   character; `cannotOpen` if no folder is available for a temporary database. A path or a
    ///   `vfs` that SQLite cannot use is an error of the first use.
    public convenience init(
        _ configuration: SQLiteConfiguration,
        hooks: SQLiteHooks = .init(),
        observers: [any PoolObserver] = [],
        statementObservers: [any StatementObserver] = [],
        clock: some Clock<Duration> = ContinuousClock()
    ) throws(SQLiteError) {
        try configuration.validate()
        try self.init(
            at: SQLiteLocation(configuration.location, mode: configuration.mode),
            configuration,
            observers,
            hooks: hooks,
            statementObservers: statementObservers,
            clock: Self.nanoseconds(of: clock),
            poolClock: clock
        )
    }

    /// Creates a pool with default settings.
    ///
    /// - Parameters:
    ///   - path: The path of the file, as ``SQLiteConfiguration/Location-swift.enum/path(_:)``;
    ///     `:memory:` for a temporary database.
    ///   - observers: Receive the events of two connection pools, the readers' and the writer's.
    ///   - statementObservers: Receive each statement of a call when it has ended.
    /// - Throws: As ``init(_:hooks:observers:statementObservers:clock:)``.
    public convenience init(
        _ path: String,
        observers: [any PoolObserver] = [],
        statementObservers: [any StatementObserver] = []
    ) throws(SQLiteError) {
        try self.init(SQLiteConfiguration(path), observers: observers, statementObservers: statementObservers)
    }

    /// - Parameters:
    ///   - threads: The threads that the connections share; `nil` for a thread of each.
    ///   - clock: Measures `optimizeInterval` and the ages of connections, in nanoseconds; `nil`
    ///     for the system's monotonic clock.
    ///   - poolClock: Measures the waits of callers and the ages of leases.
    init(
        at location: SQLiteLocation,
        _ configuration: SQLiteConfiguration,
        _ observers: [any PoolObserver],
        hooks: SQLiteHooks = .init(),
        statementObservers: [any StatementObserver] = [],
        threads: SharedThreads? = nil,
        clock: (@Sendable () -> UInt64)? = nil,
        poolClock: some Clock<Duration> = ContinuousClock()
    ) throws(SQLiteError) {
        let configuration = configuration.named()
        self.configuration = configuration
        file = SQLiteFile(
            location,
            configuration: configuration,
            hooks: hooks,
            observers: observers.compactMap { $0 as? any SQLitePoolObserver },
            statementObservers: statementObservers,
            threads: threads,
            clock: clock,
            sleep: { try await poolClock.sleep(for: $0) }
        )
        let limit = configuration.maximumWritesPerCommit
        group = limit > 1 ? GroupCommit(limit: limit) : nil
        detector = DeadlockDetector(maximumReaders: configuration.pool.maximumConnections)
        do {
            readers = try ConnectionPool(
                factory: SQLiteWorkerFactory(file: file, role: .reader, counter: readerCounter, detector: detector),
                configuration: configuration.readerPool,
                observers: observers,
                clock: poolClock
            )
            writer = try ConnectionPool(
                factory: SQLiteWorkerFactory(file: file, role: .writer, counter: writerCounter, detector: detector),
                configuration: configuration.writerPool,
                observers: observers,
                clock: poolClock
            )
        } catch {
            throw SQLiteError(.invalidConfiguration, "pool: \(error)")
        }
    }

    deinit { file.changes.finish() }

    /// Returns a function that reads a clock, in nanoseconds; `nil` for the system's clock.
    private static func nanoseconds<C: Clock<Duration>>(of clock: C) -> (@Sendable () -> UInt64)? {
        if clock is ContinuousClock { return nil }
        let start = clock.now
        return { start.duration(to: clock.now).wholeNanoseconds }
    }
}
