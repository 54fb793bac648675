// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

// Sends a statement, directly or prepared, and retries it if the server has refused it before
// execution.

extension Session {
    /// What is known about a statement since it was first sent.
    struct Attempt {
        /// Whether the server has lost the prepared statement, so that the statement is sent
        /// unnamed.
        var isUnnamed = false

        /// Whether the types of the parameters have been searched.
        var isResolved = false

        /// The types that were found; `nil` for the types of the values.
        var types: [UInt32]?

        /// Whether time zone conversions have been checked.
        var isZoneChecked = false
    }

    /// The outcome of sending a statement.
    enum Sending {
        /// The statement is sent, with this text.
        case sent(text: String)
        /// The statement must be prepared first.
        case unprepared(StatementCache.Preparation)
        /// `sendLarge` must send the statement; `name` is that of the prepared statement.
        case large(PostgresQuery, text: String, name: String?)
        /// The types of the parameters must be checked first.
        case unchecked(text: String)
    }

    /// Sends a statement, prepared if it has been sent before.
    ///
    /// - Parameter rowByRow: Whether each row becomes a result of its own.
    func send(_ query: PostgresQuery, _ attempt: Attempt, rowByRow: Bool = false) throws(PostgresError) -> Sending {
        do throws(PostgresError) { try requireUTF8(sql: query.text) } catch { throw error.withoutEffect() }
        let key = StatementCache.Key(query)
        guard query.preparation != .never, let prepared = state.statements.prepared(key) else {
            return try sendUnprepared(query, key, attempt, rowByRow: rowByRow)
        }
        return try send(query, text: prepared.text, prepared: prepared, types: prepared.types, rowByRow: rowByRow)
    }

    private func sendUnprepared(
        _ query: PostgresQuery,
        _ key: StatementCache.Key,
        _ attempt: Attempt,
        rowByRow: Bool
    ) throws(PostgresError) -> Sending {
        let text = query.text
        // Before the cache stores the statement, or evicts another for it.
        try query.validate(text)
        try requireSessionForListening(text)
        if !attempt.isZoneChecked, state.statements.mayConvertZone(key, text: text) { return .unchecked(text: text) }
        // Such a statement is not prepared, so that its text is checked each time.
        let mayChangeSession = state.recordText(text)
        if attempt.isResolved, query.preparation != .always {
            return try send(query, text: text, prepared: nil, types: attempt.types, rowByRow: rowByRow)
        }
        let status = unsafe PQtransactionStatus(handle)
        // Within a transaction, statements that may fail are neither evicted nor prepared: a
        // failure would end the transaction.
        let plan = state.statements.plan(
            key,
            text: text,
            isNamed: !mayChangeSession && !attempt.isUnnamed && query.preparation != .never
                && (status == PQTRANS_IDLE || !state.hasOwnStatements),
            mayEvict: status == PQTRANS_IDLE,
            mustCheck: status == PQTRANS_INTRANS && !attempt.isResolved,
            isFirstNamed: query.preparation == .always
        )
        switch plan {
        case .check: return .unchecked(text: text)
        case .prepare(let preparation): return .unprepared(preparation)
        case .execute(let prepared):
            return try send(query, text: text, prepared: prepared, types: prepared.types, rowByRow: rowByRow)
        case .send(let types):
            let types = attempt.isResolved ? attempt.types : types
            return try send(query, text: text, prepared: nil, types: types, rowByRow: rowByRow)
        }
    }

    private func send(
        _ query: PostgresQuery,
        text: String,
        prepared: StatementCache.Prepared?,
        types: [UInt32]?,
        rowByRow: Bool
    ) throws(PostgresError) -> Sending {
        if let types {
            let converted = query.converted(to: types, text: text)
            return try send(converted, text: text, prepared: prepared, types: nil, rowByRow: rowByRow)
        }
        try expectAnswer(sql: text)
        if query.isLarge(text) { return .large(query, text: text, name: prepared?.name) }
        try begin(sql: text, submit(query, text: text, preparedAs: prepared?.name))
        if rowByRow { try beginRows(sql: text) }
        return .sent(text: text)
    }

