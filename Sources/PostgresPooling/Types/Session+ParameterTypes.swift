// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

// Finds parameter types that the server accepts if it refuses those of the values. Types are tried
// only by preparing the statement without a name, which executes nothing.

extension Session {
    /// Ensures that the server accepts the types of the parameters, because a refusal would end
    /// the transaction, or the pipeline.
    ///
    /// A statement that fails with all types is sent with the types of its values: the failure is
    /// then the statement's own.
    ///
    /// - Throws: ``PostgresError`` with the outcome `notExecuted`: the statement has not been
    ///   sent.
    func check(
        _ query: PostgresQuery,
        _ text: String,
        _ attempt: inout Attempt,
        _ limit: WaitLimit
    ) async throws(PostgresError) {
        do throws(PostgresError) {
            try await checkTypes(query, text, &attempt, limit)
        } catch {
            throw error.withoutEffect()
        }
    }

    private func checkTypes(
        _ query: PostgresQuery,
        _ text: String,
        _ attempt: inout Attempt,
        _ limit: WaitLimit
    ) async throws(PostgresError) {
        let key = StatementCache.Key(query)
        if !attempt.isZoneChecked {
            attempt.isZoneChecked = true
            if state.statements.mayConvertZone(key, text: text) {
                return try await checkInstants(key, text, types: attempt.types, limit)
            }
            if attempt.isResolved { return }
        }
        attempt.isResolved = true
        let isInTransaction = unsafe PQtransactionStatus(handle) != PQTRANS_IDLE
        if let error = try await refusal(of: key.types, text, isInTransaction: isInTransaction, limit) {
            guard
                let types = try await types(for: key, text, after: error, isInTransaction: isInTransaction, limit)
            else { return }
            attempt.types = types
            // With these types the server may interpret instants in another way.
            attempt.isZoneChecked = false
        }
        state.statements.didResolve(key, text: text, types: attempt.types)
    }

    /// Searches parameter types that the server accepts, after it has refused the statement
    /// outside a transaction.
    ///
    /// - Returns: Whether there are any.
    func resolve(
        _ query: PostgresQuery,
        after error: PostgresError,
        _ attempt: inout Attempt,
        _ limit: WaitLimit
    ) async throws(PostgresError) -> Bool {
        let (key, text) = (StatementCache.Key(query), query.text)
        attempt.isResolved = true
        guard let types = try await types(for: key, text, after: error, isInTransaction: false, limit) else {
            state.statements.didFail(key)
            return false
        }
        attempt.types = types
        attempt.isZoneChecked = false
        state.statements.didResolve(key, text: text, types: types)
        return true
    }

    /// Returns to the types of the values, after a value did not fit a type that the server
    /// expected when the statement was first sent. A function or a column may have another type
    /// since.
    ///
    /// Takes one round trip, which executes nothing.
    ///
    /// - Returns: Whether the server accepts these types now.
    func returnToOwnTypes(
        _ query: PostgresQuery,
        _ error: PostgresError,
        _ attempt: inout Attempt,
        _ limit: WaitLimit
    ) async throws(PostgresError) -> Bool {
        let (key, text) = (StatementCache.Key(query), query.text)
        let status = unsafe PQtransactionStatus(handle)
        guard error.code == .encoding, !attempt.isResolved, status == PQTRANS_IDLE || status == PQTRANS_INTRANS,
            state.statements.hasOtherTypes(key, text: text)
        else { return false }
        attempt.isResolved = true
        let isInTransaction = status == PQTRANS_INTRANS
        if try await refusal(of: key.types, text, isInTransaction: isInTransaction, limit) != nil { return false }
        attempt.isZoneChecked = false
        state.statements.didResolve(key, text: text, types: nil)
        return true
    }

    /// Searches parameter types that the server accepts.
    ///
    /// - Returns: The types; `nil` if there are none, or if the types of the values are accepted.
    private func types(
        for key: StatementCache.Key,
        _ text: String,
        after error: PostgresError,
        isInTransaction: Bool,
        _ limit: WaitLimit
    ) async throws(PostgresError) -> [UInt32]? {
        var search = TypeSearch(declared: key.types)
        var refusal: PostgresError? = error
        while let server = refusal?.server {
            guard let types = search.next(after: server.sqlState, server.message) else { return nil }
            refusal = try await self.refusal(of: types, text, isInTransaction: isInTransaction, limit)
        }
        return try await reduce(search, text, isInTransaction: isInTransaction, limit)
    }

