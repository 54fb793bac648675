// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import PostgresPooling

/// `timeout:` limits a whole call, and `checkoutTimeout:` the wait for a connection.
@Suite(.timeLimit(.minutes(10))) struct TimeoutTests {
    private func withHeldConnection(_ body: @escaping (PostgresPool) async throws -> Void) async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let lease = try await pool.getOrCreate()
            try await body(pool)
            lease.release()
        }
    }

    @Test("The timeout of a call includes the wait for a connection, which the configuration allows for longer")
    func waiting() async throws {
        let short = Duration.milliseconds(1)
        try await withHeldConnection { pool in
            #expect(pool.configuration.pool.checkoutTimeout == .seconds(300))
            let errors = [
                await failure { try await pool.query("SELECT 1", timeout: short) },
                await failure { try await pool.query("SELECT 1", as: Int.self, timeout: short) },
                await failure { try await pool.queryFirst("SELECT 1", as: Int.self, timeout: short) },
                await failure { try await pool.execute("SELECT 1", timeout: short) },
                await failure { try await pool.executeScript("SELECT 1", timeout: short) },
                await failure { try await pool.withConnection(timeout: short) { _ in } },
                await failure { try await pool.withConnection(checkoutTimeout: short) { _ in } },
                await failure { try await pool.withTransaction(timeout: short) { _ in } },
                await failure { try await pool.withTransaction(checkoutTimeout: short) { _ in } },
            ]
            for error in errors { #expect((error as? PoolError)?.code == .timedOut, "\(error as Any)") }
        }
    }

    @Test("A call's timeout ends its statement although the configuration's timeout is longer")
    func statement() async throws {
        try await TestServer.shared.withPool(.native, { $0.statementTimeout = .seconds(300) }) { pool in
            try await pool.prewarm(timeout: .seconds(120))
            let errors = [
                await failure { try await pool.query("SELECT pg_sleep(600)", timeout: .milliseconds(200)) },
                await failure { try await pool.executeScript("SELECT pg_sleep(600)", timeout: .milliseconds(200)) },
            ]
            // On a slow machine the second call may have no connection in time.
            for error in errors { #expect(isTimeout(error), "\(error as Any)") }
        }
    }

    private func isTimeout(_ error: (any Error)?) -> Bool {
        switch error {
        case let error as PostgresError: error.code == .timedOut
        case let error as PoolError: error.code == .timedOut
        default: false
        }
    }

    @Test("A body's timeout ends the statement in progress, and refuses every later one")
    func body() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            try await pool.execute("CREATE TABLE timed_body (n int)")
            try await pool.prewarm(timeout: .seconds(120))
            let error = await postgresFailure {
                try await pool.withConnection(timeout: .seconds(2)) { db in
                    let first = await postgresFailure { try await db.query("SELECT pg_sleep(600)") }
                    #expect(first?.code == .timedOut)
                    let later = [
                        await postgresFailure { try await db.execute("INSERT INTO timed_body VALUES (1)") },
                        await postgresFailure {
                            try await db.execute("INSERT INTO timed_body VALUES (1)", timeout: .seconds(300))
                        },
                        await postgresFailure { try await db.withTransaction { _ in } },
                        await postgresFailure { try await db.stream("SELECT 1").reduce(0) { sum, _ in sum + 1 } },
                    ]
                    for error in later { #expect(error?.code == .timedOut && error?.outcome == .notExecuted) }
                    try await db.executeScript("INSERT INTO timed_body VALUES (1)")
                }
            }
            #expect(error?.code == .timedOut && error?.outcome == .notExecuted)
            // The next lease of the same connection has no deadline.
            try await equal(pool.query("SELECT count(*) FROM timed_body", as: Int.self), [0])
            try await pool.execute("DROP TABLE timed_body")
        }
    }

    @Test("A transaction whose time runs out before its commit is rolled back")
    func transaction() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.execute("CREATE TABLE timed_transaction (n int)")
            let error = await postgresFailure {
                try await pool.withTransaction(timeout: .seconds(300)) { db in
                    try await db.execute("INSERT INTO timed_transaction VALUES (1)")
                    equal(db.session.state.deadline < Reactor.never, true)
                    // The time is over.
                    db.session.state.deadline = MonotonicClock.now
                }
            }
            #expect(error?.code == .timedOut && error?.outcome == .notExecuted && error?.sql == "COMMIT")
            try await equal(pool.query("SELECT count(*) FROM timed_transaction", as: Int.self), [0])
            try await pool.execute("DROP TABLE timed_transaction")
        }
    }

    @Test("The timeout of a transaction or a savepoint on a connection ends with its body")
    func nested() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                let outer = await postgresFailure {
                    try await db.withTransaction(timeout: .milliseconds(200)) { db in
                        _ = try await db.query("SELECT pg_sleep(600)")
                    }
                }
                #expect(outer?.code == .timedOut)
                try await db.withTransaction(timeout: .seconds(300)) { db in
                    let inner = await postgresFailure {
                        try await db.withSavepoint(timeout: .milliseconds(200)) { db in
                            _ = try await db.query("SELECT pg_sleep(600)")
                        }
                    }
                    #expect(inner?.code == .timedOut)
                    try await equal(db.query("SELECT 1", as: Int.self), [1])
                }
                try await equal(db.query("SELECT 1", as: Int.self), [1])
            }
        }
    }
}
