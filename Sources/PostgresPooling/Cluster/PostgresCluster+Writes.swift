// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension PostgresCluster {
    /// Runs a statement on the primary, and discards its rows, if it has any.
    ///
    /// Suspends until there is a primary, a connection to it is free, and it has answered. If the
    /// primary fails before it has begun the statement, the statement goes to the next primary.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - timeout: The time limit for the whole call; by default the `checkoutTimeout` of the
    ///     pools for the wait, and then their `statementTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The server's description of the effect, which is committed.
    /// - Throws: As `execute` of a ``PostgresPool``. The outcome of a ``PostgresError`` is
    ///   `unknown` if the primary failed while it ran the statement.
    @discardableResult
    public func execute(
        _ query: PostgresQuery,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> PostgresCommand {
        try await onPrimary(timeout: timeout, isSingleStatement: true) { pool, rest in
            try await pool.execute(query, timeout: rest, file: file, line: line)
        }
    }

    /// Runs `body` on a connection to the primary, in a transaction.
    ///
    /// - Parameters:
    ///   - isolation: The isolation level; `nil` for the server's default.
    ///   - settings: The settings of the transaction by name.
    ///   - retry: The failures after which the body runs again from its beginning.
    ///   - timeout: The time limit for the wait and all statements of the body together.
    ///   - file: The file of the call site.
    ///   - line: The line of the call site.
    ///   - body: A closure that uses the connection.
    /// - Returns: The result of `body`, after everything is committed.
    /// - Throws: As `withTransaction` of a ``PostgresPool``.
    @discardableResult
    public func withTransaction<Result: Sendable>(
        isolation: PostgresConnection.IsolationLevel? = nil,
        settings: [String: String] = [:],
        retry: PostgresRetry = .never,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing PostgresConnection) async throws -> Result
    ) async throws -> Result {
        var hasBegun = false
        return try await onPrimary(timeout: timeout, unless: { hasBegun }) { pool, rest in
            try await pool.withTransaction(
                isolation: isolation,
                settings: settings,
                retry: retry,
                timeout: timeout == nil ? nil : rest,
                checkoutTimeout: rest,
                file: file,
                line: line
            ) { db in
                hasBegun = true
                return try await body(db)
            }
        }
    }

    /// Runs an operation with the pool of the primary, and again with that of the next primary if
    /// the operation certainly had no effect because of a failover.
    ///
    /// - Parameters:
    ///   - timeout: The time limit; `nil` for the `checkoutTimeout` of the pools until the
    ///     operation has a connection.
    ///   - isSingleStatement: Whether a server that refuses to write has run nothing.
    ///   - hasBegun: Whether the operation cannot be repeated any more.
    ///   - operation: Receives the pool and the rest of the time; `nil` without a limit.
    func onPrimary<Result: Sendable>(
        timeout: Duration?,
        isSingleStatement: Bool = false,
        unless hasBegun: () -> Bool = { false },
        _ operation: (PostgresPool, Duration?) async throws -> Result
    ) async throws -> Result {
        let limit = timeout ?? configuration.servers.pool.checkoutTimeout
        let deadline = MonotonicClock.deadline(after: limit)
        while true {
            let (index, version) = state.beginWrite()
            var failure: (any Error)?
            if let index {
                defer { state.endWrite() }
                do {
                    return try await operation(servers[index].pool, timeout.map { _ in MonotonicClock.duration(until: deadline) })
                } catch {
                    let mayMove = !hasBegun() && Self.mayMove(error, isSingleStatement: isSingleStatement)
                    guard mayMove, !state.isClosed else { throw error }
                    failure = error
                    probeAll()
                }
            }
            if state.isClosed || MonotonicClock.now >= deadline { throw failure ?? noPrimary(state.isClosed) }
            // Until the topology is known better, or for a while: the primary may be restarting.
            let pause = MonotonicClock.deadline(after: .milliseconds(50))
            await state.waitForChange(since: version, until: index == nil ? deadline : min(deadline, pause))
            try Task.checkCancellation()
        }
    }

    /// Returns whether an operation that has failed certainly had no effect, and may succeed on
    /// another server.
    private static func mayMove(_ error: any Error, isSingleStatement: Bool) -> Bool {
        switch error {
        case let error as PoolError: error.code == .closed || error.code == .connectFailed
        case let error as PostgresError:
            error.code == .connectFailed || error.isCertainlyUnread
                || isSingleStatement && error.sqlState == .readOnlyTransaction
        default: false
        }
    }

    private func noPrimary(_ isClosed: Bool) -> any Error {
        PostgresError(.connectFailed, isClosed ? "the cluster is closed" : "no server of the cluster is a primary")
    }
}
