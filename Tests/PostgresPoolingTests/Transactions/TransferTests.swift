// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// Concurrent transfers between accounts, which the pool repeats until each has succeeded.
@Suite(.timeLimit(.minutes(10))) struct TransferTests {
    private static let (tasks, transfers, accounts) = (64, 5, 10)

    /// Moves 1 from one account to another. Two transfers conflict if they share an account.
    private static func transfer(
        _ db: borrowing PostgresConnection,
        _ table: PostgresQuery,
        from source: Int,
        to target: Int
    ) async throws {
        let balances = try await db.query(
            "SELECT id, balance FROM \(sql: table) WHERE id IN (\(source), \(target))",
            as: (Int, Int).self
        )
        for (id, balance) in balances {
            let changed = id == source ? balance - 1 : balance + 1
            try await db.execute(
                "UPDATE \(sql: table) SET balance = \(changed), changes = changes + 1 WHERE id = \(id)"
            )
        }
    }

    @Test("64 tasks transfer money between 10 accounts: every transfer succeeds, and the sum is constant")
    func transfers() async throws {
        let table: PostgresQuery = "transfer_account"
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 8 }) { pool in
            try await pool.execute("CREATE TABLE \(sql: table) (id int PRIMARY KEY, balance int, changes int)")
            try await pool.execute("INSERT INTO \(sql: table) SELECT n, 100, 0 FROM generate_series(1, 10) AS n")
            let attempts = Counted<Int>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<Self.tasks {
                    group.addTask {
                        for number in 0..<Self.transfers {
                            let source = (task + number) % Self.accounts + 1
                            let target = (source + task % (Self.accounts - 1)) % Self.accounts + 1
                            // Far more attempts than a transfer can need.
                            try await pool.withTransaction(
                                isolation: .serializable,
                                retry: .serializationFailures(attempts: 10_000, backOff: .milliseconds(1))
                            ) { db in
                                attempts.add(task)
                                try await Self.transfer(db, table, from: source, to: target)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let totals = try await pool.query(
                "SELECT sum(balance)::int, sum(changes)::int FROM \(sql: table)",
                as: (Int, Int).self
            )[0]
            let calls = Self.tasks * Self.transfers
            #expect(totals == (100 * Self.accounts, 2 * calls))
            let retries = pool.statistics.retries
            #expect(attempts.values.count == calls + retries.repetitions && retries.exhaustions == 0)
            #expect(retries.recoveries <= retries.repetitions && retries.pausing == 0)
            try await pool.execute("DROP TABLE \(sql: table)")
        }
    }
}
