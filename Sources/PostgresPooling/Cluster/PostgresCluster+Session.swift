// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

extension PostgresCluster {
    /// The calls of one user, whose reads see the user's earlier writes.
    ///
    /// ```swift
    /// let session = cluster.session()
    /// try await session.execute("UPDATE users SET name = \(name) WHERE id = \(id)")
    /// let names = try await session.query("SELECT name FROM users WHERE id = \(id)", as: String.self)
    /// ```
    ///
    /// A write reads the position of the log behind it in the same round trip. A standby that has
    /// replayed it may answer the session's reads. ``position`` can be kept between two requests of
    /// a user, in a cookie for example.
    public final class Session: Sendable {
        let cluster: PostgresCluster
        private let latest: Locked<Latest>

        private struct Latest {
            var position: PostgresPosition?
            /// Whether a write has succeeded whose position is not known.
            var isUnknown = false
        }

        init(_ cluster: PostgresCluster, after position: PostgresPosition?) {
            self.cluster = cluster
            latest = Locked(Latest(position: position))
        }

        /// The position behind the session's writes; `nil` before the first one.
        public var position: PostgresPosition? { latest.withLock { $0.position } }

        /// Makes later reads see what was committed before a position.
        public func advance(to position: PostgresPosition) {
            latest.withLock { $0.position = max($0.position ?? position, position) }
        }

        /// Runs a statement on the primary, and discards its rows; see
        /// ``PostgresCluster/execute(_:timeout:file:line:)``.
        @discardableResult
        public func execute(
            _ query: PostgresQuery,
            timeout: Duration? = nil,
            file: StaticString = #fileID,
            line: UInt = #line
        ) async throws -> PostgresCommand {
            try await cluster.onPrimary(timeout: timeout, isSingleStatement: true) { pool, rest in
                let (result, position) = try await pool.withPipeline(
                    timeout: rest,
                    throwsFailures: false,
                    file: file,
                    line: line
                ) { pipeline in
                    let result = pipeline.execute(query)
                    pipeline.sync()
                    return (result, pipeline.query(Session.question, as: String.self))
                }
                let command = try result.get()
                record(try? position.get().first)
                return command
            }
        }

        /// Runs `body` on a connection to the primary, in a transaction. The `COMMIT` and the
        /// position behind it take one round trip.
        ///
        /// - Parameters:
        ///   - isolation: The isolation level; `nil` for the server's default.
        ///   - settings: The settings of the transaction by name.
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
            timeout: Duration? = nil,
            file: StaticString = #fileID,
            line: UInt = #line,
            _ body: (borrowing PostgresConnection) async throws -> Result
        ) async throws -> Result {
            let start = try TransactionStart(isolation: isolation, readOnly: false, settings: settings)
            let caller = CallSite(inThisTask: file, line)
            var hasBegun = false
            return try await cluster.onPrimary(timeout: timeout, unless: { hasBegun }) { pool, rest in
                let limit = pool.limit(rest, checkoutTimeout: rest)
                let lease = try await pool.checkOutInTransaction(start, within: limit, caller)
                hasBegun = true
                let result = try await body(lease.connection)
                record(try await lease.connection.commit(followedBy: Session.positionQuestion))
                return result
            }
        }

        private static let positionQuestion = "SELECT pg_current_wal_insert_lsn()::text"

        /// Runs a statement that only reads, on a server that has the session's writes.
        public func query(
            _ query: PostgresQuery,
            from policy: PostgresReadPolicy = .preferReplica,
            timeout: Duration? = nil,
            file: StaticString = #fileID,
            line: UInt = #line
        ) async throws -> PostgresRows {
            try await cluster.query(
                query,
                from: policyForReads(policy),
                after: position,
                timeout: timeout,
                file: file,
                line: line
            )
        }

        private static let question = PostgresQuery(unsafe: positionQuestion)

        private func policyForReads(_ policy: PostgresReadPolicy) -> PostgresReadPolicy {
            latest.withLock(\.isUnknown) ? .primary : policy
        }

        private func record(_ text: String?) {
            let format = cluster.state.logFormat.withLock { $0 }
            let position = text.flatMap { PostgresPosition($0) }.map(format.endOfRecord)
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
    /// - Parameter position: The position of an earlier session of the same user; `nil` for none.
    public func session(after position: PostgresPosition? = nil) -> Session { Session(self, after: position) }
}
