// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling
internal import LockPool

/// Connections to a SQLite database file: one that writes, and a few that read at the same time.
///
/// ```swift
/// let pool = try SQLitePool(path: "app.sqlite")
/// try await pool.execute("INSERT INTO user (name) VALUES (\(name))")
/// let names = try await pool.query("SELECT name FROM user", as: String.self)
/// ```
///
/// Connections are opened when they are first needed. Each has a thread of its own, where alone SQLite runs: tasks wait
/// without holding a thread, in the order in which they came. The database has a write-ahead log, so that readers neither wait
/// for the writer nor it for them.
///
/// A body that throws leaves a connection in order, and so does one whose task is cancelled: its statement is interrupted,
/// its transaction rolled back.
public final class SQLitePool: Sendable {
    let file: SQLiteFile

    /// The path of the database file, absolute; or the URI, with an absolute path.
    public var path: String { file.location.path }

    /// How the pool was made.
    public let configuration: SQLiteConfiguration

    let readers: ConnectionPool<SQLiteWorkerFactory>
    let writer: ConnectionPool<SQLiteWorkerFactory>
    let readerCounter = ConnectionCounter()
    let writerCounter = ConnectionCounter()
    let detector: DeadlockDetector
    /// `nil` where each write has a transaction of its own.
    let group: GroupCommit?

    /// Makes a pool on a file, which is not touched before the first use.
    ///
    /// - Parameters:
    ///   - path: The path of the file. A relative one is taken from the current folder of the process. It is never read as a
    ///     URI, whatever it begins with. `:memory:` is a new temporary database, as of ``temporary(configuration:observers:clock:)``;
    ///     a file name that comes from a user becomes a path by a folder before it, such as `./`.
    ///   - configuration: How the file is opened, and how many connections there are.
    ///   - observers: Are told what happens to connections: of two pools, the readers' and the writer's.
    ///   - clock: Measures the waits of callers, the ages of leases and ``SQLiteConfiguration/optimizeInterval``. A test advances a
    ///     clock of its own. The time of a whole call, its `timeout`, is always the system's.
    /// - Throws: ``SQLiteError`` with the code `invalidConfiguration` if a field of the configuration is out of its range or
    ///   the path is empty or a folder's; `nulCharacter` if the path has one; `cannotOpen` if there is no place for a
    ///   temporary database. A path that SQLite cannot use is an error of the first use.
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

    /// Makes a pool on a file that a URI names, such as `file:app.sqlite?vfs=unix-excl`.
    ///
    /// [SQLite's rules](https://www.sqlite.org/uri.html) hold. The options that a URI may have are `vfs`, `psow`,
    /// `cache=private`, `nolock` where the mode does not write, and `immutable` where the mode is that. Any other, and the same
    /// one twice, is refused.
    ///
    /// - Parameters:
    ///   - uri: The URI. A relative path in it is taken from the current folder of the process.
    ///   - configuration: How the file is opened, and how many connections there are.
    ///   - observers: Are told what happens to connections: of two pools, the readers' and the writer's.
    ///   - clock: Measures the waits of callers, the ages of leases and ``SQLiteConfiguration/optimizeInterval``. A test advances a
    ///     clock of its own. The time of a whole call, its `timeout`, is always the system's.
    /// - Throws: ``SQLiteError`` as ``init(path:configuration:observers:clock:)``, with the code `invalidConfiguration` also for a
    ///   refused option, which the message names. A `vfs` that SQLite does not have is an error of the first use.
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

    /// Makes a pool on a new temporary database, which all its connections share and which is removed with the pool.
    ///
    /// It is a file in a folder that only this user can open: in memory where the system has a place for that.
    ///
    /// - Parameters:
    ///   - configuration: How many connections there are, and how they are opened; its mode must be `readWriteCreate`.
    ///   - observers: Are told what happens to connections.
    ///   - clock: Measures the waits of callers, the ages of leases and ``SQLiteConfiguration/optimizeInterval``. A test advances a
    ///     clock of its own. The time of a whole call, its `timeout`, is always the system's.
    /// - Returns: The pool.
    /// - Throws: ``SQLiteError`` with the code `invalidConfiguration`; `cannotOpen` if there is no place for the file.
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
    ///   - clock: Measures `optimizeInterval`, in nanoseconds; `nil` for the system's monotonic clock.
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

    /// Returns a function that reads a clock, in nanoseconds; `nil` for the system's.
    private static func nanoseconds<C: Clock<Duration>>(of clock: C) -> (@Sendable () -> UInt64)? {
        if clock is ContinuousClock { return nil }
        let start = clock.now
        return { start.duration(to: clock.now).wholeNanoseconds }
    }

    /// Closes the connections, the readers first. Those that are in use are closed when their bodies have ended.
    ///
    /// Suspends until all are closed that were not in use. Calls that wait for a connection, and later ones, fail. Safe to call
    /// again, and from several tasks at once.
    public func close() async {
        await readers.close()
        // The last connection to close puts the log into the database file, which only one that writes can do.
        await writer.close()
        file.location.temporary?.remove()
    }
}

extension SQLiteConfiguration {
    /// The name of configurations that name no pool.
    fileprivate static let unnamed = SQLiteConfiguration().name

    fileprivate func pooling(_ role: String, maximumConnections: Int) -> ConnectionPoolConfiguration {
        ConnectionPoolConfiguration(
            name: "\(name) \(role)",
            maximumConnections: maximumConnections,
            maximumWaiters: maximumWaiters,
            checkoutTimeout: checkoutTimeout,
            // Recovery from a long log reads all of it.
            connectTimeout: .seconds(8),
            drainTimeout: drainTimeout,
            // Whether a file can be opened is found out at once, by each caller.
            initialBackoff: .zero,
            maximumBackoff: .zero,
            // A file does not go away by itself, and an open one costs next to nothing.
            validateAfterIdle: nil,
            keepAliveInterval: nil,
            idleTimeout: nil,
            maximumLifetime: nil,
            leakDetectionThreshold: leakDetectionThreshold
        )
    }
}
