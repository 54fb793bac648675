// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

// What a session knows of the transactions that `withTransaction` has begun.

extension Session {
    /// Whether a transaction is open, as far as is known.
    var isInTransaction: Bool {
        if !state.isAnswerPending { consumeUnsolicited() }
        return switch unsafe PQtransactionStatus(handle) {
        case PQTRANS_INTRANS, PQTRANS_INERROR: !isLost
        case PQTRANS_ACTIVE: !isLost && state.wasInTransaction
        default: false
        }
    }

    /// Records the effect of a statement.
    ///
    /// - Parameter sql: The text of the statement, or of several; `nil` if it is not known.
    @inline(__always)
    func record(_ result: PostgresResult, sql: String?) {
        if result.isOrdinary { return }
        state.record(result, sql: sql)
        state.transactions.record(commandTag: result.commandTag, sql: sql ?? "")
    }

    /// Records that the transaction of a body has ended, if no statement was recognized as the
    /// end: its text may be unknown, or be read by other rules, as with
    /// `standard_conforming_strings` off.
    @inline(__always)
    func recordEndOfTransaction() {
        guard state.transactions.depth > 0, state.transactions.obstacle == nil else { return }
        if unsafe PQtransactionStatus(handle) == PQTRANS_IDLE { state.transactions.obstacle = .control("ROLLBACK") }
    }

    /// Undoes the changes of a failed body of `withTransaction`, if that is still pending.
    ///
    /// - Returns: Whether another statement can be sent.
    func undo(by deadline: UInt64) async -> Bool {
        guard case .undo(let script) = state.transactions.obstacle else { return true }
        if unsafe PQtransactionStatus(handle) != PQTRANS_IDLE {
            let observation = observe(script)
            do throws(PostgresError) {
                let result = try await runScript(script, WaitLimit(deadline: deadline, isCancellable: false))
                observation?.complete(result)
            } catch {
                observation?.fail(error)
                // After an error from the server, the transaction can only be rolled back.
                guard error.code == .server else { return false }
            }
        }
        state.transactions.obstacle = nil
        return !isLost
    }

    /// Returns the error for a body that has begun or ended a transaction with a statement of its
    /// own; `nil` if none has.
    func controlError(sql: String) -> PostgresError? {
        guard case .control(let tag) = state.transactions.obstacle else { return nil }
        return PostgresError(
            .transactionControl,
            "a statement with the tag \(tag) ran within the body of withTransaction, which begins and ends the transaction itself; use withConnection to control transactions with statements",
            sql: sql
        )
    }
}

/// The transactions and savepoints that `withTransaction` has begun in the current lease.
struct TransactionRecord {
    /// A condition that prevents the next statement.
    enum Obstacle {
        /// A body has failed, and these statements undo its changes. They run before any other
        /// statement.
        case undo(String)

        /// A body has begun or ended a transaction with a statement that has this command tag. The
        /// outermost body can only fail.
        case control(String)
    }

    /// The number of nested bodies of `withTransaction`.
    var depth = 0

    var obstacle: Obstacle?

    /// The number of the last cursor of `withCursor` that has been opened and not closed. Its
    /// transaction may have ended.
    var openCursors = 0

    private var savepoints = 0

    /// Returns the name of a new savepoint. Names are unique, so the server reports a savepoint
    /// that a body has released or rolled back.
    mutating func nextSavepoint() -> String {
        savepoints += 1
        return "lockpool_\(savepoints)"
    }

    /// Records a successful statement of a body.
    ///
    /// - Parameters:
    ///   - commandTag: The server's command tag.
    ///   - sql: The text. It distinguishes `ROLLBACK` from `ROLLBACK TO`, which has the same tag.
    mutating func record(commandTag: String, sql: String) {
        guard depth > 0, obstacle == nil else { return }
        switch commandTag {
        case "BEGIN", "START TRANSACTION", "COMMIT", "PREPARE TRANSACTION": obstacle = .control(commandTag)
        case "ROLLBACK" where TransactionScanner.mayEndTransaction(sql): obstacle = .control(commandTag)
        default: break
        }
    }
}
