// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

/// How long the write-ahead log is, and when it is put into the database file next.
struct LogLength {
    /// In pages, after the last commit.
    var pages = 0
    /// From which length on a checkpoint is due.
    var nextCheckpoint = LogLength.step
    /// From which length on readers are waited for.
    var nextRestart = LogLength.patience

    /// As many pages are put into the database file at a time: four times as many as SQLite does by itself. A page that changes
    /// again and again is copied once for all of them, and the index of the log still is a single table, which can hold 4,062.
    static let step = 4_000
    /// So many pages may be in the log before readers are waited for.
    static let patience = 8_000

    /// Notes the length after a commit.
    mutating func note(_ pages: Int) {
        if pages < self.pages { self = LogLength() }
        self.pages = pages
    }
}

// A checkpoint copies the log into the database file. The log begins anew when all of it is copied and no reader looks into it;
// where somebody always reads, that never happens by itself, and the log grows for ever. So when it has become long, the writer
// waits for the readers of that moment: those that come later find all of it in the database file, and do not look into it.

extension Session {
    /// Takes the care of the log over from SQLite, which would make the commit wait for it.
    func watchLog() {
        _ = unsafe sqlite3_wal_hook(
            handle,
            { context, _, _, pages in
                unsafe Session.at(context).noteLogLength(Int(pages))
                return SQLITE_OK
            },
            Unmanaged.passUnretained(self).toOpaque()
        )
    }

    private func noteLogLength(_ pages: Int) {
        if pages < log.pages { keeper?.accept() }
        log.note(pages)
        guard pages >= log.nextCheckpoint, let file else { return }
        if keeper == nil {
            keeper = try? LogKeeper { () throws(SQLiteError) in try Session.openKeeper(file) }
        }
        keeper?.begin()
    }

    /// Whether the writer is to make a checkpoint: the rest of one that was made beside it, or a whole one, if there is nobody
    /// else to make it or the log has become too long.
    var isCheckpointDue: Bool {
        if log.pages >= log.nextRestart { return true }
        return keeper.map { $0.isDone } ?? (log.pages >= log.nextCheckpoint)
    }

    /// Puts the log into the database file, as far as readers allow; if it has become too long, waits for those a little. Failures
    /// show where the database is used.
    func checkpoint() {
        // Where the log grows faster than it can be copied, whoever writes waits for that.
        if log.pages >= log.nextRestart { keeper?.wait() }
        var (length, copied): (Int32, Int32) = (0, 0)
        _ = unsafe sqlite3_wal_checkpoint_v2(handle, "main", SQLITE_CHECKPOINT_PASSIVE, &length, &copied)
        log.nextCheckpoint = log.pages + LogLength.step
        keeper?.accept()
        guard log.pages >= log.nextRestart else { return }
        let patience = busyTimeout
        busyTimeout = min(patience, .milliseconds(50))
        defer { busyTimeout = patience }
        let code = unsafe sqlite3_wal_checkpoint_v2(handle, "main", SQLITE_CHECKPOINT_RESTART, &length, &copied)
        // A reader that takes long is waited for less and less often.
        if code == SQLITE_OK { log = LogLength() } else { log.nextRestart = 2 * log.pages }
    }
}
