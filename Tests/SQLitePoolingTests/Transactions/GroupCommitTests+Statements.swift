// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import SQLitePooling

extension GroupCommitTests {
    @Test("Single statements share a commit, and have the same outcomes as alone")
    func execute() async throws {
        try await withTable { pool in
            var tasks: [Task<SQLiteCommand, any Error>] = []
            try await withHeldWriter(pool) { release in
                let statements: [SQLiteQuery] = [
                    "INSERT INTO t VALUES (1), (2)",
                    "UPDATE t SET x = x + 10 WHERE x = 2",
                    "/* a comment */ delete FROM t WHERE x = 7",
                    "INSERT INTO t VALUES (1)",
                    "CREATE TABLE other (x)",
                    "WITH n(x) AS (VALUES (5)) INSERT INTO other SELECT x FROM n",
                ]
                for sql in statements {
                    tasks.append(Task { try await pool.execute(sql) })
                    while pool.writer.status.waiting < tasks.count { await Task.yield() }
                }
                // The fourth statement fails alone.
                tasks.append(
                    Task {
                        try await pool.write { db in
                            #expect(db.session.isShared)
                            return try db.execute("INSERT INTO t VALUES (3)")
                        }
                    }
                )
                while pool.writer.status.waiting < tasks.count { await Task.yield() }
                release()
            }
            var changes: [[Int64]] = []
            for (index, task) in tasks.enumerated() where index != 3 {
                let change = try await task.value
                changes.append([Int64(change.rowCount), change.lastInsertedRowID])
            }
            #expect(changes == [[2, 2], [1, 0], [0, 0], [0, 0], [1, 1], [1, 3]])
            let error = try await sqliteError { _ = try await tasks[3].value }
            #expect(error.code == .constraintUnique)
            #expect(try await numbers(pool) == [1, 3, 12])
        }
    }

    @Test(
        "Statements that may not work in a transaction run alone",
        arguments: [
            "VACUUM", "PRAGMA user_version = 3", "ATTACH ':memory:' AS a", "ANALYZE", "REINDEX",
            "EXPLAIN DELETE FROM t", "SELECT 1", "CREATE TEMP TABLE u (x)", " /* INSERT */ vacuum", "-- INSERT\nVACUUM",
        ]
    )
    func alone(text: String) async throws {
        try await withTable { pool in
            let sql = SQLiteQuery(unsafe: text)
            #expect(!sql.mayShareTransaction)
            try await pool.execute(sql)
        }
    }

    @Test("The first keyword identifies a plain statement")
    func keywords() {
        for text in [
            "INSERT INTO t", "insert\tinto t", "/* INSERT */ uPdAtE t", "-- VACUUM\n \r\n delete FROM t",
            "REPLACE INTO t",
            "with\"a\" AS", "CREATE UNIQUE INDEX i", "DROP TABLE t", "ALTER TABLE t", "/**/INSERT",
            "/*/ * **/INSERT",
        ] {
            #expect(SQLiteQuery(unsafe: text).mayShareTransaction, "\(text)")
        }
        for text in [
            "", "-- INSERT", "/* INSERT", "\u{feff}INSERT INTO t", "INSERTED", "INSERT_ INTO t",
            "INSERTÄ", "INSERT1", "BEGIN", "COMMIT", "SAVEPOINT s", "RELEASE s", "ROLLBACK", "END",
            "DETACH a", ";INSERT INTO t", "INSERT OR ROLLBACK INTO t", "CREATE TABLE u (x UNIQUE ON CONFLICT ROLLBACK)",
            "\"INSERT\" INTO t", "EXPLAIN INSERT INTO t", "create /* */ temporary table t", "- INSERT", "/INSERT",
        ] {
            #expect(!SQLiteQuery(unsafe: text).mayShareTransaction, "\(text)")
        }
    }
}
