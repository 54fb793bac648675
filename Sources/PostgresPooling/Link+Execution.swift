// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import Synchronization

// How a statement goes to the server and its answer comes back. The owner sends by itself; libpq tries to send at once, and that is
// nearly always all. It then waits until the answer is complete, which wakes it once.

/// When a statement has to be done, and whether its task can end it.
struct Patience: Sendable {
    /// In nanoseconds of the monotonic clock.
    var deadline = Reactor.never
    var isCancellable = true

    /// For what the owner does on its own account.
    static func uncancelled(for duration: Duration) -> Patience {
        Patience(deadline: MonotonicClock.deadline(after: duration), isCancellable: false)
    }

    /// How a wait ends whose answer has come: too late, where the deadline has passed.
    var outcome: Link.Outcome {
        deadline != Reactor.never && MonotonicClock.now >= deadline ? .timedOut : .ready
    }
}

extension Link {
    /// Runs a statement and waits for its whole answer.
    ///
    /// - Returns: Its result, in binary format.
    func run(_ query: PostgresQuery, _ patience: Patience) async throws(PostgresError) -> PostgresResult {
        while true {
            let isInTransaction = unsafe PQtransactionStatus(handle) != PQTRANS_IDLE
            do throws(PostgresError) {
                switch try send(query) {
                case .sent(let text): return try await finish(sql: text, patience)
                case .large(let text, let name):
                    try await sendLarge(query, preparedAs: name, sql: text, patience)
                    return try await finish(sql: text, patience)
                case .unprepared(let preparation): try await prepare(query, preparation, patience)
                }
            } catch {
                // The server has not begun with it, so it can be sent again. In a transaction it cannot: that has failed by now.
                guard forgetIfStale(query, error), !isInTransaction else { throw error }
            }
        }
    }

    /// Runs statements that have no parameters, separated by semicolons.
    ///
    /// - Returns: The last result, in text format.
    @discardableResult
    func runScript(_ text: String, _ patience: Patience) async throws(PostgresError) -> PostgresResult {
        try PostgresQuery(unsafe: text).validate(text)
        expectAnswer()
        if text.utf8.count < Link.largeStatement {
            try begin(sql: text, unsafe PQsendQuery(handle, text))
        } else {
            try await sendLarge(sql: text, patience) { link in unsafe PQsendQuery(link.handle, text) }
        }
        return try await finish(sql: text, patience)
    }

    /// What has become of a statement that was to be sent.
    enum Sending {
        /// It is on its way; this is its text.
        case sent(text: String)
        /// It is to be prepared first.
        case unprepared(StatementCache.Preparation)
        /// It is to be sent by a thread, by `sendLarge`; the name is that of the prepared statement.
        case large(text: String, name: String?)
    }

    /// Sends a statement, prepared if it has come before.
    ///
    /// - Parameter rowByRow: Whether each row is to be a result of its own.
    func send(_ query: PostgresQuery, rowByRow: Bool = false) throws(PostgresError) -> Sending {
        let key = StatementCache.Key(query)
        let prepared = session.statements.prepared(key)
        let text = prepared?.text ?? query.text
        if prepared == nil {
            // Before anything is remembered of it, or thrown out for it.
            try query.validate(text)
            // Within a transaction nothing is thrown out: a failure of that would end the transaction.
            let mayEvict = unsafe PQtransactionStatus(handle) == PQTRANS_IDLE
            if let preparation = session.statements.preparation(key, text: text, mayEvict: mayEvict) {
                return .unprepared(preparation)
            }
        }
        expectAnswer()
        if query.isLarge(text) { return .large(text: text, name: prepared?.name) }
        let isSent = unsafe try query.withArguments(sql: text) { count, types, values, lengths, formats in
            guard let name = prepared?.name else {
                return unsafe PQsendQueryParams(handle, text, count, types, values, lengths, formats, 1)
            }
            // Passed as a `String`, it would be copied to the heap.
            return unsafe name.withCString { name in
                unsafe PQsendQueryPrepared(handle, name, count, values, lengths, formats, 1)
            }
        }
        try begin(sql: text, isSent)
        if rowByRow { try beginRows(sql: text) }
        return .sent(text: text)
    }

    /// Has libpq give each row of a statement as a result of its own. Before anything else is done with the connection.
    func beginRows(sql: String) throws(PostgresError) {
        if unsafe PQsetSingleRowMode(handle) == 0 { throw lost(sql: sql, "libpq does not give the rows one by one.") }
    }

