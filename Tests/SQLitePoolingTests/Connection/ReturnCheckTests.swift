// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import SQLitePooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct ReturnCheckTests {
    @Test("A transaction that a body leaves open is rolled back with an error, and the connection stays usable")
    func openTransaction() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let error = try await sqliteError {
                try await pool.writeWithoutTransaction { db in
                    try db.execute("BEGIN")
                    try db.execute("INSERT INTO t VALUES (1)")
                }
            }
            #expect(error.code == .transactionLeftOpen)
            try await pool.execute("INSERT INTO t VALUES (2)")
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [2])
            #expect(pool.statistics.writer.createdAndClosed == [1, 0])
        }
    }

    @Test("A savepoint that a body leaves open is rolled back with an error")
    func openSavepoint() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let error = try await sqliteError {
                try await pool.writeWithoutTransaction { db in
                    try db.executeScript("SAVEPOINT s; INSERT INTO t VALUES (1)")
                }
            }
            #expect(error.code == .transactionLeftOpen)
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [0])
            #expect(pool.statistics.writer.closed == 0)
        }
    }

    @Test(
        "A connection is replaced after a body that changes it permanently",
        arguments: [
            "PRAGMA temp_store = MEMORY", "ATTACH ':memory:' AS other", "CREATE TEMP TABLE mark (x)",
            "CREATE TEMP VIEW mark AS SELECT 1", "PRAGMA secure_delete(1)", "PRAGMA case_sensitive_like = 1",
        ]
    )
    func mark(sql: String) async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            try await pool.writeWithoutTransaction { db in _ = try db.execute(SQLiteQuery(unsafe: sql)) }
            let state = try await pool.write { db in
                try db.execute("INSERT INTO t VALUES (1)")
                return [
                    try db.query("SELECT count(*) FROM pragma_database_list", as: Int.self),
                    try db.query("PRAGMA foreign_keys", as: Int.self),
                    try db.query("PRAGMA cache_size", as: Int.self),
                    try db.query("SELECT count(*) FROM sqlite_temp_schema", as: Int.self),
                ]
            }
            #expect(state == [[1], [1], [-8_192], [0]])
            #expect(pool.statistics.writer.created == 2)
        }
    }

    @Test(
        "A reader refuses to make a checkpoint, and is not replaced",
        arguments: ["PRAGMA wal_checkpoint", "PRAGMA main.wal_checkpoint(PASSIVE)", "PRAGMA WAL_CHECKPOINT = TRUNCATE"]
    )
    func checkpointOnReader(sql: String) async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let error = try await sqliteError {
                _ = try await pool.query(SQLiteQuery(unsafe: sql), as: (Int, Int, Int).self)
            }
            #expect(error.code == .refusedPragma && error.message.contains("checkpoint(_:timeout:)"))
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [0])
            #expect(pool.statistics.readers.createdAndClosed == [1, 0])
        }
    }

    @Test(
        "A pragma without a permanent effect does not replace the connection",
        arguments: [
            "PRAGMA user_version = 3", "PRAGMA table_info(t)", "PRAGMA cache_size",
        ]
    )
    func noMark(sql: String) async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            try await pool.writeWithoutTransaction { db in _ = try db.execute(SQLiteQuery(unsafe: sql)) }
            try await pool.execute("INSERT INTO t VALUES (1)")
            #expect(pool.statistics.writer.createdAndClosed == [1, 0])
        }
    }

    @Test("A pragma takes effect at each execution")
    func pragmasAreNotKept() async throws {
        try await withPool { pool in
            let states = try await pool.writeWithoutTransaction { db in
                var states: [Int] = []
                for _ in 0..<3 {
                    try db.execute("PRAGMA foreign_keys = OFF")
                    states += try db.query("PRAGMA foreign_keys", as: Int.self)
                    try db.execute("PRAGMA foreign_keys = ON")
                    states += try db.query("PRAGMA foreign_keys", as: Int.self)
                }
                return states
            }
            #expect(states == [0, 1, 0, 1, 0, 1])
        }
    }

    @Test("A damaged file is an error, and the connection is replaced")
    func damage() async throws {
        let folder = try SampleFolder()
        try await withPool(in: folder) { pool in
            try await pool.write { db in
                try db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)")
                for id in 1...2_000 {
                    try db.execute("INSERT INTO t VALUES (\(id), \(String(repeating: "x", count: 50)))")
                }
            }
        }
        try folder.overwrite("test.sqlite", from: 4_096)
        try await withPool(SQLiteConfiguration.with(maximumReaders: 1), in: folder) { pool in
            for turn in 1...3 {
                let error = try await sqliteError { _ = try await pool.query("SELECT count(x) FROM t", as: Int.self) }
                #expect(error.code.primary == .corrupt)
                #expect(pool.statistics.readers.created == turn)
            }
        }
    }

    @Test(
        "A reader is replaced after a body that changes it permanently",
        arguments: ["PRAGMA temp_store = MEMORY", "ATTACH ':memory:' AS other", "PRAGMA case_sensitive_like = 1"]
    )
    func markedReader(sql: String) async throws {
        try await withPool(SQLiteConfiguration.with(maximumReaders: 1)) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            _ = try await pool.read { db in
                // In a transaction some of these statements fail; the attempt is sufficient.
                _ = try? db.execute(SQLiteQuery(unsafe: sql))
            }
            let state = try await pool.read { db in
                [
                    try db.query("PRAGMA query_only", as: Int.self),
                    try db.query("PRAGMA cache_size", as: Int.self),
                    try db.query("SELECT count(*) FROM pragma_database_list", as: Int.self),
                ]
            }
            #expect(state == [[1], [-8_192], [1]])
            #expect(pool.statistics.readers.createdAndClosed == [2, 1])
        }
    }

    @Test("A connection is replaced after a group member that changes it permanently", arguments: [1, 16])
    func markedGroup(group: Int) async throws {
        try await withPool(SQLiteConfiguration.with(maximumWritesPerCommit: group)) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            try await withThrowingTaskGroup { tasks in
                for number in 0..<20 {
                    tasks.addTask {
                        try await pool.write { db in
                            #expect(try db.query("PRAGMA cache_size", as: Int.self) == [-8_192])
                            try db.execute("INSERT INTO t VALUES (\(number))")
                            if number % 5 == 0 { try db.execute("PRAGMA cache_size = 10") }
                        }
                    }
                }
                try await tasks.waitForAll()
            }
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [20])
        }
    }

    @Test("A body that ends in the middle of its rows leaves no running statement and no snapshot")
    func unfinishedRows() async throws {
        struct Enough: Error, Equatable {}
        try await withPool(SQLiteConfiguration.with(maximumReaders: 1)) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            for number in 0..<3 { try await pool.execute("INSERT INTO t VALUES (\(number))") }
            await #expect(throws: Enough()) {
                try await pool.read { db in try db.forEachRow("SELECT x FROM t") { _ in throw Enough() } }
            }
            try await pool.execute("INSERT INTO t VALUES (3)")
            // The checkpoint would time out if a reader used the log.
            #expect(try await pool.checkpoint(.truncate).allSatisfy(\.isComplete))
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [4])
            #expect(pool.statistics.connectionsClosed == 0)
        }
    }
}
