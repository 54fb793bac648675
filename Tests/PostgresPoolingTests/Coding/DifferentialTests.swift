// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PostgresPooling

/// Random values of a type, the column types that they decode from, and their form in `psql`.
/// Supporting a further type takes one more line.
private let sampleTypes: [SampleType] = [
    SampleType("Bool", ["boolean"], { $0 == ($1 ? "t" : "f") }) { Bool.random(using: &$0) },
    SampleType("Int", ["bigint", "numeric"]) { $0.integer(Int.self) },
    SampleType("Int64", ["bigint", "numeric"]) { $0.integer(Int64.self) },
    SampleType("Int32", ["integer", "bigint", "numeric"]) { $0.integer(Int32.self) },
    SampleType("Int16", ["smallint", "integer", "bigint", "numeric"]) { $0.integer(Int16.self) },
    SampleType("Int8", ["smallint", "integer", "bigint", "numeric"]) { $0.integer(Int8.self) },
    SampleType("UInt", ["numeric"]) { $0.integer(UInt.self) },
    SampleType("UInt64", ["numeric"]) { $0.integer(UInt64.self) },
    SampleType("UInt32", ["bigint", "numeric", "oid"]) { $0.integer(UInt32.self) },
    SampleType("UInt16", ["integer", "bigint", "numeric", "oid"]) { $0.integer(UInt16.self) },
    SampleType("UInt8", ["smallint", "integer", "bigint", "numeric"]) { $0.integer(UInt8.self) },
    SampleType("Double", ["double precision"], { Double($0) == $1 }) { $0.finite(Double(bitPattern: $0.next())) },
    SampleType("Float", ["real", "double precision"], { Float($0) == $1 }) {
        $0.finite(Float(bitPattern: $0.integer(UInt32.self)))
    },
    SampleType("Decimal", ["numeric"], { Decimal(string: $0) == $1 }) {
        Decimal(string: $0.decimal(whole: 20, fraction: 18))!
    },
    SampleType("PostgresNumeric", ["numeric"]) { PostgresNumeric($0.decimal(whole: 60, fraction: 60))! },
    SampleType("PostgresMoney", ["money"], as: "(v::numeric * 100)::bigint", { $0 == "\($1.rawValue)" }) {
        PostgresMoney(rawValue: $0.integer(Int64.self) / 128)
    },
    SampleType("String", ["text", "varchar", "varchar(40)"]) { $0.text() },
    SampleType("[UInt8]", ["bytea"], { $0 == $1.hex }) { $0.bytes() },
    SampleType("Data", ["bytea"], { $0 == Array($1).hex }) { Data($0.bytes()) },
    SampleType("UUID", ["uuid"], { $0 == $1.uuidString.lowercased() }) { $0.uuid() },
    SampleType(
        "Date",
        ["timestamptz"],
        as: "(extract(epoch FROM v) * 1000000)::bigint",
        { Int64($0) == $1.microsecondsSince1970 }
    ) {
        Date(postgresMicroseconds: Int64.random(in: -8_000_000_000_000_000...8_000_000_000_000_000, using: &$0))!
    },
    SampleType("PostgresTimestamp", ["timestamp"], { $0 == $1.serverText }) { $0.timestamp() },
    SampleType("PostgresDate", ["date"], { $0 == $1.serverText }) { $0.date() },
    SampleType("PostgresTime", ["time"]) { $0.time() },
    SampleType("PostgresTimeTZ", ["timetz"]) {
        PostgresTimeTZ($0.time(), secondsFromUTC: .random(in: -57_599...57_599, using: &$0))!
    },
    SampleType("PostgresInterval", ["interval"]) {
        PostgresInterval(
            months: $0.integer(Int32.self) / 2,
            days: $0.integer(Int32.self) / 2,
            microseconds: $0.integer(Int64.self) / 2
        )
    },
    SampleType("PostgresOrInfinity<PostgresDate>", ["date"], { $0 == $1.value?.serverText ?? "\($1)" }) {
        $0.orInfinity($0.date())
    },
    SampleType("PostgresOrInfinity<PostgresTimestamp>", ["timestamp"], { $0 == $1.value?.serverText ?? "\($1)" }) {
        $0.orInfinity($0.timestamp())
    },
    SampleType("PostgresOID", ["oid"], { $0 == "\($1.rawValue)" }) { PostgresOID(rawValue: $0.integer(UInt32.self)) },
    SampleType("PostgresXID", ["xid"], { $0 == "\($1.rawValue)" }) { PostgresXID(rawValue: $0.integer(UInt32.self)) },
    SampleType("PostgresCID", ["cid"], { $0 == "\($1.rawValue)" }) { PostgresCID(rawValue: $0.integer(UInt32.self)) },
    SampleType("PostgresXID8", ["xid8"], { $0 == "\($1.rawValue)" }) {
        PostgresXID8(rawValue: $0.integer(UInt64.self))
    },
    SampleType("PostgresLSN", ["pg_lsn"]) { PostgresLSN(rawValue: $0.integer(UInt64.self)) },
    SampleType("PostgresJSON", ["jsonb", "json"], { $0.replacing(" ", with: "") == "[\($1.value[0]),\($1.value[1])]" })
    {
        PostgresJSON([$0.integer(Int32.self), $0.integer(Int32.self)])
    },
]