    /// Restores the types of the values where the server accepts these too: for all parameters,
    /// else for half of them, and so on.
    ///
    /// - Returns: As `types(for:…)`. If all types can be restored, the statement has failed during
    ///   execution.
    private func reduce(
        _ search: TypeSearch,
        _ text: String,
        isInTransaction: Bool,
        _ limit: WaitLimit
    ) async throws(PostgresError) -> [UInt32]? {
        let declared = search.declared
        var types = search.types
        // Within a transaction these were tried first. A parameter without an inferable type is
        // refused before execution.
        var declaredAreRefused =
            isInTransaction || search.doubtful.count < types.indices.count { types[$0] != declared[$0] }
        var groups = [search.doubtful]
        var trials = 0
        while let group = groups.popLast(), !group.isEmpty, trials < 64 {
            var candidate = types
            for index in group { candidate[index] = declared[index] }
            if candidate != declared || !declaredAreRefused {
                trials += 1
                let refusal = try await refusal(of: candidate, text, isInTransaction: isInTransaction, limit)
                if refusal == nil {
                    types = candidate
                    continue
                }
                declaredAreRefused = declaredAreRefused || candidate == declared
            }
            if group.count > 1 { groups += [Array(group[..<(group.count / 2)]), Array(group[(group.count / 2)...])] }
        }
        return types == declared ? nil : types
    }

    /// Tries parameter types by preparing the statement without a name.
    ///
    /// - Returns: The server's error; `nil` if it accepts the types.
    private func refusal(
        of types: [UInt32],
        _ text: String,
        isInTransaction: Bool,
        _ limit: WaitLimit
    ) async throws(PostgresError) -> PostgresError? {
        try expectAnswer(sql: text)
        let isSent = sendTrial(isInTransaction: isInTransaction) {
            unsafe PQsendPrepare(handle, "", text, Int32(types.count), types) != 0
        }
        try begin(sql: text, isSent)
        let error = try await firstError(sql: text, limit)
        if error != nil, isInTransaction { try await undoTrial(limit) }
        return error
    }

    /// Sends the commands of `body` in one round trip, within a transaction after a savepoint. If
    /// one command fails, the server skips the others.
    func sendTrial(isInTransaction: Bool, _ body: () -> Bool) -> Int32 {
        func send(_ sql: String) -> Bool { unsafe PQsendQueryParams(handle, sql, 0, nil, nil, nil, nil, 0) != 0 }
        return sendPipeline {
            guard isInTransaction else { return body() }
            return send("SAVEPOINT lockpool_trial") && body() && send("RELEASE SAVEPOINT lockpool_trial")
        }
    }

    /// Rolls back to the savepoint of a failed trial.
    func undoTrial(_ limit: WaitLimit) async throws(PostgresError) {
        let back = "ROLLBACK TO SAVEPOINT lockpool_trial; RELEASE SAVEPOINT lockpool_trial"
        try expectAnswer(sql: back)
        try begin(sql: back, unsafe PQsendQuery(handle, back))
        if let failure = try await firstError(sql: back, limit) { throw failure }
    }

    /// Sends the commands of `body` in one round trip.
    private func sendPipeline(_ body: () -> Bool) -> Int32 {
        guard unsafe PQenterPipelineMode(handle) != 0 else { return 0 }
        state.isPipelining = true
        state.pendingSyncs = 1
        return body() ? unsafe PQpipelineSync(handle) : 0
    }

    /// Returns whether the server would now infer other types for the parameters of a prepared
    /// statement, where the values have no type.
    ///
    /// Takes one round trip, which executes nothing.
    func hasOutdatedTypes(_ query: PostgresQuery, _ limit: WaitLimit) async throws(PostgresError) -> Bool {
        let (key, text) = (StatementCache.Key(query), query.text)
        let types = key.types
        guard types.contains(0), let name = state.statements.preparedName(key) else { return false }
        try expectAnswer(sql: text)
        let isSent = sendPipeline {
            unsafe PQsendDescribePrepared(handle, name) != 0
                && PQsendPrepare(handle, "", text, Int32(types.count), types) != 0
                && PQsendDescribePrepared(handle, "") != 0
        }
        try begin(sql: text, isSent)
        var descriptions: [[UInt32]] = []
        var hasFailed = false
        while let result = try await nextResult(sql: text, limit) {
            hasFailed = hasFailed || result.isError
            if result.status == PGRES_COMMAND_OK { descriptions.append(result.parameterTypes) }
        }
        // The description in the middle is that of the preparation.
        return hasFailed || descriptions.first != descriptions.last
    }

    /// Records that the answers of the pipeline have been read to their end.
    func endPipeline() {
        state.isPipelining = false
        state.pendingSyncs = 0
        state.isAnswerPending = false
        if unsafe PQexitPipelineMode(handle) == 0 { abandon() }
        endAnswer()
    }

    /// Waits for the end of an answer, and returns its error.
    private func firstError(sql: String, _ limit: WaitLimit) async throws(PostgresError) -> PostgresError? {
        var error: PostgresError?
        while let result = try await nextResult(sql: sql, limit) {
            if error == nil { error = failure(of: result, sql: sql) }
        }
        if let error, error.server == nil || error.connectionIsGone { throw error }
        return error
    }
}
