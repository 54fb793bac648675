// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling
internal import LockPool

/// A connection pool for a SQLite database file: one connection writes, and several read at the
/// same time.
///
/// ```swift
/// let pool = try SQLitePool(path: "app.sqlite")
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

    /// Creates a pool for a file, which is not accessed before the first use.
    ///
    /// - Parameters:
    ///   - path: The path of the file. A relative path is resolved against the working directory
    ///     of the process. A path is never read as a URI, whatever it begins with. `:memory:` is a
    ///     new temporary database, as of ``temporary(configuration:observers:clock:)``. Put a
    ///     folder, such as `./`, before a file name that comes from a user.
    ///   - configuration: The mode of the file, the number of connections, and all other settings.
    ///   - observers: Receive the events of two connection pools, the readers' and the writer's.
    ///   - clock: Measures the waits of callers, the ages of leases and
    ///     ``SQLiteConfiguration/optimizeInterval``. Tests can pass their own clock. The `timeout`
    ///     of a call always uses the system's clock.
    /// - Throws: ``SQLiteError`` with the code `invalidConfiguration` if a field of the
    ///   configuration is out of its range, or if the path is empty or names a folder;
    ///   `nulCharacter` if the path contains a NUL character; `cannotOpen` if no folder is
    ///   available for a temporary database. A path that SQLite cannot use is an error of the
    ///   first use.
    public convenience init(
        path: String,
        configuration: SQLiteConfiguration = .init(),
        observers: [any PoolObserver] = [],
        clock: some Clock<Duration> = ContinuousClock()
    ) throws(SQLiteError) {
        try configuration.validate()
        let location = try SQLiteLocation(path: path, mode: configuration.mode)
        try self.init(at: location, configuration, observers, clock: Self.nanoseconds(of: clock), poolClock: clock)
    }

    /// Creates a pool for a file that a URI names, such as `file:app.sqlite?vfs=unix-excl`.
    ///
    /// [SQLite's rules](https://www.sqlite.org/uri.html) apply. The URI may have the options
    /// `vfs`, `psow`, `cache=private`, `nolock` in a mode that does not write, and `immutable` in
    /// the mode of that name. Any other option, or a repeated one, is an error.
    ///
    /// - Parameters:
    ///   - uri: The URI. A relative path in it is resolved against the working directory of the
    ///     process.
    ///   - configuration: The mode of the file, the number of connections, and all other settings.
    ///   - observers: Receive the events of two connection pools, the readers' and the writer's.
    ///   - clock: Measures the waits of callers, the ages of leases and
    ///     ``SQLiteConfiguration/optimizeInterval``. Tests can pass their own clock. The `timeout`
    ///     of a call always uses the system's clock.
    /// - Throws: ``SQLiteError`` as ``init(path:configuration:observers:clock:)``; with the code
    ///   `invalidConfiguration` also for an invalid option, which the message names. A `vfs` that
    ///   SQLite does not have is an error of the first use.
    public convenience init(
        uri: String,
        configuration: SQLiteConfiguration = .init(),
        observers: [any PoolObserver] = [],
        clock: some Clock<Duration> = ContinuousClock()
    ) throws(SQLiteError) {
        try configuration.validate()
        let location = try SQLiteLocation(uri: uri, mode: configuration.mode)
        try self.init(at: location, configuration, observers, clock: Self.nanoseconds(of: clock), poolClock: clock)
    }

    /// Creates a pool for a new temporary database, which all its connections share and which is
    /// removed with the pool.
    ///
    /// The database is a file in a folder that only this user can open; in memory if the system
    /// has a folder for that.
    ///
    /// - Parameters:
    ///   - configuration: The settings of the pool; the mode must be `readWriteCreate`.
    ///   - observers: Receive the events of two connection pools, the readers' and the writer's.
    ///   - clock: Measures the waits of callers, the ages of leases and
    ///     ``SQLiteConfiguration/optimizeInterval``. Tests can pass their own clock. The `timeout`
    ///     of a call always uses the system's clock.
    /// - Returns: The pool.
    /// - Throws: ``SQLiteError`` with the code `invalidConfiguration`; `cannotOpen` if no folder
    ///   is available for the file.
    public static func temporary(
        configuration: SQLiteConfiguration = .init(),
        observers: [any PoolObserver] = [],
        clock: some Clock<Duration> = ContinuousClock()
    ) throws(SQLiteError) -> SQLitePool {
        try configuration.validate()
        return try SQLitePool(
            at: SQLiteLocation(temporary: configuration.mode),
            configuration,
            observers,
            clock: Self.nanoseconds(of: clock),
            poolClock: clock
        )
    }

    /// - Parameters:
    ///   - clock: Measures `optimizeInterval`, in nanoseconds; `nil` for the system's monotonic
    ///     clock.
    ///   - poolClock: Measures the waits of callers and the ages of leases.
    init(
        at location: SQLiteLocation,
        _ configuration: SQLiteConfiguration,
        _ observers: [any PoolObserver],
        clock: (@Sendable () -> UInt64)? = nil,
        poolClock: some Clock<Duration> = ContinuousClock()
    ) throws(SQLiteError) {
        var configuration = configuration
        if configuration.name == SQLiteConfiguration.unnamed {
            configuration.name = ConnectionPoolConfiguration.uniqueName(configuration.name)
        }
        self.configuration = configuration
        file = SQLiteFile(
            location,
            configuration: configuration,
            observers: observers.compactMap { $0 as? any SQLitePoolObserver },
            clock: clock
        )
        let limit = configuration.maximumWritesPerCommit
        group = limit > 1 ? GroupCommit(limit: limit) : nil
        detector = DeadlockDetector(maximumReaders: configuration.maximumReaders)
        do {
            readers = try ConnectionPool(
                factory: SQLiteWorkerFactory(file: file, role: .reader, counter: readerCounter, detector: detector),
                configuration: configuration.pooling("readers", maximumConnections: configuration.maximumReaders),
                observers: observers,
                clock: poolClock
            )
            writer = try ConnectionPool(
                factory: SQLiteWorkerFactory(file: file, role: .writer, counter: writerCounter, detector: detector),
                configuration: configuration.pooling("writer", maximumConnections: 1),
                observers: observers,
                clock: poolClock
            )
        } catch {
            throw SQLiteError(.invalidConfiguration, "\(error)")
        }
    }

    /// Returns a function that reads a clock, in nanoseconds; `nil` for the system's clock.
    private static func nanoseconds<C: Clock<Duration>>(of clock: C) -> (@Sendable () -> UInt64)? {
        if clock is ContinuousClock { return nil }
        let start = clock.now
        return { start.duration(to: clock.now).wholeNanoseconds }
    }

    /// Closes the connections, the readers first. A connection in use is closed when its body has
    /// ended.
    ///
    /// Suspends until all connections that were not in use are closed. Waiting and later calls
    /// fail. Safe to call repeatedly, and from several tasks at once.
    public func close() async {
        await readers.close()
        // The last connection to close copies the log into the database file, and only a writing
        // connection can do that.
        await writer.close()
        file.location.temporary?.remove()
    }
}

extension SQLiteConfiguration {
    /// The default name, which the pool makes unique.
    fileprivate static let unnamed = SQLiteConfiguration().name

    fileprivate func pooling(_ role: String, maximumConnections: Int) -> ConnectionPoolConfiguration {
        ConnectionPoolConfiguration(
            name: "\(name) \(role)",
            maximumConnections: maximumConnections,
            maximumWaiters: maximumWaiters,
            checkoutTimeout: checkoutTimeout,
            // Recovery reads the whole log.
            connectTimeout: .seconds(8),
            drainTimeout: drainTimeout,
            // Opening a file fails immediately, so each caller can try again.
            initialBackoff: .zero,
            maximumBackoff: .zero,
            // A file does not disconnect, and an open one costs almost nothing.
            validateAfterIdle: nil,
            keepAliveInterval: nil,
            idleTimeout: nil,
            maximumLifetime: nil,
            leakDetectionThreshold: leakDetectionThreshold
        )
    }
}
