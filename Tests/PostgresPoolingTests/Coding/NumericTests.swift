// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct NumericTests {
    private static let texts = [
        "0", "0.00", "1", "-1.50", "10000", "9999.9999", "0.0001", "0.00001000", "12345678901234567890.123456789",
        "NaN", "Infinity", "-Infinity", "-0.000000000000000000000000000000000000000000000000001",
        String(repeating: "9", count: 131_072), "0." + String(repeating: "0", count: 16_382) + "7",
        String(repeating: "123", count: 1_000) + "." + String(repeating: "450", count: 1_000),
    ]

    @Test("A numeric of any size round-trips with its scale, and matches the server's")
    func roundTrips() async throws {
        try await TestServer.shared.withPool { pool in
            for text in Self.texts {
                let number = try #require(PostgresNumeric(text))
                #expect(number.description == text)
                let row = try await pool.query(
                    "SELECT \(number), (\(number))::text, (\(text))::numeric, \([number])",
                    as: (PostgresNumeric, String, PostgresNumeric, [PostgresNumeric]).self
                )[0]
                #expect(row.1 == text)
                for back in [row.0, row.2, row.3[0]] { #expect(back == number && back.description == text) }
            }
        }
    }

    @Test("Texts parse as the numbers that the server reads, and fail where the server rejects them")
    func texts() async throws {
        try await TestServer.shared.withPool { pool in
            for text in [
                "1e3", "1.5e3", "1.5E-3", "-1.50e+1", ".5", "5.", "+7", "0e5", "0.0e-3", "00012.30", "1e131071",
                "1e-16383",
                "0e-16383", "inf", "-INFINITY", "nan", "-0", "-0.0", "0e100000", "0.000e2",
            ] {
                let number = try #require(PostgresNumeric(text), "\(text)")
                try await equal(pool.query("SELECT (\(text))::numeric::text", as: String.self), [number.description])
                try await equal(pool.query("SELECT (\(number))::text", as: String.self), [number.description])
            }
            for text in [
                "", "-", ".", "e5", "1e", "1e+", "1.2.3", "1 2", "0x", "--1", "1e131072", "1e-16384", "1e99999999999",
                "-nan",
                "infinit", "1e5.0", "10e131071", "١",
            ] {
                #expect(PostgresNumeric(text) == nil, "\(text)")
                let error = await postgresFailure { try await pool.query("SELECT (\(text))::numeric") }
                #expect(error?.code == .server, "\(text)")
            }
        }
    }

    @Test("Numbers are equal, ordered and hashed as on the server, regardless of their scales")
    func order() throws {
        let ordered = [
            "-Infinity", "-10000", "-1.5", "-0.1", "0", "0.00001", "0.1", "1.5", "9999.9", "10000", "Infinity", "NaN",
        ]
        .map { PostgresNumeric($0)! }
        #expect(ordered.reversed().sorted() == ordered)
        for (one, other) in [("1.5", "1.500"), ("0", "0.00"), ("10000", "10000.0"), ("NaN", "NaN")] {
            let (one, other) = (PostgresNumeric(one)!, PostgresNumeric(other)!)
            #expect(one == other && one.hashValue == other.hashValue && !(one < other))
        }
        #expect(PostgresNumeric("1.500")?.scale == 3 && PostgresNumeric.nan.isNaN && !PostgresNumeric.infinity.isFinite)
        #expect(
            PostgresNumeric(Int64.min).description == "\(Int64.min)"
                && PostgresNumeric(UInt64.max) == PostgresNumeric("\(UInt64.max)")
        )
    }

    @Test("A number converts if the conversion is exact")
    func conversions() throws {
        func number(_ text: String) throws -> PostgresNumeric { try #require(PostgresNumeric(text)) }
        #expect(try Int(exactly: number("-9223372036854775808.00")) == .min && Int(exactly: number("1.5")) == nil)
        #expect(try Int8(exactly: number("128")) == nil && UInt64(exactly: number("18446744073709551615")) == .max)
        #expect(try UInt(exactly: number("-1")) == nil && Int(exactly: PostgresNumeric.nan) == nil)
        #expect(
            try Decimal(exactly: number("1.50")) == Decimal(string: "1.5")
                && Decimal(exactly: PostgresNumeric.infinity) == nil
        )
        #expect(
            PostgresNumeric(Decimal(string: "-1.25")!)?.description == "-1.25" && PostgresNumeric(Decimal.nan) == nil
        )
        #expect(
            try Double(number("0.1")) == 0.1 && Double(PostgresNumeric.infinity) == .infinity
                && Double(PostgresNumeric.nan).isNaN
        )
        #expect(try Double(number("1e400")) == .infinity)
    }

    @Test("Sums, averages and fields of times decode as integers and floating-point numbers if these are exact")
    func aggregates() async throws {
        try await TestServer.shared.withPool { pool in
            func expression<Value: PostgresDecodable & Sendable>(_ text: String, _: Value.Type) async throws -> Value {
                try await pool.query(PostgresQuery(unsafe: "SELECT \(text)"), as: Value.self)[0]
            }
            func isRefused<Value: PostgresDecodable & Sendable>(_ text: String, _: Value.Type) async -> Bool {
                let error = await postgresFailure { try await expression(text, Value.self) }
                return error?.code == .decoding
            }
            try await equal(expression("sum(n) FROM unnest(ARRAY[1, 2]::bigint[]) AS n", Int.self), 3)
            try await equal(expression("avg(n) FROM unnest(ARRAY[1, 2]::bigint[]) AS n", Double.self), 1.5)
            try await equal(expression("extract(year FROM '2026-02-03'::date)", Int.self), 2026)
            try await equal(expression("extract(epoch FROM '1.25 s'::interval)", Double.self), 1.25)
            try await equal(expression("9223372036854775807::numeric", Int.self), .max)
            try await equal(expression("-9223372036854775808.0::numeric", Int.self), .min)
            try await equal(expression("0.1::numeric", Double.self), 0.1)
            try await equal(expression("0.1::numeric", Float.self), 0.1)
            try await equal(expression("1.6666666666666667::numeric", Double.self), 5.0 / 3)
            try await equal(expression("1e308::numeric", Double.self), 1e308)
            try await equal(expression("5e-324::numeric", Double.self), .leastNonzeroMagnitude)
            try await equal(expression("'-Infinity'::numeric", Double.self), -.infinity)
            try await equal(expression("9007199254740992::bigint", Double.self), 9_007_199_254_740_992)
            try await equal(expression("16777216", Float.self), 16_777_216)
            for refused in [
                await isRefused("9223372036854775808::numeric", Int.self), await isRefused("1.5", Int.self),
                await isRefused("'NaN'::numeric", Int.self), await isRefused("'Infinity'::numeric", Int.self),
                await isRefused("9007199254740993::bigint", Double.self), await isRefused("16777217", Float.self),
                await isRefused("1::numeric / 3", Double.self), await isRefused("1e309::numeric", Double.self),
                await isRefused("0.123456789::numeric", Float.self), await isRefused("1.5::float8", Int.self),
                await isRefused("9007199254740993::numeric", Double.self),
            ] { #expect(refused) }
        }
    }

    @Test("A numeric with up to 15 digits decodes as a Double with the same digits")
    func fifteenDigits() throws {
        for _ in 0..<2_000 {
            let digits = "\(Int.random(in: 1...999_999_999_999_999))"
            let exponent = Int.random(in: -250...250)
            let number = try #require(PostgresNumeric("\(digits)e\(exponent)"))
            #expect(try decode(number.bytes, .numeric, as: Double.self) == Double("\(digits)e\(exponent)"))
        }
    }

    @Test("Money, identifiers and log positions round-trip, and match the server's")
    func identifiers() async throws {
        try await TestServer.shared.withPool { pool in
            func check<Value: PostgresArrayEncodable & PostgresArrayDecodable & Equatable & Sendable>(
                _ value: Value,
                _ text: String,
                _ type: String
            ) async throws {
                let row = try await pool.query(
                    "SELECT \(value), (\(value))::text, \([value]), pg_typeof(\(value))::text",
                    as: (Value, String, [Value], String).self
                )[0]
                #expect(row == (value, text, [value], type))
            }
            try await check(PostgresOID(rawValue: .max), "4294967295", "oid")
            try await check(PostgresXID(rawValue: .max), "4294967295", "xid")
            try await check(PostgresCID(rawValue: 7), "7", "cid")
            try await check(PostgresXID8(rawValue: .max), "18446744073709551615", "xid8")
            try await check(try #require(PostgresLSN("16/B374D848")), "16/B374D848", "pg_lsn")
            try await check(PostgresMoney(rawValue: -1_234), "-$12.34", "money")
            #expect(PostgresLSN("16") == nil && PostgresLSN("+1/2") == nil && PostgresLSN("1/100000000") == nil)
            let position = try await pool.query("SELECT pg_current_wal_lsn()", as: PostgresLSN.self)[0]
            try await equal(pool.query("SELECT pg_current_wal_lsn() >= \(position)", as: Bool.self), [true])
            let row = try await pool.query(
                "SELECT xmin, cmin FROM pg_class LIMIT 1",
                as: (PostgresXID, PostgresCID).self
            )
            #expect(row.count == 1)
        }
    }
}
