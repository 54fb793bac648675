// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import Testing

@testable import PostgresPooling

/// A pool whose clock the test advances, with hooks and leases.
@Suite(.timeLimit(.minutes(10))) struct ClockAndHookTests {
    /// Provides a pool with a manual clock, and closes it at the end.
    private func withPool(
        _ hooks: ConnectionHooks<PostgresConnection> = .init(),
        _ configure: (inout PostgresConfiguration) -> Void = { _ in },
        _ body: (PostgresPool, ManualClock) async throws -> Void
    ) async throws {
        var configuration = PostgresConfiguration(try await TestServer.shared.url)
        configuration.pool.maximumConnections = 1
        configure(&configuration)
        let clock = ManualClock()
        let pool = try PostgresPool(configuration, hooks: hooks, clock: clock)
        do {
            try await body(pool, clock)
        } catch {
            await pool.close()
            throw error
        }
        await pool.close()
    }

    @Test("A connection closes when its idle time on the pool's clock is over")
    func idle() async throws {
        try await withPool(.init()) {
            $0.pool.keepAliveInterval = nil
            $0.pool.idleTimeout = .seconds(600)
        } _: { pool, clock in
            let begin = clock.now
            try await pool.execute("SELECT 1")
            #expect(pool.status.idle == 1)
            await clock.advance(inStepsOf: .seconds(30)) { pool.status.idle == 0 }
            #expect(begin.duration(to: clock.now) >= .seconds(600))
        }
    }

    @Test("A connection is replaced when its lifetime on the pool's clock is over")
    func lifetime() async throws {
        try await withPool(.init()) {
            $0.pool.keepAliveInterval = nil
            $0.pool.idleTimeout = nil
            $0.pool.maximumLifetime = .seconds(1_800)
        } _: { pool, clock in
            let first = try await pool.process()
            try await equal(pool.process(), first)
            await clock.advance(inStepsOf: .seconds(30)) { pool.status.idle == 0 }
            try await different(pool.process(), first)
        }
    }

    @Test("An idle connection is tested when the keep-alive interval on the pool's clock is over")
    func keepAlive() async throws {
        let server = try await TestServer.shared
        try await withPool(.init()) {
            $0.applicationName = "keepalive by a clock"
            // The clock advances while the server answers.
            $0.pool.resetTimeout = .seconds(3_600)
            $0.pool.keepAliveInterval = .seconds(120)
            $0.pool.idleTimeout = nil
            $0.pool.maximumLifetime = nil
        } _: { pool, clock in
            func lastChange() async throws -> String {
                try await server.psql(
                    "SELECT state_change FROM pg_stat_activity WHERE application_name = 'keepalive by a clock'"
                )
            }
            try await pool.execute("SELECT 1")
            let begin = clock.now
            let before = try await lastChange()
            await clock.advance(inStepsOf: .seconds(30)) { begin.duration(to: clock.now) >= .seconds(300) }
            try await until { try await lastChange() != before }
            try await different(lastChange(), "")
        }
    }

    @Test("A caller's wait times out by the pool's clock")
    func wait() async throws {
        try await withPool { pool, clock in
            let lease = try await pool.getOrCreate()
            let waiter = Task { await failure { try await pool.query("SELECT 1") } }
            await until { pool.status.waiting == 1 }
            await clock.advance { pool.status.waiting == 0 }
            #expect((await waiter.value as? PoolError)?.code == .timedOut)
            lease.release()
        }
    }

    @Test("Hooks are called at their events, and changes by afterConnect to the session are undone")
    func hooks() async throws {
        let events = Counted<String>()
        let hooks = ConnectionHooks<PostgresConnection>(
            afterConnect: { db in
                events.add("connect")
                try await db.execute("SET statement_timeout = '7s'")
                try await db.execute("BEGIN")
            },
            beforeHandOut: { db, _ in
                events.add("hand out \(db.isInTransaction)")
                return true
            },
            afterReturn: { _, _ in
                events.add("return")
                return .reusable
            }
        )
        try await withPool(hooks) { pool, _ in
            try await equal(pool.query("SHOW statement_timeout", as: String.self), ["0"])
            // The hook runs after the caller has continued.
            await until { events.values.count == 3 }
            #expect(events.values == ["connect", "hand out false", "return"])
        }
    }

    /// Statements of a hook that leave a connection unfit for the next lease.
    enum Leftover: String, CaseIterable {
        case transaction, failedTransaction, pendingAnswer

        func leave(on db: borrowing PostgresConnection) async {
            if self != .pendingAnswer { _ = try? await db.execute("BEGIN") }
            switch self {
            case .transaction: break
            case .failedTransaction: _ = try? await db.query("SELECT 1 / 0")
            case .pendingAnswer:
                while !db.session.state.isAnswerPending {
                    _ = try? await db.query("SELECT pg_sleep(600)", timeout: .milliseconds(1))
                }
            }
        }
    }

    @Test(
        "A connection on which beforeHandOut leaves a transaction or a statement is replaced",
        arguments: Leftover.allCases
    )
    func leftBeforeHandOut(_ leftover: Leftover) async throws {
        let table = PostgresQuery(unsafe: "left_by_hand_out_\(leftover)")
        let calls = Counted<Int>()
        let hooks = ConnectionHooks<PostgresConnection>(beforeHandOut: { db, _ in
            calls.add(0)
            if calls.values.count == 2 { await leftover.leave(on: db) }
            return true
        })
        try await withPool(hooks, { $0.pool.resetTimeout = .seconds(120) }) { pool, _ in
            try await pool.execute("CREATE TABLE \(sql: table) (process int)")
            try await pool.execute("INSERT INTO \(sql: table) VALUES (pg_backend_pid())")
            #expect(calls.values.count == 3)
            let process = try await pool.process()
            #expect(try await TestServer.shared.psql("SELECT process FROM \(table.text)") == "\(process)")
            try await pool.execute("DROP TABLE \(sql: table)")
        }
    }

    @Test(
        "A connection on which afterReturn leaves a transaction or a statement is reset",
        arguments: Leftover.allCases
    )
    func leftAfterReturn(_ leftover: Leftover) async throws {
        let table = PostgresQuery(unsafe: "left_by_return_\(leftover)")
        let hooks = ConnectionHooks<PostgresConnection>(afterReturn: { db, _ in
            await leftover.leave(on: db)
            return .reusable
        })
        try await withPool(hooks, { $0.pool.resetTimeout = .seconds(120) }) { pool, _ in
            try await pool.execute("CREATE TABLE \(sql: table) (process int)")
            try await pool.withConnection { db in
                equal(db.isInTransaction, false)
                equal(db.session.state.isAnswerPending, false)
            }
            try await pool.execute("INSERT INTO \(sql: table) VALUES (pg_backend_pid())")
            let process = try await pool.process()
            #expect(try await TestServer.shared.psql("SELECT process FROM \(table.text)") == "\(process)")
            try await pool.execute("DROP TABLE \(sql: table)")
        }
    }

    @Test("An error of afterConnect reaches the caller")
    func failingHook() async throws {
        let hooks = ConnectionHooks<PostgresConnection>(afterConnect: { db in
            try await db.execute("SELECT no_such_column")
        })
        try await withPool(hooks) { pool, _ in
            #expect(await postgresFailure { try await pool.query("SELECT 1") }?.sqlState == .undefinedColumn)
        }
    }

    /// Returns whether the pool leases a connection at once.
    private func isLent(_ pool: PostgresPool) -> Bool {
        guard let lease = pool.tryGet() else { return false }
        lease.release()
        return true
    }

    @Test("A lease keeps its connection across statements, names its line, and releases the connection reset")
    func lease() async throws {
        try await withPool { pool, _ in
            #expect(!isLent(pool))
            let line: UInt = #line + 1
            let lease = try await pool.getOrCreate()
            #expect(pool.snapshot.oldestLease?.callSite == "PostgresPoolingTests/ClockAndHookTests.swift:\(line)")
            try await lease.connection.execute("BEGIN")
            try await equal(lease.connection.query("SELECT 1", as: Int.self), [1])
            #expect(!isLent(pool))
            let process = lease.connection.serverProcess
            lease.release()
            try await equal(pool.process(), process)
            guard let next = pool.tryGet(file: "Leases.swift", line: 7) else {
                Issue.record("an idle connection was not lent")
                return
            }
            let isInTransaction = next.connection.isInTransaction
            #expect(!isInTransaction)
            #expect(pool.snapshot.oldestLease?.callSite == "Leases.swift:7")
            next.release()
        }
    }
}
