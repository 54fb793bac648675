// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import TestSupport
import Testing

@testable import PostgresPooling

/// Advisory locks of transactions and of sessions.
@Suite(.timeLimit(.minutes(10))) struct AdvisoryLockTests {
    struct Oops: Error {}

    /// Whether a session of another pool can take the lock now.
    private func isFree(_ key: PostgresLockKey) async throws -> Bool {
        try await TestServer.shared.withPool { pool in try await pool.tryAdvisoryLock(key) { _ in true } ?? false }
    }

    /// Waits until a session of the pool waits for an advisory lock.
    private func untilWaiting(_ pool: PostgresPool) async throws {
        let name = pool.configuration.pool.name
        try await until {
            try await TestServer.shared.psql(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = '\(name)' AND wait_event = 'advisory'"
            ) == "1"
        }
    }

    @Test("Keys of every kind lock, and different keys do not exclude each other")
    func keys() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let keys: [PostgresLockKey] = [
                7_100_000_001, PostgresLockKey(.min), PostgresLockKey(.max), PostgresLockKey(7_100, -1),
                PostgresLockKey(.min, .max), "advisory it's \\ \"x\"", "advisory \(1)", "",
            ]
            for key in keys {
                try await pool.withAdvisoryLock(key) { _ in
                    for other in keys { try await equal(isFree(other), other != key) }
                }
                try await equal(isFree(key), true)
            }
            let error = await postgresFailure { try await pool.withAdvisoryLock("a\0b") { _ in Issue.record("ran") } }
            #expect(error?.code == .encoding && error?.outcome == .notExecuted)
        }
    }

    @Test("A lock is taken with BEGIN, in one message")
    func oneMessage() async throws {
        let server = try ScriptedServer { session in
            while let statement = session.nextStatement() {
                session.complete(
                    statement == "COMMIT" ? "COMMIT" : "BEGIN",
                    statement == "COMMIT" ? .idle : .inTransaction
                )
            }
        }
        try await server.withPool { pool in
            try await pool.withAdvisoryLock(42) { _ in }
            try await pool.withAdvisoryLock("it's", shared: true) { _ in }
            let begin = "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_catalog.pg_advisory_xact_lock"
            #expect(
                server.statements == [
                    begin + "('42'::bigint)", "COMMIT",
                    begin + "_shared(pg_catalog.hashtextextended(E'it''s', 0))", "COMMIT",
                ]
            )
        }
    }

    @Test("64 tasks increment a number under a lock, and none is lost")
    func exclusion() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.execute("CREATE TABLE advisory_number (n int)")
            try await pool.execute("INSERT INTO advisory_number VALUES (0)")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<64 {
                    group.addTask {
                        try await pool.withAdvisoryLock("advisory_number") { db in
                            let number = try await db.query("SELECT n FROM advisory_number", as: Int.self)[0]
                            try await db.execute("UPDATE advisory_number SET n = \(number + 1)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await equal(pool.query("SELECT n FROM advisory_number", as: Int.self), [64])
            try await pool.execute("DROP TABLE advisory_number")
        }
    }

    @Test("Shared holders have a lock at the same time, and exclude an exclusive one")
    func shared() async throws {
        let key: PostgresLockKey = "advisory_shared"
        try await TestServer.shared.withPool { pool in
            try await pool.withAdvisoryLock(key, shared: true) { _ in
                try await pool.withAdvisoryLock(key, shared: true) { _ in try await equal(isFree(key), false) }
                let other = try await pool.tryAdvisoryLock(key, shared: true) { _ in 1 }
                #expect(other == 1)
                try await equal(isFree(key), false)
            }
            try await equal(isFree(key), true)
        }
    }

    @Test("A wait for a lock ends by its deadline or by cancellation, and nothing is held afterwards")
    func endedWait() async throws {
        let key: PostgresLockKey = "advisory_wait"
        try await TestServer.shared.withPool { pool in
            // Two idle connections, so that the deadline ends the wait for the lock.
            try await pool.withConnection { _ in _ = try await pool.process() }
            await until { pool.status.idle == 2 }
            try await pool.withAdvisoryLock(key) { _ in
                let late = await postgresFailure {
                    try await pool.withAdvisoryLock(key, timeout: .milliseconds(100)) { _ in Issue.record("ran") }
                }
                #expect(late?.code == .timedOut && late?.outcome == .notExecuted)
                #expect(late?.sql?.hasSuffix("SELECT pg_catalog.pg_advisory_xact_lock(…)") == true)
                let task = Task { try await pool.withAdvisoryLock(key) { _ in Issue.record("ran") } }
                try await untilWaiting(pool)
                task.cancel()
                let error = await failure { try await task.value }
                #expect(error is CancellationError)
            }
            // The statements of the ended waits may have been granted the lock at the last moment.
            try await until { try await isFree(key) }
        }
    }

    @Test("A lock of a transaction ends with it, and needs one")
    func inTransaction() async throws {
        let key: PostgresLockKey = "advisory_in_transaction"
        try await TestServer.shared.withPool { pool in
            try await pool.withTransaction { db in
                try await db.advisoryLock(key)
                try await equal(db.tryAdvisoryLock(key), true)
                try await equal(isFree(key), false)
                let other = try await pool.withTransaction { db in try await db.tryAdvisoryLock(key) }
                #expect(!other)
                equal(db.session.state.isChanged, false)
            }
            try await equal(isFree(key), true)
            _ = await failure {
                try await pool.withTransaction { db in
                    try await db.advisoryLock(key)
                    throw Oops()
                }
            }
            try await until { try await isFree(key) }
            try await pool.withConnection { db in
                for lock in [true, false] {
                    let error = await postgresFailure {
                        if lock { try await db.advisoryLock(key) } else { _ = try await db.tryAdvisoryLock(key) }
                    }
                    #expect(error?.code == .transactionControl && error?.outcome == .notExecuted)
                }
            }
        }
    }

    @Test("A body whose lock is held elsewhere does not run, and its connection is free again")
    func notAvailable() async throws {
        let key: PostgresLockKey = "advisory_not_available"
        try await TestServer.shared.withPool { pool in
            try await pool.withAdvisoryLock(key) { _ in
                let result = try await pool.tryAdvisoryLock(key) { _ in
                    Issue.record("ran")
                    return 1
                }
                #expect(result == nil)
                await until { pool.status.leased == 1 }
            }
        }
    }
}

/// Advisory locks that a session holds across transactions.
@Suite(.timeLimit(.minutes(10))) struct SessionLockTests {
    struct Oops: Error {}

    private func isFree(_ key: PostgresLockKey) async throws -> Bool {
        try await TestServer.shared.withPool { pool in try await pool.tryAdvisoryLock(key) { _ in true } ?? false }
    }

    @Test("A session holds the lock across transactions, and releases it when the body returns or throws")
    func scope() async throws {
        let key: PostgresLockKey = "session_scope"
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            try await pool.withConnection { db in
                let process = db.serverProcess
                let result = try await db.withSessionAdvisoryLock(key) { db in
                    try await db.withTransaction { db in try await db.execute("SELECT 1") }
                    try await equal(isFree(key), false)
                    // A session counts its locks.
                    try await db.withSessionAdvisoryLock(key) { _ in }
                    try await equal(isFree(key), false)
                    return 7
                }
                #expect(result == 7)
                try await equal(isFree(key), true)
                let error = await failure {
                    try await db.withSessionAdvisoryLock(key) { db in
                        _ = await failure { try await db.query("SELECT 1 / 0") }
                        throw Oops()
                    }
                }
                #expect(error is Oops)
                try await equal(isFree(key), true)
                // A failed transaction in the body has ended before the lock is released.
                _ = await failure {
                    try await db.withSessionAdvisoryLock(key) { db in
                        try await db.withTransaction { db in try await db.query("SELECT 1 / 0") }
                    }
                }
                try await equal(isFree(key), true)
                equal(db.session.state.isDiscarded, false)
                equal(db.serverProcess, process)
            }
        }
    }

    @Test("A session's lock is tried without a wait, and runs nothing while another session holds it")
    func trySession() async throws {
        let key: PostgresLockKey = "advisory_try_session"
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                let result = try await db.trySessionAdvisoryLock(key) { _ in
                    try await equal(isFree(key), false)
                    let other = try await pool.withConnection { other in
                        try await other.trySessionAdvisoryLock(key) { _ in
                            Issue.record("ran")
                            return 1
                        }
                    }
                    #expect(other == nil)
                    return 7
                }
                #expect(result == 7)
                try await equal(isFree(key), true)
                let error = await failure {
                    try await db.trySessionAdvisoryLock(key) { _ in throw Oops() }
                }
                #expect(error is Oops)
                try await equal(isFree(key), true)
                equal(db.session.state.isDiscarded, false)
            }
        }
    }

    @Test(
        "A lock that cannot be released at once ends with its connection",
        arguments: ["open", "deadline", "cancelled"]
    )
    func discarded(_ kind: String) async throws {
        let key = PostgresLockKey("session_\(kind)")
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let process = try await pool.process()
            let isLocked = Counted<Bool>()
            let task = Task {
                try await pool.withConnection(timeout: kind == "deadline" ? .milliseconds(500) : nil) { db in
                    try await db.withSessionAdvisoryLock(key) { db in
                        isLocked.add(true)
                        try await db.execute(kind == "open" ? "BEGIN" : "SELECT pg_sleep(3600)")
                    }
                }
            }
            await until { !isLocked.values.isEmpty }
            if kind == "cancelled" { task.cancel() }
            let error = await failure { try await task.value }
            switch kind {
            case "open": #expect((error as? PostgresError)?.code == .transactionControl)
            case "deadline": #expect((error as? PostgresError)?.code == .timedOut)
            default: #expect(error is CancellationError)
            }
            try await until { try await isFree(key) }
            try await different(pool.process(), process)
        }
    }

    @Test("A wait for a session's lock ends by its deadline, and the connection is closed")
    func endedWait() async throws {
        let key: PostgresLockKey = "session_wait"
        try await TestServer.shared.withPool { pool in
            try await pool.withAdvisoryLock(key) { _ in
                try await pool.withConnection { db in
                    let error = await postgresFailure {
                        try await db.withSessionAdvisoryLock(key, timeout: .milliseconds(100)) { _ in
                            Issue.record("ran")
                        }
                    }
                    #expect(error?.code == .timedOut && error?.outcome == .notExecuted)
                    equal(db.session.state.isDiscarded, true)
                }
            }
            try await until { try await isFree(key) }
        }
    }

    @Test("A session's lock is refused within a transaction")
    func inTransaction() async throws {
        try await TestServer.shared.withPool { pool in
            let error = await postgresFailure {
                try await pool.withTransaction { db in
                    try await db.withSessionAdvisoryLock(1) { _ in Issue.record("ran") }
                }
            }
            #expect(error?.code == .transactionControl && error?.outcome == .notExecuted)
        }
    }

    @Test(
        "Behind a pooler a session's lock is refused, and a transaction's works",
        arguments: [PostgresConfiguration.Pooler.transaction, .detect],
        [0, 256]
    )
    func pooler(_ pooler: PostgresConfiguration.Pooler, _ cache: Int) async throws {
        try await TestServer.shared.withPgBouncer(.transaction) { bouncer in
            try await bouncer.withPool({
                $0.pooler = pooler
                $0.statementCacheCapacity = cache
            }) { pool in
                let key = PostgresLockKey("pooled_\(pooler)_\(cache)")
                let error = await postgresFailure {
                    try await pool.withConnection { db in
                        try await db.withSessionAdvisoryLock(key) { _ in Issue.record("ran") }
                    }
                }
                #expect(error?.code == .unsupported && error?.outcome == .notExecuted)
                try await pool.withAdvisoryLock(key) { _ in try await equal(isFree(key), false) }
                try await equal(isFree(key), true)
            }
        }
    }
}
