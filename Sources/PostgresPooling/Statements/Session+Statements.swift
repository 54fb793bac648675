// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

// How a statement goes to the server: as it is, or prepared, and again when the server has refused it without having begun.

extension Link {
    /// What has been learned of a statement since it was first sent.
    struct Attempt {
        /// The server has not what it was thought to have prepared, so that the statement goes as it is.
        var isUnnamed = false

        /// The types of the parameters have been looked for.
        var isResolved = false

        /// The types that were found; `nil` for those of the values.
        var types: [UInt32]?

        /// Whether the server converts a parameter by the time zone of the session has been looked for.
        var isZoned = false
    }

    /// What has become of a statement that was to be sent.
    enum Sending {
        /// It is on its way; this is its text.
        case sent(text: String)
        /// It is to be prepared first.
        case unprepared(StatementCache.Preparation)
        /// It is to be sent by a thread, by `sendLarge`; the name is that of the prepared statement.
        case large(PostgresQuery, text: String, name: String?)
        /// The types of its parameters are to be checked first.
        case unchecked(text: String)
    }

    /// Sends a statement, prepared if it has come before.
    ///
    /// - Parameter rowByRow: Whether each row is to be a result of its own.
    func send(_ query: PostgresQuery, _ attempt: Attempt, rowByRow: Bool = false) throws(PostgresError) -> Sending {
        do throws(PostgresError) { try requireUTF8(sql: query.text) } catch { throw error.withoutEffect() }
        let key = StatementCache.Key(query)
        guard let prepared = session.statements.prepared(key) else {
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
        // Before anything is remembered of it, or evicted for it.
        try query.validate(text)
        if !attempt.isZoned, session.statements.mayBeZoned(key, text: text) { return .unchecked(text: text) }
        // Not prepared, so that its text is looked at each time.
        let mayChangeSession = session.noteText(text)
        if attempt.isResolved {
            return try send(query, text: text, prepared: nil, types: attempt.types, rowByRow: rowByRow)
        }
        let status = unsafe PQtransactionStatus(handle)
        // Within a transaction nothing is evicted or prepared that may fail: that would end the transaction.
        let plan = session.statements.plan(
            key,
            text: text,
            isNamed: !mayChangeSession && !attempt.isUnnamed && (status == PQTRANS_IDLE || !session.hasOwnStatements),
            mayEvict: status == PQTRANS_IDLE,
            mustCheck: status == PQTRANS_INTRANS
        )
        switch plan {
        case .check: return .unchecked(text: text)
        case .prepare(let preparation): return .unprepared(preparation)
        case .execute(let prepared):
            return try send(query, text: text, prepared: prepared, types: prepared.types, rowByRow: rowByRow)
        case .send(let types):
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
        try begin(sql: text, handOver(query, text: text, preparedAs: prepared?.name))
        if rowByRow { try beginRows(sql: text) }
        return .sent(text: text)
    }

    /// Gives libpq a statement to send.
    ///
    /// - Parameter name: The name of the prepared statement; `nil` if it is not prepared.
    /// - Returns: What libpq returns.
    @inline(__always)
    func handOver(_ query: PostgresQuery, text: String, preparedAs name: String?) throws(PostgresError) -> Int32 {
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
            // Passed as a `String`, it would be copied to the heap.
            return unsafe name.withCString { name in
                unsafe PQsendQueryPrepared(handle, name, count, values, lengths, formats, query.resultFormat)
            }
        }
    }

    /// Has libpq give each row of a statement as a result of its own. Before anything else is done with the connection.
    private func beginRows(sql: String) throws(PostgresError) {
        if unsafe PQsetSingleRowMode(handle) == 0 { throw lost(sql: sql, "libpq does not give the rows one by one.") }
    }

    /// Sends a statement whose rows are to be results of their own, and waits for the first result.
    ///
    /// - Returns: The text of the statement, and its first result; `nil` if there is none.
    func open(_ query: PostgresQuery, _ patience: Patience) async throws(PostgresError) -> (String, PostgresResult?) {
        var attempt = Attempt()
        while true {
            let isInTransaction = unsafe PQtransactionStatus(handle) != PQTRANS_IDLE
            do throws(PostgresError) {
                switch try send(query, attempt, rowByRow: true) {
                case .sent(let text): return (text, try await firstResult(sql: text, patience))
                case .large(let query, let text, let name):
                    try await sendLarge(query, preparedAs: name, sql: text, patience)
                    try beginRows(sql: text)
                    return (text, try await firstResult(sql: text, patience))
                case .unprepared(let preparation): try await prepare(query, preparation, patience)
                case .unchecked(let text): try await check(query, text, &attempt, patience)
                }
            } catch {
                guard try await mend(query, error, &attempt, isInTransaction: isInTransaction, patience) else {
                    throw error
                }
            }
        }
    }

    /// Waits for the first result of a stream.
    private func firstResult(sql: String, _ patience: Patience) async throws(PostgresError) -> PostgresResult? {
        session.isStreamingChanges = !TransactionScanner.onlyReads(sql)
        let first = try await nextResult(sql: sql, patience)
        // An error is the last result but for the end, which has to be read before anything else is sent.
        if let first, let error = failure(of: first, sql: sql), !first.isCopy {
            while try await nextResult(sql: sql, patience) != nil {}
            throw error
        }
        return first
    }

    /// Has the server prepare a statement.
    func prepare(
        _ query: PostgresQuery,
        _ preparation: StatementCache.Preparation,
        _ patience: Patience
    ) async throws(PostgresError) {
        let key = StatementCache.Key(query)
        let statement = preparation.statement
        do throws(PostgresError) {
            for name in preparation.evicting { try await deallocate(name, patience) }
            let types = statement.types ?? key.types
            try expectAnswer(sql: statement.text)
            let isSent = unsafe PQsendPrepare(handle, statement.name, statement.text, Int32(types.count), types)
            try begin(sql: statement.text, isSent)
            _ = try await finish(sql: statement.text, patience)
        } catch {
            // The session has it, from another client of a pooler for instance. The name says that it is the same statement.
            guard error.sqlState == .duplicateStatementName else {
                // Without an answer of the server's it may have been prepared.
                if error.server == nil { session.noteOwnStatement() }
                throw error.withoutEffect()
            }
            session.statements.didPrepare(key, preparation)
            // The transaction has failed.
            if unsafe PQtransactionStatus(handle) != PQTRANS_IDLE { throw error.withoutEffect() }
            return
        }
        session.statements.didPrepare(key, preparation)
    }

    /// Has the server forget a prepared statement, if it has not done so by itself.
    private func deallocate(_ name: String, _ patience: Patience) async throws(PostgresError) {
        do throws(PostgresError) {
            try await runScript("DEALLOCATE \(name)", patience)
        } catch {
            guard error.sqlState == .invalidStatementName else { throw error }
        }
        session.statements.didDeallocate(name)
    }

    /// Looks whether a statement that has failed can be sent again, because the server had not begun it.
    ///
    /// In a transaction it cannot: that has failed by then.
    ///
    /// - Returns: Whether it is to be sent again.
    func mend(
        _ query: PostgresQuery,
        _ error: PostgresError,
        _ attempt: inout Attempt,
        isInTransaction: Bool,
        _ patience: Patience
    ) async throws(PostgresError) -> Bool {
        guard let server = error.server, !error.connectionIsGone else { return false }
        // With a context the error may come from within a procedure, which has run and may have committed.
        let mayHaveRun = server.context != nil && TransactionScanner.mayCommitWithin(query.text)
        if forgetIfStale(query, error) {
            if isInTransaction || attempt.isUnnamed || mayHaveRun { return false }
            attempt.isUnnamed = true
            return true
        }
        let key = StatementCache.Key(query)
        if isInTransaction || attempt.isResolved || mayHaveRun {
            session.statements.didFail(key)
            return false
        }
        if TypeSearch.isAboutTypes(server.sqlState) {
            return try await resolve(query, after: error, &attempt, patience)
        }
        if TypeSearch.isAboutValues(server.sqlState), try await hasOutdatedTypes(query, patience) {
            attempt.isUnnamed = session.statements.forget(key, isOutdated: true)
            return attempt.isUnnamed
        }
        session.statements.didFail(key)
        return false
    }

    /// Forgets a prepared statement, if the error says that the server has forgotten it, would make other columns of it than when
    /// it was prepared, or does not find its functions, operators and columns for the types that its parameters had then.
    ///
    /// - Returns: Whether it was that.
    func forgetIfStale(_ query: PostgresQuery, _ error: PostgresError) -> Bool {
        guard let server = error.server else { return false }
        // The last has a place in the text; an error while it is executed has none there.
        let isOutdated =
            server.sqlState == .featureNotSupported && server.routine == "RevalidateCachedQuery"
            || TypeSearch.isAboutTypes(server.sqlState) && server.position != nil
        guard isOutdated || server.sqlState == .invalidStatementName else { return false }
        return session.statements.forget(StatementCache.Key(query), isOutdated: isOutdated)
    }
}
