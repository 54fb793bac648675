// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// Scripts whose statements each have a result.
@Suite(.timeLimit(.minutes(10))) struct ScriptResultTests {
    @Test("Each statement of a script has its rows as texts, or its tag", arguments: PollerKind.allCases)
    func results(_ poller: PollerKind) async throws {
        try await TestServer.shared.withPool(poller) { pool in
            let results = try await pool.queryScript(
                """
                -- A comment; with a semicolon.
                CREATE TEMP TABLE script_rows (id int, note text);
                INSERT INTO script_rows VALUES (1, 'a;b'), (2, NULL);;
                SELECT id, note FROM script_rows ORDER BY id;
                SELECT WHERE false;
                """
            )
            #expect(results.map(\.command.tag) == ["CREATE TABLE", "INSERT 0 2", "SELECT 2", "SELECT 0"])
            #expect(results.map(\.count) == [0, 0, 2, 0] && results[2].columnNames == ["id", "note"])
            let rows = try results[2].decode(as: (String, String?).self)
            #expect(rows.map(\.0) == ["1", "2"] && rows.map(\.1) == ["a;b", nil])
            #expect(await postgresFailure { try results[2][0].decode(Int.self, at: 0) }?.code == .decoding)
            try await equal(pool.queryScript("").count, 0)
            try await equal(pool.queryScript(" ; -- nothing").count, 0)
        }
    }

    @Test("A script of several megabytes has a result for each statement")
    func large() async throws {
        try await TestServer.shared.withPool { pool in
            let count = 20_000
            let note = String(repeating: "x", count: 200)
            let inserts = (0..<count).map { "INSERT INTO script_large VALUES (\($0), '\(note)');\n" }.joined()
            let script =
                "CREATE TEMP TABLE script_large (id int, note text);\n\(inserts)SELECT count(*) FROM script_large"
            #expect(script.utf8.count > 4_000_000)
            let results = try await pool.queryScript(PostgresQuery(unsafe: script))
            #expect(results.count == count + 2)
            try equal(results.last?.decode(as: String.self), ["\(count)"])
            let failing = PostgresQuery(unsafe: script + "; SELECT 1 / 0")
            for keeps in [false, true] {
                let error = await postgresFailure {
                    if keeps { _ = try await pool.queryScript(failing) } else { try await pool.executeScript(failing) }
                }
                #expect(error?.sqlState == "22012" && error?.completedStatements == count + 2)
                #expect(error?.outcome == .rolledBack)
            }
        }
    }

    @Test(
        "The error of a script has the number of statements before the one that failed",
        arguments: [
            ("SELECT 1; SELECT 2; SELECT 1 / 0; SELECT 3", "22012", 2, PostgresError.Outcome.rolledBack),
            ("SELECT 1; SELECT nothing", "42703", 1, .rolledBack),
            // The parser reads the whole script first.
            ("SELECT 1; SELECT 2; SELEC 3", "42601", 0, .rolledBack),
            ("SELECT 1; COMMIT; SELECT 1 / 0", "22012", 2, .unknown),
            ("SELECT 1; SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(600)", "57P01", 1, .unknown),
        ]
    )
    func failing(_ script: String, _ state: String, _ completed: Int, _ outcome: PostgresError.Outcome) async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let error = await postgresFailure { try await pool.queryScript(PostgresQuery(unsafe: script)) }
            #expect(error?.sqlState?.description == state)
            #expect(error?.completedStatements == completed && error?.outcome == outcome)
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
            #expect(await postgresFailure { try await pool.query("SELECT 1 / 0") }?.completedStatements == nil)
        }
    }

    @Test("A script that ends early has the number of statements whose results had arrived")
    func endingEarly() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let process = try await pool.process()
            // A large result, because the server sends small ones at the end.
            let script: PostgresQuery = "SELECT repeat('x', 100000); SELECT 'script to end', pg_sleep(600)"
            let error = await postgresFailure { try await pool.queryScript(script, timeout: .milliseconds(300)) }
            #expect(error?.code == .timedOut && error?.outcome == .unknown)
            #expect(error?.completedStatements == 0 || error?.completedStatements == 1)
            let task = Task { _ = try await pool.queryScript(script) }
            let server = try await TestServer.shared
            try await until {
                try await server.psql(
                    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%script to end%' AND state = 'active' AND pid = \(process)"
                ) == "1"
            }
            task.cancel()
            #expect(await failure { try await task.value } is CancellationError)
            try await equal(pool.process(), process)
        }
    }

    @Test("COPY and parameters in a script are refused, and the connection remains usable")
    func refused() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let process = try await pool.process()
            for copy: PostgresQuery in ["SELECT 1; COPY pg_am TO STDOUT", "SELECT 1; COPY pg_am FROM STDIN"] {
                let error = await postgresFailure { try await pool.queryScript(copy) }
                #expect(error?.code == .unsupported && error?.message.contains("copy") == true)
                #expect(error?.completedStatements == 1)
            }
            let error = await postgresFailure { try await pool.queryScript("SELECT \(1)") }
            #expect(error?.code == .unsupported && error?.outcome == .notExecuted)
            try await equal(pool.process(), process)
        }
    }

    @Test("A script within a transaction is part of it")
    func inTransaction() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withTransaction { db in
                let results = try await db.queryScript("SELECT 1; SELECT 2")
                #expect(try results.map { try $0.decode(as: String.self) } == [["1"], ["2"]])
                let isOpen = db.isInTransaction
                #expect(isOpen)
            }
            let error = await postgresFailure {
                try await pool.withTransaction { db in _ = try await db.queryScript("SELECT 1; COMMIT") }
            }
            #expect(error?.code == .transactionControl)
        }
    }
}
