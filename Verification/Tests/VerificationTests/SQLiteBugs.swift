// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SeededBug {
    /// Bugs of SQLitePooling.
    static let sqlite: [SeededBug] = [
        SeededBug(
            "A transaction that a body leaves open is not rolled back",
            in: "SQLitePooling/Transactions/Session+Transaction.swift",
            "if !isAutocommitting { try? run(.rollBack) }",
            "",
            foundBy: "SQLitePoolingTests.ReturnCheckTests/openTransaction"
        ),
        SeededBug(
            "A savepoint whose body throws is not rolled back",
            in: "SQLitePooling/Transactions/Session+Transaction.swift",
            """
                        undoSavepoint()
                        throw error
            """,
            "            throw error",
            foundBy: "SQLitePoolingTests.TransactionTests/savepoints"
        ),
        SeededBug(
            "A savepoint that is rolled back stays open",
            in: "SQLitePooling/Transactions/Session+Transaction.swift",
            """
                        changes?.rollBack(to: Self.savepointName)
                        try run(.releaseSavepoint)
            """,
            "            changes?.rollBack(to: Self.savepointName)",
            foundBy: "SQLitePoolingTests.OpenTransactionTests/failingRelease"
        ),
        SeededBug(
            "A commit ignores that the transaction was lost",
            in: "SQLitePooling/Transactions/Session+Transaction.swift",
            """
                        if mustRollBack || isAutocommitting { throw transactionAborted() }
                        try run(.commit)
            """,
            "            if !isAutocommitting { try run(.commit) }",
            foundBy: "SQLitePoolingTests.TransactionTests/lostTransaction"
        ),
        SeededBug(
            "A write whose deadline passes before its commit is committed",
            in: "SQLitePooling/Transactions/Session+Transaction.swift",
            "if let reason = interruption.end(), isWrite { throw reason.error }",
            "if let reason = interruption.end(), !isWrite { throw reason.error }",
            foundBy: "SQLitePoolingTests.DeadlineTests/write"
        ),
        SeededBug(
            "The row ID of an earlier call stays",
            in: "SQLitePooling/Transactions/Session+Transaction.swift",
            "unsafe sqlite3_set_last_insert_rowid(handle, 0)",
            "",
            foundBy: "SQLitePoolingTests.StatementTests/lastRowID"
        ),
        SeededBug(
            "A call inherits the used part of the budget of an earlier call",
            in: "SQLitePooling/Transactions/Session+Transaction.swift",
            "budget.begin()",
            "",
            foundBy: "SQLitePoolingTests.UntrustedFileTests/hugeResult"
        ),
        SeededBug(
            "Settings that a body changes stay changed",
            in: "SQLitePooling/Transactions/Session+Transaction.swift",
            "if settings.isChanged, !mustBeReplaced { restoreSettings() }",
            "if settings.isChanged, mustBeReplaced { restoreSettings() }",
            foundBy: "SQLitePoolingTests.SettingTests/restored"
        ),
        SeededBug(
            "The result code of an early end is ignored",
            in: "SQLitePooling/Statements/Session+Statements.swift",
            "if code != SQLITE_OK { throw observed(failure(code, sql: statement.text), of: statement) }",
            "_ = code",
            foundBy: "SQLitePoolingTests.EarlyEndTests/failingCommit"
        ),
        SeededBug(
            "A cached statement stays in use after its end",
            in: "SQLitePooling/Statements/Session+Statements.swift",
            "statement.isBusy = false",
            "",
            foundBy: "SQLitePoolingTests.StatementCacheTests/afterFailure"
        ),
        SeededBug(
            "A statement outside of the cache is never freed",
            in: "SQLitePooling/Statements/Session+Statements.swift",
            "if !statement.isCached { statement.finalize() }",
            "",
            foundBy: "SQLitePoolingTests.StatementCacheTests/freed"
        ),
        SeededBug(
            "A script may end the transaction of its body",
            in: "SQLitePooling/Statements/Session+Statements.swift",
            "try checkMayRun(statement.traits, sql: text)",
            "",
            foundBy: "SQLitePoolingTests.TransactionTests/control"
        ),
        SeededBug(
            "The cache holds one statement more than its capacity",
            in: "SQLitePooling/Statements/StatementCache.swift",
            "if statements.count >= capacity {",
            "if statements.count > capacity {",
            foundBy: "SQLitePoolingTests.StatementCacheTests/bound"
        ),
        SeededBug(
            "The cache evicts the statement that was used last",
            in: "SQLitePooling/Statements/StatementCache.swift",
            "idle.min(by: { $0.lastUse",
            "idle.max(by: { $0.lastUse",
            foundBy: "SQLitePoolingTests.StatementCacheTests/order"
        ),
        SeededBug(
            "One violated key does not fail the member of a group",
            in: "SQLitePooling/Transactions/Session+Group.swift",
            "if pending != 0 { throw",
            "if pending > 1 { throw",
            foundBy: "SQLitePoolingTests.GroupIsolationTests/foreignKey"
        ),
        SeededBug(
            "A member of a group may leave a statement running",
            in: "SQLitePooling/Transactions/Session+Group.swift",
            "if resetStatements() {",
            "if resetStatements(), !isShared {",
            foundBy: "SQLitePoolingTests.GroupIsolationTests/runningStatement"
        ),
        SeededBug(
            "A connection that must be replaced is reused",
            in: "SQLitePooling/Pool/SQLiteWorker.swift",
            "defer { if session.mustBeReplaced { canBeReused.store(false, ordering: .releasing) } }",
            "",
            foundBy: "SQLitePoolingTests.ReturnCheckTests/mark"
        ),
        SeededBug(
            "The busy timeout of a checkpoint stays",
            in: "SQLitePooling/WAL/Session+Checkpoint.swift",
            "busyTimeout = ordinaryTimeout",
            "",
            foundBy: "SQLitePoolingTests.CheckpointTests/busyTimeout"
        ),
        SeededBug(
            "The result code of a checkpoint is ignored",
            in: "SQLitePooling/WAL/Session+Checkpoint.swift",
            "if code != SQLITE_OK { throw unsafe SQLiteError(code, of: handle) }",
            "_ = code",
            foundBy: "SQLitePoolingTests.CheckpointTests/besideReader"
        ),
        SeededBug(
            "The retained size of the log is in pages instead of bytes",
            in: "SQLitePooling/WAL/Session+Checkpoint.swift",
            "return log.pages > limit / max(1, pageSize ?? 1)",
            "return log.pages > limit",
            foundBy: "SQLitePoolingTests.CheckpointTests/truncatedWithoutReader"
        ),
        SeededBug(
            "Milliseconds are decoded as seconds",
            in: "SQLitePooling/Coding/Date+SQLite.swift",
            "return Date(timeIntervalSince1970: number / 1_000)",
            "return Date(timeIntervalSince1970: number)",
            foundBy: "SQLitePoolingTests.StrategyTests/units"
        ),
        SeededBug(
            "A second that is rounded up does not carry",
            in: "SQLitePooling/Coding/Date+SQLite.swift",
            "if fraction == power { (seconds, fraction) = (seconds + 1, 0) }",
            "",
            foundBy: "SQLitePoolingTests.StrategyTests/rounding"
        ),
        SeededBug(
            "A call that has ended keeps its deadline",
            in: "SQLitePooling/Threads/Call.swift",
            "if mayBeAbandoned, deadline != nil { CallDeadlines.shared.remove(self) }",
            "",
            foundBy: "SQLitePoolingTests.AbandonmentTests/returned"
        ),
        SeededBug(
            "A backup that fails leaves its file",
            in: "SQLitePooling/Connection/BackupTarget.swift",
            "guard isNew, !isComplete else { return }",
            "guard isNew, isComplete else { return }",
            foundBy: "SQLitePoolingTests.BackupTests/cancelledBackup"
        ),
        SeededBug(
            "A savepoint counts as open after its end",
            in: "SQLitePooling/Transactions/Session+Transaction.swift",
            "defer { savepoints -= 1 }",
            "",
            foundBy: "SQLitePoolingTests.OpenTransactionTests/failingRelease"
        ),
        SeededBug(
            "The instructions of a call are counted in calls of the handler",
            in: "SQLitePooling/Threads/CallBudget.swift",
            "steps += Self.stepsPerCall",
            "steps += 1",
            foundBy: "SQLitePoolingTests.LimitBoundTests/steps"
        ),
        SeededBug(
            "A result may have one byte more than its limit",
            in: "SQLitePooling/Threads/CallBudget.swift",
            "guard bytes > maximumBytes else",
            "guard bytes > maximumBytes + 1 else",
            foundBy: "SQLitePoolingTests.LimitBoundTests/resultBytes"
        ),
    ]
}
