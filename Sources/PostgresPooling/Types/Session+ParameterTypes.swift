// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

// How the types of a statement's parameters are found where the server refuses those of the values. Types are only tried by
// preparing the statement without a name, which executes nothing.

extension Link {
    /// Makes sure that the server takes the types of the parameters, before a refusal would end the transaction.
    ///
    /// A statement that it refuses with all types goes with those of its values: its failure is the statement's own.
    ///
    /// - Throws: ``PostgresError`` with the outcome `notExecuted`: the statement is not sent yet.
    func check(
        _ query: PostgresQuery,
        _ text: String,
        _ attempt: inout Attempt,
        _ patience: Patience
    ) async throws(PostgresError) {
        do throws(PostgresError) {
            try await checkTypes(query, text, &attempt, patience)
        } catch {
            throw error.withoutEffect()
        }
    }

    private func checkTypes(
        _ query: PostgresQuery,
        _ text: String,
        _ attempt: inout Attempt,
        _ patience: Patience
    ) async throws(PostgresError) {
        let key = StatementCache.Key(query)
        if !attempt.isZoned {
            attempt.isZoned = true
            if session.statements.mayBeZoned(key, text: text) {
                return try await checkInstants(key, text, types: attempt.types, patience)
            }
            if attempt.isResolved { return }
        }
        attempt.isResolved = true
        if let error = try await refusal(of: key.types, text, isInTransaction: true, patience) {
            guard let types = try await types(for: key, text, after: error, isInTransaction: true, patience) else {
                return
            }
            attempt.types = types
            // With these types the server may take instants for something else.
            attempt.isZoned = false
        }
        session.statements.didResolve(key, text: text, types: attempt.types)
    }

    /// Looks for types of the parameters that the server takes, after it has refused the statement outside a transaction.
    ///
    /// - Returns: Whether there are any.
    func resolve(
        _ query: PostgresQuery,
        after error: PostgresError,
        _ attempt: inout Attempt,
        _ patience: Patience
    ) async throws(PostgresError) -> Bool {
        let (key, text) = (StatementCache.Key(query), query.text)
        attempt.isResolved = true
        guard let types = try await types(for: key, text, after: error, isInTransaction: false, patience) else {
            session.statements.didFail(key)
            return false
        }
        attempt.types = types
        attempt.isZoned = false
        session.statements.didResolve(key, text: text, types: types)
        return true
    }

    /// - Returns: Types that the server takes; `nil` if there are none, or it takes those of the values.
    private func types(
        for key: StatementCache.Key,
        _ text: String,
        after error: PostgresError,
        isInTransaction: Bool,
        _ patience: Patience
    ) async throws(PostgresError) -> [UInt32]? {
        var search = TypeSearch(declared: key.types)
        var refusal: PostgresError? = error
        while let server = refusal?.server {
            guard let types = search.next(after: server.sqlState, server.message) else { return nil }
            refusal = try await self.refusal(of: types, text, isInTransaction: isInTransaction, patience)
        }
        return try await reduce(search, text, isInTransaction: isInTransaction, patience)
    }

