// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct OneRowTests {
    struct Person: Decodable, Equatable {
        var name: String
        var age: Int?
    }

    /// Returns a statement with a number of rows.
    private static func rows(_ count: Int) -> SQLiteQuery {
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5) SELECT 'Ada' AS name, 35 + i AS age FROM n WHERE i <= \(count)"
    }

    private static func numbers(_ count: Int) -> SQLiteQuery {
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5) SELECT i FROM n WHERE i <= \(count)"
    }

    @Test("The only row decodes like all rows, on the pool and on a connection")
    func decoding() async throws {
        try await withPool { pool in
            let one = Self.rows(1)
            let tuple = try await pool.queryOne(one, as: (String, Int?).self)
            #expect(tuple == ("Ada", 36))
            #expect(try await pool.queryOne(one, decoding: Person.self) == Person(name: "Ada", age: 36))
            #expect(try await pool.queryOne(Self.numbers(1), as: Int.self) == 1)
            #expect(try await pool.queryOne("SELECT NULL", as: Int?.self) == nil)
            let (name, age): (String, Int) = try await pool.read { db in try db.queryOne(one) }
            #expect(name == "Ada" && age == 36)
        }
    }

    @Test("Another number of rows is an error", arguments: [0, 2, 5])
    func otherNumbers(_ count: Int) async throws {
        try await withPool { pool in
            let rows = Self.rows(count)
            for form in 0..<6 {
                let error = try await sqliteError {
                    switch form {
                    case 0: _ = try await pool.queryOne(rows, as: (String, Int).self)
                    case 1: _ = try await pool.queryOne(rows, decoding: Person.self)
                    case 2: _ = try await pool.queryOne(Self.numbers(count), as: Int.self)
                    case 3: try await pool.read { db in _ = try db.queryOne(rows, as: (String, Int).self) }
                    case 4: try await pool.read { db in _ = try db.queryOne(rows, decoding: Person.self) }
                    default: try await pool.read { db in _ = try db.queryOne(Self.numbers(count), as: Int.self) }
                    }
                }
                #expect(error.code == (count == 0 ? .noRows : .tooManyRows), "\(form)")
                #expect(error.sql?.contains("RECURSIVE") == true && error.category == nil && !error.isRetryable)
            }
            #expect(SQLiteError.Code.noRows.description == "noRows")
            #expect(SQLiteError.Code.tooManyRows.description == "tooManyRows")
        }
    }

    @Test("A writing statement runs to its end, and one with too many rows is undone with its transaction")
    func writing() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (n INTEGER)")
            let error = try await sqliteError {
                try await pool.write { db in
                    _ = try db.queryOne("INSERT INTO t VALUES (1), (2) RETURNING n", as: Int.self)
                }
            }
            #expect(error.code == .tooManyRows)
            #expect(try await pool.queryOne("SELECT count(*) FROM t", as: Int.self) == 0)
            let number = try await pool.write { db in
                try db.queryOne("INSERT INTO t VALUES (3) RETURNING n", as: Int.self)
            }
            #expect(number == 3)
            #expect(try await pool.query("SELECT n FROM t", as: Int.self) == [3])
            let none = try await sqliteError {
                try await pool.write { db in
                    _ = try db.queryOne("DELETE FROM t WHERE n = 4 RETURNING n", as: Int.self)
                }
            }
            #expect(none.code == .noRows)
        }
    }

    @Test("The commit of a statement with too many rows reports its own failure first")
    func failingCommit() async throws {
        try await withPool { pool in
            try await pool.write { db in
                try db.executeScript(
                    """
                    CREATE TABLE parent (id INTEGER PRIMARY KEY);
                    CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
                    """
                )
            }
            let error = try await sqliteError {
                try await pool.writeWithoutTransaction { db in
                    _ = try db.queryOne("INSERT INTO child VALUES (1, 7), (2, 7) RETURNING id", as: Int.self)
                }
            }
            #expect(error.code.primary == .constraint)
            #expect(try await pool.queryOne("SELECT count(*) FROM child", as: Int.self) == 0)
        }
    }
}
