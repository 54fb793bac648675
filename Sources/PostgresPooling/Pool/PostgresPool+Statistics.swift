// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

extension PostgresPool {
    /// What only a pool for PostgreSQL counts; ``snapshot`` has the counts of every pool.
    public struct Statistics: Hashable, Sendable {
        /// The repeated transactions.
        public let retries: RetryFigures

        /// The calls on shared connections; all zero without
        /// ``PostgresConfiguration/Multiplexing/singleStatements(connections:)``.
        public let multiplexing: MultiplexingFigures
    }

    /// The single statements on shared connections at the moment.
    public struct MultiplexingFigures: Hashable, Sendable {
        /// The number of calls whose statements have not been sent. They are not among the waiters
        /// of ``status``.
        public let waiting: Int

        /// The number of statements that the server has not answered.
        public let inFlight: Int

        /// The number of connections that are leased for these statements.
        public let connections: Int

        static let none = MultiplexingFigures(waiting: 0, inFlight: 0, connections: 0)
    }

    /// The counts of transactions that `withTransaction(retry:)` repeats.
    public struct RetryFigures: Hashable, Sendable {
        /// The number of attempts that have begun after an earlier attempt of the same call.
        public let repetitions: Int

        /// The number of calls that have succeeded after at least one repetition.
        public let recoveries: Int

        /// The number of calls that have failed with a conflict, because no attempt was left, or
        /// no time for another one.
        public let exhaustions: Int

        /// The number of calls that pause between two attempts now. They hold no connection.
        public let pausing: Int
    }

    /// The pool's statistics since its creation. O(shared connections).
    public var statistics: Statistics {
        Statistics(retries: retries.figures, multiplexing: multiplexer?.figures ?? .none)
    }
}

/// Counts repeated transactions, from any thread, and notifies observers.
final class RetryCounters: Sendable {
    private let observers: [any PostgresPoolObserver]
    private let pool: String

    private let repetitions = Atomic(0)
    private let recoveries = Atomic(0)
    private let exhaustions = Atomic(0)
    let pauses = Atomic(0)

    init(_ observers: [any PostgresPoolObserver], pool: String) {
        self.observers = observers
        self.pool = pool
    }

    func record(_ event: PostgresPoolEvent) {
        switch event {
        case .transactionRepeated: repetitions.add(1, ordering: .relaxed)
        case .transactionRecovered: recoveries.add(1, ordering: .relaxed)
        case .transactionGivenUp: exhaustions.add(1, ordering: .relaxed)
        }
        for observer in observers { observer.observe(event, in: pool) }
    }

    var figures: PostgresPool.RetryFigures {
        PostgresPool.RetryFigures(
            repetitions: repetitions.load(ordering: .relaxed),
            recoveries: recoveries.load(ordering: .relaxed),
            exhaustions: exhaustions.load(ordering: .relaxed),
            pausing: pauses.load(ordering: .relaxed)
        )
    }
}
