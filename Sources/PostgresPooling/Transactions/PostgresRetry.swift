// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The failures after which ``PostgresPool`` runs the body of a transaction again.
///
/// ```swift
/// let retry = PostgresRetry.serializationFailures(attempts: 5)
/// try await pool.withTransaction(isolation: .serializable, retry: retry) { db in … }
/// ```
///
/// The body runs again from its beginning, in a new transaction with a new snapshot. Its effects
/// outside of the transaction, such as on variables and other services, are not undone.
public struct PostgresRetry: Sendable {
    /// A closure that returns whether a transaction was committed.
    public typealias CommitCheck = @Sendable (borrowing PostgresConnection) async throws -> Bool

    /// The maximum number of attempts, the first included.
    let attempts: Int

    /// The mean pause after the first attempt.
    let backOff: Duration

    let unlessCommitted: CommitCheck?

    /// Each body runs once.
    public static let never = PostgresRetry(attempts: 1, backOff: .zero, unlessCommitted: nil)

    /// Repeats a transaction that has lost against concurrent ones and is certainly rolled back.
    ///
    /// These failures are repeated:
    ///
    /// - `40001`, a serialization failure, and `40P01`, a deadlock, of any statement and of
    ///   `COMMIT`;
    /// - a `COMMIT` that the server has turned into a rollback, because the body has swallowed the
    ///   error of a statement (`transactionAborted`);
    /// - a `COMMIT` that was not sent, because the connection was known to be lost. A connection
    ///   that is lost during a statement of the body is not such a failure.
    ///
    /// Every other error of the body is thrown at once. So is a ``PostgresError`` that the body
    /// wraps in an error of its own.
    ///
    /// A `COMMIT` without an answer (`outcomeUnknown`) is not repeated, unless there is a check.
    /// It finds out whether the transaction was committed, by something that the body has written,
    /// such as the key of a request. If it returns `true`, the call returns the body's result. If
    /// it returns `false`, the body runs again. If it throws, the call throws the first error. The
    /// server may still be completing the first `COMMIT` at that time: the key must be in a unique
    /// column, so that a second transaction with the same key waits for the first, and fails.
    ///
    /// - Parameters:
    ///   - attempts: The maximum number of attempts, the first included; at least 1.
    ///   - backOff: The mean pause after the first attempt. Each further pause is twice as long,
    ///     up to a second or `backOff`, whichever is longer. The pauses of different calls differ
    ///     at random, by up to a half.
    ///   - unlessCommitted: A closure that returns whether the transaction was committed; `nil`,
    ///     the default, for none. It runs on another connection, within the time limit of the
    ///     call.
    public static func serializationFailures(
        attempts: Int = 5,
        backOff: Duration = .milliseconds(5),
        unlessCommitted: CommitCheck? = nil
    ) -> PostgresRetry {
        PostgresRetry(attempts: attempts, backOff: backOff, unlessCommitted: unlessCommitted)
    }

    /// Whether the pool has to take part after the first attempt.
    var isEnabled: Bool { attempts != 1 || unlessCommitted != nil }

    /// Returns a random pause after an attempt.
    ///
    /// - Parameter attempt: The number of the attempt, from 1.
    func pause(after attempt: Int) -> Duration {
        let longest = max(backOff, .seconds(1))
        // Further doublings exceed any longest pause.
        let mean = min(backOff * (1 << min(attempt - 1, 30)), longest)
        return mean * Double.random(in: 0.5...1.5)
    }

    /// - Throws: `PostgresError` with the code `invalidConfiguration`.
    func validate() throws(PostgresError) {
        if attempts < 1 {
            throw PostgresError(.invalidConfiguration, "a transaction needs at least one attempt, not \(attempts)")
        }
        if backOff < .zero { throw PostgresError(.invalidConfiguration, "backOff must not be negative") }
        if backOff > .seconds(86_400) {
            throw PostgresError(.invalidConfiguration, "backOff must be at most a day")
        }
    }
}
