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

extension Session {
    /// Opens the writer.
    static func openWriter(_ file: SQLiteFile) throws(SQLiteError) -> Session {
        let generation = file.beginPreparation()
        let create = file.configuration.mode == .readWriteCreate ? SQLITE_OPEN_CREATE : 0
        let flags = SQLITE_OPEN_READWRITE | create
        return try open(file, .writer, flags: flags) { session throws(SQLiteError) in
            guard unsafe sqlite3_db_readonly(session.handle, "main") == 0 else {
                throw SQLiteError(.readOnly, "the database file \(file.path) is not writable")
            }
            let mode = try session.turnOnLog(of: "main")
            guard mode == "wal" else {
                throw SQLiteError(
                    .writeAheadLogUnavailable,
                    "the database \(file.path) stays in journal mode “\(mode ?? "")”: a write-ahead log needs a local file"
                )
            }
            // Opens the log.
            try session.pragma("schema_version")
            try session.pragma("synchronous = \(file.configuration.synchronous.rawValue)")
            try session.pragma("foreign_keys = \(file.configuration.foreignKeys ? 1 : 0)")
            if file.configuration.maximumWritesPerCommit > 1 {
                // A savepoint keeps the original pages; beyond sixteen of them SQLite would create
                // a file.
                try session.pragma("temp_store = MEMORY")
            }
            if let limit = file.configuration.checkpoints.retainedLogBytes {
                // SQLite truncates the file to this size at the first commit after the log
                // restarts.
                try session.pragma("journal_size_limit = \(limit)")
            }
            session.observeLogs(file.configuration.checkpoints)
            file.notePreparation(of: generation)
        }
    }

    /// Opens the connection that holds locks for the writer's checkpoints. No
    /// setup runs on it.
    static func openForCheckpoints(_ file: SQLiteFile) throws(SQLiteError) -> Session {
        try open(file, .writer, flags: SQLITE_OPEN_READWRITE, isForCallers: false) { session throws(SQLiteError) in
            // Opens the log, so that this connection locks the log and not the database file.
            try session.pragma("schema_version")
        }
    }

    /// Opens a reader.
    ///
    /// If the pool may write, the file is first created and converted to WAL mode, which a
    /// read-only connection cannot do.
    static func openReader(_ file: SQLiteFile) throws(SQLiteError) -> Session {
        var preparation: Session?
        defer { preparation?.close() }
        let mayWrite = file.configuration.mode.mayWrite
        if mayWrite, !file.isPrepared {
            preparation = try openWriter(file)
            preparation?.statistics = nil
        }
        let location = file.location
        let flags = SQLITE_OPEN_READONLY
        if file.configuration.mode == .immutable {
            guard !ImmutableFile.hasContentsInLog(location.filePath) else {
                throw SQLiteError(
                    .readOnlyRecovery,
                    "the database \(file.path) has a write-ahead log that is not empty: open it in another mode than immutable"
                )
            }
            return try openReader(file, path: location.immutableURI, flags: flags | SQLITE_OPEN_URI)
        }
        do throws(SQLiteError) {
            return try openReader(file, path: nil, flags: flags)
        } catch {
            guard !mayWrite, let immutableFile = ImmutableFile(location.filePath, after: error) else {
                throw error
            }
            let path = location.immutableURI
            let session = try openReader(file, path: path, flags: flags | SQLITE_OPEN_URI)
            session.immutableFile = immutableFile
            return session
        }
    }

    private static func openReader(
        _ file: SQLiteFile,
        path: String?,
        flags: Int32
    ) throws(SQLiteError) -> Session {
        try open(file, .readers, path: path, flags: flags) { session throws(SQLiteError) in
            session.budget.maximumDuration = file.configuration.maximumReadDuration
            // Reads the file, so that a file that is not a database fails here.
            try session.pragma("schema_version")
        }
    }

