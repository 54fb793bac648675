// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

/// An event in a ``PostgresPool`` that pools of other databases do not have.
///
/// A later version may add cases, so a `switch` in another package ends with `@unknown default`.
@nonexhaustive
public enum PostgresPoolEvent: Sendable {
    /// An attempt of `withTransaction(retry:)` has begun after an earlier attempt of the call has
    /// failed with `cause`. `attempt` is its number, at least 2.
    case transactionRepeated(attempt: Int, cause: PostgresError)
    /// A transaction has succeeded after this number of attempts, at least 2.
    case transactionRecovered(attempts: Int)
    /// A call has failed with a conflict, because no attempt was left, or no time for another one.
    case transactionGivenUp(PostgresError)
}

/// An observer of a ``PostgresPool``.
///
/// Pass it to the pool's `observers`, as any `PoolObserver`. `PoolMetrics` and `PoolLogger` are
/// such observers.
public protocol PostgresPoolObserver: PoolObserver {
    /// Handles an event of the pool. Called in the task of the event. Must neither block nor use
    /// the pool.
    func observe(_ event: PostgresPoolEvent, in pool: String)
}
