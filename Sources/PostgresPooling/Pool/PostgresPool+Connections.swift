// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension PostgresPool {
    /// Lends a connection to `body`, for several statements in a row.
    ///
    /// `body` runs in the caller's task, on its actor. Suspends only if no connection is idle, or somebody waits.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait for a connection; by default the configuration's `checkoutTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Uses the connection, which cannot leave it.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, unchanged. If there was no connection: `CancellationError` if the task was cancelled while it
    ///   waited; ``PostgresError`` if none could be made, with the code `connectFailed`, or that of a statement of the `setup`; else
    ///   `PoolError`, also when `password` has thrown. Its code is `deadlock`, at once, if the task is in a body of this pool and every
    ///   connection is held by a task that waits for another.
    @discardableResult
    public func withConnection<Result: ~Copyable>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result {
        let lease = try await checkOut(timeout: timeout, Caller(inThisTask: file, line))
        return try await body(lease.connection)
    }

    /// Runs `body` in a transaction, which is committed when it returns and rolled back when it throws.
    ///
    /// When it throws, the caller is told at once, and the connection is put in order afterwards.
    ///
    /// - Parameters:
    ///   - isolation: What the transaction sees of others; `nil` for the server's default.
    ///   - readOnly: Whether it may not write.
    ///   - timeout: How long to wait for a connection; by default the configuration's `checkoutTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Uses the connection, which cannot leave it. Its `withTransaction` makes savepoints.
    /// - Returns: What `body` returns; everything is committed then.
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
            Caller(inThisTask: file, line)
        )
        let result = try await body(lease.connection)
        try await lease.connection.commit()
        return result
    }

    func checkOut(
        timeout: Duration?,
        _ caller: Caller
    ) async throws -> ConnectionLease<PostgresConnectionFactory> {
        do {
            return try await connections.getOrCreate(timeout: timeout, for: caller)
        } catch {
            throw error.code == .cancelled ? CancellationError() : reason(for: error)
        }
    }

    /// Lends a connection on which a transaction has begun. If the first one turns out to be lost, another.
    func checkOutInTransaction(
        isolation: PostgresIsolation?,
        readOnly: Bool,
        timeout: Duration?,
        _ caller: Caller
    ) async throws -> ConnectionLease<PostgresConnectionFactory> {
        let lease = try await checkOut(timeout: timeout, caller)
        let isBegun = try await begin(on: lease.connection, isolation: isolation, readOnly: readOnly)
        if isBegun { return lease }
        lease.release()
        // Others that were idle may have been lost with it.
        connections.inspectIdle()
        let other = try await checkOut(timeout: timeout, caller)
        try await other.connection.begin(isolation: isolation, readOnly: readOnly)
        return other
    }

    /// - Returns: Whether the transaction has begun; `false` if the connection was lost before that.
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

    /// Why there was no connection: what the server is like says more than that there was none.
    func reason(for error: PoolError) -> any Error {
        guard error.code == .connectFailed, let reason = error.underlying as? PostgresError else { return error }
        return reason
    }
}
