// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import PostgresPooling

/// Transfers between few accounts by many tasks at the isolation level `serializable`, which
/// conflict all the time: repeated by the pool, and by a loop around `withTransaction`. The part
/// `retry`.
enum PostgresRetryRows {
    private static let (tasks, accounts, connections, attempts) = (64, 10, 16, 1_000)

    static func run(
        _ server: PostgresSelectRows.Server,
        _ options: Options,
        into report: inout Report
    ) async throws {
        let seconds = options.isQuick ? 2.0 : 5
        let pool = try server.pool(connections: connections)
        try await pool.executeScript(
            "DROP TABLE IF EXISTS bench_account; CREATE TABLE bench_account (id int PRIMARY KEY, balance int NOT NULL)"
        )
        try await pool.execute("INSERT INTO bench_account SELECT id, 1000 FROM generate_series(1, \(accounts)) AS id")
        for round in 0...options.rounds {
            let before = pool.statistics.retries.repetitions
            let own = await transfers(seconds: seconds) { source, target in
                try await pool.withTransaction(
                    isolation: .serializable,
                    retry: .serializationFailures(attempts: attempts)
                ) { db in try await transfer(db, from: source, to: target) }
            }
            let repetitions = pool.statistics.retries.repetitions - before
            let loop = await transfers(seconds: seconds) { source, target in
                try await repeating {
                    try await pool.withTransaction(isolation: .serializable) { db in
                        try await transfer(db, from: source, to: target)
                    }
                }
            }
            if round == 0 { continue }  // warm-up
            report.add("postgres.retry.t64.tps", own, "1/s")
            report.add("postgres.retryloop.t64.tps", loop, "1/s")
            report.add("postgres.retry.t64.perloop", own / loop, "× the loop's")
            report.add("postgres.retry.t64.repetitions", Double(repetitions) / (own * seconds), "for each transfer")
        }
        let sum = try await pool.query("SELECT sum(balance)::int FROM bench_account", as: Int.self)
        precondition(sum == [1_000 * accounts])
        await pool.close()
    }

    /// Runs transfers by all tasks.
    ///
    /// - Returns: The transfers per second.
    private static func transfers(
        seconds: Double,
        _ transfer: @escaping @Sendable (_ source: Int, _ target: Int) async throws -> Void
    ) async -> Double {
        let (turns, elapsed) = await SaturationRows.race(tasks: tasks, seconds: seconds) { task, isOver in
            var random = CoreRows.Random(state: 88_172_645_463_325_252 &+ UInt64(task) &* 7_919)
            var turns = 0
            while !isOver() {
                let source = random.next(below: accounts)
                let target = (source + 1 + random.next(below: accounts - 1)) % accounts
                do {
                    try await transfer(source + 1, target + 1)
                } catch {
                    fatalError("\(error)")
                }
                turns += 1
            }
            return turns
        }
        return Double(turns.reduce(0, +)) / elapsed * 1e9
    }

    private static func transfer(_ db: borrowing PostgresConnection, from source: Int, to target: Int) async throws {
        let balances = try await db.query(
            "SELECT id, balance FROM bench_account WHERE id IN (\(source), \(target))",
            as: (Int, Int).self
        )
        for (id, balance) in balances {
            try await db.execute(
                "UPDATE bench_account SET balance = \(id == source ? balance - 1 : balance + 1) WHERE id = \(id)"
            )
        }
    }

    /// The loop that a program writes without `retry:`, with the pauses of `PostgresRetry`.
    private static func repeating(_ body: () async throws -> Void) async throws {
        for attempt in 1...attempts {
            do {
                return try await body()
            } catch let error as PostgresError where error.isRetryable && attempt < attempts {
                let mean = min(Duration.milliseconds(5) * (1 << min(attempt - 1, 10)), .seconds(1))
                try await Task.sleep(for: mean * Double.random(in: 0.5...1.5))
            }
        }
    }
}