@Suite(.timeLimit(.minutes(10))) struct DifferentialTests {
    @Test(
        "Random values round-trip through the pool and through psql, in each column type and time zone",
        arguments: sampleTypes
    )
    fileprivate func sameEverywhere(type: SampleType) async throws { try await type.check(10_000) }
}

private struct SampleType: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Sends and reads this many values for each column type and time zone.
    let check: @Sendable (_ count: Int) async throws -> Void

    /// - Parameters:
    ///   - name: The name of the Swift type.
    /// - columns: The column types.
    ///   - expression: The expression that `psql` selects to show the value in the column `v`.
    ///   - isShown: Returns whether the text of `psql` is the value.
    ///   - make: Creates a random value.
    init<Value: PostgresArrayEncodable & PostgresArrayDecodable & Equatable & Sendable>(
        _ name: String,
        _ columns: [String],
        as expression: String = "v",
        _ isShown: @escaping @Sendable (_ text: String, _ value: Value) -> Bool = { $0 == "\($1)" },
        make: @escaping @Sendable (inout SeededGenerator) -> Value
    ) {
        testDescription = name
        check = { count in
            for column in columns {
                let seed = UInt64.random(in: 0 ... .max)
                var generator = SeededGenerator(state: seed)
                let values = (0..<count).map { _ in make(&generator) }
                let check = Differential(
                    column: column,
                    expression: expression,
                    comment: "\(name) in \(column), seed \(seed)"
                )
                try await check.run(values, isShown)
            }
        }
    }
}

/// Values of one type for a column of one type. A part of them is inserted in each time zone, and
/// all are read in each.
private struct Differential {
    let column: String
    let expression: String
    let comment: Comment

    func run<Value: PostgresArrayEncodable & PostgresArrayDecodable & Equatable & Sendable>(
        _ values: [Value],
        _ isShown: @escaping @Sendable (String, Value) -> Bool
    ) async throws {
        let server = try await TestServer.shared
        let table = "differential_\(UUID().uuidString.prefix(8).lowercased())"
        try await server.withPool { pool in
            try await pool.withConnection { db in
                for table in [table, table + "_text"] {
                    try await db.execute(PostgresQuery(unsafe: "CREATE UNLOGGED TABLE \(table) (n int, v \(column))"))
                }
                for (index, zone) in foreignZones.enumerated() {
                    try await db.execute("SELECT set_config('timezone', \(zone), false)")
                    let query = insertion(of: values, every: foreignZones.count, from: index, table)
                    try await db.execute(query)
                }
                for (index, zone) in foreignZones.enumerated() {
                    try await db.execute("SELECT set_config('timezone', \(zone), false)")
                    try await expect(db.query("SELECT v FROM \(identifier: table) ORDER BY n", as: Value.self), values)
                    // psql shows the values, and its session writes a part of them as text.
                    let shown = try await server.psql(
                        """
                        INSERT INTO \(table)_text SELECT n, v::text::\(column) FROM \(table)
                            WHERE n % \(foreignZones.count) = \(index);
                        SELECT \(expression) FROM \(table) ORDER BY n
                        """,
                        connection: ["PGTZ": zone, "PGOPTIONS": "-c intervalstyle=iso_8601"]
                    ).split(separator: "\n", omittingEmptySubsequences: false)
                    #expect(shown.count == values.count, comment)
                    let strange = zip(shown, values).first { !isShown(String($0), $1) }
                    #expect(strange == nil, comment)
                }
                let texts = PostgresQuery(unsafe: "SELECT v FROM \(table)_text ORDER BY n")
                try await expect(db.query(texts, as: Value.self), values)
                try await equal(db.query(comparison(with: values, table), as: Int.self), [values.count])
                try await db.execute("DROP TABLE \(identifier: table), \(identifier: table + "_text")")
            }
        }
    }

    /// A statement that inserts some of the values, each as a parameter of its own.
    private func insertion(
        of values: [some PostgresEncodable],
        every count: Int,
        from start: Int,
        _ table: String
    ) -> PostgresQuery {
        let indices = stride(from: start, to: values.count, by: count)
        let rows = indices.enumerated().map { "(\($1),$\($0 + 1))" }.joined(separator: ",")
        let parameters = indices.map { values[$0].postgresParameter }
        return PostgresQuery(unsafe: "INSERT INTO \(table) VALUES \(rows)", parameters: parameters)
    }

