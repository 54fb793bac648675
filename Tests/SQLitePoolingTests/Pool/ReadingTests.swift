// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import SQLitePooling
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(10))) struct ReadingTests {
    /// Counts how many bodies run at a time.
    private final class Crowd: Sendable {
        private let inside = Atomic(0)
        private let most = Atomic(0)

        var greatest: Int { most.load(ordering: .relaxed) }
        func enter() { most.max(inside.add(1, ordering: .relaxed).newValue, ordering: .relaxed) }
        func leave() { inside.subtract(1, ordering: .relaxed) }
    }

    @Test("A read sees one snapshot while a writer commits")
    func snapshot() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let meeting = Rendezvous()
            async let counts = pool.read { db in
                let before = try db.query("SELECT count(*) FROM t", as: Int.self)
                meeting.arrive()
                meeting.wait()
                return before + (try db.query("SELECT count(*) FROM t", as: Int.self))
            }
            await meeting.arrived()
            try await pool.execute("INSERT INTO t VALUES (1)")
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [1])
            meeting.release()
            #expect(try await counts == [0, 0])
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [1])
        }
    }

    @Test("Readers continue during the writer's transaction, and see none of its changes")
    func readingBesideWriter() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let meeting = Rendezvous()
            async let written: Void = pool.write { db in
                try db.execute("INSERT INTO t VALUES (1)")
                meeting.arrive()
                meeting.wait()
            }
            await meeting.arrived()
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [0])
            meeting.release()
            try await written
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [1])
        }
    }

    @Test(
        "A reader cannot write by any statement",
        arguments: [
            "INSERT INTO t VALUES (1)", "CREATE TABLE u (x)", "DROP TABLE t", "PRAGMA user_version = 7",
            "CREATE TEMP TABLE u (x)",
        ]
    )
    func readersCannotWrite(sql: String) async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let error = try await sqliteError {
                try await pool.read { db in try db.executeScript(SQLiteQuery(unsafe: sql)) }
            }
            #expect(error.code.primary == .readOnly)
            let stubborn = try await sqliteError {
                try await pool.read { db in
                    try db.execute("PRAGMA query_only = 0")
                    try db.executeScript(SQLiteQuery(unsafe: sql == "CREATE TEMP TABLE u (x)" ? "DROP TABLE t" : sql))
                }
            }
            #expect(stubborn.code.primary == .readOnly)
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [0])
        }
    }

    @Test(
        "The error for a writing statement names the method that runs it",
        arguments: [
            ("INSERT INTO t VALUES (1) RETURNING x", "write { db in try db.query(…) }"),
            ("DELETE FROM t RETURNING x", "write { db in try db.query(…) }"),
            ("INSERT INTO t VALUES (1)", "execute(…)"), ("CREATE TABLE u (x)", "execute(…)"),
        ]
    )
    func writeOnReader(sql: String, call: String) async throws {
        let folder = try SampleFolder()
        try await withPool(in: folder) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let sql = SQLiteQuery(unsafe: sql)
            for attempt in 0..<2 {
                let error = try await sqliteError {
                    if attempt == 0, call.contains("query") {
                        _ = try await pool.query(sql, as: Int.self)
                    } else {
                        _ = try await pool.read { db in try db.execute(sql) }
                    }
                }
                #expect(error.code == .readOnly && error.message.contains(call) && error.sql == sql.text)
            }
        }
        try await withPool(SQLiteConfiguration.with(mode: .readOnly), in: folder) { pool in
            let error = try await sqliteError { _ = try await pool.query("DELETE FROM t RETURNING x", as: Int.self) }
            #expect(error.code == .readOnly && error.message.contains("the pool is read-only"))
        }
    }

    @Test("A reader that precedes any writer creates the file, with its write-ahead log")
    func readerFirst() async throws {
        let folder = try SampleFolder()
        try await withPool(in: folder) { pool in
            #expect(try folder.names == [])
            #expect(try await pool.query("SELECT count(*) FROM sqlite_schema", as: Int.self) == [0])
            #expect(try await pool.query("PRAGMA journal_mode", as: String.self) == ["wal"])
            try await pool.execute("CREATE TABLE t (x)")
            #expect(try await pool.query("SELECT count(*) FROM sqlite_schema", as: Int.self) == [1])
        }
        #expect(try folder.names == ["test.sqlite"])
    }

    @Test("64 tasks share 4 readers, each of which has one user at a time")
    func manyReaders() async throws {
        try await withPool { pool in
            try await pool.write { db in
                try db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)")
                for id in 1...100 { try db.execute("INSERT INTO t VALUES (\(id), \("x\(id)"))") }
            }
            let crowd = Crowd()
            try await withThrowingTaskGroup { group in
                for task in 0..<64 {
                    group.addTask {
                        for turn in 1...20 {
                            let id = (task * 7 + turn) % 100 + 1
                            let x = try await pool.read { db in
                                crowd.enter()
                                defer { crowd.leave() }
                                return try db.queryFirst("SELECT x FROM t WHERE id = \(id)", as: String.self)
                            }
                            #expect(x == "x\(id)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(crowd.greatest <= 4)
            #expect(pool.statistics.readers.created <= 4 && pool.statistics.readers.closed == 0)
        }
    }
}
