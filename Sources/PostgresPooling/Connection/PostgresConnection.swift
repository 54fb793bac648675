// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import Synchronization

/// A connection to a PostgreSQL server, leased from a ``PostgresPool`` for a body.
///
/// The connection cannot escape the body: storing it, returning it or passing it to another task
/// does not compile.
///
/// ```swift
/// let names = try await pool.withConnection { db in
///     try await db.query("SELECT name FROM users WHERE city = \(city)", as: String.self)
/// }
/// ```
///
/// One statement runs at a time. If its task is cancelled or its timeout passes, the call throws
/// at once. The server is asked to cancel the statement, and the next statement on the connection
/// waits until it has ended.
public struct PostgresConnection: ~Copyable, Sendable {
    let session: Session
    let statementTimeout: Duration?
    let resetTimeout: Duration
    let columnNames: PostgresConfiguration.ColumnNames

    /// Keeps the value in memory and not in registers. The compiler of Swift 6.3 then rejects a
    /// capture by another task with an error; otherwise it crashes.
    private let inMemory = Atomic(false)

    /// Returns the limit of a statement: its timeout, or else the configuration's; and the
    /// deadline of the body.
    func limit(_ timeout: Duration?) -> WaitLimit {
        let deadline = session.state.deadline
        guard let timeout = timeout ?? statementTimeout else { return WaitLimit(deadline: deadline) }
        return WaitLimit(deadline: min(deadline, MonotonicClock.deadline(after: timeout)))
    }

    /// Returns the limit of a statement of the pool: the deadline of the call, or else the
    /// configuration's timeout.
    func limit(until deadline: UInt64?) -> WaitLimit {
        guard let deadline else { return limit(nil) }
        return WaitLimit(deadline: deadline)
    }

    /// Limits the statements of a body.
    ///
    /// - Parameter timeout: The time for the body; `nil` for no limit of its own.
    /// - Returns: The earlier deadline, which applies again after the body.
    func beginBody(timeout: Duration?) -> UInt64 {
        let outer = session.state.deadline
        if let timeout { session.state.deadline = min(outer, MonotonicClock.deadline(after: timeout)) }
        return outer
    }

    /// Ensures that another statement can be sent, and ends the streams of earlier ones.
    func prepareToSend(sql: @autoclosure () -> String, _ limit: WaitLimit) async throws(PostgresError) {
        session.endStreams()
        try await session.prepareToSend(sql: sql(), limit, resetTimeout: resetTimeout)
    }
}

extension PostgresConnection {
    /// Whether a transaction is open on the server, including a failed one.
    ///
    /// While the answer to a statement has not been read to its end, as after a timeout, a
    /// cancellation, or during a stream: whether a transaction was open when that statement was
    /// sent. `false` if the connection is lost, because the server then rolls back.
    public var isInTransaction: Bool { session.isInTransaction }

    /// The identifier of the server's process for this connection, as in `pg_stat_activity`.
    public var serverProcess: Int32 { unsafe PQbackendPID(session.handle) }

    /// The version of the server, such as 150_018 for 15.18.
    public var serverVersion: Int { Int(unsafe PQserverVersion(session.handle)) }

    /// Whether the connection is encrypted.
    public var isEncrypted: Bool { unsafe PQsslInUse(session.handle) != 0 }

    /// Returns a setting that the server reports, such as `TimeZone` or `in_hot_standby`; `nil` if
    /// it does not report it.
    public func parameterStatus(_ name: String) -> String? {
        unsafe PQparameterStatus(session.handle, name).map { unsafe String(cString: $0) }
    }
}

extension PostgresConnection {
    /// Closes the connection when the body ends, in whatever state it is. The pool makes another
    /// on demand.
    ///
    /// For a session whose state neither the pool nor the server's reports can reflect, such as
    /// one that an extension has changed. Later statements of the body run as usual.
    ///
    /// - Complexity: O(1); sends nothing.
    public func discardAfterUse() { session.state.isDiscarded = true }
}
