// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct DecodingTests {
    /// Decodes the bytes of a parameter as the type of the parameter.
    private func roundTrip<Value: PostgresArrayEncodable & PostgresArrayDecodable & Equatable>(
        _ values: [Value],
        as textType: PostgresType = .text
    ) throws {
        for value in values {
            let argument = try argument(value)
            let type = argument.type == 0 ? textType : PostgresType(oid: argument.type)
            #expect(try decode(argument.bytes, type, as: Value.self) == value)
            #expect(try decode(argument.bytes, type, as: Value?.self) == value)
        }
        let array = try argument(values)
        #expect(try decode(array.bytes, PostgresType(oid: array.type), as: [Value].self) == values)
        if Value.self != UInt8.self {
            #expect(try decode(array.bytes, PostgresType(oid: array.type), as: [Value?].self) == values)
        }
        let optionals = try argument([nil] + values + [nil])
        #expect(
            try decode(optionals.bytes, PostgresType(oid: optionals.type), as: [Value?].self) == [nil] + values + [nil]
        )
        #expect(try decode(nil, .text, as: Value?.self) == nil)
        #expect(try decode(nil, .text, as: [Value]?.self) == nil)
    }

    @Test("Every type round-trips, alone and in an array, to the ends of its range")
    func roundTrips() throws {
        try roundTrip([Int.min, -1, 0, .max])
        try roundTrip([Int8.min, .max])
        try roundTrip([Int16.min, .max])
        try roundTrip([Int32.min, .max])
        try roundTrip([Int64.min, .max])
        try roundTrip([UInt8.min, .max])
        try roundTrip([UInt16.min, .max])
        try roundTrip([UInt32.min, .max])
        try roundTrip([0.1, -.infinity, .greatestFiniteMagnitude, Double.leastNonzeroMagnitude])
        try roundTrip([Float(0.1), .infinity, .greatestFiniteMagnitude])
        try roundTrip([true, false])
        try roundTrip(["", "a", "ä𝄞", String(repeating: "x", count: 100_000)])
        try roundTrip([[], [0], [UInt8](0...255)] as [[UInt8]])
        try roundTrip([Data(), Data([0, 1])])
        try roundTrip([UUID(), UUID()])
        try roundTrip([Date(timeIntervalSince1970: 0), Date(timeIntervalSince1970: 1_700_000_000.125), .distantPast])
        try roundTrip([PostgresJSON(["a": [1, 2]]), PostgresJSON([:])])
        try roundTrip([PostgresJSON("text")])
        #expect(try decode(argument(Double.nan).bytes, .float8, as: Double.self).isNaN)
        #expect(try decode(argument(UInt64.max).bytes, .numeric, as: Decimal.self) == Decimal(UInt64.max))
    }

    private static let decimals = [
        "0", "1", "-1", "10000", "9999", "0.0001", "0.00001", "-1.5", "123456789.123456789", "100000000",
        "340282366920938463463374607431768211455", "-3402823669209384634633746.07431768211455",
    ]

    @Test("A Decimal round-trips exactly, also as text", arguments: decimals)
    func decimalRoundTrip(text: String) throws {
        let decimal = try #require(Decimal(string: text))
        try roundTrip([decimal])
        #expect(try decode(argument(decimal).bytes, .numeric, as: String.self) == text)
    }

    @Test("A Decimal round-trips exactly at the ends of its range")
    func decimalEnds() throws {
        let greatest = Decimal.greatestFiniteMagnitude
        try roundTrip([greatest, -greatest, .leastNonzeroMagnitude])
    }

    @Test("A numeric has the zeros that its scale specifies")
    func numericText() throws {
        #expect(try decode([0, 0, 0, 0, 0, 0, 0, 2], .numeric, as: String.self) == "0.00")
        #expect(try decode([0, 1, 0, 1, 0, 0, 0, 1, 0, 12], .numeric, as: String.self) == "120000.0")
        #expect(try decode([0, 1, 255, 253, 0x40, 0, 0, 12, 0, 12], .numeric, as: String.self) == "-0.000000000012")
        #expect(try decode([0, 0, 0, 0, 0xC0, 0, 0, 0], .numeric, as: String.self) == "NaN")
        #expect(try decode([0, 0, 0, 0, 0xD0, 0, 0, 0], .numeric, as: String.self) == "Infinity")
        #expect(try decode([0, 0, 0, 0, 0xF0, 0, 0, 0], .numeric, as: String.self) == "-Infinity")
    }

    @Test("A day decodes with its year, month and day")
    func dates() throws {
        for (year, month, day) in [(2000, 2, 29), (1999, 12, 31), (1, 1, 1), (0, 3, 1), (-4712, 1, 1), (2024, 12, 31)] {
            let date = try #require(PostgresDate(year: year, month: month, day: day))
            #expect((date.year, date.month, date.day) == (year, month, day))
            try roundTrip([date])
        }
        #expect(PostgresDate(year: 1970, month: 1, day: 1)?.days == -10_957)
        #expect(PostgresDate(year: 2023, month: 2, day: 29) == nil)
        #expect(PostgresDate(year: 1900, month: 2, day: 29) == nil)
        #expect(PostgresDate(year: 2023, month: 4, day: 31) == nil)
        for (year, month, day) in [
            (Int.max, 1, 1), (.min, 1, 1), (2024, .max, 1), (2024, .min, 1), (2024, 1, .max), (2024, 1, .min),
            (2024, 0, 1), (2024, 13, 1), (2024, 1, 0), (2024, 1, 32), (5_874_898, 1, 1),
        ] {
            #expect(PostgresDate(year: year, month: month, day: day) == nil)
        }
        #expect(PostgresDate(year: 5_874_897, month: 12, day: 31).map { "\($0)" } == "5874897-12-31")
        #expect(PostgresDate(year: -1, month: 2, day: 3).map { "\($0)" } == "-0001-02-03")
        #expect(PostgresDate(year: 0, month: 12, day: 31).map { "\($0)" } == "0000-12-31")
        for days in [Int32.min, .max] { #expect(PostgresDate(days: days) == nil) }
        for days in [Int32.min + 1, Int32.max - 1] as [Int32] {
            #expect(PostgresDate(days: days)?.description.isEmpty == false)
        }
        #expect(PostgresDate(year: 33, month: 4, day: 3).map { "\($0)" } == "0033-04-03")
        for days in stride(from: Int32.min + 1, to: .max, by: 1_234_567) {
            let date = try #require(PostgresDate(days: days))
            if abs(date.year) <= 5_000_000 {
                #expect(PostgresDate(year: date.year, month: date.month, day: date.day) == date)
            }
        }
    }

    @Test("A timestamptz decodes as a Date, and an infinite one fails with the name of the type that can hold it")
    func times() throws {
        let hour: [UInt8] = [0, 0, 0, 0, 0xD6, 0x93, 0xA4, 0x00]
        #expect(try decode(hour, .timestamptz, as: Date.self) == Date(timeIntervalSince1970: 946_688_400))
        for infinity in [[127] + Array(repeating: 255, count: 7), [128] + Array(repeating: 0, count: 7)] as [[UInt8]] {
            #expect(
                message(infinity, .timestamptz, as: Date.self)?.hasSuffix(
                    "the time is infinite; decode PostgresOrInfinity<Date>"
                ) == true
            )
            #expect(
                message(infinity, .timestamp, as: PostgresTimestamp.self)?.hasSuffix(
                    "the timestamp is infinite; decode PostgresOrInfinity<PostgresTimestamp>"
                ) == true
            )
        }
        for infinity in [[127, 255, 255, 255], [128, 0, 0, 0]] as [[UInt8]] {
            #expect(
                message(infinity, .date, as: PostgresDate.self)?.hasSuffix(
                    "the date is infinite; decode PostgresOrInfinity<PostgresDate>"
                ) == true
            )
        }
    }

    @Test("Integers of every width decode as every integer type with a sufficient range")
    func integers() throws {
        #expect(try decode([0, 7], .int2, as: Int.self) == 7)
        #expect(try decode([0, 0, 0, 7], .int4, as: UInt8.self) == 7)
        #expect(try decode([255, 255, 255, 255], .oid, as: UInt32.self) == .max)
        #expect(try decode([0, 0, 0, 0, 0, 0, 0, 7], .int8, as: Int8.self) == 7)
        #expect(try decode([0, 0, 0, 7], .int4, as: Decimal.self) == 7)
        for (bytes, type) in [([255, 255], .int2), ([255, 255, 255, 255], .int4)] as [([UInt8], PostgresType)] {
            #expect(
                message(bytes, type, as: UInt64.self)?.hasSuffix("the number is out of the range of UInt64") == true
            )
        }
        #expect(message([0, 128], .int2, as: Int8.self)?.hasSuffix("the number is out of the range of Int8") == true)
        let great = try argument(1e300).bytes
        #expect(message(great, .float8, as: Float.self)?.hasSuffix("the number is out of the range of Float") == true)
        #expect(try decode(argument(Float(1.5)).bytes, .float4, as: Double.self) == 1.5)
        #expect(try decode(argument(1.5).bytes, .float8, as: Float.self) == 1.5)
    }

    @Test("A String decodes everything that the server sends as text")
    func texts() throws {
        let types: [PostgresType] = [
            .text, .varchar, .bpchar, .name, .char, .unknown, .json, .xml, PostgresType(oid: 16_384),
        ]
        for type in types { #expect(try decode([0x41], type, as: String.self) == "A") }
        // The version of a binary format, such as that of `ltree`, and the flags of ranges that
        // are empty or have no bounds.
        for bytes in [[1, 0x41], [1], [0x18]] as [[UInt8]] {
            #expect(message(bytes, PostgresType(oid: 16_384), as: String.self)?.contains("not sent as text") == true)
        }
        #expect(try decode([9, 0x41], PostgresType(oid: 16_384), as: String.self) == "\tA")
        #expect(try decode([1, 0x41], .text, as: String.self) == "\u{1}A")
        #expect(try decode([1, 0x41], .jsonb, as: String.self) == "A")
        #expect(message([2, 0x41], .jsonb, as: String.self)?.hasSuffix("not those of the type") == true)
        #expect(message([0xFF], .text, as: String.self)?.hasSuffix("the text is not UTF-8") == true)
        #expect(
            message([0, 0, 0, 1], PostgresType(oid: 16_384), as: String.self)
                == "column “c” (index 0, type with OID 16384): the type is not sent as text; cast it to text"
        )
    }

    @Test("A value of the wrong type causes an error that names the column, its index and its type but not the value")
    func wrongType() throws {
        let secret = Array("hunter2".utf8)
        let result = sampleResult([("id", .int4), ("age", .text)], [[[0, 0, 0, 1], secret]], sql: "SELECT id, age")
        let error = #expect(throws: PostgresError.self) { try PostgresRows(result).decode(as: (Int, Int).self) }
        #expect(error?.code == .decoding && error?.sql == "SELECT id, age")
        #expect(error?.message == "column “age” (index 1, type text): Int needs int2, int4, int8, oid or numeric")
        #expect(error.map { "\($0)" }?.contains("hunter2") == false)
    }

    @Test("Types are not converted, and the error names the required type")
    func strictness() throws {
        func refuses<Value: PostgresDecodable>(_ type: PostgresType, _ value: Value.Type, _ reason: String) {
            #expect(message([0, 0, 0, 1], type, as: value) == "column “c” (index 0, type \(type)): \(reason)")
        }
        refuses(.text, Int.self, "Int needs int2, int4, int8, oid or numeric")
        refuses(.int4, String.self, "String needs a text; cast it to text")
        refuses(.uuid, String.self, "String needs a text; cast it to text")
        refuses(.text, Double.self, "Double needs float8, float4, numeric, int2, int4 or int8")
        refuses(.text, Float.self, "Float needs float8, float4, numeric, int2, int4 or int8")
        refuses(.int4, Bool.self, "Bool needs bool")
        refuses(.text, [UInt8].self, "[UInt8] needs bytea, json or jsonb; cast it, or use convert_to for a text")
        refuses(.text, Data.self, "Data needs bytea, json or jsonb; cast it, or use convert_to for a text")
        refuses(.text, UUID.self, "UUID needs uuid")
        refuses(.text, Date.self, "Date needs timestamptz")
        refuses(
            .timestamp,
            Date.self,
            "Date needs timestamptz; decode PostgresTimestamp, or write AT TIME ZONE 'UTC'"
        )
        refuses(.date, Date.self, "Date needs timestamptz; decode PostgresDate")
        refuses(
            .timestamptz,
            PostgresTimestamp.self,
            "PostgresTimestamp needs timestamp; decode Date, or write AT TIME ZONE 'UTC'"
        )
        refuses(.timestamp, PostgresDate.self, "PostgresDate needs date")
        refuses(.float8, Decimal.self, "Decimal needs numeric, int2, int4 or int8")
        refuses(.text, PostgresJSON<Int>.self, "PostgresJSON<Int> needs jsonb or json")
        refuses(.int4, [Int].self, "[Int] needs an array")
        refuses(PostgresType(oid: 5_000), [Int].self, "the bytes are not those of an array")
    }

    @Test("NULL is an error unless an optional is decoded")
    func null() throws {
        func refuses<Value: PostgresDecodable>(_ type: PostgresType, _ value: Value.Type) {
            #expect(
                message(nil, type, as: value)
                    == "column “c” (index 0, type \(type)): \(Value.self) cannot be NULL; decode an optional"
            )
        }
        refuses(.int8, Int.self)
        refuses(.text, String.self)
        refuses(.float8, Double.self)
        refuses(.float4, Float.self)
        refuses(.bool, Bool.self)
        refuses(.uuid, UUID.self)
        refuses(.timestamptz, Date.self)
        refuses(.date, PostgresDate.self)
        refuses(.numeric, Decimal.self)
        refuses(.jsonb, PostgresJSON<Int>.self)
        refuses(.bytea, Data.self)
        #expect(message(nil, .bytea, as: [UInt8].self)?.contains("[UInt8] cannot be NULL") == true)
        #expect(message(nil, PostgresType(oid: 1016), as: [Int].self)?.contains("[Int] cannot be NULL") == true)
    }

    @Test("An array fails with its type, its dimensions, or the element that cannot be decoded")
    func arrays() throws {
        let numbers = PostgresType(oid: 1016)
        let array = try argument([1, nil, 300])
        #expect(
            message(array.bytes, numbers, as: [Int].self)
                == "element 1 of column “c” (index 0, type int8): Int cannot be NULL; decode an optional"
        )
        #expect(
            message(array.bytes, numbers, as: [Int8?].self)
                == "element 2 of column “c” (index 0, type int8): the number is out of the range of Int8"
        )
        #expect(
            message(array.bytes, numbers, as: [String].self)
                == "element 0 of column “c” (index 0, type int8): String needs a text; cast it to text"
        )
        var bytes = try #require(array.bytes)
        bytes[3] = 2
        #expect(
            message(bytes, numbers, as: [Int].self)
                == "column “c” (index 0, type int8[]): the array has 2 dimensions, and only one can be decoded"
        )
        bytes[3] = 1
        #expect(message(bytes.dropLast(), numbers, as: [Int?].self)?.hasSuffix("not those of the type") == true)
        #expect(message(bytes + [0], numbers, as: [Int?].self)?.hasSuffix("not those of the type") == true)
        bytes.replaceSubrange(12..<16, with: [127, 255, 255, 255])
        #expect(message(bytes, numbers, as: [Int?].self)?.hasSuffix("not those of the type") == true)
        let empty = try #require(try argument([] as [Int]).bytes)
        #expect(try decode(empty, numbers, as: [Int].self) == [])
        #expect(message(empty + [0], numbers, as: [Int].self)?.hasSuffix("not those of the type") == true)
    }

    @Test("A number that a Decimal cannot hold exactly is an error")
    func hugeNumerics() throws {
        let reason = "the number is infinite, not a number, or has more digits than Decimal"
        for bytes in [
            [0, 0, 0, 0, 0xC0, 0, 0, 0], [0, 0, 0, 0, 0xD0, 0, 0, 0], [0, 1, 0, 100, 0, 0, 0, 0, 0, 1],
            [0, 1, 255, 0, 0, 0, 0, 0, 0, 1],
            Numeric.bytes(of: "340282366920938463463374607431768211456"),
        ] as [[UInt8]] {
            #expect(message(bytes, .numeric, as: Decimal.self) == "column “c” (index 0, type numeric): \(reason)")
        }
    }

    @Test("A Decimal of any exponent round-trips exactly or fails")
    func decimalExponents() throws {
        for exponent in -140...180 {
            for significand in ["1", "-12", "10", "34028236692093846346337460743176821143"] {
                let digits = significand.drop { $0 == "-" }
                let sign = significand.hasPrefix("-") ? "-" : ""
                let text =
                    exponent >= 0
                    ? sign + digits + String(repeating: "0", count: exponent)
                    : sign + "0." + String(repeating: "0", count: max(0, -exponent - digits.count))
                        + digits.suffix(-exponent)
                if exponent < 0, digits.count > -exponent { continue }
                let decimal = try? decode(Numeric.bytes(of: text), .numeric, as: Decimal.self)
                if let decimal {
                    #expect(try decode(argument(decimal).bytes, .numeric, as: Decimal.self) == decimal, "\(text)")
                    let returned = try decode(argument(decimal).bytes, .numeric, as: String.self)
                    // A Decimal has no trailing zeros.
                    #expect(returned == (exponent < 0 && text.hasSuffix("0") ? String(text.dropLast()) : text))
                } else {
                    #expect(exponent > 126 || exponent < -127, "\(text)")
                }
            }
        }
    }

    @Test("A numeric with a scale that no server has is malformed")
    func numericScale() throws {
        #expect(try decode([0, 0, 0, 0, 0, 0, 0x3F, 0xFF], .numeric, as: String.self).utf8.count == 2 + 0x3FFF)
        for scale in [[0x40, 0], [0x80, 0], [0xFF, 0xFF]] as [[UInt8]] {
            let bytes = [0, 0, 0, 0, 0, 0] + scale
            #expect(message(bytes, .numeric, as: String.self)?.hasSuffix("not those of the type") == true)
            #expect(message(bytes, .numeric, as: Decimal.self)?.hasSuffix("not those of the type") == true)
        }
    }

    @Test("A whole numeric decodes as the integers that are sent as numeric, and others fail")
    func unsigned() throws {
        try roundTrip([UInt.min, 1, 9_999, 10_000, 100_000_000, .max])
        try roundTrip([UInt64.min, 1, 9_999, 10_000, 100_000_000, .max])
        for (text, number) in [("7.00", 7), ("0.00", 0), ("120000.0", 120_000)] as [(String, UInt64)] {
            #expect(try decode(Numeric.bytes(of: text), .numeric, as: UInt64.self) == number)
        }
        for text in ["18446744073709551616", "-11", "0.5", "1.0001", "1" + String(repeating: "0", count: 1_000)] {
            #expect(
                message(Numeric.bytes(of: text), .numeric, as: UInt64.self)
                    == "column “c” (index 0, type numeric): the number is not whole, or is out of the range of UInt64"
            )
        }
        #expect(message([0, 0, 0, 0, 0xC0, 0, 0, 0], .numeric, as: UInt.self)?.contains("not whole") == true)
        #expect(message(nil, .numeric, as: UInt.self)?.contains("UInt cannot be NULL") == true)
    }

    private struct Order: Decodable {
        var name: String
        var count: Int
    }

    @Test("JSON that cannot be decoded causes an error with the reason but without the value")
    func json() throws {
        func refuses(_ json: String, _ reason: String) {
            #expect(
                message(Array(json.utf8), .json, as: PostgresJSON<Order>.self)
                    == "column “c” (index 0, type json): the JSON is not that of Order: \(reason)"
            )
        }
        refuses(#"{"name": "hunter2"}"#, "there is no key “count”")
        refuses(#"{"name": "hunter2", "count": "hunter2"}"#, "a value is not of type Int")
        refuses(#"{"name": null, "count": 1}"#, "a value of type String is null")
        refuses("hunter2", "it is not valid")
        #expect(
            try decode(Array(#"{"name": "a", "count": 1}"#.utf8), .json, as: PostgresJSON<Order>.self).value.name == "a"
        )
    }

    private enum Colour: String, PostgresArrayDecodable { case red }

    private struct Point: PostgresDecodable {
        var bytes: [UInt8]?

        init(cell: borrowing PostgresCell) throws(PostgresError) {
            bytes = cell.bytes
            if cell.type != PostgresType(oid: 600) { throw cell.mismatch("a Point needs point") }
        }
    }

    @Test("A custom type decodes itself, and its error names the column")
    func ownTypes() throws {
        #expect(try decode(Array("red".utf8), PostgresType(oid: 20_000), as: Colour.self) == .red)
        #expect(try decode(argument(["red"]).bytes, PostgresType(oid: 1009), as: [Colour].self) == [.red])
        #expect(
            message(Array("hunter2".utf8), .text, as: Colour?.self)
                == "column “c” (index 0, type text): no Colour has this raw value"
        )
        #expect(try decode([1, 2], PostgresType(oid: 600), as: Point.self).bytes == [1, 2])
        #expect(message([], .text, as: Point.self) == "column “c” (index 0, type text): a Point needs point")
    }
}
