// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

// Values that fail to decode or to be sent, and types that the database defines.

extension RoundTripTests {
    @Test("A number out of the range of a type is an error")
    func ranges() async throws {
        try await TestServer.shared.withPool { pool in
            func refuses<Value: PostgresDecodable & Sendable>(_ number: Int64, _ type: Value.Type) async {
                let message = await refusal("SELECT \(number)", as: type, on: pool)
                #expect(message?.contains("out of the range of \(Value.self)") == true)
                #expect(message?.contains("\(number)") == false)
            }
            await refuses(128, Int8.self)
            await refuses(-32_769, Int16.self)
            await refuses(1 << 31, Int32.self)
            await refuses(-11, UInt8.self)
            await refuses(65_536, UInt16.self)
            await refuses(1 << 32, UInt32.self)
            await refuses(-11, UInt.self)
            await refuses(-11, UInt64.self)
            for text in ["18446744073709551616", "-11", "0.55", "NaN"] {
                let message = await refusal("SELECT (\(text))::numeric", as: UInt64.self, on: pool)
                #expect(message?.contains(text) == false)
            }
            try await equal(pool.query("SELECT 4294967295::oid", as: UInt32.self), [.max])
            try await equal(pool.query("SELECT 7::int8", as: Int8.self), [7])
            try await equal(pool.query("SELECT sum(n) FROM unnest(\([1, 2])) AS n", as: UInt.self), [3])
        }
    }

    @Test("A value of another type causes an error that names the column but not the value")
    func wrongType() async throws {
        try await TestServer.shared.withPool { pool in
            func message<Value: PostgresDecodable & Sendable>(_ expression: String, _ type: Value.Type) async -> String?
            {
                await refusal(PostgresQuery(unsafe: "SELECT \(expression) AS secret"), as: type, on: pool)
            }
            for message in [
                await message("4711", String.self), await message("4711.5", Int.self),
                await message("0.47110000000000000000001", Double.self), await message("4711.47115", Float.self),
                await message("4711::float8", Int.self),
                await message("4711", Bool.self), await message("'4711'::bytea", String.self),
                await message("'4711'::text", [UInt8].self), await message("'4711'::text", UUID.self),
                await message("'4711'::text", Date.self),
                await message("'4711-01-01'::timestamp", Date.self), await message("'4711-01-01'::date", Date.self),
                await message("'4711-01-01'::timestamp", PostgresDate.self),
                await message("'4711'::text", Decimal.self), await message("'4711'::text", PostgresJSON<Int>.self),
                await message("'4711'::text", [String].self), await message("4711", [Int].self),
                await message("'{4711}'::int4[]", Int.self), await message("'{4711}'::int4[]", String.self),
                await message("'{4711}'::int4[]", [String].self), await message("'[4711]'::jsonb", [Int].self),
                await message("'\"4711\"'::jsonb", PostgresJSON<Int>.self), await message("ROW(4711)", String.self),
                await message("'17:11:47'::time", String.self), await message("'4711'::money", Decimal.self),
            ].compactMap(\.self) {
                #expect(message.contains("column “secret” (index 0, type "), "\(message)")
                #expect(!message.contains("4711") && !message.contains("17:11"), "\(message)")
            }
        }
    }

    @Test("NULL is an error for a type that is not optional, also in an array")
    func null() async throws {
        try await TestServer.shared.withPool { pool in
            func message<Value: PostgresDecodable & Sendable>(_ type: String, _: Value.Type) async throws {
                let query = PostgresQuery(unsafe: "SELECT NULL::\(type) AS missing")
                try await equal(pool.query(query, as: Value?.self).map { $0 == nil }, [true])
                let text = await refusal(query, as: Value.self, on: pool)
                #expect(text?.contains("\(Value.self) cannot be NULL") == true, "\(text ?? "")")
            }
            try await message("int8", Int.self)
            try await message("numeric", UInt64.self)
            try await message("int8", Decimal.self)
            try await message("numeric", Decimal.self)
            try await message("numeric", String.self)
            try await message("jsonb", String.self)
            try await message("date", Date.self)
            try await message("date", PostgresDate.self)
            try await message("bool", Bool.self)
            let array: PostgresQuery = "SELECT ARRAY[1, NULL, 3] AS holes"
            try await equal(pool.query(array, as: [Int?].self), [[1, nil, 3]])
            await equal(
                refusal(array, as: [Int].self, on: pool),
                "element 1 of column “holes” (index 0, type int4): Int cannot be NULL; decode an optional"
            )
            try await equal(pool.query("SELECT NULL::int4[]", as: [Int]?.self), [nil])
            _ = await refusal("SELECT NULL::int4[]", as: [Int].self, on: pool)
            _ = await refusal("SELECT NULL::bytea", as: [UInt8].self, on: pool)
        }
    }

    @Test("Arrays of one dimension decode, whatever their first index, and others fail")
    func arrays() async throws {
        try await TestServer.shared.withPool { pool in
            try await equal(pool.query("SELECT '[-2:0]={1,2,3}'::int8[]", as: [Int].self), [[1, 2, 3]])
            try await equal(pool.query("SELECT '{}'::int8[]", as: [Int].self), [[]])
            try await equal(
                pool.query("SELECT '{\"a,b\",\"\\\"\",NULL,\"NULL\",\"\"}'::text[]", as: [String?].self),
                [["a,b", "\"", nil, "NULL", ""]]
            )
            let message = await refusal("SELECT '{{1,2},{3,4}}'::int8[] AS square", as: [Int].self, on: pool)
            #expect(message?.contains("“square”") == true && message?.contains("dimension") == true)
            try await equal(pool.query("SELECT '1 2'::int2vector", as: [Int].self), [[1, 2]])
            try await equal(pool.query("SELECT '{10:00,11:00}'::time[]", as: [Raw].self)[0].map(\.count), [8, 8])
            try await equal(
                pool.query("SELECT array_agg(n) FROM generate_series(1, 10000) AS n", as: [Int].self),
                [Array(1...10_000)]
            )
        }
    }

