// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

extension Link {
    /// Makes a new connection ready for what stands between it and the server, see ``PostgresPooler``.
    ///
    /// - Throws: ``PostgresError``, with the code `invalidConfiguration` if there is a `setup` that a pooler might lose.
    func adapt(
        to configuration: PostgresConfiguration,
        _ resolvedTypes: ResolvedTypes,
        _ patience: Patience
    ) async throws(PostgresError) {
        session.statements = StatementCache(
            capacity: configuration.statementCacheCapacity,
            byteCapacity: configuration.statementCacheBytes,
            resolved: resolvedTypes
        )
        switch configuration.pooler {
        case .session: return
        case .transaction:
            session.isShared = true
            session.statements.isNaming = false
        case .detect:
            // Nothing depends on it otherwise.
            guard configuration.statementCacheCapacity > 0 || !configuration.setup.isEmpty else { return }
            guard try await isPooled(patience) else { return }
            session.statements.isNaming = false
            if configuration.setup.isEmpty { return }
            throw PostgresError(
                .invalidConfiguration,
                "a pooler stands before the server, and may run setup in another session: set pooler to .session or .transaction"
            )
        }
    }

    /// Asks the server for the number of its process. A pooler says another one in the handshake.
    private func isPooled(_ patience: Patience) async throws(PostgresError) -> Bool {
        let answer: PostgresResult
        do throws(PostgresError) {
            answer = try await runScript("SELECT pg_catalog.pg_backend_pid()", patience)
        } catch {
            // A server that cannot say is none that is known to keep sessions.
            if error.server == nil || error.connectionIsGone { throw error }
            return true
        }
        guard answer.rowCount == 1, answer.columnCount == 1, let bytes = unsafe answer.bytes(row: 0, column: 0) else {
            return true
        }
        return unsafe Int32(String(decoding: bytes, as: UTF8.self)) != PQbackendPID(handle)
    }
}
