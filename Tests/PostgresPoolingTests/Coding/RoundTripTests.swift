// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// Values that are sent to a server and read back, also as text.
@Suite(.timeLimit(.minutes(10))) struct RoundTripTests {
    func roundTrip<Value: PostgresArrayEncodable & PostgresArrayDecodable & Equatable & Sendable>(
        _ values: [Value],
        on pool: PostgresPool,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        for value in values {
            let row = try await pool.query("SELECT \(value), \(Value?.some(value))", as: (Value, Value?).self)
            #expect(row[0].0 == value && row[0].1 == value, sourceLocation: sourceLocation)
        }
        try await equal(
            pool.query("SELECT \(values)", as: [Value].self),
            [values],
            sourceLocation: sourceLocation
        )
        let gapped = [nil] + values.map(Optional.some) + [nil]
        try await equal(pool.query("SELECT \(gapped)", as: [Value?].self), [gapped], sourceLocation: sourceLocation)
        let (nothing, empty) = (Value?.none, [Value]())
        try await equal(pool.query("SELECT \(nothing)", as: Value?.self), [nil], sourceLocation: sourceLocation)
        try await equal(pool.query("SELECT \(empty)", as: [Value].self), [[]], sourceLocation: sourceLocation)
    }

    /// The decoding error of a statement.
    func refusal<Value: PostgresDecodable & Sendable>(
        _ query: PostgresQuery,
        as type: Value.Type,
        on pool: PostgresPool,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async -> String? {
        let error = await postgresFailure { try await pool.query(query, as: type) }
        #expect(error?.code == .decoding, sourceLocation: sourceLocation)
        #expect(error?.connectionIsGone == false, sourceLocation: sourceLocation)
        return error?.message
    }

    @Test("Integers round-trip to the ends of their range, alone and in arrays")
    func integers() async throws {
        try await TestServer.shared.withPool { pool in
            try await roundTrip([Int.min, -1, 0, 1, .max], on: pool)
            try await roundTrip([Int64.min, -1, 0, 1, .max], on: pool)
            try await roundTrip([Int32.min, -1, 0, 1, .max], on: pool)
            try await roundTrip([Int16.min, -1, 0, 1, .max], on: pool)
            try await roundTrip([Int8.min, -1, 0, 1, .max], on: pool)
            try await roundTrip([UInt.min, 1, 9_999, 10_000, 10_001, 100_000_000, .max], on: pool)
            try await roundTrip([UInt64.min, 1, 9_999, 10_000, 10_001, 100_000_000, .max], on: pool)
            try await roundTrip([UInt32.min, 1, .max], on: pool)
            try await roundTrip([UInt16.min, 1, .max], on: pool)
            try await equal(pool.query("SELECT \(UInt8.max)", as: UInt8.self), [255])
            try await equal(pool.query("SELECT \([nil, 1, 255] as [UInt8?])", as: [UInt8?].self), [[nil, 1, 255]])
            try await equal(pool.query("SELECT \([1, 255] as [UInt8?])", as: [UInt8?].self), [[1, 255]])
            try await equal(pool.query("SELECT (\(UInt64.max))::text", as: String.self), ["18446744073709551615"])
        }
    }

    @Test("An array's type is that of its elements, even if it is empty")
    func arrayTypes() async throws {
        try await TestServer.shared.withPool { pool in
            func type(of value: some PostgresEncodable) async throws -> String {
                try await pool.query("SELECT pg_typeof(\(value))::text", as: String.self)[0]
            }
            try await equal(type(of: [Int]()), "bigint[]")
            try await equal(type(of: [Int?]()), "bigint[]")
            try await equal(type(of: [String]()), "text[]")
            try await equal(type(of: [UInt8]()), "bytea")
            try await equal(type(of: [UInt8?]()), "smallint[]")
            try await equal(type(of: [1, 2] as [UInt8?]), "smallint[]")
            try await equal(type(of: [[UInt8]]()), "bytea[]")
            try await equal(type(of: [Colour]()), "text[]")
            try await equal(type(of: [PostgresJSON<Int>]()), "jsonb[]")
            try await equal(type(of: [UInt8?]?.none), "smallint[]")
            try await equal(type(of: [Int]?.none), "bigint[]")
        }
    }

    @Test("Floating-point numbers round-trip bit by bit")
    func floatingPoint() async throws {
        try await TestServer.shared.withPool { pool in
            let doubles = [
                0.1, -0.0, 0, .infinity, -.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude, .nan, 1e308, .pi,
            ]
            let returned = try await pool.query("SELECT \(doubles)", as: [Double].self)[0]
            for (double, other) in zip(doubles, returned) {
                let row = try await pool.query("SELECT \(double), (\(double))::float8", as: (Double, Double).self)[0]
                for value in [other, row.0, row.1] {
                    #expect(double.isNaN ? value.isNaN : value.bitPattern == double.bitPattern)
                }
            }
            let floats = [Float(0.1), -0.0, .infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude, .nan]
            for float in floats {
                let row = try await pool.query("SELECT \(float), \(float)", as: (Float, Double).self)[0]
                #expect(float.isNaN ? row.0.isNaN && row.1.isNaN : row.0.bitPattern == float.bitPattern)
                if !float.isNaN { #expect(row.1 == Double(float)) }
            }
        }
    }

    @Test("Texts, bytes and similar values round-trip, alone and in arrays")
    func texts() async throws {
        try await TestServer.shared.withPool { pool in
            try await roundTrip([true, false], on: pool)
            let long = String(repeating: "long", count: 50_000)
            try await roundTrip(
                [
                    "", " ", "a", "ä𝄞", "\u{1F600}\u{1F468}\u{200D}\u{1F469}", "NULL", "null", "a,b", "{\"}\\", "'",
                    long,
                ],
                on: pool
            )
            try await roundTrip([[], [0], [UInt8](0...255)] as [[UInt8]], on: pool)
            try await roundTrip([UUID(), UUID(uuidString: "00112233-4455-6677-8899-AABBCCDDEEFF")!], on: pool)
            try await equal(
                pool.query(
                    "SELECT (\(UUID(uuidString: "00112233-4455-6677-8899-AABBCCDDEEFF")!))::text",
                    as: String.self
                ),
                ["00112233-4455-6677-8899-aabbccddeeff"]
            )
            try await roundTrip([Colour.red, .green], on: pool)
        }
    }

    @Test("Instants round-trip to the microsecond, at any distance")
    func instants() async throws {
        try await TestServer.shared.withPool { pool in
            let dates =
                [0, 1e-6, -1e-6, 0.123456, -0.123456, 700_000_000.123456, -31_622_400, -31_622_400.000001, -5e9, 3e10]
                .map(Date.init(timeIntervalSinceReferenceDate:)) + [Date(timeIntervalSince1970: 0)]
            try await roundTrip(dates, on: pool)
            // A Date at that distance has no microseconds. The precision that it has is preserved.
            try await roundTrip([Date(timeIntervalSinceReferenceDate: 9e12 + 0.515625)], on: pool)

            var random = SystemRandomNumberGenerator()
            for _ in 0..<50 {
                let microseconds = Int64.random(in: -60_000_000_000_000_000...9_000_000_000_000_000, using: &random)
                let date = Date(timeIntervalSinceReferenceDate: Double(microseconds) / 1e6)
                let row = try await pool.query(
                    """
                    SELECT \(date), extract(epoch FROM \(date) - '2001-01-01Z'::timestamptz)::text
                    """,
                    as: (Date, String).self
                )[0]
                #expect(row.0 == date)
                // At this distance, a Date represents each microsecond.
                if abs(microseconds) < 1_000_000 << 33 {
                    #expect(Decimal(string: row.1) == Decimal(microseconds) / 1_000_000)
                }
            }
            for seconds in [Double.nan, .infinity, 1e13] {
                let error = await postgresFailure {
                    try await pool.query("SELECT \(Date(timeIntervalSinceReferenceDate: seconds))")
                }
                #expect(error?.code == .encoding)
            }
            let beyond = await postgresFailure {
                try await pool.query("SELECT \(Date(timeIntervalSinceReferenceDate: -9e12))")
            }
            #expect(beyond?.sqlState == "22008")
        }
    }

    @Test("Days match the server's, in all years")
    func days() async throws {
        try await TestServer.shared.withPool { pool in
            func day(_ year: Int, _ month: Int, _ day: Int) throws -> PostgresDate {
                try #require(PostgresDate(year: year, month: month, day: day))
            }
            let known = [
                (try day(2000, 1, 1), "2000-01-01"), (try day(2000, 2, 29), "2000-02-29"),
                (try day(2024, 2, 29), "2024-02-29"), (try day(1900, 2, 28), "1900-02-28"),
                (try day(1970, 1, 1), "1970-01-01"), (try day(1, 1, 1), "0001-01-01"),
                (try day(0, 12, 31), "0001-12-31 BC"), (try day(0, 2, 29), "0001-02-29 BC"),
                (try day(-1, 3, 1), "0002-03-01 BC"), (try day(-4_713, 11, 24), "4714-11-24 BC"),
                (try day(5_874_897, 12, 31), "5874897-12-31"), (try day(12_345, 6, 7), "12345-06-07"),
            ]
            for (day, text) in known {
                try await equal(pool.query("SELECT (\(day))::text", as: String.self), [text])
                try await equal(pool.query("SELECT (\(text))::date", as: PostgresDate.self), [day])
            }
            try await roundTrip(known.map(\.0), on: pool)

            let days =
                (0..<500).map { _ in PostgresDate(days: .random(in: -2_451_500...2_145_031_948))! }
                + (0..<500).map { _ in PostgresDate(days: .random(in: -800_000...800_000))! }
            let texts = try await pool.query(
                "SELECT extract(year FROM d)::int, extract(month FROM d)::int, extract(day FROM d)::int, d FROM unnest(\(days)) AS d ORDER BY d",
                as: (Int, Int, Int, PostgresDate).self
            )
            #expect(texts.map(\.3) == days.sorted())
            for (year, month, day, date) in texts {
                // The server has no year 0, and writes -1 for the year before 1.
                let year = year < 0 ? year + 1 : year
                #expect((date.year, date.month, date.day) == (year, month, day))
                #expect(PostgresDate(year: year, month: month, day: day) == date)
            }
        }
    }

    @Test("Decimals match the server's, at all scales")
    func decimals() async throws {
        try await TestServer.shared.withPool { pool in
            let known = [
                "0", "1", "-1", "0.1", "-0.0001", "0.00001", "9999", "10000", "10001", "99999999", "100000000", "1.5",
                "12345678901234567890123456789012345678", "0.12345678901234567890123456789012345678", "-0.5",
                "340282366920938463463374607431768211455", "1e60", "1e127", "-3e100", "1e-100", "7e-128", "1234e-120",
            ].map { Decimal(string: $0)! }
            try await roundTrip(known, on: pool)
            for number in known {
                let text = try await pool.query("SELECT (\(number))::text", as: String.self)[0]
                #expect(text == "\(number)")
            }
            for _ in 0..<300 {
                let digits = (0..<Int.random(in: 1...38)).map { _ in String(Int.random(in: 0...9)) }.joined()
                let number = Decimal(
                    sign: Bool.random() ? .plus : .minus,
                    exponent: .random(in: -80...60),
                    significand: Decimal(string: digits)!
                )
                let row = try await pool.query("SELECT \(number), (\(number))::text", as: (Decimal, String).self)[0]
                #expect(row.0 == number)
                #expect(row.1 == "\(number)")
            }
            // The scale is the server's. A Decimal has none.
            try await equal(pool.query("SELECT 1.500::numeric", as: Decimal.self), [Decimal(string: "1.5")!])
        }
    }

    @Test("A numeric decodes as the digits that the server writes, whatever its weight and scale")
    func numerics() async throws {
        try await TestServer.shared.withPool { pool in
            let rows = try await pool.query(
                """
                SELECT n, n::text FROM (
                    SELECT CASE WHEN random() < 0.5 THEN -m ELSE m END AS n FROM (
                        SELECT round(
                            ((random() * 1e15)::bigint::numeric * (random() * 1e15)::bigint)
                                * (10::numeric ^ (random() * 240 - 120)::int),
                            (random() * 130)::int - 20
                        ) AS m FROM generate_series(1, 3000)
                    ) AS drawn
                ) AS signed
                """,
                as: (String, String).self
            )
            #expect(rows.count == 3_000)
            for (digits, text) in rows { #expect(digits == text) }
            for text in [
                "0", "0.00", "-0.0100", "1.0", "10000", "10000.0001", "0.0001", "0.00001", "NaN", "Infinity",
                "-Infinity", "1" + String(repeating: "0", count: 10_000),
                "0." + String(repeating: "0", count: 10_000)
                    + "1",
            ] {
                try await equal(pool.query("SELECT (\(text))::numeric", as: String.self), [text])
            }
        }
    }

    @Test("A Decimal is exactly the server's number, or decoding fails")
    func exactDecimals() async throws {
        try await TestServer.shared.withPool { pool in
            for (text, isExact) in [
                ("100", true), ("1.5000000000000000000000000000000000000000000000", true), ("0.0000", true),
                ("99999999999999999999999999999999999999", true), ("340282366920938463463374607431768211455", true),
                ("340282366920938463463374607431768211456", false), ("1e166", false),
                ("123456789012345678901234567890123456789.5", false), ("1e127", true), ("12e127", true),
                ("1e128", false), ("1e150", false), ("1e-128", true),
                ("1e-129", false), ("1e200", false), ("1e1000", false), ("1e-1000", false), ("NaN", false),
                ("Infinity", false), ("-Infinity", false),
            ] {
                let query: PostgresQuery = "SELECT (\(text))::numeric"
                if isExact {
                    let row = try await pool.query(query, as: Decimal.self)[0]
                    #expect(
                        try await pool.query("SELECT (\(row)) = (\(text))::numeric", as: Bool.self) == [true],
                        "\(text): \(row)"
                    )
                } else {
                    _ = await refusal(query, as: Decimal.self, on: pool)
                }
            }
            try await equal(pool.query("SELECT 7::int8", as: Decimal.self), [7])
        }
    }

    private struct Event: Codable, Hashable, Sendable {
        var name: String
        var tags: [String]
        var nested: [String: Int?]
    }

    @Test("JSON round-trips, with both types")
    func json() async throws {
        try await TestServer.shared.withPool { pool in
            let event = Event(name: "O'Reilly \"\\ \u{1F600}", tags: ["", "a,b", "NULL"], nested: ["x": 1])
            try await roundTrip([PostgresJSON(event), PostgresJSON(Event(name: "", tags: [], nested: [:]))], on: pool)
            try await roundTrip([PostgresJSON(1.5)], on: pool)
            try await roundTrip([PostgresJSON([1, 2, nil])], on: pool)
            try await equal(
                pool.query("SELECT (\(PostgresJSON(event)))::json", as: PostgresJSON<Event>.self),
                [PostgresJSON(event)]
            )
            let rows = try await pool.query("SELECT '{\"a\": 1}'::jsonb, '[1]'::json", as: (String, String).self)
            #expect(rows[0] == ("{\"a\": 1}", "[1]"))
            let error = await postgresFailure { try await pool.query("SELECT \(PostgresJSON(Double.nan))") }
            #expect(error?.code == .encoding)
        }
    }

    @Test("The server infers the type of a text")
    func inferred() async throws {
        try await TestServer.shared.withPool { pool in
            try await equal(pool.query("SELECT (\("2024-02-29"))::date", as: PostgresDate.self).count, 1)
            try await equal(pool.query("SELECT (\("1.50"))::numeric", as: String.self), ["1.50"])
            try await equal(pool.query("SELECT 1 WHERE \("7") = 7", as: Int.self), [1])
            try await equal(pool.query("SELECT (\("{1,2}"))::int[]", as: [Int].self), [[1, 2]])
        }
    }

    @Test("Every text type decodes as a text")
    func textTypes() async throws {
        try await TestServer.shared.withPool { pool in
            let row = try await pool.query(
                "SELECT 'a'::varchar(5), 'a'::char(3), 'a'::name, 'a'::\"char\", 'a', '{}'::json",
                as: (String, String, String, String, String, String).self
            )[0]
            #expect(row == ("a", "a  ", "a", "a", "a", "{}"))
        }
    }
}

private enum Colour: String, Sendable, PostgresArrayEncodable, PostgresArrayDecodable {
    case red, green
}
