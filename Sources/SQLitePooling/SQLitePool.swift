// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

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
    /// The path of the database file, absolute.
    public let path: String

    /// How the pool was made.
    public let configuration: SQLiteConfiguration

    let readers: ConnectionPool<SQLiteWorkerFactory>
    let writer: ConnectionPool<SQLiteWorkerFactory>
    let readerCounter = ConnectionCounter()
    let writerCounter = ConnectionCounter()

    /// A pool on a file, which is not touched before the first use.
    ///
    /// - Parameters:
    ///   - path: The path of the file. A relative one is taken from where the process is now.
    ///   - configuration: How the file is opened, and how many connections there are.
    /// - Throws: ``SQLiteError`` with the code `invalidConfiguration` if a field of the configuration is out of its range or
    ///   the path is not a file's; `nulCharacter` if the path has one.
    public init(path: String, configuration: SQLiteConfiguration = .init()) throws(SQLiteError) {
        try configuration.validate()
        try SQLiteConfiguration.validate(path: path)
        let path = Self.absolute(path)
        self.path = path
        self.configuration = configuration
        let file = SQLiteFile(path: path, configuration: configuration)
        do {
            readers = try ConnectionPool(
                factory: SQLiteWorkerFactory(file: file, role: .reader, counter: readerCounter),
                configuration: configuration.pooling("SQLite readers", maximumConnections: configuration.maximumReaders)
            )
            writer = try ConnectionPool(
                factory: SQLiteWorkerFactory(file: file, role: .writer, counter: writerCounter),
                configuration: configuration.pooling("SQLite writer", maximumConnections: 1)
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
    }

    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let folder = unsafe getcwd(nil, 0) else { return path }
        defer { unsafe free(folder) }
        return unsafe String(cString: folder) + "/" + path
    }
}

extension SQLiteConfiguration {
    fileprivate func pooling(_ name: String, maximumConnections: Int) -> ConnectionPoolConfiguration {
        ConnectionPoolConfiguration(
            name: name,
            maximumConnections: maximumConnections,
            maximumWaiters: maximumWaiters,
            checkoutTimeout: checkoutTimeout
        )
    }
}
