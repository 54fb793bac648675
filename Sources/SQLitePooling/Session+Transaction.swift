// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

/// What a body runs in.
enum TransactionScope {
    /// A transaction that sees one state of the database.
    case snapshot
    /// A transaction that may write, and is the only one.
    case immediate
    /// None; each statement is one of its own.
    case none

    fileprivate var opening: Session.Control? {
        switch self {
        case .snapshot: .begin
        case .immediate: .beginImmediate
        case .none: nil
        }
    }
}

extension Session {
    /// Runs a body, and leaves the connection as it was before: without a transaction, a running statement, or a cancelled
    /// job.
    ///
    /// What is cancelled before the body has ended is rolled back; from then on it is too late.
    ///
    /// - Throws: What the body throws, or `SQLiteError`; `CancellationError` if that is the reason.
    func perform<Value>(
        _ ticket: UInt,
        in scope: TransactionScope,
        _ body: (borrowing SQLiteConnection) throws -> sending Value
    ) throws -> sending Value {
        defer { cleanUp() }
        unsafe sqlite3_set_last_insert_rowid(handle, 0)
        // Named, because the optimizer of Swift 6.3 fails on a noncopyable temporary here.
        let db = SQLiteConnection(session: self)
        let value: Value
        do {
            if interruption.begin(ticket) { throw CancellationError() }
            if let opening = scope.opening {
                try run(opening)
                isInTransaction = true
            }
            value = try body(db)
        } catch {
            let isCancelled = interruption.end()
            // A cancelled statement is interrupted, or stops waiting for a lock. The body's other errors are its own.
            if isCancelled, let error = error as? SQLiteError, Self.isCausedByCancellation(error) {
                throw CancellationError()
            }
            throw error
        }
        let isCancelled = interruption.end()
        isInTransaction = false
        switch scope {
        case .none:
            break
        case .snapshot:
            // If SQLite has ended the transaction, then after an error that the body knows of.
            if !isAutocommitting { try run(.commit) }
        case .immediate:
            if isCancelled { throw CancellationError() }
            if mustRollBack || isAutocommitting { throw transactionLost() }
            try run(.commit)
        }
        if let unchangingFile, !unchangingFile.isUnchanged {
            isSpent = true
            throw UnchangingFile.error
        }
        return value
    }

    private static func isCausedByCancellation(_ error: SQLiteError) -> Bool {
        switch error.code.primary {
        case .interrupted, .busy, .transactionLost: true
        default: error.code == .abortRollback
        }
    }

    /// Looks at what the body has left behind, and takes it away. What cannot be taken away spends the connection.
    private func cleanUp() {
        isInTransaction = false
        mustRollBack = false
        if unsafe isAutocommitting && sqlite3_txn_state(handle, nil) == SQLITE_TXN_NONE { return }
        resetStatements()
        if !isAutocommitting { try? run(.rollBack) }
        if unsafe !isAutocommitting || sqlite3_txn_state(handle, nil) != SQLITE_TXN_NONE { isSpent = true }
    }

    /// Resets every statement that is running. None is, unless something went wrong.
    private func resetStatements() {
        var next = unsafe sqlite3_next_stmt(handle, nil)
        while let statement = unsafe next {
            if unsafe sqlite3_stmt_busy(statement) != 0 { _ = unsafe sqlite3_reset(statement) }
            unsafe next = sqlite3_next_stmt(handle, statement)
        }
    }

    /// Runs a body in a savepoint, which is undone when the body throws.
    func performInSavepoint<Value>(_ body: (borrowing SQLiteConnection) throws -> Value) throws -> Value {
        if isInTransaction, mustRollBack || isAutocommitting { throw transactionLost() }
        try run(.savepoint)
        let db = SQLiteConnection(session: self)
        let value: Value
        do {
            value = try body(db)
        } catch {
            // Nothing to undo where SQLite has rolled everything back.
            if !isAutocommitting {
                do {
                    try run(.rollBackToSavepoint)
                    try run(.releaseSavepoint)
                } catch {
                    mustRollBack = true
                }
            }
            throw error
        }
        if isAutocommitting { throw transactionLost() }
        try run(.releaseSavepoint)
        return value
    }
}
