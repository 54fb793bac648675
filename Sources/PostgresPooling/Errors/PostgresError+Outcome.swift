// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresError {
    /// What is certain about the effects of a failed statement.
    ///
    /// The outcome concerns that statement. Whatever its outcome, a transaction is rolled back
    /// when the error leaves the body of `withTransaction`, unless the statement is the `COMMIT`
    /// itself.
    public enum Outcome: Hashable, Sendable {
        /// The server has not begun the statement: it was not sent, or the server ended the
        /// session before it read it.
        case notExecuted

        /// The server has undone the statement. If the connection is lost, also the rest of its
        /// transaction.
        case rolledBack

        /// The statement may or may not have been executed.
        case unknown

        /// The statement was executed, but its rows are not those that were requested, or the time
        /// limit passed while the types of its rows were looked up.
        case executed
    }

    /// Whether the same transaction, or the same statement outside of one, may succeed if it runs
    /// again from its beginning.
    ///
    /// `true` if the attempt certainly had no effect, and the reason may pass: a conflict with
    /// other transactions, or a server that was unreachable, full, starting up or shutting down,
    /// or that ended the session. Never `true` if the ``outcome`` is `unknown`.
    public var isRetryable: Bool {
        guard outcome == .notExecuted || outcome == .rolledBack else { return false }
        switch sqlState {
        case .serializationFailure, .deadlockDetected, .tooManyConnections, .cannotConnectNow, .lockNotAvailable:
            return true
        default: return isUnreached
        }
    }

    /// Whether the connection was lost before the server began the statement, so that it can be
    /// sent on another connection.
    var isCertainlyUnread: Bool { code == .connectionLost && outcome == .notExecuted && isUnreached }

    /// Returns the error for a statement that was not sent, because an earlier one had not ended.
    func beforeStatement(_ sql: String) -> PostgresError {
        PostgresError(
            code,
            "an earlier statement on this connection has not ended: \(message)",
            sql: sql,
            connectionIsGone: connectionIsGone,
            outcome: .notExecuted
        )
    }

    /// Returns the error of several statements, of which earlier ones may be committed.
    func afterCommit() -> PostgresError {
        PostgresError(
            code == .connectionLost ? .outcomeUnknown : code,
            message,
            server: server,
            sql: sql,
            connectionIsGone: connectionIsGone,
            outcome: .unknown
        )
    }

    /// Returns the error of a statement that was only to be prepared, or of one like `BEGIN`,
    /// which changes nothing.
    func withoutEffect() -> PostgresError {
        PostgresError(
            code == .outcomeUnknown ? .connectionLost : code,
            message,
            server: server,
            sql: sql,
            connectionIsGone: connectionIsGone,
            isUnreached: isUnreached || connectionIsGone && [.outcomeUnknown, .connectionLost].contains(code),
            outcome: .notExecuted
        )
    }
}

extension PostgresError.Outcome {
    /// Creates the outcome that a code implies if nothing else is known.
    init(_ code: PostgresError.Code, _ sqlState: PostgresError.SQLState?) {
        self =
            switch code {
            // Class 40 has one code for a statement whose completion the server itself does not
            // know.
            case .server: sqlState == "40003" ? .unknown : .rolledBack
            case .connectFailed, .noServer, .encoding, .invalidConfiguration, .misplacedParameter: .notExecuted
            case .transactionAborted: .rolledBack
            case .decoding, .columnCount, .noRows, .tooManyRows: .executed
            default: .unknown
            }
    }
}

extension PostgresError.ServerFields {
    /// Whether the server ends the session with this error.
    var isFatal: Bool { severity == "FATAL" || severity == "PANIC" }

    /// Whether this explains the end of the session, if the server ends it. At an immediate
    /// shutdown, and after the crash of another process, the server sends the reason as a warning.
    var explainsEnd: Bool { isFatal || sqlState == .adminShutdown || sqlState == .crashShutdown }

    /// Whether the server reports this only while it waits for a statement, so that it has not
    /// begun one that was sent.
    var provesIdleness: Bool {
        isFatal && (sqlState == .idleSessionTimeout || sqlState == .idleInTransactionSessionTimeout)
    }
}

extension PostgresError.SQLState {
    /// The session was idle for longer than the setting `idle_session_timeout` allows, and the
    /// server ended it.
    public static let idleSessionTimeout: Self = "57P05"
    /// A transaction was idle for longer than the setting `idle_in_transaction_session_timeout`
    /// allows, and the server ended the session.
    public static let idleInTransactionSessionTimeout: Self = "25P03"
}
