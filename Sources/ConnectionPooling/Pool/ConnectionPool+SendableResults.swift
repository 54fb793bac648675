// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import LockPool

// A function whose result is `Sendable` is not of a type whose result is `sending`, and Swift 6.3 does not convert it. So a body that
// is passed on, and a function in the place of a closure, need methods of their own.

extension ConnectionPool {
    /// Lends a connection to a function or to a body that is passed on, whose result is `Sendable`.
    ///
    /// As the other `withConnection` in all else. The compiler chooses.
    ///
    /// ```swift
    /// func inSession<Value: Sendable>(_ body: (borrowing Connection) async throws -> Value) async throws -> Value {
    ///     try await pool.withConnection(body)
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - timeout: The longest wait for a connection; by default the configuration's `checkoutTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Uses the connection.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, unchanged. If there was no connection: `CancellationError` if the task was cancelled
    ///   while it waited, else ``PoolError``.
    @inlinable
    public func withConnection<Result: ~Copyable & Sendable>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing Factory.Connection) async throws -> Result
    ) async throws -> Result {
        let slot = try await slot(within: timeout, Caller(inThisTask: file, line))
        defer { context.takeBack(slot) }
        return try await body(
            unsafe slot.element(PooledConnection<Factory.Connection>.self).pointee.connection
        )
    }

    /// Lends a connection to a function or to a body that is passed on, which does not suspend and whose result is `Sendable`.
    ///
    /// As the other `withConnection` in all else. The compiler chooses.
    ///
    /// - Parameters:
    ///   - timeout: The longest wait for a connection; by default the configuration's `checkoutTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Uses the connection.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, unchanged. If there was no connection: `CancellationError` if the task was cancelled
    ///   while it waited, else ``PoolError``.
    @inlinable
    public func withConnection<Result: ~Copyable & Sendable>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing Factory.Connection) throws -> Result
    ) async throws -> Result {
        let slot = try await slot(within: timeout, Caller(inThisTask: file, line))
        defer { context.takeBack(slot) }
        return try body(unsafe slot.element(PooledConnection<Factory.Connection>.self).pointee.connection)
    }
}
