// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

// The writer's connection makes all checkpoints of a pool, on its own thread and between its
// transactions. A passive checkpoint copies the pages that readers allow, and waits for no reader.
// The next write restarts the log if all of it is copied and no reader uses it. Readers that
// overlap without a gap prevent that for ever, and the log grows. So beyond `restartThreshold` a
// checkpoint waits: readers that begin after its copy find all pages in the database file and do
// not use the log.

extension Session {
    /// Observes the lengths of the logs. SQLite's own hook would make the commit wait for a
    /// checkpoint.
    func observeLogs(_ settings: SQLiteConfiguration.Checkpoints) {
        logs = [LogLength(of: "main", settings)]
        checkpoints = settings
        installLogHook()
    }

    func installLogHook() {
        // Replaces SQLite's automatic checkpoints.
        _ = unsafe sqlite3_wal_hook(
            handle,
            { context, _, database, pages in
                unsafe Session.at(context).noteCommit(of: database, Int(pages))
                return SQLITE_OK
            },
            Unmanaged.passUnretained(self).toOpaque()
        )
    }

    private func noteCommit(of database: UnsafePointer<CChar>?, _ pages: Int) {
        guard let database = unsafe database else { return }
        var index = 0
        while index < logs.count, unsafe sqlite3_stricmp(database, logs[index].database) != 0 { index += 1 }
        if index == logs.count { unsafe logs.append(LogLength(of: String(cString: database), checkpoints)) }
        logs[index].noteCommit(pages)
        if index == 0 { file?.log.notePages(pages) }
    }

    /// Whether the writer must make a checkpoint before its next transaction.
    var isCheckpointDue: Bool { logs.contains { $0.isCheckpointDue } }

    /// Makes the checkpoints that are due. The observers and the statistics receive their errors:
    /// the transaction is committed.
    func makeDueCheckpoints() {
        for index in logs.indices where logs[index].isCheckpointDue {
            let passive = makeCheckpoint(.passive, of: logs[index].database)
            logs[index].notePassiveCheckpoint()
            guard logs[index].isRestartDue, passive.failure == nil else { continue }
            restartLog(at: index)
        }
    }

    private func restartLog(at index: Int) {
        let mode: SQLiteCheckpoint.Mode = exceedsRetainedSize(logs[index]) ? .truncate : .restart
        let restart = makeCheckpoint(mode, of: logs[index].database, timeout: logs[index].restartTimeout)
        if restart.isComplete {
            logs[index].noteRestart()
        } else {
            logs[index].noteFailedRestart()
            if index == 0 { file?.log.noteBlockedByReaders() }
        }
    }

    private func exceedsRetainedSize(_ log: LogLength) -> Bool {
        guard let limit = checkpoints.retainedLogBytes else { return false }
        let pageSize = (try? pragma("\(SQLiteQuery.quoted(log.database)).page_size")).flatMap { $0.flatMap(Int.init) }
        return log.pages > limit / max(1, pageSize ?? 1)
    }

    /// Makes a checkpoint of one database and notifies the observers.
    ///
    /// - Parameters:
    ///   - mode: The extent of the checkpoint.
    ///   - database: The schema name of the database.
    ///   - timeout: The longest wait for readers and for other processes' writers.
    /// - Returns: The result.
    func makeCheckpoint(
        _ mode: SQLiteCheckpoint.Mode,
        of database: String,
        timeout: Duration = .zero
    ) -> SQLiteCheckpoint {
        file?.notify(.checkpointBegan(database: database, mode: mode))
        let began = ContinuousClock.now
        var (length, copied): (Int32, Int32) = (-1, -1)
        var failure: SQLiteError?
        do throws(SQLiteError) {
            (length, copied) = try copyLog(of: database)
            if mode != .passive { (length, copied) = try copyLog(of: database, mode, timeout: timeout) }
        } catch {
            failure = error
        }
        let checkpoint = SQLiteCheckpoint(
            database: database,
            mode: mode,
            // SQLite reports -1 for a database without a log.
            logPages: Int(max(0, length)),
            copiedPages: Int(max(0, copied)),
            duration: began.duration(to: .now),
            failure: failure
        )
        file?.log.note(checkpoint)
        file?.notify(.checkpointEnded(checkpoint))
        return checkpoint
    }

    /// Makes a passive checkpoint while no other connection can restart the log.
    private func copyLog(of database: String) throws(SQLiteError) -> (length: Int32, copied: Int32) {
        let lock = try checkpointLock()
        defer { if !lock.isUsable { closeCheckpointLock() } }
        return try lock.withLock(on: database, of: self) { () throws(SQLiteError) in
            try runCheckpoint(SQLITE_CHECKPOINT_PASSIVE, of: database)
        }
    }

    /// Makes a checkpoint that waits, for which SQLite itself takes the write lock.
    ///
    /// If SQLite does not get that lock, it continues with a passive checkpoint, which could mark
    /// pages of a log that another process has just restarted. So when the wait for a lock times
    /// out, the busy handler interrupts the checkpoint and takes a snapshot on the second
    /// connection, until the checkpoint has ended. With that snapshot, either the log cannot
    /// restart, or SQLite cannot copy from it. If the wait was for readers, nothing is lost: a
    /// passive checkpoint came before.
    private func copyLog(
        of database: String,
        _ mode: SQLiteCheckpoint.Mode,
        timeout: Duration
    ) throws(SQLiteError) -> (length: Int32, copied: Int32) {
        let ordinaryTimeout = busyTimeout
        busyTimeout = timeout
        endsCheckpointOnBusyTimeout = database
        defer {
            busyTimeout = ordinaryTimeout
            endsCheckpointOnBusyTimeout = nil
            openCheckpointLock?.endSnapshot()
        }
        do {
            return try runCheckpoint(mode.sqliteMode, of: database)
        } catch {
            guard error.code == .interrupted || error.code.primary == .busy else { throw error }
            throw SQLiteError(.busy, "readers or another process kept the log of database “\(database)” in use")
        }
    }

    private func runCheckpoint(_ mode: Int32, of database: String) throws(SQLiteError) -> (length: Int32, copied: Int32)
    {
        var (length, copied): (Int32, Int32) = (-1, -1)
        let code = unsafe sqlite3_wal_checkpoint_v2(handle, database, mode, &length, &copied)
        // The connection stays usable: its transaction is committed, and the next checkpoint
        // copies the same pages.
        if code != SQLITE_OK { throw unsafe SQLiteError(code, of: handle) }
        return (length, copied)
    }

    func closeCheckpointLock() {
        openCheckpointLock?.close()
        openCheckpointLock = nil
    }

    private func checkpointLock() throws(SQLiteError) -> CheckpointLock {
        if let checkpointLock = openCheckpointLock { return checkpointLock }
        guard let file else { throw SQLiteError(.closed, "the connection is closed") }
        let lock = CheckpointLock(try Session.openForCheckpoints(file))
        openCheckpointLock = lock
        return lock
    }
}

extension SQLiteCheckpoint.Mode {
    fileprivate var sqliteMode: Int32 {
        switch self {
        case .passive: SQLITE_CHECKPOINT_PASSIVE
        case .full: SQLITE_CHECKPOINT_FULL
        case .restart: SQLITE_CHECKPOINT_RESTART
        case .truncate: SQLITE_CHECKPOINT_TRUNCATE
        }
    }
}
