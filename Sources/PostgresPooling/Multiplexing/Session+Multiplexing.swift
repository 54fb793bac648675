// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

// Sends the statements of different calls, each with a sync of its own.

extension Session {
    /// What a statement needs before it can be sent.
    enum Preparing {
        /// Prepare it.
        case name(StatementCache.Preparation)
        /// Check the types of its parameters.
        case types(text: String)
        /// Find other types: a value does not have the type of its parameter.
        case value(PostgresError)
    }

    /// A statement as it is sent among those of other calls.
    struct SharedStatement {
        let query: PostgresQuery
        let text: String
        /// The prepared statement; `nil` to send the text.
        var prepared: StatementCache.Prepared?
        /// The types with which the statement is prepared first; `nil` if it is not.
        var preparedTypes: [UInt32]?
    }

    /// How to send a statement among those of other calls.
    enum SharedPlan {
        case send(SharedStatement)
        /// Something takes a round trip of its own first.
        case prepare(Preparing)
        /// The statement needs a connection of its own.
        case refused
    }

    /// Decides how to send a statement among those of other calls. The session's encoding must be
    /// UTF-8.
    ///
    /// - Parameter isAlone: Whether nothing is in flight, so that statements can be evicted.
    /// - Throws: ``PostgresError`` if the statement cannot be sent at all.
    func sharedPlan(
        _ query: PostgresQuery,
        _ attempt: Attempt,
        isAlone: Bool
    ) throws(PostgresError) -> SharedPlan {
        let key = StatementCache.Key(query)
        if query.preparation != .never, let prepared = state.statements.prepared(key) {
            // A call with a connection of its own may have prepared it.
            guard prepared.canShareConnection else { return .refused }
            return try sharedPlan(query, prepared.text, prepared, types: prepared.types)
        }
        let text = query.text
        try query.validate(text)
        guard TransactionScanner.canShareConnection(text) else { return .refused }
        if !attempt.isZoneChecked, state.statements.mayConvertZone(key, text: text) {
            return .prepare(.types(text: text))
        }
        if attempt.isResolved, query.preparation != .always {
            return try sharedPlan(query, text, nil, types: attempt.types)
        }
        let plan = state.statements.plan(
            key,
            text: text,
            isNamed: !attempt.isUnnamed && query.preparation != .never,
            mayEvict: isAlone,
            isFirstNamed: query.preparation == .always
        )
        switch plan {
        case .check: return .prepare(.types(text: text))
        case .prepare(let preparation) where preparation.evicting.isEmpty:
            let prepared = preparation.statement
            let plan = try sharedPlan(query, text, prepared, types: prepared.types)
            guard case .send(var statement) = plan else { return plan }
            statement.preparedTypes = prepared.types ?? key.types
            // Before the answer, because others of the same text may follow at once. If the server
            // refuses to prepare it, they are sent again.
            state.statements.didPrepare(key, preparation)
            return .send(statement)
        case .prepare(let preparation): return .prepare(.name(preparation))
        case .execute(let prepared): return try sharedPlan(query, text, prepared, types: prepared.types)
        case .send(let types):
            return try sharedPlan(query, text, nil, types: attempt.isResolved ? attempt.types : types)
        }
    }

    private func sharedPlan(
        _ query: PostgresQuery,
        _ text: String,
        _ prepared: StatementCache.Prepared?,
        types: [UInt32]?
    ) throws(PostgresError) -> SharedPlan {
        let query = types.map { query.converted(to: $0, text: text) } ?? query
        do throws(PostgresError) {
            // Fails here if a value cannot be sent, and not between the statements of others.
            unsafe try query.withArguments(sql: text) { _, _, _, _, _ in }
        } catch {
            return .prepare(.value(error))
        }
        return query.isLarge(text) ? .refused : .send(SharedStatement(query: query, text: text, prepared: prepared))
    }

    /// Does what a statement needs before it can be sent. Nothing may be in flight.
    func prepareShared(
        _ query: PostgresQuery,
        _ preparing: Preparing,
        _ attempt: inout Attempt,
        _ limit: WaitLimit
    ) async throws(PostgresError) {
        do throws(PostgresError) {
            switch preparing {
            case .name(let preparation): try await prepare(query, preparation, limit)
            case .types(let text): try await check(query, text, &attempt, limit)
            case .value(let error): throw error
            }
        } catch {
            throw error.withoutEffect()
        }
    }

    /// Passes a statement and its sync to libpq.
    func sendShared(_ statement: SharedStatement) throws(PostgresError) {
        let text = statement.text
        if !state.isPipelining {
            try expectAnswer(sql: text)
            try begin(sql: text, unsafe PQenterPipelineMode(handle))
            state.isPipelining = true
            state.isStreamingChanges = false
            state.pendingSyncs = 0
        }
        state.pendingSyncs += 1
        guard
            sendPreparation(statement),
            try submit(statement.query, text: text, preparedAs: statement.prepared?.name) != 0,
            unsafe PQpipelineSync(handle) != 0
        else {
            abandon()
            throw lost(sql: text, unsafe String(cString: PQerrorMessage(handle)))
        }
    }

    /// Makes the system send the following statements in few packets, or sends those that it has
    /// kept.
    ///
    /// libpq passes each sync to the system at once, and most of the cost of a short statement is
    /// that of its packet.
    func gatherPackets(_ gathers: Bool) {
        #if os(Linux)
            clockpool_gather(unsafe PQsocket(handle), gathers ? 1 : 0)
        #endif
    }

    /// Records that the server has not prepared a statement.
    func forgetPreparation(_ query: PostgresQuery) {
        // Outdated, because the answer may be missing: a name that the server has is not prepared
        // again.
        _ = state.statements.forget(StatementCache.Key(query), isOutdated: true)
    }

    private func sendPreparation(_ statement: SharedStatement) -> Bool {
        guard let types = statement.preparedTypes, let name = statement.prepared?.name else { return true }
        return unsafe PQsendPrepare(handle, name, statement.text, Int32(types.count), types) != 0
    }

    /// Returns whether a statement that has failed may succeed if it is sent with other types, or
    /// prepared again.
    func mayHeal(_ error: PostgresError) -> Bool {
        guard let server = error.server, !error.connectionIsGone else { return false }
        return TypeSearch.isAboutTypes(server.sqlState) || TypeSearch.isAboutValues(server.sqlState)
            || server.sqlState == .invalidStatementName || server.sqlState == .duplicateStatementName
            || server.sqlState == .featureNotSupported
    }
}
