// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import Synchronization

/// A connection to a PostgreSQL server, lent to a body by ``PostgresPool``.
///
/// It cannot leave the body: storing it, returning it or handing it to another task does not compile.
///
/// ```swift
/// let names = try await pool.withConnection { db in
///     try await db.query("SELECT name FROM users WHERE city = \(city)", as: String.self)
/// }
/// ```
///
/// One statement runs at a time. A task that is cancelled, or whose time is over, is told at once; the server is asked to end the
/// statement meanwhile, and the next one on the same connection waits until it has.
public struct PostgresConnection: ~Copyable, Sendable {
    let link: Link
    let statementTimeout: Duration?
    let resetTimeout: Duration
    let columnNames: PostgresConfiguration.ColumnNames

    /// Keeps the value in memory and never in registers: there, the compiler of Swift 6.3 refuses that another task captures it, with
    /// an error, and crashes otherwise.
    private let inMemory = Atomic(false)

    func patience(_ timeout: Duration?) -> Patience {
        guard let timeout = timeout ?? statementTimeout else { return Patience() }
        return Patience(deadline: MonotonicClock.deadline(after: timeout))
    }

    /// Makes sure that another statement can be sent, and ends the streams of earlier ones.
    func prepareToSend(sql: @autoclosure () -> String, _ patience: Patience) async throws(PostgresError) {
        link.endStreams()
        try await link.prepareToSend(sql: sql(), patience, resetTimeout: resetTimeout)
    }
}

extension PostgresConnection {
    /// Whether a transaction is open on the server, be it one that has failed.
    ///
    /// When the answer to a statement has not been read to its end, as after a timeout, a
    /// cancellation, and during a stream: whether one was open when that statement was sent. `false`
    /// when the connection is lost, because the server rolls back then.
    public var isInTransaction: Bool { link.isInTransaction }

    /// The number of the server's process for this connection, as in `pg_stat_activity`.
    public var serverProcess: Int32 { unsafe PQbackendPID(link.handle) }

    /// The version of the server, such as 150_018 for 15.18.
    public var serverVersion: Int { Int(unsafe PQserverVersion(link.handle)) }

    /// Whether the connection is encrypted.
    public var isEncrypted: Bool { unsafe PQsslInUse(link.handle) != 0 }

    /// A setting that the server reports, such as `TimeZone` or `in_hot_standby`; `nil` if it does not.
    public func parameterStatus(_ name: String) -> String? {
        unsafe PQparameterStatus(link.handle, name).map { unsafe String(cString: $0) }
    }
}
