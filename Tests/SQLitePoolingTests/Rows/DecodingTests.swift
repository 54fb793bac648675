// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import SQLitePooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct DecodingTests {
    private func roundTrip<Value: SQLiteEncodable & SQLiteDecodable & Sendable & Equatable>(
        _ values: [Value],
        on pool: SQLitePool
    ) async throws {
        for value in values {
            #expect(try await pool.query("SELECT \(value)", as: Value.self) == [value])
            #expect(try await pool.query("SELECT \(Value?.some(value))", as: Value?.self) == [value])
        }
        #expect(try await pool.query("SELECT \(Value?.none)", as: Value?.self) == [nil])
    }

    @Test("Every type is decoded as it was bound, including the ends of its range")
    func roundTrips() async throws {
        try await withPool { pool in
            try await roundTrip([Int.min, -1, 0, .max], on: pool)
            try await roundTrip([Int8.min, .max], on: pool)
            try await roundTrip([Int16.min, .max], on: pool)
            try await roundTrip([Int32.min, .max], on: pool)
            try await roundTrip([Int64.min, .max], on: pool)
            try await roundTrip([UInt8.min, .max], on: pool)
            try await roundTrip([UInt16.min, .max], on: pool)
            try await roundTrip([UInt32.min, .max], on: pool)
            try await roundTrip([0.1, -.infinity, .greatestFiniteMagnitude, Double.leastNonzeroMagnitude, 3], on: pool)
            try await roundTrip([Float(0.1), .infinity, .greatestFiniteMagnitude], on: pool)
            try await roundTrip([true, false], on: pool)
            try await roundTrip(["", "a", "ä𝄞", "a\0b", "\0", String(repeating: "x", count: 100_000)], on: pool)
            try await roundTrip([[], [0], [UInt8](0...255)] as [[UInt8]], on: pool)
            try await roundTrip([.integer(1), .real(1), .text("1"), .blob([49])] as [SQLiteValue], on: pool)
            #expect(try await pool.query("SELECT \(SQLiteValue.null)", as: SQLiteValue.self) == [.null])
            try await roundTrip([0, UInt(Int.max)], on: pool)
            try await roundTrip([0, UInt64(Int64.max)], on: pool)
        }
    }

    @Test("An empty text and an empty blob are not NULL")
    func empty() async throws {
        try await withPool { pool in
            let sql: SQLiteQuery = "SELECT typeof(\("")), typeof(\([] as [UInt8])), typeof(zeroblob(0)), zeroblob(0)"
            let row = try await pool.queryFirst(sql, as: (String, String, String, [UInt8]).self)
            #expect(try #require(row) == ("text", "blob", "blob", []))
        }
    }

    @Test("A number out of a type's range is an error")
    func ranges() async throws {
        try await withPool { pool in
            func refuses<Value: SQLiteDecodable & Sendable>(_ number: Int64, _ type: Value.Type) async throws {
                let error = try await sqliteError { _ = try await pool.query("SELECT \(number)", as: Value.self) }
                #expect(error.code == .decoding)
            }
            try await refuses(128, Int8.self)
            try await refuses(-32_769, Int16.self)
            try await refuses(1 << 31, Int32.self)
            try await refuses(-1, UInt8.self)
            try await refuses(65_536, UInt16.self)
            try await refuses(1 << 32, UInt32.self)
            try await refuses(-1, UInt.self)
            try await refuses(-1, UInt64.self)
            try await refuses(2, Bool.self)
            try await refuses((1 << 53) + 1, Double.self)
            let error = try await sqliteError { _ = try await pool.query("SELECT 1e300", as: Float.self) }
            #expect(error.code == .decoding)
        }
    }

    @Test("A value of the wrong type is an error that names the column, its index and both types, and not the value")
    func wrongType() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE user (id INTEGER PRIMARY KEY, age SMALLINT)")
            try await pool.execute("INSERT INTO user (age) VALUES (\("hunter2"))")
            let error = try await sqliteError {
                _ = try await pool.query("SELECT id, age FROM user", as: (Int, Int).self)
            }
            #expect(error.code == .decoding)
            #expect(error.sql == "SELECT id, age FROM user")
            #expect(
                error.message
                    == "column “age” (index 1, declared SMALLINT, stored TEXT): Int needs an INTEGER"
            )
            #expect(!"\(error)".contains("hunter2"))
            let expression = try await sqliteError { _ = try await pool.query("SELECT 'x' || 1 AS y", as: Double.self) }
            #expect(
                expression.message
                    == "column “y” (index 0, declared without a type, stored TEXT): a Double needs a REAL or an INTEGER"
            )
        }
    }

    @Test("A type is not converted to another one")
    func strictness() async throws {
        try await withPool { pool in
            func refuses<Value: SQLiteDecodable & Sendable>(_ sql: SQLiteQuery, _ type: Value.Type) async throws {
                let error = try await sqliteError { _ = try await pool.query(sql, as: Value.self) }
                #expect(error.code == .decoding)
            }
            try await refuses("SELECT 1.0", Int.self)
            try await refuses("SELECT '1'", Int.self)
            try await refuses("SELECT NULL", Int.self)
            try await refuses("SELECT 1", String.self)
            try await refuses("SELECT x'41'", String.self)
            try await refuses("SELECT NULL", String.self)
            try await refuses("SELECT 'A'", [UInt8].self)
            try await refuses("SELECT '1'", Double.self)
            try await refuses("SELECT 'true'", Bool.self)
            #expect(try await pool.query("SELECT 7", as: Double.self) == [7])
        }
    }

    @Test("A text that is not UTF-8 is an error, or repaired if the caller reads a value of any type")
    func invalidText() async throws {
        try await withPool { pool in
            let sql: SQLiteQuery = "SELECT CAST(x'41ff42' AS TEXT)"
            let error = try await sqliteError { _ = try await pool.query(sql, as: String.self) }
            #expect(error.code == .decoding && error.message.contains("UTF-8"))
            let value = try await pool.read { db in
                var value = SQLiteValue.null
                try db.forEachRow(sql) { value = $0[0] }
                return value
            }
            #expect(value == .text("A\u{fffd}B"))
        }
    }

    private struct Colour: SQLiteDecodable, SQLiteEncodable, Equatable {
        let name: String
        var sqliteParameter: SQLiteParameter { name.sqliteParameter }

        init(_ name: String) { self.name = name }

        init(cell: borrowing SQLiteCell) throws(SQLiteError) {
            name = try String(cell: cell)
            if name != "red" { throw cell.mismatch("Colour has no such case") }
        }
    }

    @Test("A custom type decodes itself, and its error names the column")
    func ownType() async throws {
        try await withPool { pool in
            #expect(try await pool.query("SELECT \(Colour("red")) AS c", as: Colour.self) == [Colour("red")])
            let error = try await sqliteError { _ = try await pool.query("SELECT 'blue' AS c", as: Colour?.self) }
            #expect(error.message.hasPrefix("column “c” (index 0,") && error.message.hasSuffix("no such case"))
        }
    }
}