    /// Passes a statement to libpq.
    ///
    /// - Parameter name: The name of the prepared statement; `nil` if it is not prepared.
    /// - Returns: libpq's result.
    @inline(__always)
    func submit(_ query: PostgresQuery, text: String, preparedAs name: String?) throws(PostgresError) -> Int32 {
        unsafe try query.withArguments(sql: text) { count, types, values, lengths, formats in
            guard let name else {
                return unsafe PQsendQueryParams(
                    handle,
                    text,
                    count,
                    types,
                    values,
                    lengths,
                    formats,
                    query.resultFormat
                )
            }
            // Passed as a `String`, the name would be copied to the heap.
            return unsafe name.withCString { name in
                unsafe PQsendQueryPrepared(handle, name, count, values, lengths, formats, query.resultFormat)
            }
        }
    }

    /// Makes libpq return each row as a result of its own. Must be the first call after sending.
    private func beginRows(sql: String) throws(PostgresError) {
        state.isRowByRow = true
        if unsafe PQsetSingleRowMode(handle) == 0 { throw lost(sql: sql, "libpq cannot return the rows one by one.") }
    }

    /// Ends the single-row mode of an earlier statement.
    ///
    /// libpq ends it when it sends the next statement, but not in a pipeline, whose first
    /// statement would then have a result for each row. An empty statement ends it, which takes a
    /// round trip.
    func endRowByRow(_ limit: WaitLimit) async throws(PostgresError) {
        if state.isRowByRow { try await runScript("", limit) }
    }

    /// Sends a statement in single-row mode, and waits for the first result.
    ///
    /// - Returns: The text of the statement, and its first result; `nil` if there is none.
    func open(_ query: PostgresQuery, _ limit: WaitLimit) async throws(PostgresError) -> (String, PostgresResult?) {
        var attempt = Attempt()
        while true {
            let isInTransaction = unsafe PQtransactionStatus(handle) != PQTRANS_IDLE
            do throws(PostgresError) {
                switch try send(query, attempt, rowByRow: true) {
                case .sent(let text): return (text, try await firstResult(sql: text, limit))
                case .large(let query, let text, let name):
                    try await sendLarge(query, preparedAs: name, sql: text, limit)
                    try beginRows(sql: text)
                    return (text, try await firstResult(sql: text, limit))
                case .unprepared(let preparation): try await prepare(query, preparation, limit)
                case .unchecked(let text): try await check(query, text, &attempt, limit)
                }
            } catch {
                guard try await prepareRetry(query, error, &attempt, isInTransaction: isInTransaction, limit) else {
                    throw error
                }
            }
        }
    }

    /// Waits for the first result of a stream.
    private func firstResult(sql: String, _ limit: WaitLimit) async throws(PostgresError) -> PostgresResult? {
        state.isStreamingChanges = !TransactionScanner.onlyReads(sql)
        let first = try await nextResult(sql: sql, limit)
        // After an error only the end of the answer follows. It must be read before another
        // statement is sent.
        if let first, let error = failure(of: first, sql: sql), !first.isCopy {
            while try await nextResult(sql: sql, limit) != nil {}
            throw error
        }
        return first
    }

    /// Prepares a statement on the server.
    func prepare(
        _ query: PostgresQuery,
        _ preparation: StatementCache.Preparation,
        _ limit: WaitLimit
    ) async throws(PostgresError) {
        let key = StatementCache.Key(query)
        let statement = preparation.statement
        do throws(PostgresError) {
            for name in preparation.evicting { try await deallocate(name, limit) }
            let types = statement.types ?? key.types
            try expectAnswer(sql: statement.text)
            let isSent = unsafe PQsendPrepare(handle, statement.name, statement.text, Int32(types.count), types)
            try begin(sql: statement.text, isSent)
            _ = try await finish(sql: statement.text, limit)
        } catch {
            // The session has the statement already, for example from another client of a pooler.
            // The name identifies the text and the types.
            guard error.sqlState == .duplicateStatementName else {
                // Without an answer the server may have prepared it.
                if error.server == nil { state.recordOwnStatement() }
                throw error.withoutEffect()
            }
            state.statements.didPrepare(key, preparation)
            // The transaction has failed.
            if unsafe PQtransactionStatus(handle) != PQTRANS_IDLE { throw error.withoutEffect() }
            return
        }
        state.statements.didPrepare(key, preparation)
    }

