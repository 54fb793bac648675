// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import PostgresPooling

/// The plans of statements.
@Suite(.timeLimit(.minutes(10))) struct ExplainTests {
    private func withTable(_ name: String, _ body: (PostgresPool, PostgresQuery) async throws -> Void) async throws {
        let table = PostgresQuery(unsafe: name)
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            try await pool.execute("CREATE TABLE \(sql: table) (id int PRIMARY KEY)")
            try await pool.execute("INSERT INTO \(sql: table) SELECT generate_series(1, 5)")
            try await body(pool, table)
            try await pool.execute("DROP TABLE \(sql: table)")
        }
    }

    @Test("A plan is that for the values of the parameters, and does not run the statement")
    func plan() async throws {
        try await withTable("explain_plan") { pool, table in
            let plan = try await pool.explain("DELETE FROM \(sql: table) WHERE id = \(3)")
            #expect(plan.contains("Delete on explain_plan") && plan.contains("\n"))
            #expect(!plan.contains("actual"))
            try await equal(pool.query("SELECT count(*)::int FROM \(sql: table)", as: Int.self), [5])
        }
    }

    @Test("An analyzed statement runs, and is rolled back")
    func analyze() async throws {
        try await withTable("explain_analyze") { pool, table in
            let plan = try await pool.explain("DELETE FROM \(sql: table) WHERE id > \(2)", analyze: true)
            #expect(plan.contains("actual") && plan.contains("rows=3"))
            try await equal(pool.query("SELECT count(*)::int FROM \(sql: table)", as: Int.self), [5])
            // Within a transaction only the statement is undone.
            try await pool.withTransaction { db in
                try await db.execute("INSERT INTO \(sql: table) VALUES (6)")
                _ = try await db.explain("DELETE FROM \(sql: table)", analyze: true)
                equal(db.isInTransaction, true)
            }
            try await equal(pool.query("SELECT count(*)::int FROM \(sql: table)", as: Int.self), [6])
        }
    }

    @Test("Words at the beginning of a statement are not options of EXPLAIN")
    func options() async throws {
        try await withTable("explain_options") { pool, table in
            for query: PostgresQuery in [
                "ANALYZE DELETE FROM \(sql: table)", "(ANALYZE) DELETE FROM \(sql: table)",
                "VERBOSE DELETE FROM \(sql: table)", "SELECT 1; DELETE FROM \(sql: table)", "VACUUM", "",
            ] {
                for analyze in [false, true] {
                    let error = await #expect(throws: PostgresError.self) {
                        try await pool.explain(query, analyze: analyze)
                    }
                    #expect(error?.sqlState == .syntaxError)
                }
            }
            try await equal(pool.query("SELECT count(*)::int FROM \(sql: table)", as: Int.self), [5])
        }
    }

    @Test("A failed, late or cancelled analysis is rolled back, and the connection is usable")
    func failures() async throws {
        try await withTable("explain_failures") { pool, table in
            let server = try await TestServer.shared
            let process = try await pool.process()
            let failing: PostgresQuery = "UPDATE \(sql: table) SET id = id / 0"
            await #expect(throws: PostgresError.self) { try await pool.explain(failing, analyze: true) }
            let slow: PostgresQuery =
                "UPDATE \(sql: table) SET id = -id WHERE pg_sleep(600) IS NOT NULL /* slow plan */"
            try await pool.withConnection { db in
                let error = await #expect(throws: PostgresError.self) {
                    try await db.explain(slow, analyze: true, timeout: .milliseconds(1))
                }
                #expect(error?.code == .timedOut)
            }
            let task = Task { try await pool.explain(slow, analyze: true) }
            try await server.waitForSession(running: "slow plan")
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            try await equal(pool.query("SELECT sum(id)::int FROM \(sql: table)", as: Int.self), [15])
            try await equal(pool.process(), process)
        }
    }
}
