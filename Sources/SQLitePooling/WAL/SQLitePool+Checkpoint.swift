// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite
internal import ConnectionPooling

extension SQLitePool {
    /// Copies the write-ahead logs of the main database and of the attached ones into their files.
    ///
    /// The pool makes checkpoints by itself. Call this method at a chosen moment, such as before a
    /// copy of the file, and for pools whose ``SQLiteConfiguration/Checkpoints/isAutomatic`` is
    /// `false`.
    ///
    /// Suspends until the writer is available and the checkpoints have ended, on that connection's
    /// thread. O(length of the logs).
    ///
    /// - Parameters:
    ///   - mode: The extent of the checkpoint; passive by default.
    ///   - timeout: The time limit of the whole call; by default the wait for a connection and,
    ///     for each database, the configuration's `busyTimeout`.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The result for each database that has a log, the main database first. If a
    ///   reader or another process blocked the checkpoint, ``SQLiteCheckpoint/isComplete`` is
    ///   `false` and ``SQLiteCheckpoint/failure`` has the primary code `busy`.
    /// - Throws: As ``write(timeout:checkoutTimeout:file:line:_:)``; ``SQLiteError`` with the code
    ///   `readOnly` if the pool is read-only.
    @discardableResult
    public func checkpoint(
        _ mode: SQLiteCheckpoint.Mode = .passive,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [SQLiteCheckpoint] {
        try checkMayWrite()
        return try await run(on: writer, .none, until: Self.deadline(after: timeout), for: CallSite(file, line)) { db in
            db.session.makeCheckpoints(mode)
        }
    }

    /// Starts the checkpoint that readers blocked, if there is one. Called at the end of a read.
    ///
    /// The reading task does not wait for it. O(1) if no checkpoint was blocked.
    func resumeCheckpointAfterRead() {
        guard file.log.takeBlockedByReaders() else { return }
        guard readers.status.leased == 0 else { return file.log.noteBlockedByReaders() }
        Task { [self] in
            // An error means that the pool is closed, or that many calls wait for the writer,
            // which then makes checkpoints itself.
            let results = try? await run(on: writer, .none, for: CallSite(#fileID, #line)) { db in
                db.session.makeCheckpoints(.truncate, timeout: LogLength.shortestRestartTimeout)
            }
            if results?.contains(where: { !$0.isComplete }) == true, readers.status.leased > 0 {
                file.log.noteBlockedByReaders()
            }
        }
    }
}

extension Session {
    /// Makes a checkpoint of each database that has a log.
    func makeCheckpoints(_ mode: SQLiteCheckpoint.Mode, timeout: Duration? = nil) -> [SQLiteCheckpoint] {
        databasesWithLogs.map { database in
            let checkpoint = makeCheckpoint(mode, of: database, timeout: timeout ?? busyTimeout)
            if checkpoint.isComplete, mode == .restart || mode == .truncate { noteRestart(of: database) }
            return checkpoint
        }
    }

    /// The schema names of the writable databases with a write-ahead log, the main database first.
    private var databasesWithLogs: [String] {
        ((try? databasesWithFiles()) ?? ["main"]).filter { database in
            guard unsafe sqlite3_db_readonly(handle, database) == 0 else { return false }
            return (try? journalMode(of: database)) == "wal"
        }
    }

    private func noteRestart(of database: String) {
        guard let index = logs.firstIndex(where: { $0.database == database }) else { return }
        logs[index].noteRestart()
    }
}
