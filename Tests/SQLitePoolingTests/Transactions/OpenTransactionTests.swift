// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct OpenTransactionTests {
    private func withTables(
        _ configuration: SQLiteConfiguration = .init(),
        in folder: SampleFolder? = nil,
        _ body: (SQLitePool) async throws -> Void
    ) async throws {
        try await withPool(configuration, in: folder) { pool in
            try await pool.write { db in
                try db.executeScript(
                    """
                    CREATE TABLE parent (id INTEGER PRIMARY KEY);
                    CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
                    CREATE TABLE log (x TEXT UNIQUE);
                    """
                )
            }
            try await body(pool)
        }
    }

    private func log(_ pool: SQLitePool) async throws -> [String] {
        try await pool.query("SELECT x FROM log ORDER BY x", as: String.self)
    }

    // MARK: Savepoints outside of a transaction

    @Test("A savepoint that cannot be released is rolled back alone, and later writes stay")
    func failingRelease() async throws {
        try await withTables { pool in
            try await pool.writeWithoutTransaction { db in
                let error = #expect(throws: SQLiteError.self) {
                    try db.withSavepoint { db in _ = try db.execute("INSERT INTO child VALUES (99)") }
                }
                #expect(error?.code == .constraintForeignKey)
                #expect(try db.execute("INSERT INTO log VALUES ('x')").rowCount == 1)
                try db.withSavepoint { db in _ = try db.execute("INSERT INTO log VALUES ('y')") }
            }
            #expect(try await log(pool) == ["x", "y"])
            #expect(try await pool.query("SELECT count(*) FROM child", as: Int.self) == [0])
            #expect(pool.statistics.writer.createdAndClosed == [1, 0])
        }
    }

    @Test("A savepoint whose release is interrupted is rolled back, and later writes stay")
    func interruptedRelease() async throws {
        try await withTables { pool in
            try await pool.writeWithoutTransaction { db in
                // The interrupt lasts as long as a statement runs.
                try? db.forEachRow("SELECT 1") { _ in
                    let error = #expect(throws: SQLiteError.self) {
                        try db.withSavepoint { db in
                            try db.execute("INSERT INTO log VALUES ('lost')")
                            unsafe sqlite3_interrupt(db.session.handle)
                        }
                    }
                    #expect(error?.code == .interrupted)
                }
                let count = try db.execute("INSERT INTO log VALUES ('x')").rowCount
                #expect(count == 1)
            }
            #expect(try await log(pool) == ["x"])
        }
    }

    @Test(
        "A disk that fails or is full during the release of a savepoint loses no later writes",
        arguments: 1...6
    )
    func failingDisk(operation: Int) async throws {
        let folder = try SampleFolder()
        let disk = FaultyDisk(seed: 1)
        let pool = try SQLitePool(
            SQLiteConfiguration.with(synchronous: .full, checkoutTimeout: .seconds(600))
                .at(uri: disk.uri(folder))
        )
        try await pool.execute("CREATE TABLE log (x TEXT)")
        let written = try await pool.writeWithoutTransaction { db in
            var written: [String] = []
            do {
                try db.withSavepoint { db in
                    try db.execute("INSERT INTO log VALUES ('a')")
                    disk.fail(after: operation)
                }
                written.append("a")
            } catch is SQLiteError {}
            do {
                try db.execute("INSERT INTO log VALUES ('b')")
                written.append("b")
            } catch is SQLiteError {}
            return written
        }
        #expect(try await pool.query("SELECT x FROM log ORDER BY x", as: String.self) == written)
        await pool.close()
    }

    @Test(
        "A savepoint's closure cannot end the transaction that the savepoint has begun",
        arguments: ["COMMIT", "RELEASE lock_pool"]
    )
    func controlInSavepoint(sql: String) async throws {
        try await withTables { pool in
            let error = try await sqliteError {
                try await pool.writeWithoutTransaction { db in
                    try db.withSavepoint { db in
                        try db.execute("INSERT INTO log VALUES ('x')")
                        try db.execute(SQLiteQuery(unsafe: sql))
                    }
                }
            }
            #expect(error.code == .transactionControl)
            #expect(try await log(pool) == [])
        }
    }

    @Test("After SQLite has rolled back a savepoint's transaction, its closure writes nothing more")
    func lostInSavepoint() async throws {
        try await withTables { pool in
            try await pool.execute("INSERT INTO log VALUES ('x')")
            try await pool.writeWithoutTransaction { db in
                let error = #expect(throws: SQLiteError.self) {
                    try db.withSavepoint { db in
                        _ = try? db.execute("INSERT OR ROLLBACK INTO log VALUES ('x')")
                        try db.execute("INSERT INTO log VALUES ('y')")
                    }
                }
                #expect(error?.code == .transactionAborted)
                try db.execute("INSERT INTO log VALUES ('z')")
            }
            #expect(try await log(pool) == ["x", "z"])
        }
    }

    // MARK: Transactions that are left open

    @Test(
        "A closure that returns with its own transaction open gets an error, and the connection stays usable",
        arguments: [
            "BEGIN; INSERT INTO log VALUES ('x')", "SAVEPOINT s; INSERT INTO log VALUES ('x')", "BEGIN IMMEDIATE",
            "BEGIN; INSERT INTO log VALUES ('x'); COMMIT; BEGIN",
        ]
    )
    func leftOpen(script: String) async throws {
        try await withTables { pool in
            let error = try await sqliteError {
                try await pool.writeWithoutTransaction { db in try db.executeScript(SQLiteQuery(unsafe: script)) }
            }
            #expect(error.code == .transactionLeftOpen && !error.isRetryable)
            try await pool.execute("INSERT INTO log VALUES ('y')")
            #expect(try await log(pool) == (script.contains("COMMIT") ? ["x", "y"] : ["y"]))
            #expect(pool.statistics.writer.createdAndClosed == [1, 0])
        }
    }

    @Test("A single statement that begins a transaction is an error, on the writer and on a reader")
    func loneBegin() async throws {
        try await withTables { pool in
            let writing = try await sqliteError { try await pool.execute("BEGIN") }
            #expect(writing.code == .transactionLeftOpen)
            let reading = try await sqliteError { _ = try await pool.query("BEGIN", as: Int.self) }
            #expect(reading.code == .transactionLeftOpen || reading.code == .columnCount)
            #expect(try await log(pool) == [])
        }
    }

    @Test("A closure that throws with its own transaction open throws its own error")
    func ownErrorFirst() async throws {
        struct Refusal: Error {}
        try await withTables { pool in
            await #expect(throws: Refusal.self) {
                try await pool.writeWithoutTransaction { db in
                    try db.execute("BEGIN")
                    throw Refusal()
                }
            }
        }
    }

    @Test("A connection whose setup or hook leaves a transaction open fails to open")
    func setupLeftOpen() async throws {
        var configuration = SQLiteConfiguration()
        configuration.setup = ["BEGIN"]
        let hooks = SQLiteHooks(afterConnect: { db in try db.execute("BEGIN") })
        for (configuration, hooks) in [(configuration, SQLiteHooks()), (SQLiteConfiguration(), hooks)] {
            try await withPool(configuration, hooks: hooks) { pool in
                let error = try await sqliteError { try await pool.execute("CREATE TABLE t (x)") }
                #expect(error.code == .transactionLeftOpen)
            }
        }
    }
}
