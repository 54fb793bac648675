// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import ConnectionPooling
import Testing

@testable import SQLitePooling

/// The isolation of the writes of a group from each other.
@Suite(.timeLimit(.minutes(10))) struct GroupIsolationTests {
    private typealias Member = @Sendable (borrowing SQLiteConnection) throws -> Void

    private func withTables(_ more: String = "", _ body: (SQLitePool) async throws -> Void) async throws {
        try await withPool(SQLiteConfiguration.with(maximumWritesPerCommit: 64)) { pool in
            try await pool.writeWithoutTransaction { db in
                try db.executeScript(
                    """
                    CREATE TABLE t (x INTEGER UNIQUE);
                    CREATE TABLE parent (id INTEGER PRIMARY KEY);
                    CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
                    CREATE TABLE strict (id INTEGER REFERENCES parent);
                    """
                )
                try db.executeScript(SQLiteQuery(unsafe: more))
            }
            try await body(pool)
        }
    }

    private func numbers(_ pool: SQLitePool) async throws -> [Int] {
        try await pool.query("SELECT x FROM t ORDER BY x", as: Int.self)
    }

    /// Runs 20 members that each write a number; the member with the index `position` also runs
    /// `fault`.
    ///
    /// - Returns: The error code of each failed member, by index.
    private func outcome(_ pool: SQLitePool, at position: Int, _ fault: @escaping Member) async throws -> [Int:
        SQLiteError.Code]
    {
        let results = try await inGroup(
            pool,
            (0..<20).map { number in
                { db in
                    try db.execute("INSERT INTO t VALUES (\(number))")
                    if number == position { try fault(db) }
                }
            }
        )
        var codes: [Int: SQLiteError.Code] = [:]
        for (number, result) in results.enumerated() {
            do { try result.get() } catch let error as SQLiteError { codes[number] = error.code }
        }
        return codes
    }

    @Test(
        "A violated foreign key at the end of a member fails that member, and no other",
        arguments: [0, 7, 19],
        ["INSERT INTO child VALUES (99)", "PRAGMA defer_foreign_keys = ON; INSERT INTO strict VALUES (99)"]
    )
    func foreignKey(position: Int, script: String) async throws {
        try await withTables { pool in
            let codes = try await outcome(pool, at: position) { db in try db.executeScript(SQLiteQuery(unsafe: script))
            }
            #expect(codes == [position: .constraintForeignKey])
            #expect(try await numbers(pool) == (0..<20).filter { $0 != position })
            #expect(pool.statistics.writer.createdAndClosed == [1, 0])
        }
    }

    @Test("A member does not inherit deferred foreign keys from the previous one", arguments: [0, 7])
    func inheritedDeferral(position: Int) async throws {
        try await withTables { pool in
            let results = try await inGroup(
                pool,
                (0..<20).map { number in
                    { db in
                        if number == position { try db.execute("PRAGMA defer_foreign_keys = ON") }
                        #expect(try db.query("PRAGMA defer_foreign_keys", as: Int.self) == [number == position ? 1 : 0])
                        if number == position + 1 {
                            #expect(throws: SQLiteError.self) { try db.execute("INSERT INTO strict VALUES (99)") }
                        }
                        try db.execute("INSERT INTO t VALUES (\(number))")
                    }
                }
            )
            for result in results { try result.get() }
            #expect(try await numbers(pool) == Array(0..<20))
        }
    }

    @Test(
        "A statement that could roll back the writes of others fails with advice",
        arguments: [0, 7],
        [
            "INSERT OR ROLLBACK INTO t VALUES (0)", "UPDATE/**/OR\nrollback t SET x = 0",
            "CREATE TABLE u (x UNIQUE ON CONFLICT ROLLBACK)",
            "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
            "ATTACH ':memory:' AS other",
        ]
    )
    func refusedStatement(position: Int, sql: String) async throws {
        try await withTables { pool in
            try await pool.execute("INSERT INTO t VALUES (-1)")
            let codes = try await outcome(pool, at: position) { db in
                for _ in 0..<2 { _ = try? db.execute(SQLiteQuery(unsafe: sql)) }
                try db.execute(SQLiteQuery(unsafe: sql))
            }
            #expect(codes == [position: .unshareable])
            #expect(try await numbers(pool) == [-1] + (0..<20).filter { $0 != position })
        }
    }

    @Test("A statement is not refused because a string or a name contains ROLLBACK")
    func harmlessRollback() async throws {
        try await withTables { pool in
            try await pool.write { db in
                try db.execute("INSERT INTO t SELECT 1 WHERE 'OR ROLLBACK' <> 'x' -- OR ROLLBACK")
                try db.execute("UPDATE t SET x = 2 /* OR ROLLBACK */ WHERE 1 OR \(0)")
            }
            #expect(try await numbers(pool) == [2])
        }
    }

    @Test(
        "If the schema can roll back a transaction, a write shares none",
        arguments: [
            "CREATE TABLE u (x UNIQUE ON CONFLICT ROLLBACK); INSERT INTO u VALUES (1)",
            """
            CREATE TABLE u (x);
            CREATE TRIGGER r BEFORE INSERT ON u BEGIN SELECT RAISE(ROLLBACK, 'no'); END;
            """,
        ]
    )
    func rollbackInSchema(script: String) async throws {
        try await withTables(script) { pool in
            for position in [0, 7] {
                let codes = try await outcome(pool, at: position) { db in
                    try db.execute("INSERT INTO u VALUES (1)")
                }
                #expect(codes.keys.sorted() == [position] && codes[position]?.primary == .constraint)
                #expect(try await numbers(pool) == (0..<20).filter { $0 != position })
                try await pool.execute("DELETE FROM t")
            }
        }
    }

    @Test("A schema change by another process is detected, in both directions")
    func changedSchema() async throws {
        let folder = try SampleFolder()
        try await withPool(SQLiteConfiguration.with(maximumWritesPerCommit: 64), in: folder) { pool in
            try await pool.execute("CREATE TABLE t (x INTEGER UNIQUE)")
            let outside = try OutsideConnection(folder.file())
            let shared = Locked(0)
            func run() async throws -> Int {
                shared.withLock { $0 = 0 }
                _ = try await outcome(pool, at: 20) { _ in }
                let bodies = (0..<5).map { _ -> Member in
                    { db in if db.session.isShared { shared.withLock { $0 += 1 } } }
                }
                _ = try await inGroup(pool, bodies)
                return shared.withLock { $0 }
            }
            #expect(try await run() == 4)
            try outside.run("CREATE TABLE u (x UNIQUE ON CONFLICT ROLLBACK)")
            #expect(try await run() == 0)
            try outside.run("DROP TABLE u")
            #expect(try await run() == 4)
        }
    }

    @Test("A member that leaves a writing statement running fails alone", arguments: [0, 7])
    func runningStatement(position: Int) async throws {
        try await withTables { pool in
            let codes = try await outcome(pool, at: position) { db in
                let statement = try db.session.begin("INSERT INTO parent VALUES (1), (2) RETURNING id")
                _ = try db.session.step(statement)
            }
            #expect(codes == [position: .busy])
            #expect(try await numbers(pool) == (0..<20).filter { $0 != position })
            #expect(try await pool.query("SELECT count(*) FROM parent", as: Int.self) == [0])
        }
    }

    @Test("A member's own savepoint affects no other member", arguments: [0, 7])
    func ownSavepoint(position: Int) async throws {
        try await withTables { pool in
            let codes = try await outcome(pool, at: position) { db in try db.execute("SAVEPOINT mine") }
            #expect(codes == [:])
            try await pool.execute("DELETE FROM t")
            let later = try await outcome(pool, at: position) { db in try db.execute("RELEASE lock_pool") }
            #expect(later[position] == .transactionControl)
            #expect(try await numbers(pool) == (0..<20).filter { $0 != position })
        }
    }

    @Test("If the transaction is lost, the earlier members get a retryable error")
    func lostTransaction() async throws {
        try await withTables { pool in
            let results = try await inGroup(
                pool,
                (0..<3).map { number in
                    { db in
                        try db.execute("INSERT INTO t VALUES (\(number))")
                        // As SQLite does by itself when the disk is full.
                        if number == 1 { _ = unsafe sqlite3_exec(db.session.handle, "ROLLBACK", nil, nil, nil) }
                    }
                }
            )
            let first = #expect(throws: SQLiteError.self) { try results[0].get() }
            #expect(first?.code == .sharedTransactionLost && first?.isRetryable == true)
            let second = #expect(throws: SQLiteError.self) { try results[1].get() }
            #expect(second?.code == .transactionAborted && second?.isRetryable == false)
            try results[2].get()
            #expect(try await numbers(pool) == [2])
        }
    }
}
