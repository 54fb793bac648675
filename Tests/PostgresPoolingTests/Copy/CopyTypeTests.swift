// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// Values that `COPY` in binary format stores and reads back, beside values that `INSERT` stores.
@Suite(.timeLimit(.minutes(10))) struct CopyTypeTests {
    enum Mood: String, PostgresArrayEncodable, PostgresArrayDecodable {
        static let postgresType = PostgresType(named: "copy_mood")
        case sad, happy
    }

    struct Pair: PostgresComposite, PostgresArrayDecodable, Equatable {
        static let postgresType = PostgresType(named: "copy_pair")
        var count: Int?
        var mood: Mood

        var postgresFields: [any PostgresEncodable] { [count, mood] }

        init(_ count: Int?, _ mood: Mood) { (self.count, self.mood) = (count, mood) }

        init(cell: borrowing PostgresCell) throws(PostgresError) {
            (count, mood) = try cell.decodeFields(as: (Int?, Mood).self)
        }
    }

    private func roundTrip<Value: PostgresEncodable & PostgresDecodable & Equatable & Sendable>(
        _ values: [Value],
        as type: PostgresQuery,
        on pool: PostgresPool,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let all = values.map(Optional.some) + [nil]
        try await pool.withConnection { db in
            try await db.execute("CREATE TEMP TABLE copied (place int, value \(sql: type))")
            let count = try await db.copy(to: "copied") { writer in
                for (place, value) in all.enumerated() { try await writer.write(place, value) }
            }
            #expect(count == all.count, sourceLocation: sourceLocation)
            for (place, value) in all.enumerated() {
                let same = try await db.query(
                    "SELECT value::text IS NOT DISTINCT FROM (\(value)::\(sql: type))::text FROM copied WHERE place = \(place)",
                    as: Bool.self
                )
                #expect(same == [true], "\(value as Any)", sourceLocation: sourceLocation)
            }
            var read: [Value?] = []
            for try await value in db.copy(from: "SELECT value FROM copied ORDER BY place", as: Value?.self) {
                read.append(value)
            }
            #expect(read == all, sourceLocation: sourceLocation)
            try await db.execute("DROP TABLE copied")
        }
    }

    @Test("Random values of each type are stored as by INSERT, and read back")
    func values() async throws {
        try await TestServer.shared.withPool { pool in
            let words = (0..<50).map { _ in UInt64.random(in: .min ... .max) >> UInt64.random(in: 0..<64) }
            let numbers = words.map(Int64.init(bitPattern:))
            try await roundTrip(numbers, as: "int8", on: pool)
            try await roundTrip(numbers.map { Int32(truncatingIfNeeded: $0) }, as: "int4", on: pool)
            try await roundTrip(numbers.map { Int16(truncatingIfNeeded: $0) }, as: "int2", on: pool)
            // Whole numbers fit every integer type that has room, and the types of larger numbers.
            try await roundTrip(numbers.map { Int(Int16(truncatingIfNeeded: $0)) }, as: "int2", on: pool)
            try await roundTrip(numbers.map { Int(Int32(truncatingIfNeeded: $0)) }, as: "int4", on: pool)
            try await roundTrip(numbers.map { Int8(truncatingIfNeeded: $0) }, as: "int8", on: pool)
            try await roundTrip(numbers, as: "numeric", on: pool)
            try await roundTrip(numbers.map { $0 >> 11 }, as: "numeric", on: pool)
            try await roundTrip(words, as: "numeric", on: pool)
            try await roundTrip(words.map(Double.init(bitPattern:)).filter { !$0.isNaN }, as: "float8", on: pool)
            try await roundTrip(
                words.map { Float(bitPattern: UInt32(truncatingIfNeeded: $0)) }.filter { !$0.isNaN },
                as: "float4",
                on: pool
            )
            try await roundTrip([true, false], as: "bool", on: pool)
            let octets = words.map { word in
                stride(from: 0, to: 64, by: 8).map { UInt8(truncatingIfNeeded: word >> $0) }
            }
            let texts = octets.map { String(decoding: $0.map { $0 | 1 }, as: UTF8.self) }
            for type in ["text", "varchar", "varchar(40)"] as [PostgresQuery] {
                try await roundTrip(texts, as: type, on: pool)
            }
            try await roundTrip(octets, as: "bytea", on: pool)
            try await roundTrip((0..<9).map { _ in UUID() }, as: "uuid", on: pool)
            try await roundTrip(
                numbers.map { Date(timeIntervalSince1970: Double($0 >> 34)) },
                as: "timestamptz",
                on: pool
            )
            try await roundTrip(words.map { Decimal($0) / 1_000 }, as: "numeric", on: pool)
            try await roundTrip([[1, -2, .max], []], as: "int8[]", on: pool)
            try await roundTrip([["a", "b\"\\"], []], as: "text[]", on: pool)
            try await roundTrip([["a", "b"], []], as: "varchar(9)[]", on: pool)
            try await roundTrip(["{\"a\": 1}", "[]"], as: "jsonb", on: pool)
            try await roundTrip(["{\"a\" : 1}", "[]"], as: "json", on: pool)
            try await roundTrip([PostgresInterval(months: 1, days: -2, microseconds: 3)], as: "interval", on: pool)
        }
    }

    @Test("Enumerations, domains, composite types and arrays of them round-trip")
    func named() async throws {
        let server = try await TestServer.shared
        try await server.psql(
            """
            CREATE TYPE copy_mood AS ENUM ('sad', 'happy'); CREATE TYPE copy_pair AS (count int, mood copy_mood);
            CREATE DOMAIN copy_small AS int CHECK (value < 10); CREATE DOMAIN copy_smaller AS copy_small CHECK (value < 5)
            """
        )
        try await server.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            try await roundTrip([Mood.sad, .happy], as: "copy_mood", on: pool)
            try await roundTrip([[Mood.sad, .happy], []], as: "copy_mood[]", on: pool)
            try await roundTrip([Pair(1, .sad), Pair(nil, .happy)], as: "copy_pair", on: pool)
            try await roundTrip([[Pair(1, .sad), Pair(nil, .happy)], []], as: "copy_pair[]", on: pool)
            try await roundTrip(["sad", "happy"], as: "copy_mood", on: pool)
            try await roundTrip([1, 4], as: "copy_smaller", on: pool)
            try await pool.withConnection { db in
                try await db.execute("CREATE TEMP TABLE copied (id copy_smaller, mood copy_mood)")
                let domain = await postgresFailure {
                    try await db.copy(to: "copied") { writer in try await writer.write(7, Mood.sad) }
                }
                #expect(domain?.sqlState == .checkViolation)
                let label = await postgresFailure {
                    try await db.copy(to: "copied") { writer in try await writer.write(1, "angry") }
                }
                #expect(label?.sqlState == "22P02")
                // The server may end the session after the pool has closed it.
                try await db.execute("DROP TABLE copied")
            }
        }
        try await server.psql("DROP TYPE copy_pair, copy_mood; DROP DOMAIN copy_smaller, copy_small")
    }

    @Test("All columns but generated ones receive values, and names are exact")
    func columns() async throws {
        let server = try await TestServer.shared
        let schema = "Copy \(UUID().uuidString.prefix(8))"
        try await server.withPool { pool in
            try await pool.executeScript(
                """
                CREATE SCHEMA \(identifier: schema);
                CREATE TABLE \(identifier: schema).t ("A" int, gone int, b text DEFAULT 'b', twice int GENERATED ALWAYS AS ("A" * 2) STORED);
                ALTER TABLE \(identifier: schema).t DROP gone
                """
            )
            try await pool.copy(to: "\(identifier: schema).t") { writer in try await writer.write(1, "x") }
            try await pool.copy(to: "\(identifier: schema).t", columns: ["A"]) { writer in try await writer.write(2) }
            try await pool.copy(to: "\(identifier: schema).t", columns: ["b", "A"]) { writer in
                try await writer.write("y", 3)
            }
            try await equal(
                pool.query("SELECT concat(\"A\", b, twice) FROM \(identifier: schema).t ORDER BY 1", as: String.self),
                ["1x2", "2b4", "3y6"]
            )
            try await pool.executeScript("DROP SCHEMA \(identifier: schema) CASCADE")
        }
    }
}
