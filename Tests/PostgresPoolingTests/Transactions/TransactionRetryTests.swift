// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// Transactions that the pool repeats. Each conflict is made by a second transaction at a known
/// point, or raised by a statement.
@Suite(.timeLimit(.minutes(10))) struct TransactionRetryTests {
    struct Oops: Error {}
    struct Wrapped: Error { let cause: any Error }

    private static let conflict: PostgresQuery = "DO $$BEGIN RAISE SQLSTATE '40001'; END$$"
    private static let manyAttempts = PostgresRetry.serializationFailures(attempts: 10, backOff: .zero)

    /// Provides a pool with a table of two accounts, each with 100.
    private func withAccounts(
        _ name: String,
        _ body: (PostgresPool, PostgresQuery) async throws -> Void
    ) async throws {
        let table = PostgresQuery(unsafe: "retry_\(name)")
        try await TestServer.shared.withPool { pool in
            try await pool.execute("CREATE TABLE \(sql: table) (id int PRIMARY KEY, balance int NOT NULL)")
            try await pool.execute("INSERT INTO \(sql: table) VALUES (1, 100), (2, 100)")
            try await body(pool, table)
            try await pool.execute("DROP TABLE \(sql: table)")
        }
    }

    @Test("A transaction that loses a write skew runs again on a new snapshot, and succeeds")
    func writeSkew() async throws {
        try await withAccounts("skew") { pool, table in
            var attempts = 0
            let seen = try await pool.withTransaction(isolation: .serializable, retry: Self.manyAttempts) { db in
                attempts += 1
                let sum = try await db.query("SELECT sum(balance)::int FROM \(sql: table)", as: Int.self)[0]
                if attempts == 1 {
                    // Reads what this transaction writes, writes what it has read, and commits.
                    try await pool.withTransaction(isolation: .serializable) { other in
                        _ = try await other.query("SELECT sum(balance) FROM \(sql: table)")
                        try await other.execute("UPDATE \(sql: table) SET balance = balance - 150 WHERE id = 2")
                    }
                }
                try await db.execute("UPDATE \(sql: table) SET balance = balance - \(sum / 2) WHERE id = 1")
                return sum
            }
            #expect(attempts == 2 && seen == 50)
            try await equal(pool.query("SELECT balance FROM \(sql: table) ORDER BY id", as: Int.self), [75, -50])
            let retries = pool.statistics.retries
            #expect(retries.repetitions == 1 && retries.recoveries == 1 && retries.exhaustions == 0)
        }
    }

    @Test("The victim of a deadlock runs again, after the other transaction")
    func deadlock() async throws {
        try await withAccounts("deadlock") { pool, table in
            var attempts = 0
            var other: Task<Void, any Error>?
            // Only this transaction looks for deadlocks, so it is the victim.
            try await pool.withTransaction(
                settings: ["deadlock_timeout": "10ms"],
                retry: Self.manyAttempts
            ) { db in
                attempts += 1
                try await db.execute("UPDATE \(sql: table) SET balance = balance + 1 WHERE id = 1")
                if attempts == 1 {
                    other = Task {
                        try await pool.withTransaction(settings: ["deadlock_timeout": "1h"]) { db in
                            try await db.execute("UPDATE \(sql: table) SET balance = balance + 10 WHERE id = 2")
                            try await db.execute("UPDATE \(sql: table) SET balance = balance + 10 WHERE id = 1")
                        }
                    }
                    let process = db.serverProcess
                    try await until {
                        try await pool.query(
                            "SELECT count(*) FROM pg_stat_activity WHERE \(process) = ANY (pg_blocking_pids(pid))",
                            as: Int.self
                        ) == [1]
                    }
                }
                try await db.execute("UPDATE \(sql: table) SET balance = balance + 1 WHERE id = 2")
            }
            try await other?.value
            #expect(attempts == 2)
            try await equal(pool.query("SELECT balance FROM \(sql: table)", as: Int.self), [111, 111])
        }
    }

    @Test("A commit that the server turns into a rollback is repeated")
    func swallowedFailure() async throws {
        try await withAccounts("swallowed") { pool, table in
            var attempts = 0
            try await pool.withTransaction(retry: Self.manyAttempts) { db in
                attempts += 1
                try await db.execute("UPDATE \(sql: table) SET balance = \(attempts) WHERE id = 1")
                if attempts == 1 { _ = await failure { try await db.execute(Self.conflict) } }
            }
            try await equal(pool.query("SELECT balance FROM \(sql: table) WHERE id = 1", as: Int.self), [2])
            #expect(attempts == 2)
        }
    }

    @Test("A connection that is lost before COMMIT is sent is a rollback, which is repeated")
    func lostBeforeCommit() async throws {
        try await withAccounts("lost") { pool, table in
            var attempts = 0
            try await pool.withTransaction(retry: Self.manyAttempts) { db in
                attempts += 1
                try await db.execute("UPDATE \(sql: table) SET balance = \(attempts) WHERE id = 1")
                if attempts > 1 { return }
                try await pool.execute("SELECT pg_terminate_backend(\(db.serverProcess))")
                await until {
                    db.session.pollForEnd()
                    return db.session.isLost
                }
            }
            try await equal(pool.query("SELECT balance FROM \(sql: table) WHERE id = 1", as: Int.self), [2])
            #expect(attempts == 2)
        }
    }

    @Test("The error after the last attempt is that attempt's, and says how many there were")
    func exhausted() async throws {
        try await TestServer.shared.withPool { pool in
            var attempts = 0
            let retry = PostgresRetry.serializationFailures(attempts: 3, backOff: .zero)
            let error = await postgresFailure {
                try await pool.withTransaction(retry: retry) { db in
                    attempts += 1
                    try await db.execute(Self.conflict)
                }
            }
            #expect(attempts == 3 && error?.attempts == 3 && error?.sqlState == .serializationFailure)
            #expect(error?.isRetryable == true && error?.description.contains("after 3 attempts") == true)
            let retries = pool.statistics.retries
            #expect(retries.repetitions == 2 && retries.recoveries == 0 && retries.exhaustions == 1)
            // Without a retry there is one attempt.
            let single = await postgresFailure {
                try await pool.withTransaction { db in try await db.execute(Self.conflict) }
            }
            #expect(single?.attempts == 1 && single?.description.contains("attempt") == false)
        }
    }

    @Test("An error that is no conflict is thrown at once, with the number of its attempt")
    func otherErrors() async throws {
        try await TestServer.shared.withPool { pool in
            var attempts = 0
            let own = await failure {
                try await pool.withTransaction(retry: Self.manyAttempts) { _ in
                    attempts += 1
                    throw Oops()
                }
            }
            #expect(own is Oops && attempts == 1)
            let wrapped = await failure {
                try await pool.withTransaction(retry: Self.manyAttempts) { db in
                    attempts += 1
                    do { try await db.execute(Self.conflict) } catch { throw Wrapped(cause: error) }
                }
            }
            #expect(wrapped is Wrapped && attempts == 2)
            attempts = 0
            let data = await postgresFailure {
                try await pool.withTransaction(retry: Self.manyAttempts) { db in
                    attempts += 1
                    try await db.execute(attempts == 1 ? Self.conflict : "SELECT 1 / 0")
                }
            }
            #expect(attempts == 2 && data?.attempts == 2 && data?.sqlState == "22012")
        }
    }

    @Test("A savepoint does not repeat its body")
    func savepoint() async throws {
        try await TestServer.shared.withPool { pool in
            var (attempts, savepoints) = (0, 0)
            try await pool.withTransaction(retry: Self.manyAttempts) { db in
                attempts += 1
                try await db.withSavepoint { db in
                    savepoints += 1
                    if attempts == 1 { try await db.execute(Self.conflict) }
                }
            }
            #expect(attempts == 2 && savepoints == 2)
        }
    }

    @Test("A pause that would last longer than the call's time limit does not begin")
    func deadline() async throws {
        try await TestServer.shared.withPool { pool in
            var attempts = 0
            let error = await postgresFailure {
                try await pool.withTransaction(
                    retry: .serializationFailures(attempts: 5, backOff: .seconds(3600)),
                    timeout: .seconds(300)
                ) { db in
                    attempts += 1
                    try await db.execute(Self.conflict)
                }
            }
            #expect(attempts == 1 && error?.attempts == 1 && error?.sqlState == .serializationFailure)
            #expect(pool.statistics.retries.exhaustions == 1)
        }
    }

    @Test("A cancellation ends the pause between two attempts, which holds no connection")
    func cancelledPause() async throws {
        try await TestServer.shared.withPool { pool in
            let counted = Counted<Int>()
            let task = Task {
                try await pool.withTransaction(
                    retry: .serializationFailures(attempts: 5, backOff: .seconds(3600))
                ) { db in
                    counted.add(1)
                    try await db.execute(Self.conflict)
                }
            }
            await until { pool.statistics.retries.pausing == 1 }
            await until { pool.status.leased == 0 && pool.status.idle == 1 }
            task.cancel()
            let error = await failure { try await task.value }
            #expect(error is CancellationError && counted.values.count == 1)
            #expect(pool.statistics.retries.pausing == 0)
        }
    }

    @Test("If no connection becomes free for another attempt, the error is that of the attempt before")
    func noConnection() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            // The first checkout finds it idle.
            _ = try await pool.process()
            let (isOver, isHeld) = (Counted<Bool>(), Counted<Bool>())
            var holder: Task<Void, any Error>?
            let error = await postgresFailure {
                try await pool.withTransaction(
                    retry: .serializationFailures(attempts: 5, backOff: .zero),
                    checkoutTimeout: .milliseconds(100)
                ) { db in
                    holder = Task {
                        try await pool.withConnection { _ in
                            isHeld.add(true)
                            await until { !isOver.values.isEmpty }
                        }
                    }
                    await until { pool.status.waiting == 1 }
                    try await db.execute(Self.conflict)
                }
            }
            isOver.add(true)
            try await holder?.value
            #expect(error?.sqlState == .serializationFailure && error?.attempts == 1)
            #expect(isHeld.values == [true] && pool.statistics.retries.exhaustions == 1)
        }
    }

    @Test("An invalid number of attempts and an invalid pause are refused before the body runs")
    func invalid() async throws {
        try await TestServer.shared.withPool { pool in
            let retries = [
                PostgresRetry.serializationFailures(attempts: 0), .serializationFailures(attempts: -1),
                .serializationFailures(backOff: .seconds(-1)), .serializationFailures(backOff: .seconds(1_000_000_000)),
            ]
            for retry in retries {
                let error = await postgresFailure {
                    try await pool.withTransaction(retry: retry) { _ in Issue.record() }
                }
                #expect(error?.code == .invalidConfiguration)
            }
        }
    }

    @Test("Pauses grow twofold to a limit, and differ by up to a half")
    func pauses() {
        let retry = PostgresRetry.serializationFailures(backOff: .milliseconds(10))
        for (attempt, mean) in [(1, 10), (2, 20), (4, 80), (8, 1000), (1_000_000, 1000)] {
            let pauses = (0..<100).map { _ in retry.pause(after: attempt) }
            #expect(pauses.allSatisfy { $0 >= .milliseconds(mean) * 0.5 && $0 <= .milliseconds(mean) * 1.5 })
            #expect(Set(pauses).count > 1)
        }
        #expect(PostgresRetry.serializationFailures(backOff: .seconds(5)).pause(after: 9) >= .seconds(2.5))
    }
}