    /// Gives parameters the types of their values back where the server takes those too: all of them, else half of them, and so on.
    ///
    /// - Returns: As `types(for:…)`. That all can have theirs back means that the statement has failed while it was executed.
    private func reduce(
        _ search: TypeSearch,
        _ text: String,
        isInTransaction: Bool,
        _ patience: Patience
    ) async throws(PostgresError) -> [UInt32]? {
        let declared = search.declared
        var types = search.types
        // Within a transaction they were tried first. What the server cannot find a type for is refused before anything is executed.
        var declaredAreRefused =
            isInTransaction || search.doubtful.count < types.indices.count { types[$0] != declared[$0] }
        var groups = [search.doubtful]
        var trials = 0
        while let group = groups.popLast(), !group.isEmpty, trials < 64 {
            var candidate = types
            for index in group { candidate[index] = declared[index] }
            if candidate != declared || !declaredAreRefused {
                trials += 1
                let refusal = try await refusal(of: candidate, text, isInTransaction: isInTransaction, patience)
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

    /// Tries types of the parameters: prepares the statement without a name.
    ///
    /// - Returns: The error that the server refuses the statement with; `nil` if it takes it.
    private func refusal(
        of types: [UInt32],
        _ text: String,
        isInTransaction: Bool,
        _ patience: Patience
    ) async throws(PostgresError) -> PostgresError? {
        try expectAnswer(sql: text)
        let isSent = sendTrial(isInTransaction: isInTransaction) {
            unsafe PQsendPrepare(handle, "", text, Int32(types.count), types) != 0
        }
        try begin(sql: text, isSent)
        let error = try await firstError(sql: text, patience)
        if error != nil, isInTransaction { try await undoTrial(patience) }
        return error
    }

    /// Sends what `body` sends in one round trip, within a transaction behind a savepoint. If one part fails, the server skips the
    /// others.
    func sendTrial(isInTransaction: Bool, _ body: () -> Bool) -> Int32 {
        func send(_ sql: String) -> Bool { unsafe PQsendQueryParams(handle, sql, 0, nil, nil, nil, nil, 0) != 0 }
        return sendPipeline {
            guard isInTransaction else { return body() }
            return send("SAVEPOINT lockpool_trial") && body() && send("RELEASE SAVEPOINT lockpool_trial")
        }
    }

    /// Rolls back to the savepoint of a trial that has failed.
    func undoTrial(_ patience: Patience) async throws(PostgresError) {
        let back = "ROLLBACK TO SAVEPOINT lockpool_trial; RELEASE SAVEPOINT lockpool_trial"
        try expectAnswer(sql: back)
        try begin(sql: back, unsafe PQsendQuery(handle, back))
        if let failure = try await firstError(sql: back, patience) { throw failure }
    }

    /// Sends what `body` sends in one round trip.
    private func sendPipeline(_ body: () -> Bool) -> Int32 {
        guard unsafe PQenterPipelineMode(handle) != 0 else { return 0 }
        session.isPipelining = true
        return body() ? unsafe PQpipelineSync(handle) : 0
    }

    /// Looks whether the server would give the parameters of a prepared statement other types today: those that it has found
    /// itself, where the value has none.
    ///
    /// One round trip, which executes nothing.
    func hasOutdatedTypes(_ query: PostgresQuery, _ patience: Patience) async throws(PostgresError) -> Bool {
        let (key, text) = (StatementCache.Key(query), query.text)
        let types = key.types
        guard types.contains(0), let name = session.statements.preparedName(key) else { return false }
        try expectAnswer(sql: text)
        let isSent = sendPipeline {
            unsafe PQsendDescribePrepared(handle, name) != 0
                && PQsendPrepare(handle, "", text, Int32(types.count), types) != 0
                && PQsendDescribePrepared(handle, "") != 0
        }
        try begin(sql: text, isSent)
        var descriptions: [[UInt32]] = []
        var hasFailed = false
        while let result = try await nextResult(sql: text, patience) {
            hasFailed = hasFailed || result.isError
            if result.status == PGRES_COMMAND_OK { descriptions.append(result.parameterTypes) }
        }
        // The one in the middle is that of the preparation.
        return hasFailed || descriptions.first != descriptions.last
    }

    /// The pipeline's answers have been read to their end.
    func endPipeline() {
        session.isPipelining = false
        session.isAnswerPending = false
        if unsafe PQexitPipelineMode(handle) == 0 { giveUp() }
        endAnswer()
    }

    /// Waits for the end of an answer, of which only the error counts.
    private func firstError(sql: String, _ patience: Patience) async throws(PostgresError) -> PostgresError? {
        var error: PostgresError?
        while let result = try await nextResult(sql: sql, patience) {
            if error == nil { error = failure(of: result, sql: sql) }
        }
        if let error, error.server == nil || error.connectionIsGone { throw error }
        return error
    }
}
