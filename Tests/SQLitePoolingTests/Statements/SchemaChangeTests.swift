// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import SQLitePooling
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct SchemaChangeTests {
    /// The origin of a schema change while the pool is open.
    enum Changer: String, CaseIterable { case pool, connection, process }

    private func withTable(_ body: (SQLitePool, SampleFolder) async throws -> Void) async throws {
        let folder = try SampleFolder()
        try await withPool(SQLiteConfiguration.with(maximumReaders: 1), in: folder) { pool in
            try await pool.execute("CREATE TABLE p (id INTEGER, name TEXT)")
            try await pool.execute("INSERT INTO p VALUES (1, 'Ada')")
            try await body(pool, folder)
        }
    }

    private func run(_ sql: String, by changer: Changer, _ pool: SQLitePool, _ folder: SampleFolder) async throws {
        switch changer {
        case .pool: try await pool.execute(SQLiteQuery(unsafe: sql))
        case .connection: try OutsideConnection(folder.file()).run(sql)
        case .process:
            let child = try startChild(sql, folder.file(), 0)
            #expect(await child.exitCode() == 0)
        }
    }

    private static let add = "ALTER TABLE p ADD COLUMN age INTEGER DEFAULT 20"
    private static let drop = "ALTER TABLE p DROP COLUMN name"

    @Test("A cached statement decodes columns that a schema change has added", arguments: Changer.allCases)
    func addColumn(changer: Changer) async throws {
        struct Person: Decodable, Equatable, Sendable { var id, age: Int }
        try await withTable { pool, folder in
            let all: SQLiteQuery = "SELECT * FROM p"
            let none: SQLiteQuery = "SELECT * FROM p WHERE id = 7"
            let before = try await pool.query(all, as: (Int, String).self)
            #expect(try #require(before.first) == (1, "Ada"))
            #expect(try await pool.query(none, as: (Int, String).self).isEmpty)
            try await run(Self.add, by: changer, pool, folder)
            let rows = try await pool.query(all, as: (Int, String, Int).self)
            #expect(rows.count == 1 && rows[0] == (1, "Ada", 20))
            #expect(try await pool.query(none, as: (Int, String, Int).self).isEmpty)
            let first = try await pool.queryFirst(all, as: (Int, String, Int).self)
            #expect(try #require(first) == (1, "Ada", 20))
            #expect(try await pool.query(all, decoding: Person.self) == [Person(id: 1, age: 20)])
            for sql in [all, none] {
                let error = try await sqliteError { _ = try await pool.query(sql, as: (Int, String).self) }
                #expect(error.code == .columnCount)
                #expect(error.message == "the statement has 3 columns, but 2 are decoded")
            }
        }
    }

    @Test("A cached statement decodes the columns that a schema change has left", arguments: Changer.allCases)
    func dropColumn(changer: Changer) async throws {
        try await withTable { pool, folder in
            let all: SQLiteQuery = "SELECT * FROM p"
            _ = try await pool.query(all, as: (Int, String).self)
            try await run(Self.drop, by: changer, pool, folder)
            #expect(try await pool.query(all, as: Int.self) == [1])
            #expect(try await pool.queryFirst(all, as: Int.self) == 1)
            let error = try await sqliteError { _ = try await pool.query(all, as: (Int, String).self) }
            #expect(error.code == .columnCount)
        }
    }

    @Test(
        "A statement that is first prepared with a stale schema decodes the current columns",
        arguments: Changer.allCases
    )
    func stalePreparation(changer: Changer) async throws {
        try await withTable { pool, folder in
            // The reader has loaded the schema.
            #expect(try await pool.query("SELECT count(*) FROM p", as: Int.self) == [1])
            try await run(Self.add, by: changer, pool, folder)
            let rows = try await pool.query("SELECT * FROM p", as: (Int, String, Int).self)
            #expect(rows.count == 1 && rows[0] == (1, "Ada", 20))
        }
    }

    @Test("A row of a streaming read has the columns of the current schema", arguments: Changer.allCases)
    func stream(changer: Changer) async throws {
        try await withTable { pool, folder in
            func stream() async throws -> [String] {
                try await pool.read { db in
                    var names: [String] = []
                    try db.forEachRow("SELECT * FROM p") { row in
                        names += (0..<row.columnCount).map { row.columnName($0) }
                    }
                    try db.withCursor("SELECT * FROM p") { rows in
                        while try rows.next() { names.append("\(rows.row.columnCount)") }
                    }
                    return names
                }
            }
            #expect(try await stream() == ["id", "name", "2"])
            try await run(Self.add, by: changer, pool, folder)
            #expect(try await stream() == ["id", "name", "age", "3"])
            try await run(Self.drop, by: changer, pool, folder)
            #expect(try await stream() == ["id", "age", "2"])
        }
    }

    @Test("A description has the columns of the current schema", arguments: Changer.allCases)
    func describe(changer: Changer) async throws {
        try await withTable { pool, folder in
            func names() async throws -> [String] {
                try await pool.read { db in try db.describe("SELECT * FROM p").columnNames }
            }
            #expect(try await names() == ["id", "name"])
            try await run(Self.add, by: changer, pool, folder)
            #expect(try await names() == ["id", "name", "age"])
        }
    }

    @Test("A description has the columns of the current schema of an attached database")
    func describeAttached() async throws {
        let folder = try SampleFolder()
        let other = try OutsideConnection(folder.file("other \"1\".sqlite"))
        try other.run("CREATE TABLE q (a)")
        var configuration = SQLiteConfiguration.with(maximumReaders: 1)
        let path = folder.file("other \"1\".sqlite")
        configuration.setup = ["ATTACH \(path) AS \"o \"\"1\""]
        try await withPool(configuration, in: folder) { pool in
            func names() async throws -> [String] {
                try await pool.read { db in try db.describe("SELECT * FROM q").columnNames }
            }
            #expect(try await names() == ["a"])
            try other.run("ALTER TABLE q ADD COLUMN b")
            #expect(try await names() == ["a", "b"])
        }
    }

    @Test(
        "A writing statement runs only if its rows have the columns of the current schema",
        arguments: Changer.allCases
    )
    func returning(changer: Changer) async throws {
        try await withTable { pool, folder in
            let insert: SQLiteQuery = "INSERT INTO p (id) VALUES (2) RETURNING *"
            func insertTwo() async throws -> Bool {
                try await pool.write { db in
                    let refused = #expect(throws: SQLiteError.self) { _ = try db.query(insert, as: Int.self) }
                    let count = try db.query("SELECT count(*) FROM p WHERE id = 2", as: Int.self)
                    return refused?.code == .columnCount && count == [0]
                }
            }
            #expect(try await insertTwo())
            try await run(Self.add, by: changer, pool, folder)
            let rows = try await pool.write { db in try db.query(insert, as: (Int, String?, Int).self) }
            #expect(rows.count == 1 && rows[0] == (2, nil, 20))
            try await pool.execute("DELETE FROM p WHERE id = 2")
            #expect(try await insertTwo())
        }
    }
}
