// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

// What a link knows of the transactions that `withTransaction` has begun on it.

extension Link {
    /// Whether a transaction is open, as far as is known.
    var isInTransaction: Bool {
        if !session.isAnswerPending { takeInUnasked() }
        return switch unsafe PQtransactionStatus(handle) {
        case PQTRANS_INTRANS, PQTRANS_INERROR: !isLost
        case PQTRANS_ACTIVE: !isLost && session.wasInTransaction
        default: false
        }
    }

    /// Notes what a statement did.
    ///
    /// - Parameter sql: The text of the statement, or of several; `nil` if it is not known.
    @inline(__always)
    func note(_ result: PostgresResult, sql: String?) {
        if result.isOrdinary { return }
        session.note(result, sql: sql)
        session.transactions.note(commandTag: result.commandTag, sql: sql ?? "")
    }

    /// Undoes what a failed body of `withTransaction` has done, if that is still to be undone.
    ///
    /// - Returns: Whether another statement can be sent.
    func undo(by deadline: UInt64) async -> Bool {
        guard case .undo(let script) = session.transactions.obstacle else { return true }
        if unsafe PQtransactionStatus(handle) != PQTRANS_IDLE {
            do throws(PostgresError) {
                try await runScript(script, Patience(deadline: deadline, isCancellable: false))
            } catch {
                // After an error of the server's the transaction can only be rolled back.
                guard error.code == .server else { return false }
            }
        }
        session.transactions.obstacle = nil
        return !isLost
    }

    /// The error for a body that has begun or ended a transaction by a statement of its own; `nil` if none has.
    func controlError(sql: String) -> PostgresError? {
        guard case .control(let tag) = session.transactions.obstacle else { return nil }
        return PostgresError(
            .transactionControl,
            "a statement with the tag \(tag) ran within the body of withTransaction, which begins and ends the transaction itself; use withConnection for transactions by hand",
            sql: sql
        )
    }
}
