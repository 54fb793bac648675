// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import Synchronization

// Makes errors from results and lost connections.

extension Session {
    /// Returns the error that a result describes; `nil` if it describes none.
    func failure(of result: PostgresResult, sql: String) -> PostgresError? {
        guard result.isError else { return nil }
        if result.isCopy {
            return refusedCopy(result, sql: sql)
        }
        guard result.errorField("C") != nil else { return lost(sql: sql, result.errorMessage) }
        let fields = PostgresError.ServerFields(result)
        if fields.isFatal {
            endReason = fields
            return lost(sql: sql, fields.message)
        }
        // A statement that the parser refuses, at a position in the text, has not begun.
        let hasBegun = !state.wasInTransaction && fields.position == nil
        let mayHaveCommitted = TransactionScanner.mayCommitPart(sql, hasBegun: hasBegun)
        return PostgresError(
            .server,
            fields.message,
            server: fields,
            sql: sql,
            connectionIsGone: isLost,
            outcome: mayHaveCommitted ? .unknown : nil
        )
    }

    /// Returns the error for a lost connection, with the server's reason if it sent one.
    ///
    /// A statement that was sent has had no effect if the server had ended the session before, or
    /// if the statement belonged to a transaction, which is then rolled back. Otherwise the
    /// outcome is unknown: the server may have committed, and its answer may be lost.
    ///
    /// - Parameter isSent: Whether the statement was sent.
    func lost(sql: String, _ message: String, isSent: Bool = true) -> PostgresError {
        // The input may contain the server's reason.
        parse()
        let outcome =
            state.wasEnded || endReason?.provesIdleness == true ? .notExecuted : outcome(sql: sql, isSent: isSent)
        let reason = endReason?.message ?? message
        return PostgresError(
            outcome == .unknown ? .outcomeUnknown : .connectionLost,
            PostgresError.escapingControlCharacters(
                reason.split(whereSeparator: \.isNewline).map { $0.drop { $0 == "\t" } }.joined(separator: " ")
            ),
            server: endReason,
            sql: sql,
            connectionIsGone: true,
            isUnreached: outcome != .unknown,
            outcome: outcome
        )
    }

    /// Returns the error for an abandoned connection.
    func abandoned(sql: String, isSent: Bool = true) -> PostgresError {
        lost(
            sql: sql,
            "The server sent too much that was not requested, and the connection was abandoned.",
            isSent: isSent
        )
    }

    /// Returns the error for a lease holder that the pool no longer waits for.
    ///
    /// - Parameter isSent: Whether the statement was sent.
    func shutDown(sql: String, isSent: Bool = true) -> PostgresError {
        let outcome = outcome(sql: sql, isSent: isSent)
        return PostgresError(
            .connectionLost,
            "the pool was shut down while this connection was in use",
            sql: sql,
            connectionIsGone: true,
            isUnreached: outcome != .unknown,
            outcome: outcome
        )
    }

    /// Returns the outcome of a statement whose session ends without an answer.
    private func outcome(sql: String, isSent: Bool) -> PostgresError.Outcome {
        if !isSent { return .notExecuted }
        return state.wasInTransaction && !TransactionScanner.mayEndTransaction(sql) ? .rolledBack : .unknown
    }
}
