// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

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
    private let location: SQLiteLocation

    /// The path of the database file, absolute; or the URI, with an absolute path.
    public var path: String { location.path }

    /// How the pool was made.
    public let configuration: SQLiteConfiguration

    let readers: ConnectionPool<SQLiteWorkerFactory>
    let writer: ConnectionPool<SQLiteWorkerFactory>
    let readerCounter = ConnectionCounter()
    let writerCounter = ConnectionCounter()
    let detector: DeadlockDetector
    /// `nil` where each write has a transaction of its own.
    let group: GroupCommit?

    /// A pool on a file, which is not touched before the first use.
    ///
    /// - Parameters:
    ///   - path: The path of the file; or a URI such as `file:app.sqlite?vfs=unix-excl`, with SQLite's options. A relative one
    ///     is taken from where the process is now. `:memory:` is a new temporary database that all connections share, and that
    ///     goes with the pool: a file, in memory where the system has a folder for that.
    ///   - configuration: How the file is opened, and how many connections there are.
    ///   - observers: Are told what happens to connections: of two pools, the readers' and the writer's.
    /// - Throws: ``SQLiteError`` with the code `invalidConfiguration` if a field of the configuration is out of its range or
    ///   the path is not usable; `nulCharacter` if the path has one; `cannotOpen` if there is no place for a temporary database.
    public init(
        path: String,
        configuration: SQLiteConfiguration = .init(),
        observers: [any PoolObserver] = []
    ) throws(SQLiteError) {
        try configuration.validate()
        location = try SQLiteLocation(path, mode: configuration.mode)
        self.configuration = configuration
        let file = SQLiteFile(location, configuration: configuration)
        let limit = configuration.maximumWritesPerCommit
        group = limit > 1 ? GroupCommit(limit: limit) : nil
        detector = DeadlockDetector(maximumReaders: configuration.maximumReaders)
        do {
            readers = try ConnectionPool(
                factory: SQLiteWorkerFactory(file: file, role: .reader, counter: readerCounter, detector: detector),
                configuration: configuration.pooling("readers", maximumConnections: configuration.maximumReaders),
                observers: observers
            )
            writer = try ConnectionPool(
                factory: SQLiteWorkerFactory(file: file, role: .writer, counter: writerCounter, detector: detector),
                configuration: configuration.pooling("writer", maximumConnections: 1),
                observers: observers
            )
        } catch {
            throw SQLiteError(.invalidConfiguration, "\(error)")
        }
    }

    /// Closes the connections, the readers first. Those that are in use are closed when their bodies have ended.
    ///
    /// Suspends until all are closed that were not in use. Calls that wait for a connection, and later ones, fail. Safe to call
    /// again, and from several tasks at once.
    public func close() async {
        await readers.close()
        // The last connection to close puts the log into the database file, which only one that writes can do.
        await writer.close()
        location.temporary?.remove()
    }
}

extension SQLiteConfiguration {
    fileprivate func pooling(_ role: String, maximumConnections: Int) -> ConnectionPoolConfiguration {
        ConnectionPoolConfiguration(
            name: "\(name) \(role)",
            maximumConnections: maximumConnections,
            maximumWaiters: maximumWaiters,
            checkoutTimeout: checkoutTimeout,
            drainTimeout: drainTimeout,
            // Whether a file can be opened is found out at once, by each caller.
            initialBackoff: .zero,
            maximumBackoff: .zero,
            // A file does not go away by itself, and an open one costs next to nothing.
            validateAfterIdle: nil,
            keepAliveInterval: nil,
            idleTimeout: nil,
            maximumLifetime: nil
        )
    }
}
