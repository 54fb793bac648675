// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension PostgresPool {
    /// Leases a connection to `body`, for several statements.
    ///
    /// `body` runs in the caller's task, on its actor. Suspends only if no connection is idle, or
    /// if other callers wait.
    ///
    /// - Parameters:
    ///   - timeout: The time limit for the wait for a connection; by default the configuration's
    ///     `checkoutTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: A closure that uses the connection. The connection cannot escape from it.
    /// - Returns: The result of `body`.
    /// - Throws: The error of `body`, unchanged. Without a connection: `CancellationError` if the
    ///   task was cancelled while it waited; ``PostgresError`` if no connection could be made,
    ///   with the code `connectFailed` or that of a statement of the `setup`; otherwise
    ///   `PoolError`, also if `password` has thrown. Its code is `deadlock`, without a wait, if
    ///   the task is in a body of this pool and every connection is held by a task that waits for
    ///   another.
    @discardableResult
    public func withConnection<Result: ~Copyable>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result {
        let lease = try await checkOut(timeout: timeout, CallSite(inThisTask: file, line))
        return try await body(lease.connection)
    }

    /// Runs `body` in a transaction, which commits when `body` returns and rolls back when it
    /// throws.
    ///
    /// If `body` throws, the call throws at once, and the pool resets the connection afterwards.
    ///
    /// - Parameters:
    ///   - isolation: The isolation level; `nil` for the server's default.
    ///   - readOnly: Whether the transaction may only read.
    ///   - timeout: The time limit for the wait for a connection; by default the configuration's
    ///     `checkoutTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: A closure that uses the connection. The connection cannot escape from it. Its
    ///     `withTransaction` uses savepoints.
    /// - Returns: The result of `body`, after everything is committed.
    /// - Throws: As `withConnection`, and ``PostgresError`` as
    ///   ``PostgresConnection/withTransaction(isolation:readOnly:_:)``.
    @discardableResult
    public func withTransaction<Result: ~Copyable>(
        isolation: PostgresIsolation? = nil,
        readOnly: Bool = false,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result {
        let lease = try await checkOutInTransaction(
            isolation: isolation,
            readOnly: readOnly,
            timeout: timeout,
            CallSite(inThisTask: file, line)
        )
        let result = try await body(lease.connection)
        try await lease.connection.commit()
        return result
    }

    func checkOut(
        timeout: Duration?,
        _ caller: CallSite
    ) async throws -> ConnectionLease<PostgresConnectionFactory> {
        do {
            return try await connections.getOrCreate(timeout: timeout, for: caller)
        } catch {
            throw error.code == .cancelled ? CancellationError() : reason(for: error)
        }
    }

    /// Leases a connection on which a transaction has begun. If the first connection turns out to
    /// be lost, leases another.
    func checkOutInTransaction(
        isolation: PostgresIsolation?,
        readOnly: Bool,
        timeout: Duration?,
        _ caller: CallSite
    ) async throws -> ConnectionLease<PostgresConnectionFactory> {
        let lease = try await checkOut(timeout: timeout, caller)
        let isBegun = try await begin(on: lease.connection, isolation: isolation, readOnly: readOnly)
        if isBegun { return lease }
        lease.release()
        // Other idle connections may have been lost with it.
        connections.inspectIdle()
        let other = try await checkOut(timeout: timeout, caller)
        try await other.connection.begin(isolation: isolation, readOnly: readOnly)
        return other
    }

    /// Begins a transaction.
    ///
    /// - Returns: Whether it has begun; `false` if the connection was lost before that.
    private func begin(
        on connection: borrowing PostgresConnection,
        isolation: PostgresIsolation?,
        readOnly: Bool
    ) async throws(PostgresError) -> Bool {
        do throws(PostgresError) {
            try await connection.begin(isolation: isolation, readOnly: readOnly)
            return true
        } catch {
            guard error.isCertainlyUnread else { throw error }
            return false
        }
    }

    /// Returns the error of the latest connection attempt, which explains more than the pool's
    /// error.
    func reason(for error: PoolError) -> any Error {
        guard error.code == .connectFailed, let reason = error.underlying as? PostgresError else { return error }
        return reason
    }
}
