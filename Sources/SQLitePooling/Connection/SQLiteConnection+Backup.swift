// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite
internal import ConnectionPooling

extension SQLiteConnection {
    /// The progress of a backup.
    public struct BackupProgress: Hashable, Sendable {
        /// The number of pages that are not copied yet.
        public let remainingPages: Int

        /// The number of pages of the database.
        public let totalPages: Int

        /// The fraction of pages that are copied, from 0 to 1.
        public var fraction: Double { totalPages > 0 ? Double(totalPages - remainingPages) / Double(totalPages) : 1 }
    }
}

extension SQLiteConnection {
    /// Copies the database, as this connection sees it, into another file, whose contents are
    /// replaced.
    ///
    /// In a ``SQLitePool/read(timeout:checkoutTimeout:file:line:_:)`` the copy is one snapshot,
    /// whatever other connections write. O(size of the database).
    ///
    /// - Parameters:
    ///   - path: The path of the target, which is created if it does not exist. It must not be in
    ///     use.
    ///   - pagesPerStep: The number of pages between two checks for cancellation; at least 1.
    ///   - progress: Receives the progress after each step. An error ends the backup.
    /// - Throws: ``SQLiteError``, with the code `misuse` in a transaction that has written; the
    ///   error of `progress`, unchanged. The target is then as before, or removed if the backup
    ///   created it.
    public func backUp(
        to path: String,
        pagesPerStep: Int = 256,
        progress: (BackupProgress) throws -> Void = { _ in }
    ) throws {
        guard unsafe sqlite3_txn_state(session.handle, nil) != SQLITE_TXN_WRITE else {
            throw SQLiteError(.misuse, "cannot back up a transaction that has written: commit it first")
        }
        let target = try BackupTarget(path, source: session)
        var isComplete = false
        defer { target.close(isComplete: isComplete) }
        // Without a read in the open transaction, each step would see another state, and the
        // backup would start again.
        if !session.isAutocommitting { try session.pragma("schema_version") }
        try target.copy(session, pagesPerStep: pagesPerStep, progress)
        isComplete = true
    }
}

extension Session {
    /// Copies all pages of a backup of which this session's database is one side, and waits for
    /// the locks of other connections.
    ///
    /// - Parameters:
    ///   - backup: A backup that has begun. The caller finishes it.
    ///   - pagesPerStep: The number of pages between two calls of `progress`.
    ///   - progress: A closure that is called after each step.
    ///   - failure: Returns the error for a code of SQLite.
    func copyPages(
        of backup: OpaquePointer,
        pagesPerStep: Int,
        _ progress: (SQLiteConnection.BackupProgress) throws -> Void,
        failure: (Int32) -> SQLiteError
    ) throws {
        let pages = Int32(clamping: max(1, pagesPerStep))
        var waits: Int32 = 0
        while true {
            if interruption?.isRaised == true { throw SQLiteError(.interrupted, "interrupted") }
            let code = unsafe sqlite3_backup_step(backup, pages)
            switch code {
            case SQLITE_OK, SQLITE_DONE:
                waits = 0
                try progress(
                    SQLiteConnection.BackupProgress(
                        remainingPages: Int(unsafe sqlite3_backup_remaining(backup)),
                        totalPages: Int(unsafe sqlite3_backup_pagecount(backup))
                    )
                )
                if code == SQLITE_DONE { return }
            case _ where code & 0xff == SQLITE_BUSY || code & 0xff == SQLITE_LOCKED:
                guard waitForLock(calls: waits) else { throw failure(code) }
                waits += 1
            default:
                throw failure(code)
            }
        }
    }
}

extension SQLitePool {
    /// Copies the database into another file while it is in use. The contents of that file are
    /// replaced.
    ///
    /// Suspends until a reader is available and the copy is complete, on that connection's thread.
    /// The copy is one snapshot. Other calls can read and write, but the write-ahead log keeps
    /// what they write until the backup ends.
    ///
    /// ```swift
    /// try await pool.backUp(to: "backup.sqlite") { progress in print("\(Int(progress.fraction * 100)) %") }
    /// ```
    ///
    /// - Parameters:
    ///   - path: The path of the target, which is created if it does not exist. It must not be in
    ///     use.
    ///   - pagesPerStep: The number of pages between two checks for cancellation and the deadline;
    ///     at least 1.
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once
    ///     it has a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    ///   - progress: Receives the progress after each step, on the connection's thread. An error
    ///     ends the backup.
    /// - Throws: As ``read(timeout:checkoutTimeout:file:line:_:)``, and the error of `progress`,
    ///   unchanged. `CancellationError` if the task is cancelled, and ``SQLiteError`` with the
    ///   code `timedOut` at the end of `timeout`, both after the current step. The target is then
    ///   as before, or removed if the backup created it.
    public func backUp(
        to path: String,
        pagesPerStep: Int = 256,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        progress: @escaping @Sendable (SQLiteConnection.BackupProgress) throws -> Void = { _ in }
    ) async throws {
        // Not abandoned: when this method returns, the target is no longer accessed.
        let deadline = Self.deadline(after: timeout)
        try await run(
            on: readers,
            .snapshot,
            until: deadline,
            mayBeAbandoned: false,
            for: CallSite(file, line)
        ) { db in
            try db.backUp(to: path, pagesPerStep: pagesPerStep, progress: progress)
        }
    }
}
