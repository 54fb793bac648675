// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import Synchronization

// Sends a statement and receives its answer. The owner sends by itself: libpq tries to send at
// once, and nearly always sends everything. The owner then waits until the answer is complete,
// which resumes it once.

extension Session {
    /// Runs a statement and waits for its whole answer.
    ///
    /// - Returns: The result, in the format that the query asks for.
    func run(_ query: PostgresQuery, _ limit: WaitLimit) async throws(PostgresError) -> PostgresResult {
        if query.hasNamedTypes { return try await runResolved(query, limit) }
        var attempt = Attempt()
        while true {
            let isInTransaction = unsafe PQtransactionStatus(handle) != PQTRANS_IDLE
            do throws(PostgresError) {
                let sent: String
                switch try send(query, attempt) {
                case .sent(let text): sent = text
                case .large(let query, let text, let name):
                    try await sendLarge(query, preparedAs: name, sql: text, limit)
                    sent = text
                case .unprepared(let preparation):
                    try await prepare(query, preparation, limit)
                    continue
                case .unchecked(let text):
                    try await check(query, text, &attempt, limit)
                    continue
                }
                let result = try await finish(sql: sent, limit)
                try requireUTF8(sql: sent)
                return result
            } catch {
                guard try await prepareRetry(query, error, &attempt, isInTransaction: isInTransaction, limit) else {
                    throw error
                }
            }
        }
    }

    /// Runs statements that have no parameters, separated by semicolons.
    ///
    /// - Returns: The last result, in text format.
    @discardableResult
    func runScript(_ text: String, _ limit: WaitLimit) async throws(PostgresError) -> PostgresResult {
        try await sendScript(text, limit)
        return try await finish(sql: text, limit)
    }

    /// Sends statements that have no parameters, separated by semicolons.
    func sendScript(_ text: String, _ limit: WaitLimit) async throws(PostgresError) {
        try PostgresQuery(unsafe: text).validate(text)
        try expectAnswer(sql: text)
        if text.utf8.count < Session.largeStatement {
            try begin(sql: text, unsafe PQsendQuery(handle, text))
        } else {
            try await sendLarge(sql: text, limit) { session in unsafe PQsendQuery(session.handle, text) }
        }
    }

    /// Records that a statement is sent.
    func begin(sql: String, _ isSent: Int32) throws(PostgresError) {
        if isAbandoned.load(ordering: .relaxed) { throw abandoned(sql: sql, isSent: isSent != 0) }
        guard isSent != 0 else { throw unsafe lost(sql: sql, String(cString: PQerrorMessage(handle)), isSent: false) }
        // Those of an earlier answer that was not read to its end, or of a failed statement.
        if !notices.isEmpty { notices = ReceivedNotices() }
        state.isAnswerPending = true
        state.isUsed = true
        state.isRowByRow = false
    }

    /// Fetches all results of a statement.
    ///
    /// - Returns: The last result.
    /// - Throws: The first result that is an error.
    @inline(__always)
    func finish(sql: String, _ limit: WaitLimit) async throws(PostgresError) -> PostgresResult {
        var (last, failed): (PostgresResult?, PostgresResult?)
        while true {
            switch fetch(sql: sql) {
            case .result(let result):
                if result.isError {
                    // After COPY the server sends nothing until the client does.
                    if result.isCopy { throw failure(of: result, sql: sql)! }
                    if failed == nil { failed = result }
                } else {
                    record(result, sql: sql)
                    last = result
                }
            case .sync: break
            case .end:
                recordEndOfTransaction()
                if let failed { throw failure(of: failed, sql: sql)! }
                if state.transactions.obstacle != nil, let error = controlError(sql: sql) { throw error }
                guard let last else { throw lost(sql: sql, "The server sent no answer.") }
                if !notices.isEmpty { last.notices = notices.take() }
                return last
            case .pending(let goal):
                if let error = error(ending: await wait(for: goal, limit), sql: sql) { throw error }
            }
        }
    }

    /// Fetches the next result of a statement.
    ///
    /// - Returns: The result; `nil` if there are no more and another statement can be sent.
    func nextResult(sql: String, _ limit: WaitLimit) async throws(PostgresError) -> PostgresResult? {
        while true {
            switch fetch(sql: sql) {
            case .result(let result): return result
            case .sync: break
            case .end: return nil
            case .pending(let goal):
                if let error = error(ending: await wait(for: goal, limit), sql: sql) { throw error }
            }
        }
    }

    /// The next step of receiving an answer.
    enum Continuation {
        case result(PostgresResult)
        /// A part of a pipeline has ended, and another follows.
        case sync
        /// There are no more results, and another statement can be sent.
        case end
        /// The result has not arrived yet, or the statement is not fully sent.
        case pending(Goal)
    }

    /// Takes the next step in sending a statement and fetching its answer, without blocking.
    func fetch(sql: String) -> Continuation {
        // Flushes first, because libpq may read while it cannot send. The answer reports a failure
        // to send, after anything that the server sent before it.
        let isUnsent = unsafe PQflush(handle) > 0
        if unsafe PQisBusy(handle) != 0 { return .pending(isUnsent ? .progress : .answer) }
        guard let result = unsafe PQgetResult(handle) else {
            // In a pipeline this ends one answer. A lost connection has no other end.
            if state.isPipelining, !isLost { return fetch(sql: sql) }
            state.isAnswerPending = false
            endAnswer()
            return .end
        }
        if state.isPipelining, unsafe PQresultStatus(result) == PGRES_PIPELINE_SYNC {
            unsafe PQclear(result)
            state.pendingSyncs -= 1
            if state.pendingSyncs > 0 { return .sync }
            endPipeline()
            return .end
        }
        return unsafe .result(PostgresResult(result, sql: sql))
    }

    /// Requests the cancellation of a statement whose wait has ended early.
    ///
    /// - Returns: The error for that end; `nil` if the wait ended because the answer is ready.
    func error(ending outcome: Outcome, sql: String) -> PostgresError? {
        if outcome == .ready { return nil }
        let isLost = isLost
        if !isLost { requestCancel() }
        return switch outcome {
        case .ready: nil
        case .cancelled:
            PostgresError(
                .cancelled,
                "the task was cancelled before the server answered",
                sql: sql,
                connectionIsGone: isLost
            )
        case .shutDown: shutDown(sql: sql)
        case .timedOut:
            PostgresError(.timedOut, "the server did not answer in time", sql: sql, connectionIsGone: isLost)
        case .abandoned: abandoned(sql: sql)
        }
    }
}
