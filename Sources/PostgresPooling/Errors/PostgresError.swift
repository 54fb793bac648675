// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// An error of PostgreSQL, of the connection to it, or of its use.
///
/// It contains the text of the statement, but neither the value of a parameter nor a password. The
/// server's texts may quote values: ``ServerFields/detail``, for example, appears only if a
/// program reads that field.
public struct PostgresError: Error, Sendable {
    /// The kinds of failure. Later versions may add more.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's name.
        public let description: String

        /// The server reported an error, and the session continues; ``PostgresError/server`` has
        /// its fields.
        public static let server = Code(description: "server")

        /// No connection could be made.
        public static let connectFailed = Code(description: "connectFailed")

        /// No server of a ``PostgresCluster`` qualified in time; ``PostgresError/servers`` tells
        /// why.
        public static let noServer = Code(description: "noServer")

        /// The connection is lost: it broke, the server ended the session, or the pool was shut
        /// down. Except after a shutdown, the statement certainly had no effect, or its
        /// transaction was rolled back. ``PostgresError/server`` has the server's reason, if it
        /// sent one.
        public static let connectionLost = Code(description: "connectionLost")

        /// The connection was lost after a statement was sent that is a transaction of its own, or
        /// after `COMMIT` was sent. For a `COMMIT` also: its deadline passed, or its task was
        /// cancelled. The transaction may or may not have been committed.
        public static let outcomeUnknown = Code(description: "outcomeUnknown")

        /// The deadline passed before the answer arrived.
        public static let timedOut = Code(description: "timedOut")

        /// The task was cancelled before the answer arrived. Callers receive a `CancellationError`
        /// instead; see `forCaller`.
        static let cancelled = Code(description: "cancelled")

        /// A body returned although a statement in it had failed: its transaction, or its
        /// savepoint, was rolled back.
        ///
        /// Also: a statement of a pipeline did not run, or was undone, because another one failed.
        public static let transactionAborted = Code(description: "transactionAborted")

        /// A statement within the body of a `withTransaction` began or ended a transaction, which
        /// only that method may do. The statement has run. No other statement is sent before the
        /// outermost body ends.
        ///
        /// Also: `withTransaction` was called within a transaction, where `withSavepoint` is
        /// meant. Nothing was sent then.
        public static let transactionControl = Code(description: "transactionControl")

        /// A value cannot be decoded as the requested type.
        public static let decoding = Code(description: "decoding")

        /// The rows have another number of columns than requested, or no column of a requested
        /// name.
        public static let columnCount = Code(description: "columnCount")

        /// A statement of `queryOne` returned no row.
        public static let noRows = Code(description: "noRows")

        /// A statement of `queryOne` returned more than one row.
        public static let tooManyRows = Code(description: "tooManyRows")

        /// A value or a statement cannot be sent, and was not sent. For example, there are too
        /// many parameters, a text contains a NUL character, an array or a number has no
        /// representation in PostgreSQL, or the server would convert an instant by the session's
        /// time zone. The message names the parameter and the reason.
        public static let encoding = Code(description: "encoding")

        /// The configuration is invalid.
        public static let invalidConfiguration = Code(description: "invalidConfiguration")

        /// The lease of a stream has ended, or another statement has run on its connection.
        public static let streamEnded = Code(description: "streamEnded")

        /// The operation is not supported by this interface, such as `COPY` in a method that
        /// does not transfer its data.
        public static let unsupported = Code(description: "unsupported")
    }

    /// The kind of failure.
    public let code: Code

    /// A description of the failure.
    public let message: String

    /// The server's fields, if the server reported the error.
    public var server: ServerFields? { serverBox?.value }

    private let serverBox: Boxed<ServerFields>?

    /// The servers of a ``PostgresCluster`` that did not qualify, and why; empty unless the code
    /// is `noServer`.
    public var servers: [UnqualifiedServer] { serversBox?.value ?? [] }

    private let serversBox: Boxed<[UnqualifiedServer]>?

    /// The text of the statement; `nil` if the error is not about one.
    public internal(set) var sql: String?

    /// Whether the connection is unusable. Its pool replaces it.
    public let connectionIsGone: Bool

    /// What is certain about the effects of the statement.
    public let outcome: Outcome

    /// Whether no connection could be made or kept, for a reason that may pass, and the statement
    /// had no effect.
    let isUnreached: Bool

    /// The number of times that `withTransaction(retry:)` has begun the transaction; 1 without
    /// repetitions.
    public internal(set) var attempts: Int {
        get { Int(attemptCount) }
        set { attemptCount = Int32(clamping: newValue) }
    }

    private var attemptCount: Int32 = 1

    /// The number of statements of a script that had succeeded before the failure; `nil` if the
    /// error is not about a script.
    ///
    /// Those of the transaction in which the failure occurred are rolled back. The parser reads a
    /// whole script first, so that none has run if it refuses one.
    public internal(set) var completedStatements: Int? {
        get { completedCount < 0 ? nil : Int(completedCount) }
        set { completedCount = newValue.map { Int32(clamping: $0) } ?? -1 }
    }

    private var completedCount: Int32 = -1

    init(
        _ code: Code,
        _ message: String,
        server: ServerFields? = nil,
        servers: [UnqualifiedServer]? = nil,
        sql: String? = nil,
        connectionIsGone: Bool = false,
        isUnreached: Bool = false,
        outcome: Outcome? = nil
    ) {
        self.code = code
        self.message = message
        serverBox = server.map(Boxed.init)
        serversBox = servers.map(Boxed.init)
        self.sql = sql
        self.connectionIsGone = connectionIsGone
        self.isUnreached = isUnreached
        self.outcome = outcome ?? Outcome(code, server?.sqlState)
    }
}

extension PostgresError {
    /// The error that a caller receives: `CancellationError` if its task was cancelled, otherwise
    /// this error.
    var forCaller: any Error { code == .cancelled ? CancellationError() : self }
}