    /// A statement that counts the values of an array that the server considers equal to those in
    /// the table. The array has optional elements, because an array of bytes is a `bytea`.
    private func comparison(with values: [some PostgresArrayEncodable], _ table: String) -> PostgresQuery {
        """
        SELECT count(*) FROM \(identifier: table) AS t
        JOIN unnest(\(values.map(Optional.some))) WITH ORDINALITY AS u (v, n) ON t.n + 1 = u.n
        WHERE t.v::text = u.v::\(sql: PostgresQuery(unsafe: column))::text
        """
    }

    private func expect<Value: Equatable>(_ returned: [Value], _ values: [Value]) {
        #expect(returned.count == values.count, comment)
        let different = zip(returned, values).first { $0 != $1 }
        #expect(different == nil, comment)
    }
}

/// Random numbers that are reproducible from a seed.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        // SplitMix64
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// An integer of any magnitude, including the ends of the range.
    mutating func integer<Number: FixedWidthInteger>(_: Number.Type) -> Number {
        switch next() % 32 {
        case 0: .min
        case 1: .max
        case 2: 0
        default: Number(truncatingIfNeeded: next()) >> Number(truncatingIfNeeded: next() % UInt64(Number.bitWidth))
        }
    }

    func finite<Number: BinaryFloatingPoint>(_ number: Number) -> Number { number.isNaN ? 0.1 : number }

    mutating func decimal(whole: UInt64, fraction: UInt64) -> String {
        let count = next() % (fraction + 1)
        var text = next() % 2 == 0 ? "-" : ""
        for _ in 0...(next() % whole) { text += "\(next() % 10)" }
        if count > 0 { text += "." }
        for _ in 0..<count { text += "\(next() % 10)" }
        return text
    }

    mutating func text() -> String {
        let characters: [Character] = [
            "a", "Z", "0", "'", "\"", "é", "漢", "\u{1F600}", "$", "{", "}", ",", " ", "\t", "\u{301}",
        ]
        // psql's output is trimmed.
        return "<" + String((0..<next() % 20).map { _ in characters.randomElement(using: &self)! }) + ">"
    }

    mutating func bytes() -> [UInt8] { (0..<next() % 24).map { _ in UInt8(truncatingIfNeeded: next()) } }

    mutating func uuid() -> UUID {
        let halves = (next(), next())
        return unsafe withUnsafeBytes(of: halves) { UUID(uuid: unsafe $0.loadUnaligned(as: uuid_t.self)) }
    }

    mutating func date() -> PostgresDate {
        let days: ClosedRange<Int32> = next() % 2 == 0 ? -2_451_545...2_145_031_948 : -800_000...800_000
        return PostgresDate(days: .random(in: days, using: &self))!
    }

    mutating func time() -> PostgresTime {
        let whole = next() % 4 == 0
        let time = Int64.random(in: 0...86_400_000_000, using: &self)
        return PostgresTime(microsecondsSinceMidnight: whole ? time / 1_000_000 * 1_000_000 : time)!
    }

    mutating func timestamp() -> PostgresTimestamp {
        let days: ClosedRange<Int32> = next() % 2 == 0 ? -2_451_545...106_751_990 : -800_000...800_000
        return PostgresTimestamp(PostgresDate(days: .random(in: days, using: &self))!, time())!
    }

    mutating func orInfinity<Value>(_ value: Value) -> PostgresOrInfinity<Value> {
        switch next() % 8 {
        case 0: .infinity
        case 1: .negativeInfinity
        default: .value(value)
        }
    }
}

extension PostgresDate {
    private var era: String { year < 1 ? " BC" : "" }

    private func text(_ time: String) -> String {
        func padded(_ number: Int, _ width: Int) -> String {
            String(repeating: "0", count: max(0, width - "\(number)".count)) + "\(number)"
        }
        return "\(padded(year < 1 ? 1 - year : year, 4))-\(padded(month, 2))-\(padded(day, 2))\(time)\(era)"
    }

    /// The server's format with `DateStyle` `ISO`.
    fileprivate var serverText: String { text("") }

    fileprivate func serverText(_ time: PostgresTime) -> String { text(" \(time)") }
}

extension PostgresTimestamp {
    /// The server's format with `DateStyle` `ISO`.
    fileprivate var serverText: String { day.serverText(time) }
}

extension Date {
    fileprivate var microsecondsSince1970: Int64 { (postgresMicroseconds ?? 0) + 946_684_800_000_000 }
}

extension [UInt8] {
    fileprivate var hex: String { "\\x" + map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() }
}
