// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

extension PostgresCluster {
    /// Runs a statement and returns all its rows.
    ///
    /// With a policy the statement runs in a read-only transaction, or on a standby, which refuses
    /// to write, so that it can be repeated: if a server fails before it has answered, another one
    /// answers.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - policy: The servers that may answer; `nil`, the default, for the primary, where the
    ///     statement may write.
    ///   - timeout: The time limit for the whole call; by default the `checkoutTimeout` of the
    ///     pools for the wait, and then their `statementTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The rows.
    /// - Throws: As `query` of a ``PostgresPool``; ``PostgresError`` with the code `noServer` if
    ///   no server qualified in time.
    public func query(
        _ query: PostgresQuery,
        from policy: PostgresReadPolicy? = nil,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> PostgresRows {
        if let policy {
            return try await self.query(query, from: policy, after: nil, timeout: timeout, file: file, line: line)
        }
        return try await onPrimary(timeout: timeout, isSingleStatement: true) { pool, rest, _ in
            try await pool.query(query, timeout: rest, file: file, line: line)
        }
    }

    /// Runs a statement that only reads, on a server that has reached a position.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - policy: The servers that may answer.
    ///   - position: A position that the server must have reached, such as that of an earlier
    ///     write; `nil` for any.
    ///   - timeout: As in ``query(_:from:timeout:file:line:)``.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The rows.
    /// - Throws: As ``query(_:from:timeout:file:line:)``.
    public func query(
        _ query: PostgresQuery,
        from policy: PostgresReadPolicy,
        after position: PostgresLSN?,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> PostgresRows {
        try await onReader(policy, after: position, timeout: timeout, unless: { false }) { server, isPrimary, rest in
            if isPrimary {
                let (isStandby, rows) = try await server.pool.withPipeline(
                    readOnly: true,
                    timeout: rest,
                    file: file,
                    line: line
                ) { pipeline in
                    (position.map { _ in pipeline.ask(Self.roleQuestion, as: Bool.self) }, pipeline.query(query))
                }
                if try isStandby?.get() == [true] { throw Behind() }
                return try rows.get()
            }
            // A standby refuses to write by itself.
            guard let position else { return try await server.pool.query(query, timeout: rest, file: file, line: line) }
            // In one transaction, so that a pooler cannot send the two to different servers. The
            // snapshot of the statement is taken after the answer. If the statement fails, for
            // want of a table for example, the answer of the first transaction remains.
            let (first, replayed, rows) = try await server.pool.withPipeline(
                isolation: .readCommitted,
                readOnly: true,
                timeout: rest,
                throwsFailures: false,
                file: file,
                line: line
            ) { pipeline in
                let first = pipeline.ask(Self.replayQuestion, as: PostgresLSN?.self)
                pipeline.sync()
                return (first, pipeline.ask(Self.replayQuestion, as: PostgresLSN?.self), pipeline.query(query))
            }
            try require(position, (try? replayed.get()) ?? first.get(), on: server)
            return try rows.get()
        }
    }

    private static let replayQuestion: PostgresQuery = "SELECT pg_last_wal_replay_lsn()"
    private static let roleQuestion: PostgresQuery = "SELECT pg_is_in_recovery()"

    /// Throws unless a standby has replayed the log up to a position. One that is no standby any
    /// more replays nothing.
    private func require(_ position: PostgresLSN, _ rows: [PostgresLSN?], on server: ClusterServer) throws {
        let replayed = rows.first ?? nil
        if let replayed { state.note(replayed, of: server) }
        if replayed.map({ $0 < position }) ?? true { throw Behind() }
    }

    /// A standby has not replayed what a read needs, or the server is no primary any more.
    struct Behind: Error {}

    /// Runs `body` in a read-only transaction.
    ///
    /// - Parameters:
    ///   - policy: The servers that may answer.
    ///   - position: A position that the server must have reached; `nil` for any.
    ///   - isolation: The isolation level; `nil` for the server's default.
    ///   - timeout: The time limit for the wait and all statements of the body together.
    ///   - file: The file of the call site.
    ///   - line: The line of the call site.
    ///   - body: A closure that uses the connection. It runs once: another server is tried only if
    ///     the first fails before.
    /// - Returns: The result of `body`.
    /// - Throws: As `withTransaction` of a ``PostgresPool``, and as
    ///   ``query(_:from:timeout:file:line:)`` without a server.
    public func read<Result: Sendable>(
        from policy: PostgresReadPolicy = .preferReplica,
        after position: PostgresLSN? = nil,
        isolation: PostgresConnection.IsolationLevel? = nil,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing PostgresConnection) async throws -> Result
    ) async throws -> Result {
        var hasBegun = false
        return try await onReader(policy, after: position, timeout: timeout, unless: { hasBegun }) {
            server,
            isPrimary,
            rest in
            let deadline = rest.map(MonotonicClock.deadline(after:))
            return try await server.pool.withConnection(
                timeout: rest,
                checkoutTimeout: rest,
                file: file,
                line: line
            ) { db in
                // Before the transaction, whose snapshot may be that of its first statement.
                if let position {
                    if !isPrimary {
                        try require(position, await db.query(Self.replayQuestion, as: PostgresLSN?.self), on: server)
                    } else if try await db.queryOne(Self.roleQuestion, as: Bool.self) {
                        throw Behind()
                    }
                }
                return try await db.withTransaction(
                    isolation: isolation,
                    readOnly: true,
                    timeout: deadline.map(MonotonicClock.duration(until:))
                ) { db in
                    hasBegun = true
                    return try await body(db)
                }
            }
        }
    }

    // MARK: Routing

    /// Chooses a server for a read, as every read does, and runs nothing there.
    @_spi(Benchmarks)
    public func route(from policy: PostgresReadPolicy, after position: PostgresLSN? = nil) async throws {
        try await onReader(policy, after: position, timeout: nil, unless: { false }) { server, _, _ in
            _ = server.pool
        }
    }

    /// Inlined, because each asynchronous call costs a tenth of the routing.
    @inline(__always)
    private func onReader<Result: Sendable>(
        _ policy: PostgresReadPolicy,
        after position: PostgresLSN?,
        timeout: Duration?,
        unless hasBegun: () -> Bool,
        _ operation: (ClusterServer, _ isPrimary: Bool, Duration?) async throws -> Result
    ) async throws -> Result {
        var now = MonotonicClock.now
        let deadline = timeout.map { MonotonicClock.deadline($0, after: now) } ?? now &+ checkoutTimeout
        var search = ReaderSearch(policy, after: position, since: now, deadline: deadline)
        var wasBehind = false
        while true {
            let (choice, version) = state.choose(for: search, at: now, random: choices.next())
            var failure: (any Error)?
            if let (server, isPrimary) = choice {
                server.readsInProgress.add(1, ordering: .relaxed)
                server.rotation.began(at: now)
                defer { server.readsInProgress.subtract(1, ordering: .relaxed) }
                do {
                    let rest = timeout.map { _ in MonotonicClock.duration(until: deadline) }
                    let result = try await operation(server, isPrimary, rest)
                    server.reads.add(1, ordering: .relaxed)
                    server.rotation.succeeded()
                    return result
                } catch {
                    now = MonotonicClock.now
                    let isOfServer = Self.isOfServer(error)
                    if isOfServer {
                        server.failures.add(1, ordering: .relaxed)
                        server.rotation.failed(at: now)
                        server.probe.signal()
                    }
                    let mayMove = error is Behind || isOfServer || !isPrimary && Self.isConflict(error)
                    guard !hasBegun(), !state.isClosed, mayMove else {
                        let isLate = wasBehind && !hasBegun() && Self.isTimeout(error)
                        throw error is Behind || isLate ? unqualified(search) : error
                    }
                    search.tried.insert(server.index)
                    if error is Behind {
                        wasBehind = true
                        if isPrimary { probeAll() } else { search.foundBehind = true }
                        continue
                    }
                    failure = error
                }
            }
            if state.isClosed { throw PoolError(.closed, pool: name) }
            let isOver = search.isOver(at: now, failed: failure != nil) || failure == nil && areRefusing
            if isOver { throw failure ?? unqualified(search) }
            // Another server at once, if there is one.
            if failure != nil { continue }
            await state.waitForChange(since: version, until: search.nextRound(at: now))
            try Task.checkCancellation()
            now = MonotonicClock.now
        }
    }

    private func unqualified(_ search: ReaderSearch) -> PostgresError {
        let now = MonotonicClock.now
        return .noServer(
            for: "reading",
            unqualified { topology, server in
                if let obstacle = topology.obstacle(of: server.index, for: search.policy, now: now) { return obstacle }
                if !server.rotation.admits(at: now) { return .paused }
                return search.needsPosition ? .position : .unreachable
            }
        )
    }

    /// Returns whether an error is that of a server, so that another one may answer.
    static func isOfServer(_ error: any Error) -> Bool {
        switch error {
        case let error as PoolError: return error.code == .closed || error.code == .connectFailed
        case let error as PostgresError:
            if error.code == .connectFailed || error.connectionIsGone { return true }
            switch error.sqlState {
            case .adminShutdown, .crashShutdown, .cannotConnectNow: return true
            default: return false
            }
        default: return false
        }
    }

    /// Returns whether the time for a call has passed.
    private static func isTimeout(_ error: any Error) -> Bool {
        (error as? PostgresError)?.code == .timedOut || (error as? PoolError)?.code == .timedOut
    }

    /// Returns whether a standby has cancelled a statement, because it conflicts with the log. The
    /// message may be translated; the name of the function that has reported it is not.
    private static func isConflict(_ error: any Error) -> Bool {
        guard let error = error as? PostgresError, let server = error.server else { return false }
        return [.serializationFailure, .deadlockDetected].contains(server.sqlState)
            && server.routine?.hasPrefix("Process") == true
    }
}
