// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The database file that a backup writes.
///
/// The target is opened, written and closed on the thread of the source's connection.
@safe
final class BackupTarget {
    private let path: String
    private let handle: OpaquePointer
    private let isNew: Bool
    /// Whether the file had a write-ahead log, which a failed backup restores.
    private var hadLog = false

    /// Opens the file, or creates it.
    init(_ path: String, source session: Session) throws(SQLiteError) {
        guard !path.utf8.contains(0) else {
            throw SQLiteError(.nulCharacter, "the path of the backup contains a NUL character")
        }
        let target = FileIdentity(path)
        let name = unsafe sqlite3_db_filename(session.handle, "main").map { unsafe String(cString: $0) } ?? ""
        if let target, target == FileIdentity(name) {
            throw SQLiteError(.misuse, "the backup would replace the database itself")
        }
        // A leading "./" keeps SQLite from reading the path as a URI; it stays relative to the
        // working directory.
        let location = path.utf8.first == UInt8(ascii: "/") ? path : "./" + path
        var handle: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
        let code = unsafe sqlite3_open_v2(location, &handle, flags, nil)
        guard let handle = unsafe handle else { throw SQLiteError(.outOfMemory, "no memory for a connection") }
        self.path = location
        unsafe self.handle = handle
        isNew = target == nil
        _ = unsafe sqlite3_extended_result_codes(handle, 1)
        if code == SQLITE_OK { return }
        let error = failure(code)
        _ = unsafe sqlite3_close_v2(handle)
        throw error
    }

    /// Copies all pages, `pagesPerStep` at a time.
    func copy(
        _ session: Session,
        pagesPerStep: Int,
        _ progress: (SQLiteConnection.BackupProgress) throws -> Void
    ) throws {
        try endLog(session)
        guard let backup = unsafe sqlite3_backup_init(handle, "main", session.handle, "main") else {
            throw failure(unsafe sqlite3_extended_errcode(handle))
        }
        // Rolls back an incomplete copy.
        defer { _ = unsafe sqlite3_backup_finish(backup) }
        try unsafe session.copyPages(of: backup, pagesPerStep: pagesPerStep, progress, failure: failure)
    }

    /// Converts the target from a write-ahead log to a rollback journal, which needs exclusive
    /// access.
    ///
    /// A log cannot take pages of another size, and an old log must not remain beside a new file.
    private func endLog(_ session: Session) throws(SQLiteError) {
        guard !isNew, try journalMode("PRAGMA journal_mode", session) == "wal" else { return }
        guard try journalMode("PRAGMA journal_mode = DELETE", session) == "delete" else {
            throw failure(SQLITE_BUSY)
        }
        hadLog = true
    }

    /// Runs a `journal_mode` pragma, waiting for other users of the target, and returns the
    /// resulting mode.
    private func journalMode(_ pragma: String, _ session: Session) throws(SQLiteError) -> String {
        var waits: Int32 = 0
        while true {
            var statement: OpaquePointer?
            var code = unsafe sqlite3_prepare_v2(handle, pragma, -1, &statement, nil)
            defer { _ = unsafe sqlite3_finalize(statement) }
            if code == SQLITE_OK { code = unsafe sqlite3_step(statement) }
            if code == SQLITE_ROW, let text = unsafe sqlite3_column_text(statement, 0) {
                return unsafe String(cString: text)
            }
            guard code & 0xff == SQLITE_BUSY, session.waitForLock(calls: waits) else { throw failure(code) }
            waits += 1
        }
    }

    /// Closes the target. An incomplete backup removes a file that it created, and restores a log.
    func close(isComplete: Bool) {
        if hadLog, !isComplete { _ = unsafe sqlite3_exec(handle, "PRAGMA journal_mode = WAL", nil, nil, nil) }
        _ = unsafe sqlite3_close_v2(handle)
        guard isNew, !isComplete else { return }
        for ending in ["", "-journal"] { unsafe unlink(path + ending) }
    }

    private func failure(_ code: Int32) -> SQLiteError {
        let reason = unsafe String(cString: sqlite3_errstr(code))
        return SQLiteError(SQLiteError.Code(rawValue: code), "cannot back up to \(path): \(reason)")
    }
}