    /// Deallocates a prepared statement on the server, unless the server has already dropped it.
    private func deallocate(_ name: String, _ limit: WaitLimit) async throws(PostgresError) {
        do throws(PostgresError) {
            try await runScript("DEALLOCATE \(name)", limit)
        } catch {
            guard error.sqlState == .invalidStatementName else { throw error }
        }
        state.statements.didDeallocate(name)
    }

    /// Decides whether a failed statement can be sent again because the server had not begun it,
    /// and updates what is known about it.
    ///
    /// Within a transaction it cannot: the transaction has failed.
    ///
    /// - Returns: Whether to send the statement again.
    func prepareRetry(
        _ query: PostgresQuery,
        _ error: PostgresError,
        _ attempt: inout Attempt,
        isInTransaction: Bool,
        _ limit: WaitLimit
    ) async throws(PostgresError) -> Bool {
        guard let server = error.server, !error.connectionIsGone else {
            return try await returnToOwnTypes(query, error, &attempt, limit)
        }
        // An error with a context may come from within a procedure, which has run and may have
        // committed.
        let mayHaveRun = server.context != nil && TransactionScanner.mayCommitWithin(query.text)
        if forgetIfStale(query, error) {
            if isInTransaction || attempt.isUnnamed || mayHaveRun { return false }
            attempt.isUnnamed = true
            return true
        }
        let key = StatementCache.Key(query)
        if isInTransaction || attempt.isResolved || mayHaveRun {
            state.statements.didFail(key)
            return false
        }
        if TypeSearch.isAboutTypes(server.sqlState) {
            return try await resolve(query, after: error, &attempt, limit)
        }
        if TypeSearch.isAboutValues(server.sqlState), try await hasOutdatedTypes(query, limit) {
            attempt.isUnnamed = state.statements.forget(key, isOutdated: true)
            return attempt.isUnnamed
        }
        state.statements.didFail(key)
        return false
    }

    /// Removes a prepared statement from the cache if the error shows that the server has lost it,
    /// that its result columns have changed, or that its functions, operators and columns no
    /// longer match the types of its parameters.
    ///
    /// - Returns: Whether the error shows one of these.
    func forgetIfStale(_ query: PostgresQuery, _ error: PostgresError) -> Bool {
        guard let isOutdated = Session.showsStaleStatement(error) else { return false }
        return state.statements.forget(StatementCache.Key(query), isOutdated: isOutdated)
    }

    /// Returns whether an error shows that the server still has a prepared statement, which is
    /// outdated, or has it no more; `nil` if it shows neither.
    static func showsStaleStatement(_ error: PostgresError) -> Bool? {
        guard let server = error.server else { return nil }
        // The last kind of error has a position in the text. An error during execution has none.
        let isOutdated =
            server.sqlState == .featureNotSupported && server.routine == "RevalidateCachedQuery"
            || Session.showsMissingObject(server)
            || TypeSearch.isAboutTypes(server.sqlState) && server.position != nil
        if isOutdated { return true }
        return server.sqlState == .invalidStatementName ? false : nil
    }

    /// Returns whether the server has not found a type, or another object, by its identifier: it
    /// was dropped, perhaps to be created again. The server does not notice that a constant of a
    /// prepared statement has such a type. It never translates messages of this kind.
    private static func showsMissingObject(_ server: PostgresError.ServerFields) -> Bool {
        server.sqlState == "XX000" && server.message.hasPrefix("cache lookup failed for ")
    }
}
