// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

// A function whose result is `Sendable` does not have the type of one whose result is `sending`,
// and Swift 6.3 does not convert it. Passing on a body, or a function instead of a closure,
// therefore requires overloads.

extension PostgresPool {
    /// Leases a connection to a function, or to a body that is passed on, whose result is
    /// `Sendable`.
    ///
    /// Behaves like the other `withConnection`. The compiler chooses the overload.
    ///
    /// - Parameters:
    ///   - timeout: The time limit for the wait for a connection and all statements of the body
    ///     together; `nil`, the default, for no limit of its own. When it has passed, the
    ///     statement in progress and every later one fail. Other code of the body is not
    ///     interrupted.
    ///   - checkoutTimeout: The time limit for the wait for a connection; by default the
    ///     configuration's.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: A closure that uses the connection. The connection cannot escape from it.
    /// - Returns: The result of `body`.
    /// - Throws: As the other `withConnection`.
    @discardableResult
    public func withConnection<Result: ~Copyable & Sendable>(
        timeout: Duration? = nil,
        checkoutTimeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing PostgresConnection) async throws -> Result
    ) async throws -> Result {
        let limit = limit(timeout, checkoutTimeout: checkoutTimeout)
        let lease = try await checkOut(within: limit, CallSite(inThisTask: file, line))
        return try await body(lease.connection)
    }

    /// Runs a function, or a body that is passed on, whose result is `Sendable`, in a transaction.
    ///
    /// Behaves like the other `withTransaction`. The compiler chooses the overload.
    ///
    /// ```swift
    /// func asTenant<Value: Sendable>(
    ///     _ tenant: String,
    ///     _ body: (borrowing PostgresConnection) async throws -> Value
    /// ) async throws -> Value {
    ///     try await pool.withTransaction(settings: ["app.tenant": tenant], body)
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - isolation: The isolation level; `nil` for the server's default.
    ///   - readOnly: Whether the transaction may only read.
    ///   - settings: The settings of the transaction by name, such as `app.tenant`. They end with
    ///     it, and take no round trip of their own.
    ///   - retry: The failures after which the body runs again from its beginning; by default
    ///     none.
    ///   - timeout: The time limit for the wait for a connection and all statements of the body
    ///     together; `nil`, the default, for no limit of its own. When it has passed, the
    ///     statement in progress and every later one fail. Other code of the body is not
    ///     interrupted.
    ///   - checkoutTimeout: The time limit for the wait for a connection; by default the
    ///     configuration's.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: A closure that uses the connection. The connection cannot escape from it.
    /// - Returns: The result of `body`, after everything is committed.
    /// - Throws: As the other `withTransaction`.
    @discardableResult
    public func withTransaction<Result: ~Copyable & Sendable>(
        isolation: PostgresConnection.IsolationLevel? = nil,
        readOnly: Bool = false,
        settings: [String: String] = [:],
        retry: PostgresRetry = .never,
        timeout: Duration? = nil,
        checkoutTimeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing PostgresConnection) async throws -> Result
    ) async throws -> Result {
        let start = try TransactionStart(isolation: isolation, readOnly: readOnly, settings: settings)
        let limit = limit(timeout, checkoutTimeout: checkoutTimeout)
        let caller = CallSite(inThisTask: file, line)
        if retry.isEnabled {
            return try await repeatTransaction(start, retry, within: limit, caller) { db in try await body(db) }
        }
        let lease = try await checkOutInTransaction(start, within: limit, caller)
        let result = try await body(lease.connection)
        try await lease.connection.commit()
        return result
    }
}
