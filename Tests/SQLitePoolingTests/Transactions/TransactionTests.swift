// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import SQLitePooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct TransactionTests {
    struct Refusal: Error, Equatable {}

    private func withTable(
        _ configuration: SQLiteConfiguration = .init(),
        _ body: (SQLitePool) async throws -> Void
    ) async throws {
        try await withPool(configuration) { pool in
            try await pool.execute("CREATE TABLE t (x INTEGER UNIQUE)")
            try await body(pool)
        }
    }

    private func numbers(_ pool: SQLitePool) async throws -> [Int] {
        try await pool.query("SELECT x FROM t ORDER BY x", as: Int.self)
    }

    @Test("A write is committed when its body returns")
    func commit() async throws {
        try await withTable { pool in
            let count = try await pool.write { db in
                try db.execute("INSERT INTO t VALUES (1)")
                return try db.execute("INSERT INTO t VALUES (2)").rowCount
            }
            #expect(count == 1)
            #expect(try await numbers(pool) == [1, 2])
        }
    }

    @Test("A write is rolled back when its body throws, and the error is thrown unchanged")
    func rollback() async throws {
        try await withTable { pool in
            await #expect(throws: Refusal()) {
                try await pool.write { db in
                    try db.execute("INSERT INTO t VALUES (1)")
                    throw Refusal()
                }
            }
            #expect(try await numbers(pool) == [])
            try await pool.execute("INSERT INTO t VALUES (2)")
            #expect(try await numbers(pool) == [2])
            #expect(pool.statistics.writer.createdAndClosed == [1, 0])
        }
    }

    @Test("A savepoint is undone alone, and savepoints nest")
    func savepoints() async throws {
        try await withTable { pool in
            try await pool.write { db in
                try db.execute("INSERT INTO t VALUES (1)")
                let inner = try db.withSavepoint { db in
                    #expect(throws: Refusal()) {
                        try db.withSavepoint { db in
                            try db.execute("INSERT INTO t VALUES (2)")
                            throw Refusal()
                        }
                    }
                    try db.execute("INSERT INTO t VALUES (3)")
                    return try db.query("SELECT count(*) FROM t", as: Int.self)
                }
                #expect(inner == [2])
                #expect(throws: Refusal()) {
                    try db.withSavepoint { db in
                        try db.withSavepoint { db in _ = try db.execute("INSERT INTO t VALUES (4)") }
                        throw Refusal()
                    }
                }
            }
            #expect(try await numbers(pool) == [1, 3])
        }
    }

    @Test(
        "A body cannot end its transaction, nor begin another one",
        arguments: ["COMMIT", "ROLLBACK", "END", "BEGIN"]
    )
    func control(sql: String) async throws {
        try await withTable { pool in
            for inScript in [false, true] {
                let error = try await sqliteError {
                    try await pool.write { db in
                        try db.execute("INSERT INTO t VALUES (1)")
                        if inScript {
                            try db.executeScript(SQLiteQuery(unsafe: sql))
                        } else {
                            try db.execute(SQLiteQuery(unsafe: sql))
                        }
                    }
                }
                #expect(error.code == .transactionControl)
                let readError = try await sqliteError {
                    _ = try await pool.read { db in try db.execute(SQLiteQuery(unsafe: sql)) }
                }
                #expect(readError.code == .transactionControl)
            }
            #expect(try await numbers(pool) == [])
        }
    }

    @Test("After an error that rolled the transaction back, a body that ignores the error writes nothing more")
    func lostTransaction() async throws {
        try await withTable { pool in
            try await pool.execute("INSERT INTO t VALUES (1)")
            let error = try await sqliteError {
                try await pool.write { db in
                    try db.execute("INSERT INTO t VALUES (2)")
                    let cause = #expect(throws: SQLiteError.self) {
                        try db.execute("INSERT OR ROLLBACK INTO t VALUES (1)")
                    }
                    #expect(cause?.code == .constraintUnique)
                    let later = #expect(throws: SQLiteError.self) { try db.execute("INSERT INTO t VALUES (3)") }
                    #expect(later?.code == .transactionAborted)
                    let inner = #expect(throws: SQLiteError.self) { try db.withSavepoint { _ in } }
                    #expect(inner?.code == .transactionAborted)
                }
            }
            #expect(error.code == .transactionAborted)
            #expect(try await numbers(pool) == [1])
        }
    }

    @Test("A deferred constraint makes the commit fail, and no change stays")
    func deferredConstraint() async throws {
        try await withTable { pool in
            try await pool.execute("CREATE TABLE child (x REFERENCES t(x) DEFERRABLE INITIALLY DEFERRED)")
            let error = try await sqliteError {
                try await pool.write { db in _ = try db.execute("INSERT INTO child VALUES (7)") }
            }
            #expect(error.code == .constraintForeignKey)
            #expect(try await pool.query("SELECT count(*) FROM child", as: Int.self) == [0])
            try await pool.execute("INSERT INTO t VALUES (1)")
        }
    }

    @Test("Foreign keys are enforced unless the configuration turns them off", arguments: [true, false])
    func foreignKeys(enforced: Bool) async throws {
        try await withTable(SQLiteConfiguration.with(foreignKeys: enforced)) { pool in
            try await pool.execute("CREATE TABLE child (x REFERENCES t(x))")
            if enforced {
                let error = try await sqliteError { try await pool.execute("INSERT INTO child VALUES (7)") }
                #expect(error.code == .constraintForeignKey)
            } else {
                try await pool.execute("INSERT INTO child VALUES (7)")
            }
        }
    }

    @Test("Statements that do not work in a transaction work without one")
    func withoutTransaction() async throws {
        try await withTable { pool in
            let error = try await sqliteError { try await pool.write { db in _ = try db.execute("VACUUM") } }
            #expect(error.code == .error)
            try await pool.writeWithoutTransaction { db in
                try db.execute("VACUUM")
                try db.execute("BEGIN")
                try db.execute("INSERT INTO t VALUES (1)")
                try db.execute("COMMIT")
                try db.withSavepoint { db in _ = try db.execute("INSERT INTO t VALUES (2)") }
            }
            #expect(try await numbers(pool) == [1, 2])
        }
    }

    @Test("Writers run one after the other, and none finds the database busy")
    func manyWriters() async throws {
        try await withTable(SQLiteConfiguration.with(busyTimeout: .zero)) { pool in
            try await pool.execute("INSERT INTO t VALUES (0)")
            try await withThrowingTaskGroup { group in
                for _ in 0..<32 {
                    group.addTask {
                        try await pool.write { db in
                            let x = try db.queryFirst("SELECT x FROM t", as: Int.self) ?? 0
                            try db.execute("UPDATE t SET x = \(x + 1)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await numbers(pool) == [32])
            #expect(pool.statistics.writer.createdAndClosed == [1, 0])
        }
    }
}
