// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct RangeTests {
    /// Random ranges within bounds, with all kinds of edges.
    private func ranges<Bound>(_ count: Int, _ bound: () -> Bound) -> [PostgresRange<Bound>] {
        var ranges: [PostgresRange<Bound>] = [.empty, .unbounded]
        while ranges.count < count {
            func edge() -> PostgresRange<Bound>.Edge {
                switch Int.random(in: 0...4) {
                case 0: .unbounded
                case 1, 2: .inclusive(bound())
                default: .exclusive(bound())
                }
            }
            if let range = PostgresRange(lower: edge(), upper: edge()) { ranges.append(range) }
        }
        return ranges
    }

    private func day(_ days: Int32) -> PostgresDate { PostgresDate(days: days)! }

    @Test("Ranges round-trip, and match the server's")
    func roundTrips() async throws {
        try await TestServer.shared.withPool { pool in
            let ints = ranges(300) { Int.random(in: -5...5) }
            try await expectRoundTrip(Array(ints.prefix(40)), on: pool)
            try await expectText(ints, as: "int8range", on: pool)
            try await expectRoundTrip(ranges(20) { Int32.random(in: -5...5) }, on: pool)
            try await expectText(ranges(300) { day(Int32.random(in: -5...5)) }, as: "daterange", on: pool)
            try await expectRoundTrip(ranges(20) { day(Int32.random(in: -5...5)) }, on: pool)
            let decimals = ranges(300) { Decimal(Int.random(in: -50...50)) / 10 }
            try await expectText(decimals, as: "numrange", on: pool)
            try await expectRoundTrip(Array(decimals.prefix(20)), on: pool)
            try await expectRoundTrip(
                ranges(40) { Date(timeIntervalSinceReferenceDate: Double(Int.random(in: -9...9)) / 4) },
                on: pool
            )
            let timestamps = ranges(40) { PostgresTimestamp(microseconds: .random(in: -9_000_000...9_000_000))! }
            try await expectRoundTrip(timestamps, on: pool)
            let numerics = ranges(300) { PostgresNumeric("\(Int.random(in: -50...50)).\(Int.random(in: 10...99))")! }
            try await expectText(numerics, as: "numrange", on: pool)
            try await expectRoundTrip(Array(numerics.prefix(20)), on: pool)
        }
    }

    @Test("The server and a range agree on the values that it contains")
    func containment() async throws {
        try await TestServer.shared.withPool { pool in
            for range in ranges(60, { Int.random(in: -4...4) }) {
                let numbers = Array(-6...6)
                let contained = try await pool.query(
                    "SELECT array_agg(\(range) @> n ORDER BY n) FROM unnest(\(numbers)) AS n",
                    as: [Bool].self
                )[0]
                #expect(contained == numbers.map(range.contains))
            }
        }
    }

    @Test("Swift's ranges convert to PostgreSQL's, and back")
    func swiftRanges() {
        #expect("\(PostgresRange(1..<5))" == "[1,5)" && "\(PostgresRange(1...5))" == "[1,6)")
        #expect("\(PostgresRange(1..<1))" == "empty" && "\(PostgresRange(1...))" == "[1,)")
        #expect("\(PostgresRange(..<5))" == "(,5)" && "\(PostgresRange(...5))" == "(,6)")
        #expect("\(PostgresRange(Decimal(1)...5))" == "[1,5]" && "\(PostgresRange<Int>.unbounded)" == "(,)")
        #expect(
            Range(PostgresRange(1...5)) == 1..<6 && Range(PostgresRange(1...)) == nil
                && Range(PostgresRange<Int>.empty) == nil
        )
        #expect(PostgresRange(lower: .inclusive(2), upper: .inclusive(1)) == nil)
        #expect(PostgresRange(lower: .exclusive(1), upper: .exclusive(2)) == .empty)
        #expect(PostgresRange(lower: .inclusive(Date(timeIntervalSince1970: .nan)), upper: .inclusive(Date())) == nil)
        #expect(PostgresRange(lower: .exclusive(Int.max), upper: .unbounded)?.contains(.max) == false)
    }

    @Test("A bound that the server cannot represent is an error")
    func refusals() async throws {
        try await TestServer.shared.withPool { pool in
            let error = await postgresFailure { try await pool.query("SELECT \(PostgresRange(1...Int.max))") }
            #expect(error?.sqlState == "22003")
            let far = Date(timeIntervalSince1970: 1e300)
            #expect(refusal(PostgresRange(far...)) == "parameter $1: the lower bound: the Date is out of range")
            let type = await postgresFailure {
                try await pool.query("SELECT '[1,2)'::int4range", as: PostgresRange<Int>.self)
            }
            #expect(type?.code == .decoding)
        }
    }

    @Test("A bound that is sent as text is an error")
    func textBounds() {
        struct Word: PostgresRangeBound, RawRepresentable {
            static let postgresRangeType = PostgresType(named: "range_words")
            static let postgresMultirangeType = PostgresType(named: "range_words_set")
            var rawValue: String
            static func < (one: Word, other: Word) -> Bool { one.rawValue < other.rawValue }
        }
        #expect(refusal(PostgresRange(Word(rawValue: "a")...)) == "parameter $1: the lower bound has no binary format")
    }

    @Test("Multiranges round-trip, and match the server's")
    func multiranges() async throws {
        try await TestServer.shared.withPool { pool in
            let multiranges = (0..<300).map { _ in
                PostgresMultirange(ranges(Int.random(in: 0...6)) { Int.random(in: -20...20) }.dropFirst(2))
            }
            try await expectRoundTrip(Array(multiranges.prefix(20)), on: pool)
            try await expectText(multiranges, as: "int8multirange", on: pool)
            let decimals = (0..<300).map { _ in
                PostgresMultirange(ranges(Int.random(in: 0...6)) { Decimal(Int.random(in: -9...9)) }.dropFirst(2))
            }
            try await expectText(decimals, as: "nummultirange", on: pool)
            // The server's canonical form, from parts in any order.
            for _ in 0..<100 {
                let parts = Array(ranges(6) { Decimal(Int.random(in: -9...9)) }.dropFirst(2))
                let server = try await pool.query(
                    "SELECT range_agg(r) FROM unnest(\(parts)) AS r",
                    as: PostgresMultirange<Decimal>.self
                )[0]
                #expect(server == PostgresMultirange(parts), "\(parts)")
            }
            #expect(PostgresMultirange([PostgresRange(1...2), PostgresRange(5...6)]).contains(5))
        }
    }

    @Test("A type of the program names a range type that the database defines")
    func ownRange() async throws {
        struct Metres: PostgresRangeBound, RawRepresentable {
            static let postgresRangeType = PostgresType(named: "range_metres")
            static let postgresMultirangeType = PostgresType(named: "range_metres_set")
            var rawValue: Double
            static func < (one: Metres, other: Metres) -> Bool { one.rawValue < other.rawValue }
        }
        let server = try await TestServer.shared
        try await server.psql(
            "CREATE TYPE range_metres AS RANGE (subtype = float8, multirange_type_name = range_metres_set)"
        )
        try await server.withPool { pool in
            let range = PostgresRange(Metres(rawValue: 1.5)...Metres(rawValue: 2.5))
            try await expectRoundTrip([range, .empty, .unbounded], on: pool)
            try await expectRoundTrip([PostgresMultirange([range])], on: pool)
            try await equal(pool.query("SELECT (\([range]))::text", as: String.self), [#"{"[1.5,2.5]"}"#])
        }
    }
}
