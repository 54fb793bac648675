// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

/// A function that uses a connection. It stores its result itself, so that no function that runs
/// it is generic: the runtime would look up a generic function's types at each call.
typealias Body = (borrowing SQLiteConnection) throws -> Void

extension Session {
    /// Runs a body, and restores the connection afterwards: no transaction is open, no statement
    /// runs, and no interruption is set.
    ///
    /// A cancellation before the end of the body rolls back; after the end it has no effect.
    ///
    /// - Parameters:
    ///   - interruption: The interruption of the call; `nil` if nothing can interrupt it.
    ///   - scope: The transaction that the body runs in.
    ///   - body: The function that receives the connection.
    /// - Throws: The error of the body; `SQLiteError`; `CancellationError` if the task is
    ///   cancelled. The code is `transactionLeftOpen` if the body began a transaction and returned
    ///   without ending it.
    func perform(_ interruption: Interruption?, in scope: TransactionScope, _ body: Body) throws {
        defer { cleanUp() }
        try interruptibly(interruption, isWrite: scope.isWrite) {
            if let opening = scope.opening {
                try run(opening)
                isInTransaction = true
            }
            if case .snapshotNow(let isTaken) = scope {
                // A transaction's snapshot is taken by its first statement.
                try run(.readSchema)
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
            // If SQLite has ended the transaction, the body has received that error.
            if !isAutocommitting { try run(.commit) }
        case .immediate, .immediateAlone:
            if mustRollBack || isAutocommitting { throw transactionAborted() }
            try run(.commit)
        }
        if let immutableFile, !immutableFile.isUnchanged {
            mustBeReplaced = true
            throw ImmutableFile.error
        }
    }

    /// Runs the part of a call that a cancellation or a deadline interrupts. Afterwards neither
    /// has an effect.
    ///
    /// - Parameter isWrite: Whether a stop fails the call even if the body has returned without an
    ///   error.
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
            // An interrupted statement fails with an error for that, and so does a wait for a
            // lock. Other errors are the body's.
            if let reason = interruption.end(), let error = error as? SQLiteError, Self.isCausedByCancellation(error) {
                throw reason.error
            }
            throw error
        }
        self.interruption = nil
        if let reason = interruption.end(), isWrite { throw reason.error }
    }

    static func isCausedByCancellation(_ error: SQLiteError) -> Bool {
        switch error.code.primary {
        case .interrupted, .busy, .transactionAborted: true
        default: error.code == .abortRollback
        }
    }

    /// Removes what the body has left on the connection. If that fails, the connection is
    /// replaced.
    func cleanUp() {
        isInTransaction = false
        isShared = false
        mustRollBack = false
        if changes != nil { endUseOfChanges() }
        if unsafe !isAutocommitting || sqlite3_txn_state(handle, nil) != SQLITE_TXN_NONE {
            resetStatements()
            if !isAutocommitting { try? run(.rollBack) }
            if unsafe !isAutocommitting || sqlite3_txn_state(handle, nil) != SQLITE_TXN_NONE { mustBeReplaced = true }
            // A statement that was reset has committed.
            settleChanges()
        }
        if settings.isChanged, !mustBeReplaced { restoreSettings() }
    }

    /// Resets all running statements. There are none unless an error has occurred.
    ///
    /// - Returns: Whether a writing statement was running.
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

    /// Runs a body in a savepoint. Rolls back to the savepoint if the body throws or the savepoint
    /// cannot be released.
    ///
    /// Outside of a transaction the release is a commit, and can fail as any commit can.
    func performInSavepoint(_ body: Body) throws {
        if isInTransaction || savepoints > 0, mustRollBack || isAutocommitting { throw transactionAborted() }
        settleChanges()
        try run(.savepoint)
        changes?.beginSavepoint(Self.savepointName)
        savepoints += 1
        defer { savepoints -= 1 }
        let db = SQLiteConnection(session: self)
        do {
            try body(db)
            if isAutocommitting { throw transactionAborted() }
            try run(.releaseSavepoint)
            changes?.releaseSavepoint(Self.savepointName)
        } catch {
            undoSavepoint()
            throw error
        }
    }

    /// Rolls back to the last savepoint and releases it. If that fails, only the whole transaction
    /// can be rolled back.
    private func undoSavepoint() {
        // SQLite has already rolled back the transaction.
        guard !isAutocommitting else { return }
        do {
            try run(.rollBackToSavepoint)
            changes?.rollBack(to: Self.savepointName)
            try run(.releaseSavepoint)
            changes?.releaseSavepoint(Self.savepointName)
        } catch {
            mustRollBack = true
            if !isInTransaction, savepoints == 1 {
                // A transaction of the body or of the savepoint: further statements must not
                // become part of it.
                try? run(.rollBack)
                if isAutocommitting { mustRollBack = false } else { mustBeReplaced = true }
            }
        }
    }

    /// Rolls back a transaction of the body that could not be rolled back earlier, for example
    /// during an interruption.
    func rollBackLostTransaction(sql: String) throws(SQLiteError) {
        guard mustRollBack else { return }
        do { try run(.rollBack) } catch { throw transactionAborted(sql: sql) }
        mustRollBack = false
    }

    /// Returns the error for a body that returns with its own transaction open, which is about to
    /// be rolled back.
    func transactionLeftOpen() -> SQLiteError {
        SQLiteError(
            .transactionLeftOpen,
            "the closure began a transaction and returned without ending it; the transaction is rolled back: run COMMIT "
                + "before the closure returns, or use write"
        )
    }
}
