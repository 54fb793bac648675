// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

/// A database whose contents replace those of the main database.
///
/// It is opened, read and closed on the thread of the connection that is written.
@safe
final class RestoreSource {
    private let handle: OpaquePointer
    /// What errors name.
    private let name: String

    /// Opens a file, which must exist.
    init(path: String, target session: Session) throws(SQLiteError) {
        guard !path.utf8.contains(0) else {
            throw SQLiteError(.nulCharacter, "the path of the backup contains a NUL character")
        }
        // A leading "./" keeps SQLite from reading the path as a URI.
        let location = path.utf8.first == UInt8(ascii: "/") ? path : "./" + path
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX
        unsafe handle = try Self.open(location, flags)
        name = path
        let (own, other) = unsafe (sqlite3_db_filename(session.handle, "main"), sqlite3_db_filename(handle, "main"))
        if let own = unsafe own, let other = unsafe other, unsafe String(cString: own) == String(cString: other) {
            throw SQLiteError(.misuse, "the database would be restored from itself")
        }
    }

    /// Opens the bytes of a database, which must exist until the source is closed.
    init(serialized bytes: UnsafeMutableRawBufferPointer) throws(SQLiteError) {
        unsafe handle = try Self.open(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX)
        name = "the bytes"
        let code = unsafe sqlite3_deserialize(
            handle,
            "main",
            bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
            Int64(bytes.count),
            Int64(bytes.count),
            UInt32(SQLITE_DESERIALIZE_READONLY)
        )
        if code != SQLITE_OK { throw failure(code) }
    }

    deinit { _ = unsafe sqlite3_close_v2(handle) }

    /// Copies all pages into the main database of a connection, in one write transaction.
    func copy(
        to session: Session,
        pagesPerStep: Int,
        _ progress: (SQLiteConnection.BackupProgress) throws -> Void
    ) throws {
        guard let backup = unsafe sqlite3_backup_init(session.handle, "main", handle, "main") else {
            throw failure(unsafe sqlite3_extended_errcode(session.handle))
        }
        var isFinished = false
        // Rolls back an incomplete copy.
        defer { if !isFinished { _ = unsafe sqlite3_backup_finish(backup) } }
        try unsafe session.copyPages(of: backup, pagesPerStep: pagesPerStep, progress) { code in
            guard code == SQLITE_READONLY else { return failure(code) }
            return SQLiteError(.readOnly, "cannot restore from \(name): its pages have another size")
        }
        isFinished = true
        let end = unsafe sqlite3_backup_finish(backup)
        if end != SQLITE_OK { throw failure(end) }
    }

    private static func open(_ location: String, _ flags: Int32) throws(SQLiteError) -> OpaquePointer {
        var handle: OpaquePointer?
        let code = unsafe sqlite3_open_v2(location, &handle, flags, nil)
        guard let handle = unsafe handle else { throw SQLiteError(.outOfMemory, "no memory for a connection") }
        _ = unsafe sqlite3_extended_result_codes(handle, 1)
        if code == SQLITE_OK { return unsafe handle }
        let reason = unsafe String(cString: sqlite3_errstr(code))
        _ = unsafe sqlite3_close_v2(handle)
        throw SQLiteError(SQLiteError.Code(rawValue: code), "cannot restore from \(location): \(reason)")
    }

    private func failure(_ code: Int32) -> SQLiteError {
        let reason = unsafe String(cString: sqlite3_errstr(code))
        return SQLiteError(SQLiteError.Code(rawValue: code), "cannot restore from \(name): \(reason)")
    }
}
