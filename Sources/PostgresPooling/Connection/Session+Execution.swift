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
    /// - Returns: Its result, in the format that the query asks for.
    func run(_ query: PostgresQuery, _ patience: Patience) async throws(PostgresError) -> PostgresResult {
        if query.hasNamedTypes { return try await runResolved(query, patience) }
        var attempt = Attempt()
        while true {
            let isInTransaction = unsafe PQtransactionStatus(handle) != PQTRANS_IDLE
            do throws(PostgresError) {
                let sent: String
                switch try send(query, attempt) {
                case .sent(let text): sent = text
                case .large(let query, let text, let name):
                    try await sendLarge(query, preparedAs: name, sql: text, patience)
                    sent = text
                case .unprepared(let preparation):
                    try await prepare(query, preparation, patience)
                    continue
                case .unchecked(let text):
                    try await check(query, text, &attempt, patience)
                    continue
                }
                let result = try await finish(sql: sent, patience)
                try requireUTF8(sql: sent)
                return result
            } catch {
                guard try await mend(query, error, &attempt, isInTransaction: isInTransaction, patience) else {
                    throw error
                }
            }
        }
    }

    /// Runs statements that have no parameters, separated by semicolons.
    ///
    /// - Returns: The last result, in text format.
    @discardableResult
    func runScript(_ text: String, _ patience: Patience) async throws(PostgresError) -> PostgresResult {
        try PostgresQuery(unsafe: text).validate(text)
        try expectAnswer(sql: text)
        if text.utf8.count < Link.largeStatement {
            try begin(sql: text, unsafe PQsendQuery(handle, text))
        } else {
            try await sendLarge(sql: text, patience) { link in unsafe PQsendQuery(link.handle, text) }
        }
        return try await finish(sql: text, patience)
    }

    /// Notes that a statement is on its way.
    func begin(sql: String, _ isSent: Int32) throws(PostgresError) {
        if isGivenUp.load(ordering: .relaxed) { throw givenUp(sql: sql, isSent: isSent != 0) }
        guard isSent != 0 else { throw unsafe lost(sql: sql, String(cString: PQerrorMessage(handle)), isSent: false) }
        session.isAnswerPending = true
        session.isUsed = true
    }

    /// Fetches the results of a statement to their end.
    ///
    /// - Returns: The last.
    /// - Throws: The first that is an error.
    @inline(__always)
    func finish(sql: String, _ patience: Patience) async throws(PostgresError) -> PostgresResult {
        var (last, failed): (PostgresResult?, PostgresResult?)
        while true {
            switch fetch(sql: sql) {
            case .result(let result):
                if result.isError {
                    // Nothing comes behind a COPY by itself.
                    if result.isCopy { throw failure(of: result, sql: sql)! }
                    if failed == nil { failed = result }
                } else {
                    note(result, sql: sql)
                    last = result
                }
            case .end:
                if let failed { throw failure(of: failed, sql: sql)! }
                if session.transactions.obstacle != nil, let error = controlError(sql: sql) { throw error }
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
            // Of a pipeline that is the end of one answer. A lost connection has no other end.
            if session.isPipelining, !isLost { return fetch(sql: sql) }
            session.isAnswerPending = false
            endAnswer()
            return .end
        }
        if session.isPipelining, unsafe PQresultStatus(result) == PGRES_PIPELINE_SYNC {
            unsafe PQclear(result)
            endPipeline()
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
                throw PostgresError(
                    .cancelled,
                    "the task was cancelled before the statement was sent",
                    sql: sql(),
                    outcome: .notExecuted
                )
            }
            if isShutDown.load(ordering: .relaxed) { throw shutDown(sql: sql()).withoutEffect() }
        }
        guard session.isAnswerPending || session.cancelRequest != nil || session.transactions.obstacle != nil else {
            return
        }
        try await endEarlier(sql: sql(), patience, resetTimeout: resetTimeout)
    }

    private func endEarlier(
        sql: String,
        _ patience: Patience,
        resetTimeout: Duration
    ) async throws(PostgresError) {
        let isStreaming = session.isAnswerPending && session.cancelRequest == nil
        if isStreaming, session.wasInTransaction || session.isStreamingChanges {
            // A request to end the statement would fail its transaction.
            do throws(PostgresError) { try await drain(patience) } catch { throw error.beforeStatement(sql) }
        }
        let deadline = min(patience.deadline, MonotonicClock.deadline(after: resetTimeout))
        if await recover(by: deadline), await undo(by: deadline) {
            // The text of a statement whose answer came late is not known. The transaction is over all the same.
            if session.transactions.depth > 0, session.transactions.obstacle == nil,
                unsafe PQtransactionStatus(handle) == PQTRANS_IDLE
            {
                session.transactions.obstacle = .control("ROLLBACK")
            }
            if let error = controlError(sql: sql)?.withoutEffect() { throw error }
            return
        }
        if !isLost, MonotonicClock.now >= patience.deadline {
            throw PostgresError(
                .timedOut,
                "an earlier statement on this connection has not ended in time",
                sql: sql,
                outcome: .notExecuted
            )
        }
        throw lost(sql: sql, "an earlier statement on this connection could not be ended", isSent: false)
    }

    /// Asks the server to end the statement that is under way, without waiting for that.
    func askToEnd() {
        guard session.isAnswerPending, session.cancelRequest == nil, let cancelKey else { return }
        session.cancelRequest = CancelRequest(cancelKey)
    }

    /// Ends what is under way, so that another statement can be sent.
    ///
    /// The rows of a stream that was left early are read for as long as a request to end it takes,
    /// about a millisecond. Those of a statement that may change data are read to the end: whether
    /// its changes last must not depend on how many rows it returns.
    ///
    /// A request to end a statement that reaches the server before the statement does is lost. So it is made again, after longer and
    /// longer times.
    ///
    /// - Returns: Whether the connection can still be used.
    func recover(by deadline: UInt64) async -> Bool {
        if session.isAnswerPending, session.cancelRequest == nil {
            let mustEnd = session.isStreamingChanges && !session.wasInTransaction
            let enough = mustEnd ? deadline : min(deadline, MonotonicClock.deadline(after: .milliseconds(1)))
            // When that is over it asks the server to end the statement.
            try? await drain(Patience(deadline: enough, isCancellable: false))
        }
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

    /// Reads what is still to come of an answer, and drops it. The statement may have succeeded.
    private func drain(_ patience: Patience) async throws(PostgresError) {
        var count = 0
        while let result = try await nextResult(sql: "", patience) {
            if result.isCopy { throw failure(of: result, sql: "")! }
            if !result.isError { note(result, sql: nil) }
            count += 1
            // Rows that come fast enough leave nothing to wait for, and so no wait that would end.
            if count % 64 == 0, MonotonicClock.now >= patience.deadline, let error = error(ending: .timedOut, sql: "") {
                throw error
            }
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
        if fields.isFatal {
            farewell = fields
            return lost(sql: sql, fields.message)
        }
        // What the parser refuses, which is at a place in the text, has not begun.
        let hasBegun = !session.wasInTransaction && fields.position == nil
        let mayHaveCommitted = TransactionScanner.mayCommitPart(sql, hasBegun: hasBegun)
        return PostgresError(
            .server,
            fields.message,
            server: fields,
            sql: sql,
            connectionIsGone: isLost,
            outcome: mayHaveCommitted ? .unknown : nil
        )
    }

    /// The error for a connection that is lost, with the server's reason if it gave one.
    ///
    /// A statement that was sent has had no effect if the server had ended the session before, or
    /// if it belonged to a transaction, which is rolled back then. Of another the outcome is
    /// unknown: the server may have committed it, and its answer may be lost.
    ///
    /// - Parameter isSent: Whether the statement was sent.
    func lost(sql: String, _ message: String, isSent: Bool = true) -> PostgresError {
        // Among what has come the server's reason may be.
        parse()
        let outcome: PostgresError.Outcome =
            if !isSent || session.wasEnded || farewell?.provesIdleness == true {
                .notExecuted
            } else if session.wasInTransaction, !TransactionScanner.mayEndTransaction(sql) {
                .rolledBack
            } else {
                .unknown
            }
        let reason = farewell?.message ?? message
        return PostgresError(
            outcome == .unknown ? .outcomeUnknown : .connectionLost,
            PostgresError.escapingControlCharacters(
                reason.split(whereSeparator: \.isNewline).map { $0.drop { $0 == "\t" } }.joined(separator: " ")
            ),
            server: farewell,
            sql: sql,
            connectionIsGone: true,
            isUnreached: outcome != .unknown,
            outcome: outcome
        )
    }

    /// The error for a connection that is given up.
    func givenUp(sql: String, isSent: Bool = true) -> PostgresError {
        lost(
            sql: sql,
            "The server has sent much that it was not asked for, and the connection was given up.",
            isSent: isSent
        )
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
