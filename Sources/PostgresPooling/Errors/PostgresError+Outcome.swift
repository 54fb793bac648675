// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresError {
    /// What is certain about the effects of a statement that failed.
    ///
    /// It is about that statement. Whatever its outcome, a transaction is rolled back when the
    /// error leaves the body of `withTransaction`, unless the statement is the `COMMIT` itself.
    public enum Outcome: Hashable, Sendable {
        /// The server has not begun with the statement: it was not sent, or the server ended the
        /// session before it read it.
        case notExecuted

        /// The server has undone what the statement did. If the connection is lost, also the rest
        /// of its transaction.
        case rolledBack

        /// The statement may have been done or not.
        case unknown

        /// The statement was done, and its rows could not be decoded.
        case executed
    }

    /// Whether the same transaction, or the same statement outside of one, may succeed when it
    /// runs again from its beginning.
    ///
    /// `true` if it is certain that nothing was done, and the reason may pass: a race with others
    /// was lost, or the server was not reached, full, starting up or shutting down, or ended the
    /// session. Never `true` if the ``outcome`` is `unknown`.
    public var isRetryable: Bool {
        guard outcome == .notExecuted || outcome == .rolledBack else { return false }
        switch sqlState {
        case .serializationFailure, .deadlockDetected, .tooManyConnections, .cannotConnectNow, .lockNotAvailable:
            return true
        default: return isUnreached
        }
    }

    /// Whether the connection was lost before the server began with the statement, so that it can
    /// be sent on another.
    var isCertainlyUnread: Bool { code == .connectionLost && outcome == .notExecuted && isUnreached }

    /// The same error for a statement that was not sent, because an earlier one had not ended.
    func beforeStatement(_ sql: String) -> PostgresError {
        PostgresError(
            code,
            "an earlier statement on this connection has not ended: \(message)",
            sql: sql,
            connectionIsGone: connectionIsGone,
            outcome: .notExecuted
        )
    }

    /// The same error of a statement that was only to be prepared, or of one like `BEGIN`, which
    /// changes nothing.
    func withoutEffect() -> PostgresError {
        PostgresError(
            code == .outcomeUnknown ? .connectionLost : code,
            message,
            server: server,
            sql: sql,
            connectionIsGone: connectionIsGone,
            isUnreached: isUnreached || code == .outcomeUnknown,
            outcome: .notExecuted
        )
    }
}

extension PostgresError.Outcome {
    /// The outcome that goes with a code, where nothing else is known.
    init(_ code: PostgresError.Code, _ sqlState: SQLState?) {
        self =
            switch code {
            // The class 40 has one code for a statement of which the server itself does not know
            // whether it was completed.
            case .server: sqlState == "40003" ? .unknown : .rolledBack
            case .connectFailed, .encoding, .invalidConfiguration, .misplacedParameter: .notExecuted
            case .transactionAborted: .rolledBack
            case .decoding, .columnCount: .executed
            default: .unknown
            }
    }
}

extension PostgresError.ServerFields {
    /// Whether the server ends the session with this.
    var isFatal: Bool { severity == "FATAL" || severity == "PANIC" }

    /// Whether this is why the server ends the session, if it does. At an immediate shutdown, and
    /// after the crash of another process, it gives its reason as a warning.
    var explainsEnd: Bool { isFatal || sqlState == .adminShutdown || sqlState == .crashShutdown }

    /// Whether the server reports this only while it waits for a statement, and so has not begun
    /// with one that was sent.
    var provesIdleness: Bool {
        isFatal && (sqlState == .idleSessionTimeout || sqlState == .idleInTransactionSessionTimeout)
    }
}

extension SQLState {
    /// The session was idle for longer than the setting `idle_session_timeout` allows, and the
    /// server ended it.
    public static let idleSessionTimeout: SQLState = "57P05"
    /// A transaction was idle for longer than the setting `idle_in_transaction_session_timeout`
    /// allows, and the server ended the session.
    public static let idleInTransactionSessionTimeout: SQLState = "25P03"
}
