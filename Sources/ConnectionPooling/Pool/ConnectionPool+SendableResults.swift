// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import LockPool

// In Swift 6.3 a function with a `Sendable` result does not convert to a function with a
// `sending` result. A body that is passed on, and a function in place of a closure, thus need
// methods of their own.

extension ConnectionPool {
    /// Calls a function, or a body that is passed on, whose result is `Sendable`, with a
    /// connection.
    ///
    /// Otherwise the same as the other `withConnection`. The compiler selects the form.
    ///
    /// ```swift
    /// func inSession<Value: Sendable>(_ body: (borrowing Connection) async throws -> Value) async throws -> Value {
    ///     try await pool.withConnection(body)
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - timeout: The longest wait for a connection; by default the configuration's
    ///     `checkoutTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Uses the connection.
    /// - Returns: The result of `body`.
    /// - Throws: The error that `body` throws, unchanged. Without a connection:
    ///   `CancellationError` if the task was cancelled while it waited, otherwise ``PoolError``.
    @inlinable
    public func withConnection<Result: ~Copyable & Sendable>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing Factory.Connection) async throws -> Result
    ) async throws -> Result {
        let slot = try await slot(within: timeout, CallSite(inThisTask: file, line))
        defer { context.release(slot) }
        return try await body(
            unsafe slot.element(PooledConnection<Factory.Connection>.self).pointee.connection
        )
    }

    /// Calls a function, or a body that is passed on, which does not suspend and whose result is
    /// `Sendable`, with a connection.
    ///
    /// Otherwise the same as the other `withConnection`. The compiler selects the form.
    ///
    /// - Parameters:
    ///   - timeout: The longest wait for a connection; by default the configuration's
    ///     `checkoutTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Uses the connection.
    /// - Returns: The result of `body`.
    /// - Throws: The error that `body` throws, unchanged. Without a connection:
    ///   `CancellationError` if the task was cancelled while it waited, otherwise ``PoolError``.
    @inlinable
    public func withConnection<Result: ~Copyable & Sendable>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing Factory.Connection) throws -> Result
    ) async throws -> Result {
        let slot = try await slot(within: timeout, CallSite(inThisTask: file, line))
        defer { context.release(slot) }
        return try body(unsafe slot.element(PooledConnection<Factory.Connection>.self).pointee.connection)
    }
}
