// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import Synchronization

// Makes a session ready for the next statement.

extension Session {
    /// Ensures that a statement can be sent: the task is not cancelled, time is left, and earlier
    /// statements have ended.
    ///
    /// - Parameter resetTimeout: The time for an earlier statement to end, unless `limit` ends
    ///   before.
    func prepareToSend(
        sql: @autoclosure () -> String,
        _ limit: WaitLimit,
        resetTimeout: Duration
    ) async throws(PostgresError) {
        if limit.isCancellable {
            if Task.isCancelled {
                throw PostgresError(
                    .cancelled,
                    "the task was cancelled before the statement was sent",
                    sql: sql(),
                    outcome: .notExecuted
                )
            }
            if isShutDown.load(ordering: .relaxed) { throw shutDown(sql: sql(), isSent: false) }
            if limit.outcome == .timedOut {
                throw PostgresError(
                    .timedOut,
                    "no time was left to send the statement",
                    sql: sql(),
                    outcome: .notExecuted
                )
            }
        }
        guard state.isAnswerPending || state.cancelRequest != nil || state.transactions.obstacle != nil else {
            return
        }
        try await finishEarlierStatement(sql: sql(), limit, resetTimeout: resetTimeout)
    }

    private func finishEarlierStatement(
        sql: String,
        _ limit: WaitLimit,
        resetTimeout: Duration
    ) async throws(PostgresError) {
        let isStreaming = state.isAnswerPending && state.cancelRequest == nil
        if isStreaming, state.wasInTransaction || state.isStreamingChanges {
            // A cancel request would fail the transaction.
            do throws(PostgresError) { try await drain(limit) } catch { throw error.beforeStatement(sql) }
        }
        let deadline = min(limit.deadline, MonotonicClock.deadline(after: resetTimeout))
        if await recover(by: deadline), await undo(by: deadline) {
            recordEndOfTransaction()
            if let error = controlError(sql: sql)?.withoutEffect() { throw error }
            return
        }
        if !isLost, MonotonicClock.now >= limit.deadline {
            throw PostgresError(
                .timedOut,
                "an earlier statement on this connection did not end in time",
                sql: sql,
                outcome: .notExecuted
            )
        }
        throw lost(sql: sql, "an earlier statement on this connection could not be ended", isSent: false)
    }

    /// Requests the cancellation of the current statement, without waiting for the effect.
    func requestCancel() {
        guard state.isAnswerPending, state.cancelRequest == nil, let cancelKey else { return }
        state.cancelRequest = CancelRequest(cancelKey)
    }

    /// Ends the current statement, so that another one can be sent.
    ///
    /// The rows of a stream that was left early are read for as long as a cancel request takes,
    /// about a millisecond. The rows of a statement that may change data are read to the end:
    /// whether its changes persist must not depend on the number of rows.
    ///
    /// A cancel request that arrives before the statement has no effect. The request is therefore
    /// repeated, at growing intervals.
    ///
    /// - Returns: Whether the connection can still be used.
    func recover(by deadline: UInt64) async -> Bool {
        if state.isAnswerPending, state.cancelRequest == nil {
            let mustEnd = state.isStreamingChanges && !state.wasInTransaction
            let enough = mustEnd ? deadline : min(deadline, MonotonicClock.deadline(after: .milliseconds(1)))
            // When the time is over, `drain` requests the cancellation.
            try? await drain(WaitLimit(deadline: enough, isCancellable: false))
        }
        var pause = Duration.milliseconds(50)
        while state.isAnswerPending {
            requestCancel()
            let limit = WaitLimit(
                deadline: min(deadline, MonotonicClock.deadline(after: pause)),
                isCancellable: false
            )
            do throws(PostgresError) {
                try await drain(limit)
            } catch {
                guard
                    error.code == .timedOut, !isLost, MonotonicClock.now < deadline,
                    await isRequestOver(by: deadline)
                else { return false }
                pause *= 2
            }
        }
        // A request that is still under way would cancel the next statement.
        return await isRequestOver(by: deadline) && !isLost
    }

    /// Reads and discards the rest of an answer. The statement may have succeeded.
    private func drain(_ limit: WaitLimit) async throws(PostgresError) {
        var count = 0
        while let result = try await nextResult(sql: "", limit) {
            if result.isCopy {
                try await endCopy(result, limit)
                continue
            }
            if !result.isError { record(result, sql: nil) }
            count += 1
            // Rows that arrive fast enough never cause a wait, so no wait would time out.
            if count % 64 == 0, MonotonicClock.now >= limit.deadline, let error = error(ending: .timedOut, sql: "") {
                throw error
            }
        }
    }

    /// Waits until no cancel request is under way.
    private func isRequestOver(by deadline: UInt64) async -> Bool {
        guard let request = state.cancelRequest else { return true }
        // Until it has arrived, the request may cancel another statement, so it is kept.
        guard await request.isAcknowledged(within: MonotonicClock.duration(until: deadline)) else { return false }
        state.cancelRequest = nil
        return true
    }
}
