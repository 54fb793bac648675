// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite
internal import ConnectionPooling

extension SQLitePool {
    /// Replaces the contents of the database by those of another file, such as a backup, while the
    /// database is in use.
    ///
    /// Suspends until the writer is available and the copy is complete, on that connection's
    /// thread. The copy is one write transaction: reads see all of the old contents or all of the
    /// new, and reads that have begun keep what they see. No other call writes until it has ended.
    ///
    /// ```swift
    /// try await pool.restore(from: "backup.sqlite") { progress in print(progress.fraction) }
    /// ```
    ///
    /// - Parameters:
    ///   - path: The path of the file, which may have a write-ahead log and may be in use. Its
    ///     pages must have the size of those of the database.
    ///   - pagesPerStep: The number of pages between two checks for cancellation and the deadline;
    ///     at least 1.
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    ///   - progress: Receives the progress after each step, on the connection's thread. An error
    ///     ends the copy.
    /// - Throws: As ``writeWithoutTransaction(timeout:checkoutTimeout:file:line:_:)``, and the
    ///   error of `progress`, unchanged. ``SQLiteError`` with the code `cannotOpen` or
    ///   `notADatabase` for the file, `misuse` if it is that of the database itself, and
    ///   `readOnly` if its pages have another size. The database is then as before.
    public func restore(
        from path: String,
        pagesPerStep: Int = 256,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        progress: @escaping @Sendable (SQLiteConnection.BackupProgress) throws -> Void = { _ in }
    ) async throws {
        try checkMayWrite()
        // Not abandoned: when this method returns, the source is no longer accessed.
        try await run(
            on: writer,
            .none,
            until: Self.deadline(after: timeout),
            mayBeAbandoned: false,
            for: CallSite(file, line)
        ) { db in
            let source = try RestoreSource(path: path, target: db.session)
            try source.copy(to: db.session, pagesPerStep: pagesPerStep, progress)
            db.session.changes?.publish(.everything)
        }
    }

    /// Returns the database as the bytes of a file, in one snapshot.
    ///
    /// Suspends as ``read(timeout:checkoutTimeout:file:line:_:)``. O(size of the database), also
    /// in memory.
    ///
    /// - Parameters:
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The bytes, which a program may write to a file. Empty for an empty database.
    /// - Throws: As ``read(timeout:checkoutTimeout:file:line:_:)``.
    public func serialize(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [UInt8] {
        try await read(timeout: timeout, file: file, line: line) { db in try db.session.serialize() }
    }

    /// Replaces the contents of the database by the bytes of a file, while the database is in use.
    ///
    /// Otherwise as ``restore(from:pagesPerStep:timeout:file:line:progress:)``.
    ///
    /// - Parameters:
    ///   - bytes: The bytes of a database, such as those of ``serialize(timeout:file:line:)``.
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Throws: As ``restore(from:pagesPerStep:timeout:file:line:progress:)``; with the code
    ///   `notADatabase` for other bytes.
    public func deserialize(
        _ bytes: [UInt8],
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws {
        try checkMayWrite()
        try await run(
            on: writer,
            .none,
            until: Self.deadline(after: timeout),
            mayBeAbandoned: false,
            for: CallSite(file, line)
        ) { db in
            var bytes = bytes
            guard bytes.count >= 512 else {
                throw SQLiteError(.notADatabase, "cannot restore from the bytes: a database has at least 512")
            }
            // A database in memory has no write-ahead log.
            for index in 18...19 where bytes[index] == 2 { bytes[index] = 1 }
            try unsafe bytes.withUnsafeMutableBytes { bytes in
                let source = try unsafe RestoreSource(serialized: bytes)
                try source.copy(to: db.session, pagesPerStep: 256) { _ in }
                withExtendedLifetime(source) {}
                db.session.changes?.publish(.everything)
            }
        }
    }

    /// Returns unused pages of the database file to the file system.
    ///
    /// Works in several short writes, between which other calls write. The database must have
    /// been made with `PRAGMA auto_vacuum = INCREMENTAL`.
    ///
    /// - Parameters:
    ///   - maximumPages: The maximum number of pages to return; `nil`, the default, for all.
    ///   - pagesPerStep: The number of pages of one write; at least 1.
    ///   - timeout: The time limit of each write; `nil`, the default, for no limit once it has a
    ///     connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The number of pages that were returned.
    /// - Throws: As ``write(timeout:checkoutTimeout:file:line:_:)``; earlier writes stay.
    ///   ``SQLiteError`` with the code `misuse` for a database without incremental vacuum.
    @discardableResult
    public func incrementalVacuum(
        maximumPages: Int? = nil,
        pagesPerStep: Int = 256,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> Int {
        var left = maximumPages ?? .max
        var freed = 0
        while left > 0 {
            let step = min(left, max(1, pagesPerStep), Int(Int32.max))
            let count = try await write(timeout: timeout, file: file, line: line) { db in
                guard try db.queryOne("PRAGMA auto_vacuum", as: Int.self) == 2 else {
                    throw SQLiteError(
                        .misuse,
                        "the database has no incremental vacuum: run PRAGMA auto_vacuum = INCREMENTAL and VACUUM"
                    )
                }
                let before = try db.queryOne("PRAGMA freelist_count", as: Int.self)
                try db.execute(SQLiteQuery(unsafe: "PRAGMA incremental_vacuum(\(step))"))
                return before - (try db.queryOne("PRAGMA freelist_count", as: Int.self))
            }
            freed += count
            left -= count
            if count < step { break }
        }
        return freed
    }
}

extension Session {
    /// Returns the database as the bytes of a file.
    fileprivate func serialize() throws(SQLiteError) -> [UInt8] {
        // Begins the read of the snapshot.
        try run(.readSchema)
        var size: sqlite3_int64 = 0
        let copy = unsafe sqlite3_serialize(handle, "main", &size, 0)
        defer { unsafe sqlite3_free(copy) }
        guard size > 0 else { return [] }
        guard let copy = unsafe copy else {
            throw SQLiteError(.outOfMemory, "no memory for the \(size) bytes of the database")
        }
        var bytes = unsafe [UInt8](UnsafeBufferPointer(start: copy, count: Int(size)))
        // The copy has no write-ahead log.
        for index in 18...19 where bytes.count > index && bytes[index] == 2 { bytes[index] = 1 }
        return bytes
    }
}