    private static func open(
        _ file: SQLiteFile,
        _ kind: SQLiteConfiguration.ConnectionKinds,
        path: String? = nil,
        flags: Int32,
        isForCallers: Bool = true,
        _ prepare: (Session) throws(SQLiteError) -> Void
    ) throws(SQLiteError) -> Session {
        try SQLiteLibrary.prepare()
        try file.prepareToOpen(mayCreate: flags & SQLITE_OPEN_CREATE != 0)
        let flags = flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | (file.location.isURI ? SQLITE_OPEN_URI : 0)
        var handle: OpaquePointer?
        let code = unsafe sqlite3_open_v2(path ?? file.path, &handle, flags, nil)
        guard let handle = unsafe handle else {
            throw SQLiteError(.outOfMemory, "no memory for a connection")
        }
        let session = unsafe Session(handle, configuration: file.configuration)
        // Before the schema is read: a refresh that ends after this is loaded later.
        if isForCallers {
            session.statistics = file.statistics.map { StatisticsMaintenance($0, isWriter: kind == .writer) }
        }
        do throws(SQLiteError) {
            _ = unsafe sqlite3_extended_result_codes(handle, 1)
            if code != SQLITE_OK { throw session.failure(code, sql: nil) }
            if isForCallers {
                try session.load(file.configuration.extensions)
                try session.registerListTable()
                try session.register(file.configuration.functions, file.configuration.collations)
            }
            _ = unsafe clockpool_sqlite_refuse_double_quoted_strings(handle)
            session.installCallbacks()
            // Otherwise SQLite makes checkpoints after commits, such as a pragma's, without the
            // pool's lock.
            _ = unsafe sqlite3_wal_autocheckpoint(handle, 0)
            if !file.configuration.checkpoints.isAutomatic {
                _ = unsafe clockpool_sqlite_set_option(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            }
            try session.protect(file.configuration)
            try session.pragma("cache_size = -\(file.configuration.cacheSizeKiB)")
            try session.pragma("mmap_size = \(file.configuration.mmapSizeBytes)")
            try session.apply(file.configuration.pragmas, of: kind)
            try prepare(session)
            if isForCallers, file.hasSetup {
                try session.setUp(file)
                // A statement may have set a busy timeout, which replaces the pool's handler.
                session.installCallbacks()
                if kind == .writer { try session.prepareAttachedDatabases(file.configuration) }
            }
            // After the setup, which may create temporary tables.
            if kind == .readers { try session.pragma("query_only = 1") }
        } catch {
            let reason = unsafe sqlite3_system_errno(handle)
            session.statistics = nil
            session.close()
            let isSystems = error.code.primary == .cannotOpen || error.code.primary == .inputOutput
            throw error.about(file.path, systemError: isSystems ? reason : 0)
        }
        session.file = file
        session.mustBeReplaced = false
        if kind == .writer, isForCallers, file.changes.isActive {
            // Sequences of changes end if they cannot be complete.
            do { try session.trackChanges(for: file.changes) } catch { file.changes.finish() }
        }
        return session
    }

    /// Runs one of the pool's own pragmas.
    ///
    /// - Returns: The first column of its first row.
    @discardableResult
    func pragma(_ pragma: String) throws(SQLiteError) -> String? {
        isPrivileged = true
        defer { isPrivileged = false }
        let statement = try prepareOne("PRAGMA " + pragma)
        defer { end(statement) }
        guard try step(statement), statement.columnCount > 0 else { return nil }
        let cell = SQLiteCell(0, of: statement)
        return cell.storageType == .integer
            ? String(cell.integer) : unsafe String(decoding: cell.rawBytes, as: UTF8.self)
    }
}

extension SQLiteError {
    /// Returns the error with the context of opening a file.
    fileprivate func about(_ path: String, systemError: Int32) -> SQLiteError {
        if message.contains(path) { return self }
        var text = "cannot open the database \(path): \(message)"
        if systemError != 0 { unsafe text += ", \(String(cString: strerror(systemError)))" }
        return SQLiteError(code, text)
    }
}
