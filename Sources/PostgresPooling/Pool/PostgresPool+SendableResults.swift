// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

// A function whose result is `Sendable` is not of a type whose result is `sending`, and Swift 6.3 does not convert it. So a body that
// is passed on, and a function in the place of a closure, need methods of their own.

extension PostgresPool {
    /// Lends a connection to a function or to a body that is passed on, whose result is `Sendable`.
    ///
    /// As the other `withConnection` in all else. The compiler chooses.
    ///
    /// - Parameters:
    ///   - timeout: The longest wait for a connection; by default the configuration's `checkoutTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Uses the connection, which cannot leave it.
    /// - Returns: What `body` returns.
    /// - Throws: As the other `withConnection`.
    @discardableResult
    public func withConnection<Result: ~Copyable & Sendable>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing PostgresConnection) async throws -> Result
    ) async throws -> Result {
        let lease = try await checkOut(timeout: timeout, Caller(inThisTask: file, line))
        return try await body(lease.connection)
    }

    /// Runs a function or a body that is passed on, whose result is `Sendable`, in a transaction.
    ///
    /// As the other `withTransaction` in all else. The compiler chooses.
    ///
    /// ```swift
    /// func asTenant<Value: Sendable>(
    ///     _ tenant: String,
    ///     _ body: (borrowing PostgresConnection) async throws -> Value
    /// ) async throws -> Value {
    ///     try await pool.withTransaction { db in
    ///         _ = try await db.query("SELECT set_config('app.tenant', \(tenant), true)")
    ///         return try await body(db)
    ///     }
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - isolation: What the transaction sees of others; `nil` for the server's default.
    ///   - readOnly: Whether it may not write.
    ///   - timeout: The longest wait for a connection; by default the configuration's `checkoutTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Uses the connection, which cannot leave it. Its `withTransaction` makes savepoints.
    /// - Returns: What `body` returns; everything is committed then.
    /// - Throws: As the other `withTransaction`.
    @discardableResult
    public func withTransaction<Result: ~Copyable & Sendable>(
        isolation: PostgresIsolation? = nil,
        readOnly: Bool = false,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing PostgresConnection) async throws -> Result
    ) async throws -> Result {
        let lease = try await checkOutInTransaction(
            isolation: isolation,
            readOnly: readOnly,
            timeout: timeout,
            Caller(inThisTask: file, line)
        )
        let result = try await body(lease.connection)
        try await lease.connection.commit()
        return result
    }
}
