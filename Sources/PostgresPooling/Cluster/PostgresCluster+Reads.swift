// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

extension PostgresCluster {
    /// Runs a statement that only reads, and returns all its rows.
    ///
    /// The statement runs in a read-only transaction, so that it can be repeated: if a server
    /// fails before it has answered, another one answers.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - policy: The servers that may answer.
    ///   - position: A position that the server must have reached, such as that of an earlier
    ///     write; `nil` for any.
    ///   - timeout: The time limit for the whole call; by default the `checkoutTimeout` of the
    ///     pools for the wait, and then their `statementTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The rows.
    /// - Throws: As `query` of a ``PostgresPool``.
    public func query(
        _ query: PostgresQuery,
        from policy: PostgresReadPolicy,
        after position: PostgresPosition? = nil,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> PostgresRows {
        try await onReader(policy, after: position, timeout: timeout, unless: { false }) { server, isPrimary, rest in
            if isPrimary {
                return try await server.pool.withPipeline(readOnly: true, timeout: rest, file: file, line: line) {
                    $0.query(query)
                }.get()
            }
            // A standby refuses to write by itself.
            guard let position else { return try await server.pool.query(query, timeout: rest, file: file, line: line) }
            // In the same session, before the snapshot of the statement: a host may be another
            // server by now.
            let (replayed, rows) = try await server.pool.withPipeline(
                timeout: rest,
                throwsFailures: false,
                file: file,
                line: line
            ) { pipeline in
                let replayed = pipeline.query(Self.replayQuestion, as: String?.self)
                pipeline.sync()
                return (replayed, pipeline.query(query))
            }
            try require(position, replayed.get().first ?? nil, on: server)
            return try rows.get()
        }
    }

    private static let replayQuestion: PostgresQuery = "SELECT pg_last_wal_replay_lsn()::text"

    /// Throws unless a standby has replayed the log up to a position.
    private func require(_ position: PostgresPosition, _ replayed: String?, on server: ClusterServer) throws {
        let replayed = replayed.flatMap { PostgresPosition($0) }
        if let replayed { state.note(replayed, of: server.index) }
        if replayed.map({ $0 < position }) ?? true { throw Behind() }
    }

    /// A standby has not replayed what a read needs.
    private struct Behind: Error {}

    /// Runs a statement that only reads, and decodes all its rows.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - policy: The servers that may answer.
    ///   - position: A position that the server must have reached; `nil` for any.
    ///   - column: The type of the column.
    ///   - timeout: As in ``query(_:from:after:timeout:file:line:)``.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: As ``query(_:from:after:timeout:file:line:)``, and `decoding` or `columnCount`.
    public func query<Column: PostgresDecodable & Sendable>(
        _ query: PostgresQuery,
        from policy: PostgresReadPolicy,
        after position: PostgresPosition? = nil,
        as column: Column.Type,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [Column] {
        try await self.query(query, from: policy, after: position, timeout: timeout, file: file, line: line)
            .decode(as: column)
    }

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
    /// - Throws: As `withTransaction` of a ``PostgresPool``.
    public func read<Result: Sendable>(
        from policy: PostgresReadPolicy = .preferReplica,
        after position: PostgresPosition? = nil,
        isolation: PostgresConnection.IsolationLevel? = nil,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing PostgresConnection) async throws -> Result
    ) async throws -> Result {
        var hasBegun = false
        return try await onReader(policy, after: position, timeout: timeout, unless: { hasBegun }) { server, isPrimary, rest in
            let deadline = rest.map(MonotonicClock.deadline(after:))
            return try await server.pool.withConnection(
                timeout: rest,
                checkoutTimeout: rest,
                file: file,
                line: line
            ) { db in
                if !isPrimary, let position {
                    let replayed = try await db.query(Self.replayQuestion, as: String?.self).first ?? nil
                    try require(position, replayed, on: server)
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

    private func onReader<Result: Sendable>(
        _ policy: PostgresReadPolicy,
        after position: PostgresPosition?,
        timeout: Duration?,
        unless hasBegun: () -> Bool,
        _ operation: (ClusterServer, _ isPrimary: Bool, Duration?) async throws -> Result
    ) async throws -> Result {
        let deadline = MonotonicClock.deadline(after: timeout ?? configuration.servers.pool.checkoutTimeout)
        var (tried, triedAny): (Set<Int>, Bool) = ([], false)
        while true {
            let now = MonotonicClock.now
            let (choice, version) = state.read { (reader(policy, after: position, $0, now, tried), $1) }
            var failure: (any Error)?
            if let (index, isPrimary) = choice {
                let server = servers[index]
                server.reads.add(1, ordering: .relaxed)
                defer { server.reads.subtract(1, ordering: .relaxed) }
                do {
                    return try await operation(server, isPrimary, timeout.map { _ in MonotonicClock.duration(until: deadline) })
                } catch {
                    guard !hasBegun(), !state.isClosed, error is Behind || Self.isOfServer(error) else { throw error }
                    tried.insert(index)
                    triedAny = true
                    if error is Behind { continue }
                    failure = error
                    probes[index].signal()
                }
            } else if policy.fallback == .fail, !triedAny || failure == nil {
                throw PostgresError(.connectFailed, "no server of the cluster qualifies for the read")
            }
            if state.isClosed || MonotonicClock.now >= deadline {
                throw failure ?? PostgresError(.timedOut, "no server of the cluster qualified for the read in time")
            }
            if failure != nil, tried.count < servers.count { continue }
            tried.removeAll()
            let pause = MonotonicClock.deadline(after: .milliseconds(position == nil ? 50 : 5))
            await state.waitForChange(since: version, until: min(deadline, pause))
            try Task.checkCancellation()
        }
    }

    /// Chooses a server: of two random ones that qualify, the one whose reads take less time.
    private func reader(
        _ policy: PostgresReadPolicy,
        after position: PostgresPosition?,
        _ topology: ClusterTopology,
        _ now: UInt64,
        _ tried: Set<Int>
    ) -> (index: Int, isPrimary: Bool)? {
        let primary = topology.primary.flatMap { tried.contains($0) ? nil : ($0, true) }
        if policy.servers == .primary { return primary }
        var candidates = topology.standbys(for: policy, now: now).filter { !tried.contains($0) }
        if let position {
            // Those that are known to be behind may have come up since.
            let known = candidates.filter { topology.position(of: $0).map { $0 >= position } ?? false }
            if !known.isEmpty { candidates = known }
        }
        guard let first = candidates.randomElement() else { return policy.fallback == .primary ? primary : nil }
        let second = candidates.randomElement() ?? first
        return (servers[first].cost <= servers[second].cost ? first : second, false)
    }

    /// Returns whether an error is that of a server, so that another one may answer.
    private static func isOfServer(_ error: any Error) -> Bool {
        switch error {
        case let error as PoolError: return error.code == .closed || error.code == .connectFailed
        case let error as PostgresError:
            if error.code == .connectFailed || error.connectionIsGone { return true }
            switch error.sqlState {
            case .adminShutdown, .crashShutdown, .cannotConnectNow: return true
            // The standby has cancelled it, because it conflicts with the log.
            case .serializationFailure: return error.server?.message.contains("recovery") == true
            default: return false
            }
        default: return false
        }
    }
}

extension ClusterServer {
    /// The expected duration of another read, in units that all servers share.
    var cost: UInt64 { UInt64(reads.load(ordering: .relaxed) + 1) &* latency.load(ordering: .relaxed) }
}
