// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

extension PostgresPool {
    /// Runs a transaction, and asks the server something in the round trip of the `COMMIT`.
    ///
    /// - Parameters:
    ///   - question: A statement that follows the `COMMIT`; `nil` for none.
    ///   - committed: Receives the answer; `nil` if there is none.
    ///   - rolledBack: Called if an attempt is certainly rolled back, and another one follows.
    ///   - ask: Runs the check of the retry on a connection.
    func runTransaction<Result: ~Copyable>(
        _ start: TransactionStart,
        _ retry: PostgresRetry,
        within limit: BodyLimit,
        _ caller: CallSite,
        question: String?,
        committed: (String?) -> Void,
        rolledBack: () -> Void,
        ask: (PostgresRetry.CommitCheck) async throws -> Bool,
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result {
        if retry.isEnabled {
            return try await repeatTransaction(
                start,
                retry,
                within: limit,
                caller,
                question: question,
                committed: committed,
                rolledBack: rolledBack,
                ask: ask,
                body
            )
        }
        let lease = try await checkOutInTransaction(start, within: limit, caller)
        let result = try await body(lease.connection)
        committed(try await lease.connection.commit(followedBy: question))
        return result
    }

    /// Runs a transaction until an attempt succeeds or fails for good.
    func repeatTransaction<Result: ~Copyable>(
        _ start: TransactionStart,
        _ retry: PostgresRetry,
        within limit: BodyLimit,
        _ caller: CallSite,
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result {
        try await repeatTransaction(
            start,
            retry,
            within: limit,
            caller,
            question: nil,
            committed: { _ in },
            rolledBack: {},
            ask: { try await ask($0, within: limit, caller) },
            body
        )
    }

    /// Runs a transaction until an attempt succeeds or fails for good.
    ///
    /// The connection is released before each pause, and the next attempt waits for one in line.
    /// A connection that idles during a pause would be missing to the callers in line, and the
    /// turns of the others give concurrent transactions the time to end. The number of connections
    /// also limits how many transactions conflict at a time.
    private func repeatTransaction<Result: ~Copyable>(
        _ start: TransactionStart,
        _ retry: PostgresRetry,
        within limit: BodyLimit,
        _ caller: CallSite,
        question: String?,
        committed: (String?) -> Void,
        rolledBack: () -> Void,
        ask: (PostgresRetry.CommitCheck) async throws -> Bool,
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result {
        try retry.validate()
        var attempts = TransactionAttempts(retry, deadline: limit.deadline, retries)
        while true {
            do {
                let lease = try await checkOutInTransaction(start, within: limit, caller)
                attempts.begin()
                let result = try await body(lease.connection)
                committed(try await commit(lease, retry, question, ask: ask))
                attempts.succeed()
                return result
            } catch {
                try await attempts.pause(after: error)
                rolledBack()
            }
        }
    }

    /// Commits the transaction of a lease, and ends the lease.
    ///
    /// - Returns: If the transaction is committed, also if only the caller's check knows. The
    ///   answer to the question, if there is one.
    /// - Throws: The error of the commit. Its outcome is `rolledBack` if the check has found that
    ///   the transaction was not committed.
    private func commit(
        _ lease: consuming ConnectionLease<PostgresConnectionFactory>,
        _ retry: PostgresRetry,
        _ question: String?,
        ask: (PostgresRetry.CommitCheck) async throws -> Bool
    ) async throws -> String? {
        do {
            return try await lease.connection.commit(followedBy: question)
        } catch let error as PostgresError where error.code == .outcomeUnknown {
            lease.release()
            guard let check = retry.unlessCommitted, !Task.isCancelled, let isCommitted = try? await ask(check) else {
                throw error
            }
            if !isCommitted { throw error.asNotCommitted() }
            return nil
        }
    }

    private func ask(
        _ check: PostgresRetry.CommitCheck,
        within limit: BodyLimit,
        _ caller: CallSite
    ) async throws -> Bool {
        // The connection was lost. Others may have been lost with it.
        connections.inspectIdle()
        let lease = try await checkOut(within: limit, caller)
        return try await check(lease.connection)
    }
}

/// The attempts of a call that repeats its transaction.
private struct TransactionAttempts {
    private let retry: PostgresRetry
    private let deadline: UInt64
    private let counters: RetryCounters

    /// The number of attempts whose transaction has begun.
    private var count = 0
    private var isRunning = false
    private var lastConflict: PostgresError?

    init(_ retry: PostgresRetry, deadline: UInt64, _ counters: RetryCounters) {
        self.retry = retry
        self.deadline = deadline
        self.counters = counters
    }

    mutating func begin() {
        count += 1
        isRunning = true
        if count > 1, let lastConflict { counters.record(.transactionRepeated(attempt: count, cause: lastConflict)) }
    }

    func succeed() { if count > 1 { counters.record(.transactionRecovered(attempts: count)) } }

    /// Pauses before the next attempt, within the call's time limit.
    ///
    /// - Throws: The error for the caller, if there is no next attempt; `CancellationError` if the
    ///   task is cancelled.
    mutating func pause(after error: any Error) async throws {
        guard isRunning else { throw errorBeforeAttempt(error) }
        isRunning = false
        guard var failure = error as? PostgresError else { throw error }
        failure.attempts = count
        guard failure.isRepeated else { throw failure }
        lastConflict = failure
        guard count < retry.attempts else { throw exhausted(failure) }
        let pause = retry.pause(after: count)
        if deadline != Reactor.never, MonotonicClock.duration(until: deadline) <= pause { throw exhausted(failure) }
        counters.pauses.add(1, ordering: .relaxed)
        defer { counters.pauses.subtract(1, ordering: .relaxed) }
        if pause > .zero { try await Task.sleep(for: pause) } else { try Task.checkCancellation() }
    }

    /// Returns the error of a call whose next attempt could not begin.
    ///
    /// The error of the attempt before says more than the end of the time limit.
    private func errorBeforeAttempt(_ error: any Error) -> any Error {
        if let conflict = lastConflict, (error as? PoolError)?.code == .timedOut { return exhausted(conflict) }
        guard count > 0, var failure = error as? PostgresError else { return error }
        failure.attempts = count
        return failure
    }

    private func exhausted(_ failure: PostgresError) -> PostgresError {
        counters.record(.transactionGivenUp(failure))
        return failure
    }
}

extension PostgresError {
    /// Whether ``PostgresRetry/serializationFailures(attempts:backOff:unlessCommitted:)`` repeats
    /// the transaction.
    fileprivate var isRepeated: Bool {
        guard outcome == .rolledBack else { return false }
        switch sqlState {
        case .serializationFailure, .deadlockDetected: return true
        default: return code == .transactionAborted || code == .connectionLost && sql == "COMMIT"
        }
    }

    /// Returns the error of a `COMMIT` that is known to have had no effect.
    fileprivate func asNotCommitted() -> PostgresError {
        PostgresError(
            .connectionLost,
            "the transaction was not committed: " + message,
            server: server,
            sql: sql,
            connectionIsGone: connectionIsGone,
            isUnreached: true,
            outcome: .rolledBack
        )
    }
}
