// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

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
    /// - Throws: As `execute` of a ``PostgresPool``; ``PostgresError`` with the code `noServer` if
    ///   there was no primary in time. The outcome of a ``PostgresError`` is `unknown` if the
    ///   primary failed while it ran the statement.
    @discardableResult
    public func execute(
        _ query: PostgresQuery,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> PostgresCommand {
        try await onPrimary(timeout: timeout, isSingleStatement: true) { pool, rest, _ in
            try await pool.execute(query, timeout: rest, file: file, line: line)
        }
    }

    /// Leases a connection to the primary to `body`, for several statements.
    ///
    /// Suspends until there is a primary, and a connection to it is free.
    ///
    /// - Parameters:
    ///   - timeout: The time limit for the wait and all statements of the body together.
    ///   - checkoutTimeout: The time limit for the wait; by default that of the pools.
    ///   - file: The file of the call site.
    ///   - line: The line of the call site.
    ///   - body: A closure that uses the connection. It runs once: another primary is tried only
    ///     if the first fails before.
    /// - Returns: The result of `body`.
    /// - Throws: As `withConnection` of a ``PostgresPool``, and as
    ///   ``execute(_:timeout:file:line:)`` without a primary.
    @discardableResult
    public func write<Result: Sendable>(
        timeout: Duration? = nil,
        checkoutTimeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing PostgresConnection) async throws -> Result
    ) async throws -> Result {
        var hasBegun = false
        return try await onPrimary(
            timeout: timeout,
            checkoutTimeout: checkoutTimeout,
            unless: { hasBegun }
        ) { pool, rest, wait in
            try await pool.withConnection(
                timeout: rest,
                checkoutTimeout: wait,
                file: file,
                line: line
            ) { db in
                hasBegun = true
                return try await body(db)
            }
        }
    }

    /// Runs `body` on a connection to the primary, in a transaction.
    ///
    /// - Parameters:
    ///   - isolation: The isolation level; `nil` for the server's default.
    ///   - readOnly: Whether the transaction may only read.
    ///   - settings: The settings of the transaction by name.
    ///   - retry: The failures after which the body runs again from its beginning, also on the
    ///     next primary.
    ///   - timeout: The time limit for the wait and all statements of the body together.
    ///   - checkoutTimeout: The time limit for the wait; by default that of the pools.
    ///   - file: The file of the call site.
    ///   - line: The line of the call site.
    ///   - body: A closure that uses the connection.
    /// - Returns: The result of `body`, after everything is committed.
    /// - Throws: As `withTransaction` of a ``PostgresPool``, and as
    ///   ``execute(_:timeout:file:line:)`` without a primary.
    @discardableResult
    public func withTransaction<Result: Sendable>(
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
        return try await transaction(
            start,
            retry: retry,
            timeout: timeout,
            checkoutTimeout: checkoutTimeout,
            CallSite(inThisTask: file, line),
            body
        )
    }

    /// Runs a transaction on the primary.
    ///
    /// - Parameters:
    ///   - question: A statement that follows the `COMMIT` in the same round trip.
    ///   - committed: Receives the answer to it; `nil` if there is none.
    func transaction<Result: Sendable>(
        _ start: TransactionStart,
        retry: PostgresRetry,
        timeout: Duration?,
        checkoutTimeout: Duration?,
        _ caller: CallSite,
        question: String? = nil,
        committed: (String?) -> Void = { _ in },
        _ body: (borrowing PostgresConnection) async throws -> Result
    ) async throws -> Result {
        var isRunning = false
        let deadline = timeout.map(MonotonicClock.deadline(after:))
        return try await onPrimary(
            timeout: timeout,
            checkoutTimeout: checkoutTimeout,
            unless: { isRunning }
        ) { pool, rest, wait in
            let limit = pool.limit(rest, checkoutTimeout: wait)
            return try await pool.runTransaction(
                start,
                retry,
                within: limit,
                caller,
                question: question,
                committed: committed,
                rolledBack: { isRunning = false },
                // The primary may have failed during the commit: the next one knows.
                ask: { check in
                    try await write(timeout: deadline.map(MonotonicClock.duration(until:))) { db in try await check(db)
                    }
                }
            ) { db in
                isRunning = true
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
    ///   - checkoutTimeout: The time limit until the operation has a connection.
    ///   - isSingleStatement: Whether the operation is one statement, which can be sent again if a
    ///     server has refused it because it writes.
    ///   - hasBegun: Whether the operation cannot be repeated any more.
    ///   - operation: Receives the pool, the rest of the time, `nil` without a limit, and the rest
    ///     of the time until it has a connection.
    func onPrimary<Result: Sendable>(
        timeout: Duration?,
        checkoutTimeout: Duration? = nil,
        isSingleStatement: Bool = false,
        unless hasBegun: () -> Bool = { false },
        _ operation: (PostgresPool, Duration?, _ wait: Duration) async throws -> Result
    ) async throws -> Result {
        let wait = checkoutTimeout ?? configuration.servers.pool.checkoutTimeout
        let start = MonotonicClock.now
        let deadline = MonotonicClock.deadline(timeout ?? wait, after: start)
        let endOfWait = timeout == nil ? deadline : min(deadline, MonotonicClock.deadline(wait, after: start))
        var isInLine = false
        defer { if isInLine { waitingWrites.subtract(1, ordering: .relaxed) } }
        var refusal: (server: ClusterServer, instant: UInt64)?
        while true {
            let (primary, version) = state.beginWrite()
            var failure: (any Error)?
            if let primary {
                defer { state.endWrite() }
                do {
                    let rest = timeout.map { _ in MonotonicClock.duration(until: deadline) }
                    let restOfWait = MonotonicClock.duration(until: endOfWait)
                    let result = try await operation(primary.pool, rest, restOfWait)
                    primary.writes.add(1, ordering: .relaxed)
                    return result
                } catch {
                    let isDemoted = error is Behind
                    let error = isDemoted ? noPrimary() : error
                    if Self.isOfServer(error) { primary.failures.add(1, ordering: .relaxed) }
                    let isRefused = isSingleStatement && Self.isRefused(error)
                    let mayMove = isDemoted || isRefused || Self.mayMove(error)
                    guard !hasBegun(), mayMove, !state.isClosed else { throw error }
                    if isRefused, let refusal, isPrimary(refusal.server, since: refusal.instant) { throw error }
                    if isRefused, refusal?.server !== primary { refusal = (primary, MonotonicClock.now) }
                    failure = error
                    probeAll()
                }
            }
            if state.isClosed { throw PoolError(.closed, pool: name) }
            if (primary == nil) != isInLine {
                isInLine.toggle()
                let count = waitingWrites.add(isInLine ? 1 : -1, ordering: .relaxed).newValue
                // The next primary's pool would refuse them.
                if isInLine, count > configuration.servers.pool.maximumWaiters {
                    throw PoolError(.tooManyWaiters, pool: name)
                }
            }
            if MonotonicClock.now >= endOfWait || areRefusing { throw failure ?? noPrimary() }
            // Until the topology is known better, or for a while: the primary may be restarting.
            let pause = MonotonicClock.deadline(after: .milliseconds(50))
            await state.waitForChange(since: version, until: primary == nil ? endOfWait : min(endOfWait, pause))
            try Task.checkCancellation()
        }
    }

    /// Returns whether an operation that has failed certainly had no effect, and may succeed on
    /// another server.
    private static func mayMove(_ error: any Error) -> Bool {
        switch error {
        case let error as PoolError: error.code == .closed || error.code == .connectFailed
        case let error as PostgresError: error.code == .connectFailed || error.isCertainlyUnread
        default: false
        }
    }

    /// Returns whether a server has refused a statement because it writes, and the statement had
    /// no effect. One that commits in between, such as a `CALL`, may have had some.
    private static func isRefused(_ error: any Error) -> Bool {
        guard let error = error as? PostgresError, error.sqlState == .readOnlyTransaction else { return false }
        return error.outcome == .rolledBack || error.outcome == .notExecuted
    }

    /// Returns whether a server has answered since an instant, and still is the primary. If it
    /// refuses to write then, that is a setting, such as `default_transaction_read_only`.
    private func isPrimary(_ server: ClusterServer, since instant: UInt64) -> Bool {
        state.read { topology, servers, _ in
            guard let primary = topology.primary, servers[primary] === server else { return false }
            return topology.servers[primary].answeredAt > instant
        }
    }

    /// Whether no server lets the watchers in, for reasons that do not pass by themselves, such as
    /// a wrong password.
    var areRefusing: Bool {
        let servers = state.servers
        return !servers.isEmpty && servers.allSatisfy { $0.isRefusing.load(ordering: .relaxed) }
    }

    private func noPrimary() -> PostgresError {
        .noServer(
            for: "writing",
            unqualified { topology, server in
                switch topology.role(of: server.index) {
                case .primary: .held
                case .unknown: .unreachable
                case .standby, .stalePrimary, .stranger: .role
                }
            }
        )
    }

    /// Returns what is known of the servers, with the reason why each does not qualify.
    func unqualified(
        _ reason: (ClusterTopology, ClusterServer) -> PostgresError.UnqualifiedServer.Reason
    ) -> [PostgresError.UnqualifiedServer] {
        let (topology, servers) = state.read { topology, servers, _ in (topology, servers) }
        let now = MonotonicClock.now
        return servers.compactMap { server in
            guard let server else { return nil }
            let status = ServerStatus(server, topology, at: now)
            return PostgresError.UnqualifiedServer(
                name: status.name,
                role: status.role,
                reason: reason(topology, server),
                position: status.position,
                lagBytes: status.lagBytes,
                lag: status.lag,
                failure: status.lastFailure
            )
        }
    }
}
