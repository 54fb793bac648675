// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// What went wrong in PostgreSQL, on the way to it, or in the use of either.
///
/// It holds the text of the statement, and neither the value of a parameter nor a password. The server's own words may quote
/// values: what it says in ``ServerFields/detail`` is only shown on request, by reading that field.
public struct PostgresError: Error, Sendable {
    /// The kinds of failure. More may come with a later version.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's name.
        public let description: String

        /// The server reported an error, and the session goes on; ``PostgresError/server`` has its fields.
        public static let server = Code(description: "server")

        /// No connection could be made.
        public static let connectFailed = Code(description: "connectFailed")

        /// The connection is lost: it broke, the server ended the session, or the pool was shut
        /// down. Except after a shutdown, it is certain that the statement had no effect, or that
        /// its transaction was rolled back. ``PostgresError/server`` has the server's reason, if it
        /// gave one.
        public static let connectionLost = Code(description: "connectionLost")

        /// The connection was lost after a statement was sent that is a transaction of its own, or
        /// after `COMMIT` was. For a `COMMIT` also: its deadline came, or its task was cancelled. It
        /// may have been committed or not.
        public static let outcomeUnknown = Code(description: "outcomeUnknown")

        /// The deadline came before the answer.
        public static let timedOut = Code(description: "timedOut")

        /// The task was cancelled before the answer came.
        public static let cancelled = Code(description: "cancelled")

        /// A body returned although a statement in it had failed: its transaction, or its
        /// savepoint, was rolled back.
        public static let transactionAborted = Code(description: "transactionAborted")

        /// A statement within the body of a `withTransaction` began or ended a transaction, which
        /// belongs to that method. The statement has run. No other is sent before the outermost
        /// body ends.
        public static let transactionControl = Code(description: "transactionControl")

        /// A value does not fit the type that it was to be decoded as.
        public static let decoding = Code(description: "decoding")

        /// The rows have another number of columns than was asked for, or not one of this name.
        public static let columnCount = Code(description: "columnCount")

        /// A value or a statement cannot be sent, and is not. There are too many parameters, a text has a NUL character, an array or a
        /// number has no form in PostgreSQL, or the server would convert an instant by the session's time zone, for example. The
        /// message names the parameter and the reason.
        public static let encoding = Code(description: "encoding")

        /// A configuration that no pool can be made from.
        public static let invalidConfiguration = Code(description: "invalidConfiguration")

        /// The lease that a stream came from has ended, or another statement has been run on its connection.
        public static let streamEnded = Code(description: "streamEnded")

        /// What was asked for does not work through this interface, such as `COPY`.
        public static let unsupported = Code(description: "unsupported")
    }

    /// What kind of failure it is.
    public let code: Code

    /// What happened, in words.
    public let message: String

    /// What the server said, if it was the server.
    public var server: ServerFields? { said?.value }

    private let said: Boxed<ServerFields>?

    /// The text of the statement; `nil` if the error is not about one.
    public let sql: String?

    /// Whether the connection is of no use any more. Its pool replaces it.
    public let connectionIsGone: Bool

    /// What is certain about the effects of the statement.
    public let outcome: Outcome

    /// Whether there was no connection, or none any more, for a reason that may pass, and nothing
    /// was done.
    let isUnreached: Bool

    init(
        _ code: Code,
        _ message: String,
        server: ServerFields? = nil,
        sql: String? = nil,
        connectionIsGone: Bool = false,
        isUnreached: Bool = false,
        outcome: Outcome? = nil
    ) {
        self.code = code
        self.message = message
        said = server.map(Boxed.init)
        self.sql = sql
        self.connectionIsGone = connectionIsGone
        self.isUnreached = isUnreached
        self.outcome = outcome ?? Outcome(code, server?.sqlState)
    }
}
