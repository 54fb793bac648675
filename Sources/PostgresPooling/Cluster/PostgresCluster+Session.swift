// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension PostgresCluster {
    /// The calls of one user, whose reads see the user's earlier writes.
    ///
    /// ```swift
    /// let session = cluster.session()
    /// try await session.execute("UPDATE users SET name = \(name) WHERE id = \(id)")
    /// let own: PostgresQuery = "SELECT name FROM users WHERE id = \(id)"
    /// let names = try await session.query(own, from: .preferReplica, as: String.self)
    /// ```
    ///
    /// A write reads the position of the log behind it in the same round trip. A standby that has
    /// replayed it may answer the session's reads. ``position`` can be kept between two requests
    /// of a user, in a cookie for example.
    public final class Session: PostgresRouter {
        let cluster: PostgresCluster
        private let latest: Locked<Latest>

        private struct Latest {
            var position: PostgresLSN?
            /// Whether a write may have succeeded whose position is not known.
            var isUnknown = false
        }

        init(_ cluster: PostgresCluster, after position: PostgresLSN?) {
            self.cluster = cluster
            latest = Locked(Latest(position: position))
        }

        /// The position behind the session's writes; `nil` before the first one.
        ///
        /// It can be kept as its ``PostgresLSN/description``, a text such as `16/B374D848`, which
        /// ``PostgresLSN/init(_:)`` reads.
        public var position: PostgresLSN? { latest.withLock { $0.position } }

        /// Whether a write may have succeeded whose position is not known, because its outcome is
        /// unknown, or because the body of `write` has thrown. The primary answers all reads until
        /// the next write then.
        public var readsFromPrimary: Bool { latest.withLock { $0.isUnknown } }

        /// Makes later reads see what was committed before a position.
        public func advance(to position: PostgresLSN) {
            latest.withLock { $0.position = max($0.position ?? position, position) }
        }

        // MARK: Writes

        /// Runs a statement on the primary, and discards its rows; see
        /// ``PostgresCluster/execute(_:timeout:file:line:)``.
        @discardableResult
        public func execute(
            _ query: PostgresQuery,
            timeout: Duration? = nil,
            file: StaticString = #fileID,
            line: UInt = #line
        ) async throws -> PostgresCommand {
            try await write(query, timeout: timeout, file, line) {
                $0.execute(query)
            } alone: { db in
                try await db.execute(query)
            }
        }

        /// Runs a statement and returns all its rows; see
        /// ``PostgresCluster/query(_:from:timeout:file:line:)``.
        ///
        /// With a policy, a server answers that has the session's writes.
        public func query(
            _ query: PostgresQuery,
            from policy: PostgresReadPolicy? = nil,
            timeout: Duration? = nil,
            file: StaticString = #fileID,
            line: UInt = #line
        ) async throws -> PostgresRows {
            guard let policy else {
                return try await write(query, timeout: timeout, file, line) {
                    $0.query(query)
                } alone: { db in
                    try await db.query(query)
                }
            }
            return try await cluster.query(
                query,
                from: policyForReads(policy),
                after: positionForReads,
                timeout: timeout,
                file: file,
                line: line
            )
        }

        /// Runs a statement on the primary, and reads the position behind it in the same round
        /// trip; in one of its own after a statement that no pipeline may contain, because it can
        /// commit by itself.
        private func write<Value: Sendable>(
            _ query: PostgresQuery,
            timeout: Duration?,
            _ file: StaticString,
            _ line: UInt,
            _ add: (inout PostgresPipeline) -> PostgresPipeline.Result<Value>,
            alone: (borrowing PostgresConnection) async throws -> Value
        ) async throws -> Value {
            try await noting {
                try await cluster.onPrimary(timeout: timeout, isSingleStatement: true) { pool, rest, wait in
                    if TransactionScanner.commitsAlone(query.text) {
                        return try await pool.withConnection(
                            timeout: rest,
                            checkoutTimeout: wait,
                            file: file,
                            line: line
                        ) { db in
                            let value = try await alone(db)
                            record(try? await db.query(Session.question, as: String.self).first)
                            return value
                        }
                    }
                    return try await runPipeline(pool, timeout: rest, file, line, add)
                }
            }
        }

        private func runPipeline<Value: Sendable>(
            _ pool: PostgresPool,
            timeout: Duration?,
            _ file: StaticString,
            _ line: UInt,
            _ add: (inout PostgresPipeline) -> PostgresPipeline.Result<Value>
        ) async throws -> Value {
            var answer: PostgresPipeline.Result<Value>?
            let position: PostgresPipeline.Result<[String]>
            do {
                position = try await pool.withPipeline(
                    timeout: timeout,
                    throwsFailures: false,
                    file: file,
                    line: line
                ) { pipeline in
                    answer = add(&pipeline)
                    pipeline.sync()
                    return pipeline.ask(Session.question, as: String.self)
                }
            } catch {
                // The statement may be committed, and only the position be missing.
                guard let answer, answer.state == .done else { throw error }
                let value = try answer.get()
                record(nil)
                return value
            }
            let value = try answer!.get()
            do {
                record(try position.get().first)
            } catch let error as PostgresError where error.sqlState == .recoveryInProgress {
                // The statement, which only reads, has run on a standby.
                throw Behind()
            } catch {
                record(nil)
            }
            return value
        }

        /// Leases a connection to the primary to `body`; see
        /// ``PostgresCluster/write(timeout:checkoutTimeout:file:line:_:)``.
        ///
        /// The position behind the body's statements takes one more round trip.
        @discardableResult
        public func write<Result: Sendable>(
            timeout: Duration? = nil,
            checkoutTimeout: Duration? = nil,
            file: StaticString = #fileID,
            line: UInt = #line,
            _ body: (borrowing PostgresConnection) async throws -> Result
        ) async throws -> Result {
            var hasBegun = false
            do {
                return try await cluster.write(
                    timeout: timeout,
                    checkoutTimeout: checkoutTimeout,
                    file: file,
                    line: line
                ) { db in
                    hasBegun = true
                    let result = try await body(db)
                    record(try? await db.query(Session.question, as: String.self).first)
                    return result
                }
            } catch {
                // Some of its statements may have succeeded.
                if hasBegun { record(nil) }
                throw error
            }
        }

        /// Runs `body` on a connection to the primary, in a transaction. The `COMMIT` and the
        /// position behind it take one round trip.
        ///
        /// - Parameters:
        ///   - isolation: The isolation level; `nil` for the server's default.
        ///   - settings: The settings of the transaction by name.
        ///   - retry: The failures after which the body runs again from its beginning, also on the
        ///     next primary.
        ///   - timeout: The time limit for the wait and all statements of the body together.
        ///   - checkoutTimeout: The time limit for the wait; by default that of the pools.
        ///   - file: The file of the call site.
        ///   - line: The line of the call site.
        ///   - body: A closure that uses the connection.
        /// - Returns: The result of `body`, after everything is committed.
        /// - Throws: As `withTransaction` of a ``PostgresCluster``.
        @discardableResult
        public func withTransaction<Result: Sendable>(
            isolation: PostgresConnection.IsolationLevel? = nil,
            settings: [String: String] = [:],
            retry: PostgresRetry = .never,
            timeout: Duration? = nil,
            checkoutTimeout: Duration? = nil,
            file: StaticString = #fileID,
            line: UInt = #line,
            _ body: (borrowing PostgresConnection) async throws -> Result
        ) async throws -> Result {
            let start = try TransactionStart(isolation: isolation, readOnly: false, settings: settings)
            return try await noting {
                try await cluster.transaction(
                    start,
                    retry: retry,
                    timeout: timeout,
                    checkoutTimeout: checkoutTimeout,
                    CallSite(inThisTask: file, line),
                    question: Session.positionQuestion,
                    committed: { record($0) },
                    body
                )
            }
        }

        /// Runs a write whose error tells whether it may have succeeded.
        private func noting<Result: Sendable>(_ write: () async throws -> Result) async throws -> Result {
            do {
                return try await write()
            } catch {
                let isUndone =
                    switch error {
                    case let error as PostgresError: error.outcome == .notExecuted || error.outcome == .rolledBack
                    case is PoolError: true
                    case is CancellationError: false
                    // Of the body of a transaction.
                    default: true
                    }
                if !isUndone { record(nil) }
                throw error
            }
        }

        // MARK: Reads

        /// Runs `body` in a read-only transaction, on a server that has the session's writes; see
        /// ``PostgresCluster/read(from:after:isolation:timeout:file:line:_:)``.
        public func read<Result: Sendable>(
            from policy: PostgresReadPolicy = .preferReplica,
            isolation: PostgresConnection.IsolationLevel? = nil,
            timeout: Duration? = nil,
            file: StaticString = #fileID,
            line: UInt = #line,
            _ body: (borrowing PostgresConnection) async throws -> Result
        ) async throws -> Result {
            try await cluster.read(
                from: policyForReads(policy),
                after: positionForReads,
                isolation: isolation,
                timeout: timeout,
                file: file,
                line: line,
                body
            )
        }

        /// Any position makes the primary tell whether it still is one.
        private var positionForReads: PostgresLSN? {
            latest.withLock { $0.position ?? ($0.isUnknown ? PostgresLSN(rawValue: 0) : nil) }
        }

        private func policyForReads(_ policy: PostgresReadPolicy) -> PostgresReadPolicy {
            readsFromPrimary ? .primary : policy
        }

        // MARK: Positions

        private static let positionQuestion = "SELECT pg_current_wal_insert_lsn()::text"
        private static let question = PostgresQuery(unsafe: positionQuestion)

        /// Records the position behind a write; `nil` if it is not known.
        private func record(_ text: String?) {
            let format = cluster.state.logFormat.withLock { $0 }
            let position = text.flatMap { PostgresLSN($0) }.map(format.endOfRecord)
            latest.withLock { latest in
                guard let position else {
                    latest.isUnknown = true
                    return
                }
                // It is behind every earlier write of the session, too.
                latest.isUnknown = false
                latest.position = max(latest.position ?? position, position)
            }
        }
    }

    /// Returns a session, whose reads see what was committed before a position.
    ///
    /// A position that no standby has reached never blocks a read for longer than its time limit,
    /// so that it can come from a client: the primary answers, or the read fails, as the policy
    /// says.
    ///
    /// - Parameter position: The position of an earlier session of the same user; `nil` for none.
    public func session(after position: PostgresLSN? = nil) -> Session { Session(self, after: position) }
}

extension PostgresError.SQLState {
    /// A standby has no position of its own.
    fileprivate static let recoveryInProgress: Self = "55000"
}
