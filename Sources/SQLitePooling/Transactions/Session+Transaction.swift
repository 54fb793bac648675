// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

/// What a body runs in.
enum TransactionScope {
    /// A transaction that sees one state of the database.
    case snapshot
    /// The same, of this moment: the function is called when it is taken.
    case snapshotNow(@Sendable () -> Void)
    /// A transaction that may write, and is the only one.
    case immediate
    /// The same, which shares its commit with nobody.
    case immediateAlone
    /// None; each statement is one of its own.
    case none
    /// None; the body is one statement.
    case statement

    var isWrite: Bool {
        switch self {
        case .immediate, .immediateAlone: true
        case .snapshot, .snapshotNow, .none, .statement: false
        }
    }

    var isStatement: Bool {
        if case .statement = self { true } else { false }
    }

    /// Whether other writes may be in the transaction too.
    var mayShareCommit: Bool {
        if case .immediate = self { true } else { false }
    }

    fileprivate var opening: Session.Control? {
        switch self {
        case .snapshot, .snapshotNow: .begin
        case .immediate, .immediateAlone: .beginImmediate
        case .none, .statement: nil
        }
    }
}

/// What is done on a connection. It keeps by itself what it has found out, so that nothing that runs it is generic, which the
/// runtime would look up at each call.
typealias Body = (borrowing SQLiteConnection) throws -> Void

extension Session {
    /// Runs a body, and leaves the connection as it was before: without a transaction, a running statement, or a cancelled
    /// call.
    ///
    /// What is cancelled before the body has ended is rolled back; from then on it is too late.
    ///
    /// - Parameters:
    ///   - interruption: What can interrupt it; `nil` where nothing can.
    ///   - scope: What it runs in.
    ///   - body: Is lent the connection.
    /// - Throws: What the body throws, or `SQLiteError`; `CancellationError` if that is the reason. With the code
    ///   `transactionLeftOpen` if the body has begun a transaction and returns without ending it.
    func perform(_ interruption: Interruption?, in scope: TransactionScope, _ body: Body) throws {
        defer { cleanUp() }
        try interruptibly(interruption, isWrite: scope.isWrite) {
            if let opening = scope.opening {
                try run(opening)
                isInTransaction = true
            }
            if case .snapshotNow(let isTaken) = scope {
                // A transaction sees the database as its first statement does.
                try run(.look)
                isTaken()
            }
            // Named, because the optimizer of Swift 6.3 fails on a noncopyable temporary here.
            let db = SQLiteConnection(session: self)
            try body(db)
        }
        isInTransaction = false
        switch scope {
        case .none, .statement:
            if !isAutocommitting { throw transactionLeftOpen() }
        case .snapshot, .snapshotNow:
            // If SQLite has ended the transaction, then after an error that the body knows of.
            if !isAutocommitting { try run(.commit) }
        case .immediate, .immediateAlone:
            if mustRollBack || isAutocommitting { throw transactionLost() }
            try run(.commit)
        }
        if let unchangingFile, !unchangingFile.isUnchanged {
            isSpent = true
            throw UnchangingFile.error
        }
    }

    /// Runs what a cancellation, or the deadline, interrupts. Afterwards it is too late for either.
    ///
    /// - Parameter isWrite: Whether one that came to nothing, because no statement ran any more, counts.
    func interruptibly(_ interruption: Interruption?, isWrite: Bool, _ body: () throws -> Void) throws {
        unsafe sqlite3_set_last_insert_rowid(handle, 0)
        budget.begin()
        guard let interruption else { return try body() }
        if let reason = unsafe interruption.begin(on: handle, anywhere: !isShared) { throw reason.error }
        self.interruption = interruption
        do {
            try body()
        } catch {
            self.interruption = nil
            // An interrupted statement says so, or stops waiting for a lock. The body's other errors are its own.
            if let reason = interruption.end(), let error = error as? SQLiteError, Self.isCausedByCancellation(error) {
                throw reason.error
            }
            throw error
        }
        self.interruption = nil
        if let reason = interruption.end(), isWrite { throw reason.error }
    }

    private static func isCausedByCancellation(_ error: SQLiteError) -> Bool {
        switch error.code.primary {
        case .interrupted, .busy, .transactionLost: true
        default: error.code == .abortRollback
        }
    }

    /// Looks at what the body has left behind, and takes it away. What cannot be taken away spends the connection.
    func cleanUp() {
        isInTransaction = false
        isShared = false
        mustRollBack = false
        if unsafe !isAutocommitting || sqlite3_txn_state(handle, nil) != SQLITE_TXN_NONE {
            resetStatements()
            if !isAutocommitting { try? run(.rollBack) }
            if unsafe !isAutocommitting || sqlite3_txn_state(handle, nil) != SQLITE_TXN_NONE { isSpent = true }
        }
        if settings.isChanged, !isSpent { restoreSettings() }
    }

    /// Resets every statement that is running. None is, unless something went wrong.
    ///
    /// - Returns: Whether a statement that writes was running.
    @discardableResult
    func resetStatements() -> Bool {
        var wasWriting = false
        var next = unsafe sqlite3_next_stmt(handle, nil)
        while let statement = unsafe next {
            if unsafe sqlite3_stmt_busy(statement) != 0 {
                if unsafe sqlite3_stmt_readonly(statement) == 0 { wasWriting = true }
                _ = unsafe sqlite3_reset(statement)
            }
            unsafe next = sqlite3_next_stmt(handle, statement)
        }
        return wasWriting
    }

    /// Runs a body in a savepoint, and rolls back to it when the body throws or the savepoint cannot be released.
    ///
    /// Outside of a transaction the release is a commit, which can fail for any reason that a commit can.
    func performInSavepoint(_ body: Body) throws {
        if isInTransaction || savepoints > 0, mustRollBack || isAutocommitting { throw transactionLost() }
        try run(.savepoint)
        savepoints += 1
        defer { savepoints -= 1 }
        let db = SQLiteConnection(session: self)
        do {
            try body(db)
            if isAutocommitting { throw transactionLost() }
            try run(.releaseSavepoint)
        } catch {
            undoSavepoint()
            throw error
        }
    }

    /// Rolls back to the last savepoint and ends it. If that fails, the transaction can only be rolled back as a whole.
    private func undoSavepoint() {
        // SQLite has rolled everything back already.
        guard !isAutocommitting else { return }
        do {
            try run(.rollBackToSavepoint)
            try run(.releaseSavepoint)
        } catch {
            mustRollBack = true
            if !isInTransaction, savepoints == 1 {
                // The body's own transaction, or the savepoint's: its further statements must not be part of it.
                try? run(.rollBack)
                if isAutocommitting { mustRollBack = false } else { isSpent = true }
            }
        }
    }

    /// Rolls back a transaction of the body's own that could not be rolled back before, as while a statement was interrupted.
    func endLostTransaction(sql: String) throws(SQLiteError) {
        guard mustRollBack else { return }
        do { try run(.rollBack) } catch { throw transactionLost(sql: sql) }
        mustRollBack = false
    }

    /// The error of a body that returns while a transaction of its own is open, which is about to be rolled back.
    func transactionLeftOpen() -> SQLiteError {
        SQLiteError(
            .transactionLeftOpen,
            "the closure began a transaction and returned without ending it, so that it is rolled back: run COMMIT before the "
                + "closure returns, or use write"
        )
    }
}
