// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import SQLitePooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct ValueTypeTests {
    @Test(
        "A decimal number keeps all its digits",
        arguments: [
            "0", "-0.1", "19.99", "12345678901234567890.123456789012345678", "99999999999999999999999999999999999999",
            "0.00000000000000000000000000000000000001", "-1000000000000000000000",
        ]
    )
    func decimals(text: String) async throws {
        try await withPool { pool in
            let number = try #require(Decimal(string: text))
            let row = try await pool.queryFirst("SELECT \(number), typeof(\(number))", as: (Decimal, String).self)
            #expect(try #require(row) == (number, "text"))
        }
    }

    @Test("A decimal number that could not be decoded is not stored")
    func longDecimal() async throws {
        try await withPool { pool in
            for number in [Decimal.greatestFiniteMagnitude, -Decimal.greatestFiniteMagnitude] {
                let error = try await sqliteError { _ = try await pool.query("SELECT \(number)", as: Decimal.self) }
                #expect(error.code == .encoding)
            }
        }
    }

    @Test(
        "A decimal number is decoded exactly",
        arguments: [
            ("9223372036854775807", "9223372036854775807"), ("-5", "-5"), ("0.1", "0.1"), ("19.99", "19.99"),
            ("1e20", "100000000000000000000"), ("'1.50'", "1.5"), ("'+1.5E-3'", "0.0015"), ("'.5'", "0.5"),
            ("'007'", "7"),
            ("'-12e2'", "-1200"),
        ]
    )
    func readDecimals(expression: String, text: String) async throws {
        try await withPool { pool in
            let number = try #require(Decimal(string: text))
            #expect(try await pool.query(SQLiteQuery(unsafe: "SELECT \(expression)"), as: Decimal.self) == [number])
        }
    }

    @Test(
        "A number that a decimal cannot represent exactly is an error",
        arguments: [
            "''", "'.'", "'1x'", "' 1'", "'1e'", "'NaN'", "'1e200'", "'123456789012345678901234567890123456789'",
            "1.0/3",
            "0.1 + 0.2", "9e999", "x'31'", "NULL",
        ]
    )
    func noDecimals(expression: String) async throws {
        try await withPool { pool in
            let error = try await sqliteError {
                _ = try await pool.query(SQLiteQuery(unsafe: "SELECT \(expression)"), as: Decimal.self)
            }
            #expect(error.code == .decoding)
        }
    }

    @Test("A URL is stored as text and decoded unchanged")
    func urls() async throws {
        try await withPool { pool in
            let url = try #require(URL(string: "https://example.com/a%20b?q=1#x"))
            let row = try await pool.queryFirst("SELECT \(url), \(url)", as: (URL, String).self)
            #expect(try #require(row) == (url, "https://example.com/a%20b?q=1#x"))
            for sql: SQLiteQuery in ["SELECT ''", "SELECT 'a b'", "SELECT 1"] {
                let error = try await sqliteError { _ = try await pool.query(sql, as: URL.self) }
                #expect(error.code == .decoding)
            }
        }
    }

    struct Address: Codable, Equatable, Sendable {
        var street: String
        var numbers: [Int]
    }

    @Test("A value is stored as JSON and decoded unchanged, also as a property of a row")
    func json() async throws {
        struct Person: Decodable, Equatable, Sendable {
            var name: String
            var address: Address
            var tags: [String]
            var other: Address?
            var more: [String: Int]?
        }
        try await withPool { pool in
            let address = Address(street: "Elm \"St\" \n é", numbers: [1, 2])
            let row = try await pool.queryFirst(
                "SELECT \(SQLiteJSON(address)), json_extract(\(SQLiteJSON(address)), '$.numbers[1]')",
                as: (SQLiteJSON<Address>, Int).self
            )
            #expect(try #require(row) == (SQLiteJSON(address), 2))
            let people = try await pool.query(
                """
                SELECT 'Ada' AS name, \(SQLiteJSON(address)) AS address, \(SQLiteJSON(["a"])) AS tags, NULL AS other,
                    '{"x": 1}' AS more
                """,
                decoding: Person.self
            )
            #expect(people == [Person(name: "Ada", address: address, tags: ["a"], other: nil, more: ["x": 1])])
            let error = try await sqliteError { try await pool.execute("SELECT \(SQLiteJSON(Double.nan))") }
            #expect(error.code == .encoding && error.message.contains("cannot be encoded as JSON"))
            for sql: SQLiteQuery in [
                "SELECT 'hunter2' AS a", "SELECT '{\"street\": \"hunter2\"}' AS a", "SELECT x'7b7d'",
            ] {
                let error = try await sqliteError { _ = try await pool.query(sql, as: SQLiteJSON<Address>.self) }
                #expect(error.code == .decoding && !error.message.contains("hunter2"))
            }
        }
    }

    @Test("A JSON list is a text, and a value that JSON cannot represent is an error")
    func jsonLists() async throws {
        try await withPool { pool in
            let texts = ["", "\"\\\u{1}\u{1f}\n/é\u{e9}e\u{301}🙂", "it's", "1", "null"]
            func query(_ list: SQLiteParameter) -> SQLiteQuery {
                SQLiteQuery("SELECT value FROM json_each(:list) ORDER BY key", named: ["list": list])
            }
            #expect(try await pool.query(query(.list(texts)), as: String.self) == texts)
            #expect(try await pool.query(query(.list([Int64.min, .max])), as: Int64.self) == [.min, .max])
            let lists: [SQLiteParameter] = [
                .list([[UInt8(1)]]), .list([Data([1])]), .list([0.1]), .list([Double.nan]), .list(["a\0b"]),
                .list([UInt64.max]),
            ]
            for list in lists {
                let error = try await sqliteError { _ = try await pool.query(query(list), as: Int.self) }
                #expect(error.code == .encoding && error.message.hasPrefix("parameter 1 is"))
            }
        }
    }

    @Test("A number that SQLite would store as NULL is an error, and no statement runs")
    func notANumber() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let nan: Double? = .nan
            let values: [SQLiteParameter] = [
                .real(.nan), Float.nan.sqliteParameter, nan.sqliteParameter, Decimal.nan.sqliteParameter,
            ]
            for value in values {
                let error = try await sqliteError { try await pool.execute("INSERT INTO t VALUES (\(value))") }
                #expect(error.code == .encoding)
            }
            let refused = try await sqliteError {
                try await pool.execute("INSERT INTO t VALUES (\(SQLiteParameter.invalid("is colder than possible")))")
            }
            #expect(refused.message == "parameter 1 is colder than possible")
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [0])
            for number in [Double.infinity, -.infinity, Double.leastNonzeroMagnitude, .greatestFiniteMagnitude] {
                #expect(try await pool.query("SELECT \(number)", as: Double.self) == [number])
            }
        }
    }

    @Test("Empty values are decoded as empty values")
    func empty() async throws {
        try await withPool { pool in
            let row = try await pool.queryFirst(
                "SELECT \(""), \(Data()), \([UInt8]()), \(SQLiteJSON([Int]()))",
                as: (String, Data, [UInt8], SQLiteJSON<[Int]>).self
            )
            #expect(try #require(row) == ("", Data(), [], SQLiteJSON([])))
        }
    }

    @Test("Canonically equivalent texts are two different values and two different columns")
    func equivalentTexts() async throws {
        try await withPool { pool in
            let (one, other) = ("\u{e9}", "e\u{301}")
            let sql: SQLiteQuery =
                "SELECT \(sql: SQLiteQuery(":x", named: ["x": one])), \(sql: SQLiteQuery(":x", named: ["x": other]))"
            let error = try await sqliteError { _ = try await pool.query(sql, as: (String, String).self) }
            #expect(error.code == .parameterName)
            let columns: SQLiteQuery = "SELECT 1 AS \(identifier: other), 2 AS \(identifier: one)"
            let found = try await pool.read { db in
                var found: [Int] = []
                try db.forEachRow(columns) { row in
                    found = [try row.decode(named: one), try row.decode(named: other)]
                }
                return found
            }
            #expect(found == [2, 1])
            struct Composed: Decodable, Sendable {
                enum CodingKeys: String, CodingKey { case number = "\u{e9}" }
                var number: Int
            }
            #expect(try await pool.query(columns, decoding: Composed.self).map(\.number) == [2])
        }
    }

    @Test("Texts, dates and lists are unchanged in a UTF-16 database", arguments: ["UTF-16le", "UTF-16be"])
    func utf16(encoding: String) async throws {
        let configuration = SQLiteConfiguration.with(pragmas: [SQLiteConfiguration.Pragma("encoding", "'\(encoding)'")])
        try await withPool(configuration) { pool in
            #expect(try await pool.query("PRAGMA encoding", as: String.self) == [encoding])
            let (text, date, uuid) = ("é🙂", Date(timeIntervalSince1970: 0.25), UUID())
            try await pool.execute("CREATE TABLE t (s TEXT, d TEXT, u TEXT, j TEXT)")
            try await pool.execute("INSERT INTO t VALUES (\(text), \(date), \(uuid), \(SQLiteJSON([text])))")
            let row = try await pool.queryFirst(
                "SELECT * FROM t WHERE s IN \(list: [text])",
                as: (String, Date, UUID, SQLiteJSON<[String]>).self
            )
            #expect(try #require(row) == (text, date, uuid, SQLiteJSON([text])))
        }
    }

    @Test("Descriptions of a parameter do not contain its value")
    func descriptions() {
        let parameters: [SQLiteParameter] = [.text("hunter2"), .data(Data("hunter2".utf8)), .list(["hunter2"])]
        for parameter in parameters {
            var dumped = ""
            dump(parameter, to: &dumped)
            #expect(!"\(parameter) \(String(reflecting: parameter)) \(dumped)".contains("hunter2"))
        }
    }
}
