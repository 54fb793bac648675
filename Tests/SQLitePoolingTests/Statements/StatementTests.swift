// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import SQLitePooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct StatementTests {
    private func withUsers(_ body: (SQLitePool) async throws -> Void) async throws {
        try await withPool { pool in
            try await pool.write { db in
                try db.executeScript(
                    """
                    CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER); -- people
                    /* two of them */
                    INSERT INTO user (name, age) VALUES ('Ada', 36);
                    INSERT INTO user (name) VALUES ('Bob')
                    """
                )
            }
            try await body(pool)
        }
    }

    @Test("Rows are decoded as tuples, as a single type, and as the inferred type")
    func query() async throws {
        try await withUsers { pool in
            let rows = try await pool.query("SELECT name, age FROM user ORDER BY id", as: (String, Int?).self)
            #expect(rows.map(\.0) == ["Ada", "Bob"] && rows.map(\.1) == [36, nil])
            #expect(try await pool.query("SELECT name FROM user ORDER BY id", as: String.self) == ["Ada", "Bob"])
            let names: [String] = try await pool.query("SELECT name FROM user WHERE id = \(2)")
            #expect(names == ["Bob"])
            let pair: (Int, String)? = try await pool.queryFirst("SELECT id, name FROM user ORDER BY id DESC")
            #expect(try #require(pair) == (2, "Bob"))
            #expect(try await pool.queryFirst("SELECT id FROM user WHERE id = \(3)", as: Int.self) == nil)
        }
    }

    @Test("A body decodes rows as the pool does")
    func queryInBody() async throws {
        try await withUsers { pool in
            let (names, first) = try await pool.read { db in
                let names = try db.query("SELECT name FROM user ORDER BY id", as: String.self)
                let first = try db.queryFirst("SELECT id, name FROM user", as: (Int, String).self)
                return (names, first?.1)
            }
            #expect(names == ["Ada", "Bob"] && first == "Ada")
        }
    }

    @Test(
        "The number of decoded columns must equal the number of columns",
        arguments: ["SELECT name FROM user", "SELECT 1, 2, 3", "DELETE FROM user WHERE 0"]
    )
    func columnCount(sql: String) async throws {
        try await withUsers { pool in
            let error = try await sqliteError {
                _ = try await pool.query(SQLiteQuery(unsafe: sql), as: (String, Int).self)
            }
            #expect(error.code == .columnCount && error.sql == sql)
        }
    }

    @Test("The number of values must equal the number of parameters")
    func parameterCount() async throws {
        try await withUsers { pool in
            let id = 1
            for sql: SQLiteQuery in [
                SQLiteQuery(unsafe: "SELECT ?, ?", parameters: [.null]),
                SQLiteQuery(unsafe: "SELECT ?", parameters: []),
                SQLiteQuery(unsafe: "SELECT :a + :a", parameters: [.null, .null]), "SELECT '\(id)'", "SELECT ?, \(id)",
            ] {
                let error = try await sqliteError { _ = try await pool.query(sql, as: Int?.self) }
                #expect(error.code == .parameterCount)
            }
            let named = SQLiteQuery(unsafe: "SELECT :a + :a", parameters: [.integer(2)])
            #expect(try await pool.query(named, as: Int.self) == [4])
        }
    }

    @Test("Exactly one statement runs; comments and semicolons may follow it")
    func oneStatement() async throws {
        try await withUsers { pool in
            for sql in [
                "SELECT 1; SELECT 2", "SELECT 1; x", "SELECT 1;/* */-- \n DELETE FROM user", "", " -- nothing", ";",
            ] {
                let error = try await sqliteError { _ = try await pool.query(SQLiteQuery(unsafe: sql), as: Int.self) }
                #expect(error.code == .statementCount)
            }
            for sql in [
                "SELECT 1;", " SELECT 1 ; ; \n\t", "SELECT 1 -- one", "SELECT 1; /* ; x */ -- y\n;", "SELECT 1; /*",
            ] {
                #expect(try await pool.query(SQLiteQuery(unsafe: sql), as: Int.self) == [1])
            }
            #expect(try await pool.query("SELECT count(*) FROM user", as: Int.self) == [2])
        }
    }

    @Test("A statement reports its changes")
    func changes() async throws {
        try await withUsers { pool in
            let inserted = try await pool.execute("INSERT INTO user (name) VALUES (\("Cid")), (\("Dan"))")
            #expect(inserted.rowCount == 2 && inserted.lastInsertedRowID == 4)
            #expect(try await pool.execute("UPDATE user SET age = 1 WHERE id > 1").rowCount == 3)
            #expect(try await pool.execute("CREATE TABLE other (x)").rowCount == 0)
            #expect(try await pool.execute("DELETE FROM user WHERE id = \(99)").rowCount == 0)
            let both = try await pool.write { db in
                try db.execute("INSERT INTO user (name) VALUES ('Eve')")
                try db.execute("INSERT INTO other VALUES (last_insert_rowid())")
                return try db.query("SELECT x FROM other", as: Int.self)
            }
            #expect(both == [5])
        }
    }

    @Test("The row ID of an earlier caller is not visible to the next one")
    func lastRowID() async throws {
        try await withUsers { pool in
            try await pool.execute("INSERT INTO user (name) VALUES ('Cid')")
            #expect(try await pool.execute("DELETE FROM user WHERE id = 1").lastInsertedRowID == 0)
        }
    }

    @Test("A writing statement may return rows")
    func returning() async throws {
        try await withUsers { pool in
            let ids = try await pool.write { db in
                try db.query("INSERT INTO user (name) VALUES ('Cid'), ('Dan') RETURNING id", as: Int.self)
            }
            #expect(ids == [3, 4])
        }
    }

    @Test("Rows are passed one by one, with names, values and decoding")
    func rows() async throws {
        try await withUsers { pool in
            let seen = try await pool.read { db in
                var seen: [String] = []
                try db.forEachRow("SELECT id, name, age FROM user ORDER BY id") { row in
                    let name = try row.decode(String.self, at: 1)
                    seen.append("\(row.columnCount) \(row.columnName(2)) \(name) \(row[2])")
                    let error = #expect(throws: SQLiteError.self) { try row.decode(Int.self, at: 3) }
                    #expect(error?.code == .columnCount)
                }
                return seen
            }
            #expect(seen == ["3 age Ada integer(36)", "3 age Bob null"])
        }
    }

    @Test("An iteration over rows may run the same statement again, and stop early")
    func reentrance() async throws {
        try await withUsers { pool in
            let numbers = try await pool.read { db in
                var numbers: [Int] = []
                struct Enough: Error {}
                do {
                    try db.forEachRow("SELECT id FROM user ORDER BY id") { outer in
                        let base = try outer.decode(Int.self, at: 0) * 10
                        try db.forEachRow("SELECT id FROM user ORDER BY id") { inner in
                            numbers.append(base + (try inner.decode(Int.self, at: 0)))
                        }
                        if base == 20 { throw Enough() }
                    }
                } catch is Enough {}
                // The statement that ended early starts again.
                numbers += try db.query("SELECT id FROM user ORDER BY id", as: Int.self)
                return numbers
            }
            #expect(numbers == [11, 12, 21, 22, 1, 2])
        }
    }

    @Test("A described statement does not run")
    func describe() async throws {
        try await withUsers { pool in
            let (query, change, pragma) = try await pool.write { db in
                (
                    try db.describe("SELECT id, name AS n FROM user WHERE id = ? OR name = ?"),
                    try db.describe("DELETE FROM user"),
                    try db.describe("PRAGMA table_info(user)")
                )
            }
            #expect(query.isReadOnly && query.columnNames == ["id", "n"] && query.parameterCount == 2)
            #expect(!change.isReadOnly && change.columnNames.isEmpty && change.parameterCount == 0)
            #expect(pragma.columnNames.contains("name"))
            #expect(try await pool.query("SELECT count(*) FROM user", as: Int.self) == [2])
        }
    }

    @Test("A pragma that sets something is not described, because the preparation could execute it")
    func describePragma() async throws {
        try await withUsers { pool in
            let (error, enforced) = try await pool.write { db in
                let error = #expect(throws: SQLiteError.self) { try db.describe("PRAGMA foreign_keys = OFF") }
                return (error, try db.query("PRAGMA foreign_keys", as: Bool.self))
            }
            #expect(error?.code == .notDescribable)
            #expect(enforced == [true])
        }
    }

    @Test("A script's error has its offset in the script, and rolls back the earlier statements")
    func scriptError() async throws {
        try await withUsers { pool in
            let error = try await sqliteError {
                try await pool.write { db in try db.executeScript("DELETE FROM user; SELECT nothing FROM user") }
            }
            #expect(error.code == .error)
            if let offset = error.offset { #expect(offset == 25) }
            #expect(try await pool.query("SELECT count(*) FROM user", as: Int.self) == [2])
            let parameters = try await sqliteError {
                try await pool.write { db in try db.executeScript("DELETE FROM user WHERE id = \(1)") }
            }
            #expect(parameters.code == .parameterCount)
            let hidden = try await sqliteError {
                try await pool.write { db in try db.executeScript("DELETE FROM user WHERE id = ?") }
            }
            #expect(hidden.code == .parameterCount)
        }
    }

    @Test("A schema change between two runs of a statement takes effect")
    func schemaChange() async throws {
        try await withUsers { pool in
            try await pool.write { db in
                let before = try db.queryFirst("SELECT * FROM user", as: (Int, String, Int?).self)
                #expect(before?.1 == "Ada")
                try db.execute("ALTER TABLE user ADD COLUMN note TEXT")
                let error = #expect(throws: SQLiteError.self) {
                    try db.queryFirst("SELECT * FROM user", as: (Int, String, Int?).self)
                }
                #expect(error?.code == .columnCount)
                let after = try db.queryFirst("SELECT * FROM user", as: (Int, String, Int?, String?).self)
                #expect(after?.1 == "Ada")
            }
        }
    }
}
