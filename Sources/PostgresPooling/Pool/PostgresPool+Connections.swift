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
    /// - Throws: The error of `body`, unchanged. Without a connection: `CancellationError` if the
    ///   task was cancelled while it waited; ``PostgresError`` if no connection could be made,
    ///   with the code `connectFailed` or that of a statement of the `setup`; otherwise
    ///   `PoolError`, also if `password` has thrown. Its code is `deadlock`, without a wait, if
    ///   the task is in a body of this pool and every connection is held by a task that waits for
    ///   another.
    @discardableResult
    public func withConnection<Result: ~Copyable>(
        timeout: Duration? = nil,
        checkoutTimeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result {
        let limit = limit(timeout, checkoutTimeout: checkoutTimeout)
        let lease = try await checkOut(within: limit, CallSite(inThisTask: file, line))
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
    /// - Throws: As `withConnection`, and ``PostgresError`` as
    ///   ``PostgresConnection/withTransaction(isolation:readOnly:settings:timeout:_:)``. With
    ///   `retry`, the error of the last attempt, with their number as ``PostgresError/attempts``;
    ///   also if no connection becomes free in time for another attempt.
    @discardableResult
    public func withTransaction<Result: ~Copyable>(
        isolation: PostgresConnection.IsolationLevel? = nil,
        readOnly: Bool = false,
        settings: [String: String] = [:],
        retry: PostgresRetry = .never,
        timeout: Duration? = nil,
        checkoutTimeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result {
        let start = try TransactionStart(isolation: isolation, readOnly: readOnly, settings: settings)
        let limit = limit(timeout, checkoutTimeout: checkoutTimeout)
        let caller = CallSite(inThisTask: file, line)
        if retry.isEnabled { return try await repeatTransaction(start, retry, within: limit, caller, body) }
        let lease = try await checkOutInTransaction(start, within: limit, caller)
        let result = try await body(lease.connection)
        try await lease.connection.commit()
        return result
    }

    func checkOut(
        timeout: Duration?,
        _ caller: CallSite
    ) async throws -> ConnectionLease<PostgresConnectionFactory> {
        do {
            let call = observedCall(caller)
            let lease = try await connections.getOrCreate(timeout: timeout, for: caller)
            lease.connection.begin(call)
            return lease
        } catch {
            throw error.code == .cancelled ? CancellationError() : reason(for: error)
        }
    }

    /// The time limits of a call with a body.
    struct BodyLimit {
        /// The time limit of the whole call; `nil` for none.
        let timeout: Duration?
        /// The end of `timeout`.
        let deadline: UInt64
        /// The time limit for the wait for a connection; `nil` for the configuration's.
        let checkoutTimeout: Duration?
    }

    func limit(_ timeout: Duration?, checkoutTimeout: Duration?) -> BodyLimit {
        BodyLimit(
            timeout: timeout,
            deadline: timeout.map(MonotonicClock.deadline(after:)) ?? Reactor.never,
            checkoutTimeout: checkoutTimeout
        )
    }

    /// Leases a connection whose statements end with the call's time limit.
    func checkOut(
        within limit: BodyLimit,
        _ caller: CallSite
    ) async throws -> ConnectionLease<PostgresConnectionFactory> {
        let rest = limit.timeout.map { _ in MonotonicClock.duration(until: limit.deadline) }
        let lease = try await checkOut(
            timeout: wait(within: rest, checkoutTimeout: limit.checkoutTimeout),
            caller
        )
        lease.connection.session.state.deadline = limit.deadline
        return lease
    }

    /// Leases a connection on which a transaction has begun. If the first connection turns out to
    /// be lost, leases another.
    func checkOutInTransaction(
        _ start: TransactionStart,
        within limit: BodyLimit,
        _ caller: CallSite
    ) async throws -> ConnectionLease<PostgresConnectionFactory> {
        let lease = try await checkOut(within: limit, caller)
        let isBegun = try await begin(on: lease.connection, start)
        if isBegun { return lease }
        lease.release()
        // Other idle connections may have been lost with it.
        connections.inspectIdle()
        let other = try await checkOut(within: limit, caller)
        try await other.connection.begin(start)
        return other
    }

    /// Begins a transaction.
    ///
    /// - Returns: Whether it has begun; `false` if the connection was lost before that.
    private func begin(
        on connection: borrowing PostgresConnection,
        _ start: TransactionStart
    ) async throws -> Bool {
        do {
            try await connection.begin(start)
            return true
        } catch let error as PostgresError where error.isCertainlyUnread {
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
