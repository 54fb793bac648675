// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A second connection to the writer's databases, which holds their write locks while the writer's
/// connection copies the log.
///
/// SQLite 3.7.0 to 3.51.2 can lose committed pages if one connection begins a checkpoint of a log
/// that is already copied, while another connection restarts that log: the checkpoint then marks
/// pages of the new log as copied that are not (https://www.sqlite.org/wal.html#walresetbug). Only
/// a connection that holds the write lock can restart a log. Within the process, that is the
/// writer's connection, which makes the checkpoint itself. The lock also excludes other processes.
///
/// The writer's thread uses the connection.
final class CheckpointLock {
    private let session: Session
    private var attached: Set<String> = []

    /// Takes ownership of an open connection to the main database.
    init(_ session: Session) { self.session = session }

    /// Calls `body` while no other connection, of this process or another one, can write to a
    /// database.
    ///
    /// - Parameters:
    ///   - database: The schema name of the database.
    ///   - writer: The writer's session, which has the database open.
    ///   - body: The work that needs the lock.
    /// - Throws: The error of `body`; `SQLiteError` if the lock is not available in time.
    func withLock<Value>(
        on database: String,
        of writer: Session,
        _ body: () throws(SQLiteError) -> Value
    ) throws(SQLiteError) -> Value {
        try attach(database, of: writer)
        session.busyTimeout = min(writer.busyTimeout, .milliseconds(50))
        // Prepared first, so that the lock is released in all cases.
        try session.prepare(.rollBack)
        try session.run(.beginImmediate)
        defer { try? session.run(.rollBack) }
        return try body()
    }

    /// Whether the connection is usable and holds no lock.
    var isUsable: Bool { !session.mustBeReplaced && session.isAutocommitting }

    /// Takes a snapshot of a database. It keeps the log from restarting, or SQLite from copying
    /// from it.
    ///
    /// - Returns: Whether the snapshot was taken; it lasts until ``endSnapshot()``.
    func beginSnapshot(of database: String) -> Bool {
        session.busyTimeout = .zero
        do throws(SQLiteError) {
            if session.isAutocommitting { try session.run(.begin) }
            _ = try session.column("SELECT 1 FROM \(SQLiteQuery.quoted(database)).sqlite_schema LIMIT 1")
            return true
        } catch {
            endSnapshot()
            return false
        }
    }

    func endSnapshot() {
        if !session.isAutocommitting { try? session.run(.rollBack) }
    }

    func close() { session.close() }

    private func attach(_ database: String, of writer: Session) throws(SQLiteError) {
        guard database != "main", !attached.contains(database) else { return }
        let path = writer.path(of: database)
        try session.attach(path, as: database)
        attached.insert(database)
    }
}

extension Session {
    fileprivate func attach(_ path: String, as database: String) throws(SQLiteError) {
        let statement = try begin("ATTACH \(path) AS \(identifier: database)")
        defer { end(statement) }
        _ = try step(statement)
    }
}
