// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite
internal import ConnectionPooling

extension SQLitePool {
    /// Copies the write-ahead logs of the database and of the attached ones into their files.
    ///
    /// The pool makes checkpoints by itself; this is for a moment that the program chooses, such as before a copy of the file is
    /// taken, and for pools whose ``SQLiteConfiguration/Checkpoints/isAutomatic`` is `false`.
    ///
    /// Suspends until the writer's connection is free and the checkpoints have ended, on that connection's thread. O(length of the logs).
    ///
    /// - Parameters:
    ///   - mode: How far the checkpoint goes; passive by default.
    ///   - timeout: The longest time of the whole call; by default no more than the time that it waits for a connection and, once for each
    ///     database, the configuration's `busyTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: What came of it, for each database that has a log; the main database first. A reader or another process that was in the
    ///   way shows in ``SQLiteCheckpoint/isComplete`` and ``SQLiteCheckpoint/failure``.
    /// - Throws: As ``write(timeout:file:line:_:)``; ``SQLiteError`` with the code `readOnly` if the pool is for reading only.
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

    /// Makes the checkpoint that readers prevented, if there is one. For the end of a read.
    ///
    /// The task that reads does not wait for it. O(1) where none was prevented.
    func resumeCheckpointAfterRead() {
        guard file.log.takeReadersInTheWay() else { return }
        guard readers.status.leased == 0 else { return file.log.noteReadersInTheWay() }
        Task { [self] in
            // An error means that the pool is closed, or that many wait for the writer, which makes checkpoints by itself then.
            let results = try? await run(on: writer, .none, for: CallSite(#fileID, #line)) { db in
                db.session.makeCheckpoints(.truncate, timeout: LogLength.shortestRestartTimeout)
            }
            if results?.contains(where: { !$0.isComplete }) == true, readers.status.leased > 0 {
                file.log.noteReadersInTheWay()
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

    /// The schema names of the databases that have a write-ahead log and can be written to, the main database first.
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
