// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

extension PostgresConfiguration {
    /// The kind of pooler between a ``PostgresPool`` and the server, such as PgBouncer, which
    /// determines how long a connection keeps its session.
    ///
    /// A pooler in transaction or statement mode may run each transaction of a connection in any
    /// of the server's sessions. Other clients then share everything that belongs to a session:
    /// prepared statements, `SET`, `LISTEN`, session advisory locks, temporary tables. "Behind a
    /// pooler" in the guide lists what works.
    public enum Pooler: Sendable, Hashable, CaseIterable {
        /// Detects a pooler on each new connection, with one more round trip.
        ///
        /// Behind a pooler, the process identifier in the handshake differs from
        /// `pg_backend_pid()`. The mode of a pooler cannot be detected. Behind any pooler, no
        /// statement is therefore prepared by name, and a ``PostgresConfiguration/setup`` fails
        /// with the code `invalidConfiguration`.
        case detect

        /// Each connection keeps one session: there is no pooler, or one in session mode.
        case session

        /// A connection keeps a session for one transaction: the pooler is in transaction or
        /// statement mode.
        ///
        /// No statement is prepared by name, no `DEALLOCATE` is sent, and a released connection is
        /// rolled back but not reset. A pool with a ``PostgresConfiguration/setup`` cannot be
        /// created.
        case transaction
    }
}

extension Session {
    /// Adapts a new connection to the pooler in front of the server, see
    /// ``PostgresConfiguration/Pooler``.
    ///
    /// - Throws: ``PostgresError``, with the code `invalidConfiguration` if there is a `setup`
    ///   that a pooler might lose.
    func adapt(
        to configuration: PostgresConfiguration,
        _ resolvedTypes: ResolvedTypes,
        _ limit: WaitLimit
    ) async throws(PostgresError) {
        state.statements = StatementCache(
            capacity: configuration.statementCacheCapacity,
            byteCapacity: configuration.statementCacheBytes,
            resolved: resolvedTypes
        )
        switch configuration.pooler {
        case .session: state.hasOwnSession = true
        case .transaction:
            state.isShared = true
            state.hasOwnSession = false
            state.statements.allowsNames = false
        case .detect:
            // Otherwise nothing depends on it.
            guard configuration.statementCacheCapacity > 0 || !configuration.setup.isEmpty else { return }
            if try await isItsOwn(limit) { return }
            state.statements.allowsNames = false
            if configuration.setup.isEmpty { return }
            throw PostgresError(
                .invalidConfiguration,
                "a pooler is in front of the server, and may run setup in another session: set pooler to .session or .transaction"
            )
        }
    }

    /// Returns whether every transaction of the connection runs in the same session, as far as can
    /// be detected. Asks the server if that is not known.
    func isItsOwn(_ limit: WaitLimit) async throws(PostgresError) -> Bool {
        if let known = state.hasOwnSession { return known }
        let isPooled = try await isPooled(limit)
        state.hasOwnSession = !isPooled
        return !isPooled
    }

    /// Asks the server for its process identifier. A pooler reports another one in the handshake.
    func isPooled(_ limit: WaitLimit) async throws(PostgresError) -> Bool {
        let answer: PostgresResult
        do throws(PostgresError) {
            answer = try await runScript("SELECT pg_catalog.pg_backend_pid()", limit)
        } catch {
            // A server that cannot answer is not known to keep sessions.
            if error.server == nil || error.connectionIsGone { throw error }
            return true
        }
        guard answer.rowCount == 1, answer.columnCount == 1, let bytes = unsafe answer.bytes(row: 0, column: 0) else {
            return true
        }
        return unsafe Int32(String(decoding: bytes, as: UTF8.self)) != PQbackendPID(handle)
    }
}
