// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

/// The state of the main database's write-ahead log that the connections of a pool share.
final class LogStatus: Sendable {
    private let pages = Atomic(0)
    private let checkpoints = Atomic(0)
    private let failedCheckpoints = Atomic(0)
    private let lastFailure = Locked<SQLiteError?>(nil)
    /// Whether readers kept the log from restarting, so that a checkpoint may follow the end of a
    /// read.
    private let isBlockedByReaders = Atomic(false)

    // The counts are for monitoring, so that no ordering is needed.

    func notePages(_ length: Int) { pages.store(length, ordering: .relaxed) }

    func noteBlockedByReaders() { isBlockedByReaders.store(true, ordering: .relaxed) }

    /// Returns whether a checkpoint waits for the end of reads, and clears that state.
    func takeBlockedByReaders() -> Bool {
        isBlockedByReaders.load(ordering: .relaxed) && isBlockedByReaders.exchange(false, ordering: .relaxed)
    }

    func note(_ checkpoint: SQLiteCheckpoint) {
        if let failure = checkpoint.failure {
            failedCheckpoints.add(1, ordering: .relaxed)
            lastFailure.withLock { $0 = failure }
        } else {
            checkpoints.add(1, ordering: .relaxed)
            if checkpoint.database == "main", checkpoint.mode == .truncate { notePages(0) }
        }
    }

    var figures: SQLitePool.LogFigures {
        SQLitePool.LogFigures(
            pages: pages.load(ordering: .relaxed),
            checkpoints: checkpoints.load(ordering: .relaxed),
            failedCheckpoints: failedCheckpoints.load(ordering: .relaxed),
            lastFailure: lastFailure.withLock(\.self)
        )
    }
}
