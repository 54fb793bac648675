// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite
internal import Synchronization

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// What a pool's connections have in common.
final class SQLiteFile: Sendable {
    let path: String
    let configuration: SQLiteConfiguration

    /// Whether the file is known to exist, and to have a write-ahead log.
    fileprivate let isPrepared = Atomic(false)

    init(path: String, configuration: SQLiteConfiguration) {
        self.path = path
        self.configuration = configuration
    }
}

extension Session {
    /// Opens the connection that writes.
    static func openWriter(_ file: SQLiteFile, _ interruption: Interruption) throws(SQLiteError) -> Session {
        let create = file.configuration.mode == .readWriteCreate ? SQLITE_OPEN_CREATE : 0
        return try open(file, interruption, flags: SQLITE_OPEN_READWRITE | create) { session throws(SQLiteError) in
            guard unsafe sqlite3_db_readonly(session.handle, "main") == 0 else {
                throw SQLiteError(.readOnly, "the database file \(file.path) cannot be written to")
            }
            let mode = try session.pragma("journal_mode = WAL")
            guard mode == "wal" else {
                throw SQLiteError(
                    .writeAheadLogUnavailable,
                    "the database \(file.path) stays in journal mode “\(mode ?? "")”: a write-ahead log needs a local file"
                )
            }
            try session.pragma("synchronous = \(file.configuration.synchronous.rawValue)")
            try session.pragma("foreign_keys = \(file.configuration.foreignKeys ? 1 : 0)")
            file.isPrepared.store(true, ordering: .relaxed)
        }
    }

    /// Opens a connection that reads.
    ///
    /// Where the pool may write, the file is made first, and gets its write-ahead log: a connection that only reads could
    /// do neither.
    static func openReader(_ file: SQLiteFile, _ interruption: Interruption) throws(SQLiteError) -> Session {
        var preparation: Session?
        defer { preparation?.close() }
        let mayWrite = file.configuration.mode != .readOnly
        if mayWrite, !file.isPrepared.load(ordering: .relaxed) {
            preparation = try openWriter(file, Interruption())
        }
        do throws(SQLiteError) {
            return try openReader(file, interruption, path: file.path, flags: SQLITE_OPEN_READONLY)
        } catch {
            guard !mayWrite, let unchanging = UnchangingFile(file.path, thatFailedWith: error) else { throw error }
            let flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
            let session = try openReader(file, interruption, path: unchanging.uri, flags: flags)
            session.unchangingFile = unchanging
            return session
        }
    }

    private static func openReader(
        _ file: SQLiteFile,
        _ interruption: Interruption,
        path: String,
        flags: Int32
    ) throws(SQLiteError) -> Session {
        try open(file, interruption, path: path, flags: flags) { session throws(SQLiteError) in
            try session.pragma("query_only = 1")
            // Reads the file: what is no database is found out now.
            try session.pragma("schema_version")
        }
    }

    private static func open(
        _ file: SQLiteFile,
        _ interruption: Interruption,
        path: String? = nil,
        flags: Int32,
        _ prepare: (Session) throws(SQLiteError) -> Void
    ) throws(SQLiteError) -> Session {
        guard sqlite3_threadsafe() != 0 else {
            throw SQLiteError(.misuse, "this build of SQLite is for a single thread")
        }
        var handle: OpaquePointer?
        let code = unsafe sqlite3_open_v2(path ?? file.path, &handle, flags | SQLITE_OPEN_NOMUTEX, nil)
        guard let handle = unsafe handle else {
            throw SQLiteError(.outOfMemory, "no memory for a connection")
        }
        let session = unsafe Session(handle, interruption: interruption, configuration: file.configuration)
        do throws(SQLiteError) {
            _ = unsafe sqlite3_extended_result_codes(handle, 1)
            if code != SQLITE_OK { throw session.failure(code, sql: nil) }
            _ = unsafe clockpool_sqlite_refuse_double_quoted_strings(handle)
            session.installCallbacks()
            try session.pragma("cache_size = -\(file.configuration.cacheSizeKiB)")
            try session.pragma("mmap_size = \(file.configuration.mmapSizeBytes)")
            try prepare(session)
        } catch {
            let reason = unsafe sqlite3_system_errno(handle)
            session.close()
            let isSystems = error.code.primary == .cannotOpen || error.code.primary == .inputOutput
            throw error.about(file.path, systemError: isSystems ? reason : 0)
        }
        session.isSpent = false
        unsafe interruption.attach(handle)
        return session
    }

    /// Runs a pragma of the pool's own.
    ///
    /// - Returns: The first column of its first row.
    @discardableResult
    private func pragma(_ pragma: String) throws(SQLiteError) -> String? {
        let statement = try prepareOne("PRAGMA " + pragma)
        defer { end(statement) }
        guard try step(statement), statement.columnCount > 0 else { return nil }
        return unsafe String(decoding: SQLiteColumn(0, of: statement).bytes, as: UTF8.self)
    }
}

extension SQLiteError {
    /// The error as one of opening a file.
    fileprivate func about(_ path: String, systemError: Int32) -> SQLiteError {
        if message.contains(path) { return self }
        var text = "cannot open the database \(path): \(message)"
        if systemError != 0 { unsafe text += ", \(String(cString: strerror(systemError)))" }
        return SQLiteError(code, text)
    }
}
