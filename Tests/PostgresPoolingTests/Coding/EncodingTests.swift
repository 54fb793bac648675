// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct EncodingTests {
    private func expect(_ value: some PostgresEncodable, _ type: UInt32, _ bytes: [UInt8]?) throws {
        #expect(try argument(value) == Argument(type: type, format: 1, bytes: bytes))
    }

    @Test("Integers are sent as the smallest PostgreSQL type that holds all their values")
    func integers() throws {
        try expect(-2, 20, [255, 255, 255, 255, 255, 255, 255, 254])
        try expect(Int64.min, 20, [128, 0, 0, 0, 0, 0, 0, 0])
        try expect(Int32(258), 23, [0, 0, 1, 2])
        try expect(Int16(-1), 21, [255, 255])
        try expect(Int8(-128), 21, [255, 128])
        try expect(UInt8(255), 21, [0, 255])
        try expect(UInt16.max, 23, [0, 0, 255, 255])
        try expect(UInt32.max, 20, [0, 0, 0, 0, 255, 255, 255, 255])
        try expect(UInt64.max, 1700, try argument(Decimal(UInt64.max)).bytes)
        try expect(UInt(12_345), 1700, [0, 2, 0, 1, 0, 0, 0, 0, 0, 1, 0x09, 0x29])
    }

    @Test("Other values are sent in their binary format")
    func others() throws {
        try expect(1.5, 701, [0x3F, 0xF8, 0, 0, 0, 0, 0, 0])
        try expect(Float(1.5), 700, [0x3F, 0xC0, 0, 0])
        try expect(true, 16, [1])
        try expect(false, 16, [0])
        try expect([1, 0, 255] as [UInt8], 17, [1, 0, 255])
        try expect([] as [UInt8], 17, [])
        try expect(Data([1, 2]), 17, [1, 2])
        let uuid = try #require(UUID(uuidString: "00112233-4455-6677-8899-AABBCCDDEEFF"))
        try expect(uuid, 2950, (0...15).map { 0x11 * $0 })
        try expect(PostgresJSON(["a": 1]), 3802, [1] + Array(#"{"a":1}"#.utf8))
    }

    @Test("A String is sent as text without a type")
    func text() throws {
        #expect(try argument("é") == Argument(type: 0, format: 0, bytes: [0xC3, 0xA9]))
        #expect(try argument("") == Argument(type: 0, format: 0, bytes: []))
    }

    @Test("A text that libpq reads to its end is terminated")
    func textEnds() throws {
        let query: PostgresQuery = "SELECT \("ab"), \(""), \("c")"
        let texts = try unsafe query.withArguments { _, _, values, _, _ in
            (0..<3).map { unsafe String(cString: values![$0]!) }
        }
        #expect(texts == ["ab", "", "c"])
    }

    @Test("Times are sent as microseconds since 2000, and days as days")
    func times() throws {
        try expect(Date(timeIntervalSince1970: 946_684_800), 1184, [0, 0, 0, 0, 0, 0, 0, 0])
        try expect(Date(timeIntervalSince1970: 946_684_800.000_258), 1184, [0, 0, 0, 0, 0, 0, 1, 2])
        try expect(Date(timeIntervalSince1970: 946_684_799.999_999), 1184, Array(repeating: 255, count: 8))
        try expect(PostgresDate(year: 2000, month: 1, day: 1), 1082, [0, 0, 0, 0])
        try expect(PostgresDate(year: 2000, month: 3, day: 1), 1082, [0, 0, 0, 60])
        try expect(PostgresDate(year: 1999, month: 12, day: 31), 1082, [255, 255, 255, 255])
    }

    @Test("The microseconds of a time are rounded to the nearest, however distant the time is")
    func microseconds() throws {
        func microseconds(_ seconds: Double) -> Int64? {
            Date(timeIntervalSinceReferenceDate: seconds).postgresMicroseconds.map { $0 - 31_622_400_000_000 }
        }
        let near = [0, 1e-6, -1e-6, 0.123456, -0.123456, 0.9999999, -0.9999999, -0.0].map(microseconds)
        #expect(near == [0, 1, -1, 123_456, -123_456, 1_000_000, -1_000_000, 0])
        #expect(microseconds(9_500_000_000.123457) == 9_500_000_000_123_457)
        #expect(microseconds(-60_000_000_000.5) == -60_000_000_000_500_000)
        #expect(microseconds(9e12 + 0.515625) == 9_000_000_000_000_515_625)
        for seconds in [1e13, -1e13, 9.223372e12, .infinity, -.infinity, .nan, .greatestFiniteMagnitude] {
            #expect(microseconds(seconds) == nil)
        }
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<10_000 {
            let microseconds = Int64.random(in: -200_000_000_000_000_000...9_100_000_000_000_000_000, using: &generator)
            let date = try #require(Date(postgresMicroseconds: microseconds))
            // At that distance, the precision of a `Date` is less than a microsecond. All of it is
            // preserved.
            #expect(Date(postgresMicroseconds: try #require(date.postgresMicroseconds)) == date)
        }
        for microseconds in [Int64.max, .min, .min + 1] { #expect(Date(postgresMicroseconds: microseconds) == nil) }
    }

    @Test("Decimals are sent digit by digit")
    func decimals() throws {
        func number(_ text: String) throws -> Decimal { try #require(Decimal(string: text)) }
        try expect(Decimal(0), 1700, [0, 0, 0, 0, 0, 0, 0, 0])
        try expect(Decimal(10_000), 1700, [0, 1, 0, 1, 0, 0, 0, 0, 0, 1])
        try expect(try number("-1.5"), 1700, [0, 2, 0, 0, 0x40, 0, 0, 1, 0, 1, 0x13, 0x88])
        try expect(try number("0.0001"), 1700, [0, 1, 255, 255, 0, 0, 0, 4, 0, 1])
        try expect(try number("0.00001"), 1700, [0, 1, 255, 254, 0, 0, 0, 5, 0x03, 0xE8])
    }

    @Test("nil is NULL of its type")
    func null() throws {
        try expect(Int?.none, 20, nil)
        try expect(Int32?.none, 23, nil)
        try expect(UUID?.none, 2950, nil)
        try expect([UInt8]?.none, 17, nil)
        try expect([Int]?.none, 1016, nil)
        try expect([String?]?.none, 1009, nil)
        try expect(String?.none, 0, nil)
        try expect(PostgresParameter.null(.date), 1082, nil)
        try expect(Int??.some(nil), 20, nil)
    }

    @Test("Arrays are sent in binary format, with NULLs")
    func arrays() throws {
        let header: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 0]
        try expect(
            [Int16(1), -1],
            1005,
            header + [0, 0, 0, 21, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 0, 0, 2, 255, 255]
        )
        try expect(
            ["a", nil],
            1009,
            [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 25, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 97, 255, 255, 255, 255]
        )
        try expect([] as [Int], 1016, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20])
        try expect([[7]] as [[UInt8]], 1001, header + [0, 0, 0, 17, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 7])
        let types = [
            [UUID].postgresType, [Date].postgresType, [Decimal].postgresType, [PostgresDate].postgresType,
            [Bool].postgresType, [Double].postgresType, [Float].postgresType, [PostgresJSON<Int>].postgresType,
            [UInt8?].postgresType, [UInt64].postgresType,
        ]
        #expect(types.map(\.oid) == [2951, 1185, 1231, 1182, 1000, 1022, 1021, 3807, 1005, 1231])
    }

    private enum Colour: String, PostgresArrayEncodable { case red }

    private struct Count: PostgresArrayEncodable {
        var postgresParameter: PostgresParameter { PostgresParameter(1) }
    }

    @Test("A custom type is sent as the type that its parameter is made from")
    func ownTypes() throws {
        #expect(try argument(Colour.red) == argument("red"))
        #expect(try argument([Colour.red]) == argument(["red"]))
        #expect(try argument(Colour?.none) == argument(String?.none))
        #expect(try argument(Count()) == argument(1))
        let binary = PostgresParameter(binary: [1, 2], type: PostgresType(oid: 99_999))
        try expect(binary, 99_999, [1, 2])
    }

    @Test("A value that cannot be sent causes an error with the reason but without the value")
    func failures() throws {
        func expectFailure(_ value: some PostgresEncodable, _ message: String) {
            let error = #expect(throws: PostgresError.self) { try argument(value) }
            #expect(error?.code == .encoding)
            #expect(error?.message == "parameter $1: \(message)")
        }
        expectFailure(Date(timeIntervalSince1970: 1e300), "the Date is out of range")
        expectFailure(Date(timeIntervalSince1970: .nan), "the Date is out of range")
        expectFailure(Decimal.nan, "the Decimal is not a number")
        expectFailure([1, Decimal.nan], "element 1: the Decimal is not a number")
        expectFailure(PostgresJSON(Double.nan), "Double cannot be encoded as JSON")
        expectFailure([Count()], "element 0 has the type int8, and the array text")
    }
}