    /// Has the server prepare a statement.
    func prepare(
        _ query: PostgresQuery,
        _ preparation: StatementCache.Preparation,
        _ patience: Patience
    ) async throws(PostgresError) {
        let key = StatementCache.Key(query)
        do throws(PostgresError) {
            if let evicted = preparation.evicting { try await deallocate(evicted, patience) }
            let (types, text) = (key.types, preparation.text)
            expectAnswer()
            let isSent = unsafe PQsendPrepare(handle, preparation.name, text, Int32(types.count), types)
            try begin(sql: text, isSent)
            _ = try await finish(sql: text, patience)
        } catch {
            // Without a word of the server's it may have what nobody here knows of.
            if error.server == nil { session.noteOwnStatement() }
            throw error
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
    }

    /// Forgets a prepared statement, if the error says that the server has forgotten it, or would make other columns of it than
    /// when it was prepared.
    ///
    /// - Returns: Whether it was that.
    func forgetIfStale(_ query: PostgresQuery, _ error: PostgresError) -> Bool {
        let isStale =
            error.sqlState == .invalidStatementName
            || error.sqlState == .featureNotSupported && error.server?.routine == "RevalidateCachedQuery"
        let key = StatementCache.Key(query)
        guard isStale, session.statements.isPrepared(key) else { return false }
        session.statements.remove(key)
        return true
    }

    /// Notes that a statement is on its way.
    func begin(sql: String, _ isSent: Int32) throws(PostgresError) {
        if isGivenUp.load(ordering: .relaxed) { throw givenUp(sql: sql) }
        guard isSent != 0 else { throw unsafe lost(sql: sql, String(cString: PQerrorMessage(handle))) }
        session.isAnswerPending = true
    }

    /// Fetches the results of a statement to their end.
    ///
    /// - Returns: The last.
    /// - Throws: The first that is an error.
    @inline(__always)
    private func finish(sql: String, _ patience: Patience) async throws(PostgresError) -> PostgresResult {
        var (last, failed): (PostgresResult?, PostgresResult?)
        while true {
            switch fetch(sql: sql) {
            case .result(let result):
                if result.isError {
                    // Nothing comes behind a COPY by itself.
                    if result.isCopy { throw failure(of: result, sql: sql)! }
                    if failed == nil { failed = result }
                } else {
                    if !result.isOrdinary { session.note(commandTag: result.commandTag) }
                    last = result
                }
            case .end:
                if let failed { throw failure(of: failed, sql: sql)! }
                guard let last else { throw lost(sql: sql, "The server sent no answer.") }
                return last
            case .pending(let goal):
                if let error = error(ending: await wait(for: goal, patience), sql: sql) { throw error }
            }
        }
    }

    /// Fetches the next result of a statement.
    ///
    /// - Returns: The result; `nil` when there are no more, and another statement can be sent.
    func nextResult(sql: String, _ patience: Patience) async throws(PostgresError) -> PostgresResult? {
        while true {
            switch fetch(sql: sql) {
            case .result(let result): return result
            case .end: return nil
            case .pending(let goal):
                if let error = error(ending: await wait(for: goal, patience), sql: sql) { throw error }
            }
        }
    }

    /// How an answer goes on.
    private enum Continuation {
        case result(PostgresResult)
        /// There are no more results, and another statement can be sent.
        case end
        /// It has not come yet, or the statement is not even sent.
        case pending(Goal)
    }

    /// Takes the next step in sending a statement and fetching its answer, as far as it does not block.
    private func fetch(sql: String) -> Continuation {
        // First, because what cannot be sent may have libpq read. A failure to send is told by the answer, after what the server may have
        // said before it.
        let isUnsent = unsafe PQflush(handle) > 0
        if unsafe PQisBusy(handle) != 0 { return .pending(isUnsent ? .progress : .answer) }
        guard let result = unsafe PQgetResult(handle) else {
            session.isAnswerPending = false
            endAnswer()
            return .end
        }
        return unsafe .result(PostgresResult(result, sql: sql))
    }

    /// Asks the server to end a statement whose answer is not waited for any longer.
    ///
    /// - Returns: The error that tells of it; `nil` if the wait has ended in order.
    func error(ending outcome: Outcome, sql: String) -> PostgresError? {
        if outcome == .ready { return nil }
        let isLost = isLost
        if !isLost { askToEnd() }
        return switch outcome {
        case .ready: nil
        case .cancelled:
            PostgresError(
                .cancelled,
                "the task was cancelled before the server had answered",
                sql: sql,
                connectionIsGone: isLost
            )
        case .shutDown: shutDown(sql: sql)
        case .timedOut:
            PostgresError(.timedOut, "the server has not answered in time", sql: sql, connectionIsGone: isLost)
        case .givenUp: givenUp(sql: sql)
        }
    }

    // MARK: Recovery

    /// Makes sure that another statement can be sent: the task is not cancelled, and an earlier statement has ended.
    ///
    /// - Parameter resetTimeout: How long the earlier one may take for that, if the new one's own patience lasts as long.
    func prepareToSend(
        sql: @autoclosure () -> String,
        _ patience: Patience,
        resetTimeout: Duration
    ) async throws(PostgresError) {
        if patience.isCancellable {
            if Task.isCancelled {
                throw PostgresError(.cancelled, "the task was cancelled before the statement was sent", sql: sql())
            }
            if isShutDown.load(ordering: .relaxed) { throw shutDown(sql: sql()) }
        }
        guard session.isAnswerPending || session.cancelRequest != nil else { return }
        try await endEarlier(sql: sql(), patience, resetTimeout: resetTimeout)
    }

    private func endEarlier(
        sql: String,
        _ patience: Patience,
        resetTimeout: Duration
    ) async throws(PostgresError) {
        let deadline = min(patience.deadline, MonotonicClock.deadline(after: resetTimeout))
        if await recover(by: deadline) { return }
        if MonotonicClock.now >= patience.deadline {
            throw PostgresError(.timedOut, "an earlier statement on this connection has not ended in time", sql: sql)
        }
        throw PostgresError(
            .connectionLost,
            "an earlier statement on this connection could not be ended",
            sql: sql,
            connectionIsGone: true
        )
    }

    /// Asks the server to end the statement that is under way, without waiting for that.
    func askToEnd() {
        guard session.isAnswerPending, session.cancelRequest == nil, let cancelKey else { return }
        session.cancelRequest = CancelRequest(cancelKey)
    }

    /// Ends what is under way, so that another statement can be sent.
    ///
    /// A request to end a statement that reaches the server before the statement does is lost. So it is made again, after longer and
    /// longer times.
    ///
    /// - Returns: Whether the connection can still be used.
    func recover(by deadline: UInt64) async -> Bool {
        var pause = Duration.milliseconds(50)
        while session.isAnswerPending {
            askToEnd()
            let patience = Patience(
                deadline: min(deadline, MonotonicClock.deadline(after: pause)),
                isCancellable: false
            )
            do throws(PostgresError) {
                try await drain(patience)
            } catch {
                guard
                    error.code == .timedOut, !isLost, MonotonicClock.now < deadline,
                    await isRequestOver(by: deadline)
                else { return false }
                pause *= 2
            }
        }
        // A request that is still on its way would end the next statement.
        return await isRequestOver(by: deadline) && !isLost
    }

    /// Reads what is still to come of an answer, and drops it.
    private func drain(_ patience: Patience) async throws(PostgresError) {
        while let result = try await nextResult(sql: "", patience) {
            if result.isCopy { throw failure(of: result, sql: "")! }
        }
    }

    /// Waits until no request to end a statement is under way.
    private func isRequestOver(by deadline: UInt64) async -> Bool {
        guard let request = session.cancelRequest else { return true }
        // Until it has arrived it may still end another statement, so it is not forgotten.
        guard await request.hasArrived(within: MonotonicClock.duration(until: deadline)) else { return false }
        session.cancelRequest = nil
        return true
    }

    /// Brings the session back to where it was when it was new, as far as statements have changed it.
    ///
    /// - Returns: Whether that worked.
    func reset(setup: [PostgresQuery], within duration: Duration) async -> Bool {
        let patience = Patience.uncancelled(for: duration)
        guard await recover(by: patience.deadline) else { return false }
        do {
            if unsafe PQtransactionStatus(handle) != PQTRANS_IDLE { try await runScript("ROLLBACK", patience) }
            if session.isChanged {
                try await runScript(
                    "CLOSE ALL; UNLISTEN *; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; SELECT pg_advisory_unlock_all()",
                    patience
                )
                for query in setup { _ = try await run(query, patience) }
                if session.hasOwnStatements {
                    try await runScript("DEALLOCATE ALL", patience)
                    session.hasOwnStatements = false
                }
                session.isChanged = false
            }
            return unsafe PQtransactionStatus(handle) == PQTRANS_IDLE
        } catch {
            return false
        }
    }

    // MARK: Errors

    /// The error that a result is; `nil` if it is none.
    func failure(of result: PostgresResult, sql: String) -> PostgresError? {
        guard result.isError else { return nil }
        if result.isCopy {
            // To end it in order is not worth the code, so the connection goes.
            return PostgresError(
                .unsupported,
                "COPY from or to the client is not supported",
                sql: sql,
                connectionIsGone: true
            )
        }
        guard result.errorField("C") != nil else { return lost(sql: sql, result.errorMessage) }
        let fields = PostgresError.ServerFields(result)
        return PostgresError(
            .server,
            fields.message,
            server: fields,
            sql: sql,
            connectionIsGone: isLost || fields.severity == "FATAL" || fields.severity == "PANIC"
        )
    }

    /// The error for a connection that is lost.
    private func lost(sql: String, _ message: String) -> PostgresError {
        PostgresError(
            .connectionLost,
            message.split(whereSeparator: \.isNewline).joined(separator: " "),
            sql: sql,
            connectionIsGone: true
        )
    }

    /// The error for a connection that is given up.
    private func givenUp(sql: String) -> PostgresError {
        lost(sql: sql, "The server has sent much that it was not asked for, and the connection was given up.")
    }

    /// The error for a holder that the pool waits for no longer.
    private func shutDown(sql: String) -> PostgresError {
        PostgresError(
            .connectionLost,
            "the pool was shut down while this connection was in use",
            sql: sql,
            connectionIsGone: true
        )
    }
}
