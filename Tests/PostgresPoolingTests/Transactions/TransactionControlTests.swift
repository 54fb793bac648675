// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import PostgresPooling

/// Bodies of transactions and savepoints that swallow errors, or begin and end transactions
/// themselves.
@Suite(.timeLimit(.minutes(10))) struct TransactionControlTests {
    /// Provides a pool with an empty table `name (n int PRIMARY KEY)`.
    private func withTable(
        _ name: String,
        on server: TestServer? = nil,
        _ body: (PostgresPool, PostgresQuery) async throws -> Void
    ) async throws {
        let shared = try await TestServer.shared
        let server = server ?? shared
        try await server.psql("CREATE TABLE \(name) (n int PRIMARY KEY)")
        try await server.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            try await body(pool, PostgresQuery(unsafe: name))
        }
        try await server.psql("DROP TABLE \(name)")
    }

    @Test("A savepoint whose body swallowed an error is rolled back, and the outer transaction continues")
    func swallowedError() async throws {
        try await withTable("swallowed_error") { pool, table in
            try await pool.execute("INSERT INTO \(sql: table) VALUES (1)")
            try await pool.withTransaction { db in
                let error = await postgresFailure {
                    try await db.withSavepoint { db in
                        try await db.execute("INSERT INTO \(sql: table) VALUES (3)")
                        _ = await failure { try await db.execute("INSERT INTO \(sql: table) VALUES (1)") }
                    }
                }
                #expect(error?.code == .transactionAborted && error?.outcome == .rolledBack)
                equal(db.isInTransaction, true)
                try await db.execute("INSERT INTO \(sql: table) VALUES (2)")
            }
            try await equal(pool.query("SELECT n FROM \(sql: table) ORDER BY n", as: Int.self), [1, 2])
        }
    }

    @Test("A transaction within another fails before anything is sent, and the outer one continues")
    func nested() async throws {
        try await withTable("nested_transactions") { pool, table in
            try await pool.withTransaction(isolation: .serializable) { db in
                let modes: [(PostgresConnection.IsolationLevel?, Bool)] = [
                    (nil, false), (.serializable, false), (nil, true),
                ]
                for (isolation, readOnly) in modes {
                    let error = await postgresFailure {
                        try await db.withTransaction(isolation: isolation, readOnly: readOnly) { _ in
                            Issue.record("the body ran")
                        }
                    }
                    #expect(error?.code == .transactionControl && error?.outcome == .notExecuted)
                    #expect(error?.message.contains("use withSavepoint") == true)
                }
                try await db.execute("INSERT INTO \(sql: table) VALUES (1)")
            }
            try await equal(pool.query("SELECT count(*) FROM \(sql: table)", as: Int.self), [1])
        }
    }

    private static let controls = [
        "COMMIT", "END", "ROLLBACK", "ABORT", "rollback work", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN", "BEGIN",
        "START TRANSACTION", "PREPARE TRANSACTION 'by hand'",
    ]

    @Test("A statement that begins or ends a transaction within a body fails the body, and no other statement is sent")
    func control() async throws {
        try await withServer(settings: ["max_prepared_transactions": "5"]) { server in
            try await withTable("controlled", on: server) { pool, table in
                for statement in Self.controls {
                    for text in [statement, "SELECT 1; \(statement); SELECT 2", "\(statement); BEGIN"] {
                        for isScript in [true, false] where isScript || text == statement {
                            try await check(PostgresQuery(unsafe: text), isScript: isScript, pool, table)
                        }
                    }
                }
            }
        }
    }

    /// Runs a statement in the body of a transaction, on a separate connection, and in a
    /// savepoint.
    private func check(
        _ text: PostgresQuery,
        isScript: Bool,
        _ pool: PostgresPool,
        _ table: PostgresQuery
    ) async throws {
        let body: @Sendable (borrowing PostgresConnection) async throws -> Void = { db in
            let error = await postgresFailure {
                if isScript { try await db.executeScript(text) } else { try await db.execute(text) }
            }
            #expect(error?.code == .transactionControl && error?.isRetryable == false, "\(text)")
            let refused = await postgresFailure { try await db.execute("INSERT INTO \(sql: table) VALUES (1)") }
            #expect(refused?.code == .transactionControl && refused?.outcome == .notExecuted, "\(text)")
        }
        for depth in 0...2 {
            let error = await postgresFailure {
                if depth == 0 { return try await pool.withTransaction { try await body($0) } }
                try await pool.withConnection { db in
                    let error = await postgresFailure {
                        try await db.withTransaction { db in
                            if depth == 1 { return try await body(db) }
                            _ = await postgresFailure { try await db.withSavepoint { try await body($0) } }
                        }
                    }
                    equal(db.isInTransaction, false)
                    try await equal(db.query("SELECT count(*) FROM \(sql: table)", as: Int.self), [0])
                    try await db.withTransaction { db in try await db.execute("DELETE FROM \(sql: table)") }
                    if let error { throw error }
                }
            }
            #expect(error?.code == .transactionControl, "\(text)")
            if text.text.contains("PREPARE") { try await pool.execute("ROLLBACK PREPARED 'by hand'") }
        }
    }

    @Test(
        "A rollback behind a string with a backslash fails the body, and no other statement is sent",
        arguments: [
            ("on", "SELECT E'it''s \\' x'; ROLLBACK"), ("on", "SELECT name'\\'; ROLLBACK AND CHAIN"),
            ("off", "SELECT 'it\\'s'; ROLLBACK"), ("off", "SELECT 'it\\'s'; ROLLBACK; SELECT 1/0"),
        ]
    )
    func rollbackBehindString(_ conforming: String, _ script: String) async throws {
        let name = "rollback_behind_\(script.utf8.count)_\(conforming)"
        try await withTable(name) { pool, table in
            let error = await postgresFailure {
                try await pool.withTransaction { db in
                    try await db.execute(
                        "SET LOCAL standard_conforming_strings = \(sql: PostgresQuery(unsafe: conforming))"
                    )
                    try await db.execute("INSERT INTO \(sql: table) VALUES (1)")
                    let error = await postgresFailure { try await db.executeScript(PostgresQuery(unsafe: script)) }
                    #expect(error?.code == (script.hasSuffix("0") ? .server : .transactionControl))
                    let refused = await postgresFailure { try await db.execute("INSERT INTO \(sql: table) VALUES (2)") }
                    #expect(refused?.code == .transactionControl && refused?.outcome == .notExecuted)
                    throw error!
                }
            }
            #expect(error != nil)
            try await equal(pool.query("SELECT count(*) FROM \(sql: table)", as: Int.self), [0])
        }
    }

    @Test("A stream that ends the transaction fails the body like any other statement")
    func stream() async throws {
        try await TestServer.shared.withPool { pool in
            let error = await postgresFailure {
                try await pool.withTransaction { db in for try await _ in db.stream("ROLLBACK") {} }
            }
            #expect(error?.code == .transactionControl)
        }
    }

    @Test("A body may use savepoints of its own")
    func ownSavepoints() async throws {
        try await withTable("own_savepoints") { pool, table in
            try await pool.withTransaction { db in
                try await db.withSavepoint { db in
                    try await db.execute("SAVEPOINT mine")
                    try await db.execute("INSERT INTO \(sql: table) VALUES (1)")
                    try await db.execute("ROLLBACK /* only */ TO SAVEPOINT mine")
                    try await db.executeScript(
                        "INSERT INTO \(sql: table) VALUES (2); ROLLBACK WORK TO mine; RELEASE mine -- ROLLBACK"
                    )
                    try await db.execute("INSERT INTO \(sql: table) VALUES (3)")
                }
            }
            try await equal(pool.query("SELECT n FROM \(sql: table)", as: Int.self), [3])
        }
    }

    @Test("A body that rolls back to an older savepoint fails, and so does the transaction")
    func olderSavepoint() async throws {
        try await withTable("older_savepoint") { pool, table in
            let error = await postgresFailure {
                try await pool.withTransaction { db in
                    try await db.execute("SAVEPOINT mine")
                    let error = await postgresFailure {
                        try await db.withSavepoint { db in
                            try await db.execute("INSERT INTO \(sql: table) VALUES (1)")
                            try await db.execute("ROLLBACK TO mine")
                        }
                    }
                    #expect(error?.code == .transactionControl)
                }
            }
            #expect(error?.code == .transactionAborted)
            let guessed = await postgresFailure {
                try await pool.withTransaction { db in
                    try await db.withSavepoint { db in try await db.execute("ROLLBACK TO SAVEPOINT lockpool") }
                }
            }
            #expect(guessed?.sqlState == "3B001")
            try await equal(pool.query("SELECT count(*) FROM \(sql: table)", as: Int.self), [0])
        }
    }

    @Test("A transaction that statements control may contain savepoints of the library")
    func byHand() async throws {
        try await withTable("by_hand") { pool, table in
            try await pool.withConnection { db in
                try await db.execute("BEGIN")
                try await db.withSavepoint { db in try await db.execute("INSERT INTO \(sql: table) VALUES (1)") }
                _ = await failure {
                    try await db.withSavepoint { db in
                        try await db.execute("INSERT INTO \(sql: table) VALUES (2)")
                        throw CancellationError()
                    }
                }
                try await db.execute("COMMIT")
                equal(db.isInTransaction, false)
            }
            try await equal(pool.query("SELECT n FROM \(sql: table)", as: Int.self), [1])
        }
    }

    @Test(
        "A connection reports an open transaction after an error, a timeout and a cancellation, and none after a rollback"
    )
    func state() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                let failing: [(PostgresQuery, Duration?)] = [
                    ("SELECT 1 / 0", nil), ("SELECT pg_sleep(600)", .milliseconds(1)),
                ]
                for (statement, timeout) in failing {
                    equal(db.isInTransaction, false)
                    _ = await postgresFailure { try await db.query(statement, timeout: timeout) }
                    equal(db.isInTransaction, false)
                    _ = await failure {
                        try await db.withTransaction { db in
                            equal(db.isInTransaction, true)
                            _ = await postgresFailure { try await db.query(statement, timeout: timeout) }
                            equal(db.isInTransaction, true)
                            _ = try await db.query("SELECT 1")
                        }
                    }
                    equal(db.isInTransaction, false)
                }
                _ = await failure {
                    try await db.withTransaction { db in
                        _ = await postgresFailure {
                            try await db.query("SELECT pg_terminate_backend(pg_backend_pid())")
                        }
                        equal(db.isInTransaction, false)
                    }
                }
            }
        }
    }
}