    /// A custom type that decodes any value.
    private struct Raw: PostgresArrayDecodable, Sendable {
        let count: Int
        init(cell: borrowing PostgresCell) throws(PostgresError) { count = cell.bytes?.count ?? -1 }
    }

    @Test("Enumerations and domains are texts and numbers, in both directions")
    func usersTypes() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            try await pool.withConnection { db in
                try await db.executeScript(
                    """
                    CREATE TYPE pg_temp.mood AS ENUM ('happy', 'sad');
                    CREATE DOMAIN pg_temp.email AS text CHECK (VALUE LIKE '%@%');
                    CREATE DOMAIN pg_temp.score AS int CHECK (VALUE > 0);
                    CREATE TYPE pg_temp.pair AS (a int, b text);
                    CREATE TEMP TABLE people (mood mood, mail pg_temp.email, score pg_temp.score, moods mood[]);
                    """
                )
                let (mood, mail, score) = ("happy", "a@b", Int32(5))
                for _ in 0..<2 {
                    try await db.execute(
                        "INSERT INTO people VALUES (\(mood), \(mail), \(score), (\([mood]))::text[]::mood[])"
                    )
                }
                for _ in 0..<3 {
                    let rows = try await db.query(
                        "SELECT * FROM people WHERE mood = \(mood) LIMIT 1",
                        as: (String, String, Int, [String]).self
                    )
                    #expect(rows.count == 1 && rows[0] == ("happy", "a@b", 5, ["happy"]))
                }
                let error = await postgresFailure {
                    try await db.execute("INSERT INTO people (mood) VALUES (\("angry"))")
                }
                #expect(error?.sqlState == "22P02")
                for expression in ["ROW(7, 'x')::pg_temp.pair", "mood IS NULL"] {
                    let query = PostgresQuery(unsafe: "SELECT \(expression) AS odd FROM people")
                    let error = await postgresFailure { try await db.query(query, as: String.self) }
                    #expect(error?.code == .decoding)
                    #expect(error?.message.contains("“odd”") == true)
                }
                let composite = await postgresFailure { try await db.query("SELECT mood FROM people", as: [Int].self) }
                #expect(composite?.code == .decoding)
            }
        }
    }

    @Test("The binary format of a custom type decodes as text only if it is a text")
    func binaryUsersTypes() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            try await pool.withConnection { db in
                try await db.executeScript("CREATE TYPE pg_temp.span AS RANGE (subtype = float8)")
                for value in ["empty", "(,)", "[1,2)", "[1,)"] {
                    let error = await postgresFailure {
                        try await db.query("SELECT (\(value))::pg_temp.span", as: String.self)
                    }
                    #expect(error?.code == .decoding && error?.message.contains("cast it to text") == true)
                }
            }
        }
    }

    @Test("A statement runs although its placeholders touch the adjacent words")
    func neighbours() async throws {
        try await TestServer.shared.withPool { pool in
            for _ in 0..<3 {
                try await equal(
                    pool.query("SELECT n FROM unnest(\([3, 4])) AS n LIMIT\(1)OFFSET\(1)", as: Int.self),
                    [4]
                )
                let column = "\"\u{301} x"
                let rows = try await pool.query("SELECT\(7)AS\(identifier: column)")
                #expect(rows.columnNames.map { Array($0.utf8) } == [Array(column.utf8)])
            }
        }
    }

    @Test("More than 65,535 parameters fail each time, and 65,535 do not")
    func manyParameters() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            func query(_ count: Int) -> PostgresQuery {
                let places = (1...count).map { "$\($0)" }.joined(separator: ",")
                return PostgresQuery(
                    unsafe: "SELECT count(*) FROM unnest(ARRAY[\(places)]) AS n",
                    parameters: Array(repeating: PostgresParameter(1), count: count)
                )
            }
            try await equal(pool.query(query(65_535), as: Int.self), [65_535])
            for _ in 0..<3 {
                let error = await postgresFailure { try await pool.query(query(65_536)) }
                #expect(error?.code == .encoding && error?.connectionIsGone == false)
            }
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
        }
    }

    @Test("A value that cannot be sent causes an error that names the parameter but not the value")
    func refused() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let numbered = PostgresQuery(unsafe: "$1", parameters: [PostgresParameter(1)])
            let refused: [PostgresQuery] = [
                "SELECT \(1), \("hunter2\0")", "SELECT \(1), \(["hunter2\0"])", "SELECT \(1), \(["a", "hunter2\0"])",
                "SELECT \(1), \(PostgresJSON(["hunter2": Double.infinity]))",
                "SELECT \(1), \([PostgresJSON(["hunter2": Double.infinity])])", "SELECT \(1) + \(Decimal.nan)",
                // The server would not know the type of a value that is not sent.
                "SELECT \(1) FROM \(Date(timeIntervalSince1970: .nan))",
            ]
            for query in refused {
                for _ in 0..<3 {
                    let error = await postgresFailure { try await pool.query(query) }
                    #expect(error?.code == .encoding && error?.connectionIsGone == false)
                    #expect(error?.message.hasPrefix("parameter $2: ") == true)
                    #expect(error.map { "\($0)" }?.contains("hunter2") == false)
                }
            }
            let spliced: PostgresQuery = "SELECT \(1) WHERE 1 = \(sql: numbered)"
            for _ in 0..<3 { await equal(postgresFailure { try await pool.query(spliced) }?.code, .encoding) }
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
        }
    }
}
