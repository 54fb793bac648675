// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import SQLitePooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct ParameterTests {
    @Test("Values are bound by the numbers of the parameters", arguments: ["?1", "?001"])
    func numbers(parameter: String) async throws {
        try await withPool { pool in
            let sql = SQLiteQuery(
                unsafe: "SELECT ?2 - \(parameter), \(parameter)",
                parameters: [.integer(3), .integer(10)]
            )
            let row = try await pool.queryFirst(sql, as: (Int, Int).self)
            #expect(try #require(row) == (7, 3))
        }
        let sql = SQLiteQuery("SELECT ?2, ?1", values: 1, "a", nil as Int?)
        #expect(sql.parameters == [.integer(1), .text("a"), .null])
    }

    @Test("Values are bound by name with each of the three prefixes", arguments: [":", "@", "$"])
    func names(character: String) async throws {
        try await withPool { pool in
            let text = "SELECT \(character)low + 1, \(character)high, \(character)low"
            let row = try await pool.queryFirst(
                SQLiteQuery(unsafe: text, named: ["high": "x", "low": 3]),
                as: (Int, String, Int).self
            )
            #expect(try #require(row) == (4, "x", 3))
        }
    }

    @Test("A literal accepts values by name, including NULL")
    func literal() async throws {
        try await withPool { pool in
            let sql = SQLiteQuery("SELECT :a, :b IS NULL", named: ["b": nil as Int?, "a": 5])
            let row = try await pool.queryFirst(sql, as: (Int, Bool).self)
            #expect(try #require(row) == (5, true))
        }
    }

    @Test("Unnamed parameters get the unnamed values in order, beside named ones")
    func mixed() async throws {
        try await withPool { pool in
            let condition = SQLiteQuery("x = :x", named: ["x": 2])
            let sql: SQLiteQuery = "SELECT \(1), \("two") FROM (SELECT 2 AS x) WHERE \(sql: condition) AND \(3) = 3"
            #expect(sql.namedParameters == ["x": .integer(2)])
            let row = try await pool.queryFirst(sql, as: (Int, String).self)
            #expect(try #require(row) == (1, "two"))
        }
    }

    @Test("A number above Int64.max is an error at any position, and nothing has run")
    func tooLarge() async throws {
        enum Flags: UInt64, SQLiteEncodable { case all = 0xffff_ffff_ffff_ffff }
        let least = UInt64(Int64.max) + 1
        #expect((least - 1).sqliteParameter == .integer(.max))
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (a, b)")
            let optional: UInt? = .max
            let statements: [(SQLiteQuery, Int)] = [
                ("INSERT INTO t VALUES (1, \(least))", 1),
                ("INSERT INTO t VALUES (\(1), \(optional))", 2),
                (SQLiteQuery("INSERT INTO t VALUES (?2, ?1)", values: Flags.all, 1), 1),
                (SQLiteQuery("INSERT INTO t VALUES (:a, :b)", named: ["a": 1, "b": least]), 2),
            ]
            for (statement, parameter) in statements {
                let error = try await sqliteError { try await pool.execute(statement) }
                #expect(error.code == .encoding && error.sql == statement.text)
                #expect(error.message.hasPrefix("parameter \(parameter) is greater than Int64.max"))
            }
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [0])
            #expect(pool.statistics.connectionsClosed == 0)
        }
    }

    @Test("A name without a value, a value without a parameter, and two values of one name are errors")
    func misfits() async throws {
        try await withPool { pool in
            let first = SQLiteQuery(":x", named: ["x": "hunter2"])
            let second = SQLiteQuery(":x", named: ["x": 2])
            let cases: [(SQLiteQuery, String)] = [
                (SQLiteQuery("SELECT :a, :b", named: ["a": 1]), "the parameter “b” has no value"),
                (SQLiteQuery("SELECT :a", named: ["a": 1, "z": "hunter2"]), "the statement has no parameter “z”"),
                ("SELECT \(sql: first), \(sql: second)", "the parameter “x” has two different values"),
            ]
            for (sql, message) in cases {
                let error = try await sqliteError { try await pool.execute(sql) }
                #expect(error.code == .parameterName && error.message == message && error.sql == sql.text)
                #expect(!"\(error)".contains("hunter2"))
            }
            let count = try await sqliteError { try await pool.execute(SQLiteQuery("SELECT :a, ?", named: ["a": 1])) }
            #expect(count.code == .parameterCount)
            let same: SQLiteQuery = "SELECT \(sql: second) + \(sql: second)"
            #expect(try await pool.query(same, as: Int.self) == [4])
        }
    }

    @Test("A cached statement accepts new values for its names")
    func cached() async throws {
        try await withPool { pool in
            let sums = try await pool.read { db in
                try (0..<5).flatMap { number in
                    try db.query(SQLiteQuery("SELECT :n * 2 + :m", named: ["m": 1, "n": number]), as: Int.self)
                }
            }
            #expect(sums == [1, 3, 5, 7, 9])
        }
    }

    @Test("The description of a statement contains the names of its parameters")
    func description() async throws {
        try await withPool { pool in
            let info = try await pool.read { db in try db.describe("SELECT :a, ?, @b, ?7") }
            #expect(info.parameterCount == 7 && info.parameterNames == ["a", nil, "b", nil, nil, nil, nil])
        }
    }

    @Test("Descriptions of a statement do not contain named values")
    func secrets() {
        let sql = SQLiteQuery("SELECT :x", named: ["x": "hunter2"])
        var dumped = ""
        dump(sql, to: &dumped)
        #expect(!"\(sql) \(String(reflecting: sql)) \(dumped)".contains("hunter2"))
    }

    @Test("An enumeration with raw values is bound as its raw value and decoded unchanged")
    func rawValues() async throws {
        enum Size: String, SQLiteEncodable, SQLiteDecodable { case small, large }
        try await withPool { pool in
            #expect(try await pool.query("SELECT \(Size.large)", as: Size.self) == [.large])
            #expect(try await pool.query("SELECT \(Size.large)", as: String.self) == ["large"])
            let error = try await sqliteError { _ = try await pool.query("SELECT 'huge' AS s", as: Size.self) }
            #expect(
                error.message
                    == "column “s” (index 0, declared without a type, stored TEXT): no Size has this raw value"
            )
        }
    }
}
