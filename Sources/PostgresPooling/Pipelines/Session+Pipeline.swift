// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import ConnectionPooling
internal import Synchronization

// Sends a pipeline, and receives its answers while it sends.

extension Session {
    /// Sends the statements of a pipeline, and waits for all answers. Stores the answers.
    ///
    /// - Parameter start: Begins the transaction of each part; `nil` if the server begins it.
    /// - Returns: The first failure of a statement; `nil` if all have succeeded.
    /// - Throws: ``PostgresError`` if the pipeline was not sent, or not answered to its end.
    func runPipeline(
        _ steps: [PostgresPipeline.Step],
        _ start: TransactionStart?,
        _ limit: WaitLimit
    ) async throws(PostgresError) -> PostgresError? {
        var attempts = Array(repeating: Attempt(), count: steps.count)
        let isInTransaction = unsafe PQtransactionStatus(handle) != PQTRANS_IDLE
        if let start, isInTransaction { throw start.nested }
        while true {
            let prepared = try await preparedSteps(steps, &attempts, limit)
            var run = PipelineRun(
                start.map { prepared.inTransactions($0) } ?? prepared,
                isInTransaction: isInTransaction
            )
            do throws(PostgresError) {
                try await transfer(&run, limit)
            } catch {
                run.end(with: error)
                throw run.mayHaveCommitted ? error.afterCommit() : error
            }
            try requireUTF8(sql: run.lastText)
            guard let failure = run.failure else {
                try await describeTypes(of: run, limit)
                return nil
            }
            if try await prepareRetry(of: steps, run, failure, &attempts, limit) { continue }
            try await describeTypes(of: run, limit)
            return failure.error
        }
    }

    /// Decides whether the pipeline can be sent again because the server had not begun the
    /// statement that failed, and updates what is known about that statement.
    ///
    /// - Returns: Whether to send it again. A pipeline of several parts is not, unless all other
    ///   statements may run twice: the order of their effects would change.
    private func prepareRetry(
        of steps: [PostgresPipeline.Step],
        _ run: PipelineRun,
        _ failure: PipelineRun.Failure,
        _ attempts: inout [Attempt],
        _ limit: WaitLimit
    ) async throws(PostgresError) -> Bool {
        guard let index = failure.index, case .statement(let query, _) = steps[index] else { return false }
        let canRetry = try await prepareRetry(
            query,
            failure.error,
            &attempts[index],
            isInTransaction: run.isInTransaction,
            limit
        )
        let isRepeatable = run.partCount == 1 || steps.indices.allSatisfy { $0 == index || steps[$0].isRepeatable }
        guard canRetry, isRepeatable else { return false }
        for case .statement(_, let answer) in steps { answer.set(.pending) }
        return true
    }

    private func describeTypes(of run: PipelineRun, _ limit: WaitLimit) async throws(PostgresError) {
        for case .statement(let statement) in run.steps {
            guard case .done(let result) = statement.answer.current, result.hasUserDefinedTypes else { continue }
            try await describeTypes(of: result, limit)
        }
    }

    /// Sends and receives until all answers have arrived.
    private func transfer(_ run: inout PipelineRun, _ limit: WaitLimit) async throws(PostgresError) {
        if run.steps.isEmpty { return }
        try await endRowByRow(limit)
        try expectAnswer(sql: run.lastText)
        try begin(sql: run.lastText, unsafe PQenterPipelineMode(handle))
        state.isPipelining = true
        state.pendingSyncs = run.syncCount
        var received = 0
        while !run.isOver {
            try feed(&run)
            switch fetch(sql: run.currentText) {
            case .result(let result): try accept(result, &run)
            case .sync:
                // Those of the commit belong to no statement.
                if !notices.isEmpty { notices = ReceivedNotices() }
                run.acceptSync()
            case .end:
                guard run.isAtLastSync, !isLost else {
                    throw lost(sql: run.currentText, "The server sent no answer.", isSent: run.sent > 0)
                }
                run.acceptSync()
            case .pending(let goal):
                // Not an answer: the server keeps answers back until it has received the next
                // sync.
                let outcome = await wait(for: run.isSent ? goal : .progress, limit)
                if outcome != .ready { throw interruption(outcome, run) }
            }
            received += 1
            // Answers that arrive fast enough never cause a wait.
            if received % 64 == 0, MonotonicClock.now >= limit.deadline { throw interruption(.timedOut, run) }
        }
    }

    /// Passes statements to libpq until its buffer cannot be sent at once.
    private func feed(_ run: inout PipelineRun) throws(PostgresError) {
        while !run.isSent {
            if run.unsentBytes >= PipelineRun.chunk {
                run.unsentBytes = 0
                if unsafe PQflush(handle) > 0 { return }
            }
            let isSent: Int32
            switch run.steps[run.sent] {
            case .statement(let statement):
                isSent = try submit(statement.query, text: statement.text, preparedAs: statement.prepared?.name)
                run.unsentBytes += statement.query.byteCount(statement.text)
            case .begin(let sql, _):
                isSent = submit(sql)
                run.unsentBytes += sql.utf8.count
            case .commit: isSent = submit("COMMIT")
            case .sync: isSent = unsafe PQpipelineSync(handle)
            }
            if isSent == 0 {
                abandon()
                throw lost(sql: run.currentText, unsafe String(cString: PQerrorMessage(handle)), isSent: run.sent > 0)
            }
            run.sent += 1
        }
    }

    private func submit(_ sql: String) -> Int32 {
        unsafe PQsendQueryParams(handle, sql, 0, nil, nil, nil, nil, 0)
    }

    /// Stores the answer to a statement.
    private func accept(_ result: PostgresResult, _ run: inout PipelineRun) throws(PostgresError) {
        if !notices.isEmpty { result.notices = notices.take() }
        if result.status == PGRES_PIPELINE_ABORTED { return run.skip() }
        if let error = failure(of: result, sql: run.currentShownText) {
            if error.connectionIsGone { throw error }
            return run.fail(with: error)
        }
        switch run.steps[run.answered] {
        case .statement(let statement):
            record(result, sql: statement.text)
            run.accept(result)
        case .begin: run.accept(result)
        case .commit where result.commandTag == "ROLLBACK" && !run.hasPartFailed:
            run.fail(with: PostgresError(.transactionAborted, "the transaction was rolled back", sql: "COMMIT"))
        case .commit: run.acceptCommit()
        case .sync: break
        }
    }

    /// Returns the error for a wait that has ended early.
    private func interruption(_ outcome: Outcome, _ run: PipelineRun) -> PostgresError {
        // Without its sync, the server undoes the last part when the connection ends.
        if !run.isSent { abandon() }
        return error(ending: outcome, sql: run.currentText) ?? abandoned(sql: run.currentText)
    }
}
