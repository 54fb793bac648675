// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PostgresPooling

/// Random numbers that are the same in each run.
private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state >> 33) ^ (state << 17)
    }
}

@Suite(.timeLimit(.minutes(10))) struct FuzzTests {
    @Test("Arbitrary bytes yield a value or an error, whatever their type, and never trap", arguments: 0..<2)
    func randomBytes(seed: UInt64) {
        var generator = Generator(state: seed)
        var types = PostgresType.wellKnown.flatMap { [PostgresType(oid: $0.oid), PostgresType(oid: $0.arrayOID)] }
        types += [PostgresType(oid: 4_000_000_000), PostgresType(oid: 16_384), .unspecified]
        for type in types {
            for length in 0..<40 {
                let bytes = (0..<length).map { _ in
                    // Small numbers and the ends of ranges pass the first checks.
                    switch UInt8.random(in: 0...3, using: &generator) {
                    case 0: UInt8.random(in: 0...255, using: &generator)
                    case 1: UInt8([0, 1, 127, 128, 255].randomElement(using: &generator)!)
                    default: UInt8(0)
                    }
                }
                decodeAll(bytes, type)
            }
        }
    }

    @Test("Each value that is truncated or changed in one byte yields a value or an error, and never traps")
    func damagedValues() throws {
        let samples: [any PostgresEncodable] = [
            1, 1.5, Decimal(string: "-12345.678")!, UUID(), Date(), PostgresJSON([1]), [1, nil], ["a", nil, "bc"],
            [Decimal(string: "0.00001")!], [PostgresJSON(["a": 1])], [[UInt8(1)]], [UUID()], [Date()],
            PostgresTimestamp(utc: Date())!, PostgresTimeTZ(.midnight, secondsFromUTC: -20_700)!,
            PostgresInterval(months: -1, days: 2, microseconds: -3), PostgresNumeric("-12345.6780")!,
        ]
        for sample in samples {
            let argument = try argument(sample)
            let bytes = try #require(argument.bytes)
            let type = PostgresType(oid: argument.type)
            for index in bytes.indices {
                decodeAll(Array(bytes[..<index]), type)
                for byte in [0, 1, 2, 127, 128, 255] as [UInt8] {
                    var damaged = bytes
                    damaged[index] = byte
                    decodeAll(damaged, type)
                }
            }
        }
    }

    private func decodeAll(_ bytes: [UInt8], _ type: PostgresType) {
        let row = PostgresRows(sampleResult([("c", type)], [[bytes]]))[0]
        func attempt<each Value: PostgresArrayDecodable>(_ values: repeat (each Value).Type) {
            for value in repeat each values {
                _ = try? row.decode(value, at: 0)
                attemptArray(value)
            }
        }
        func attemptArray<Value: PostgresArrayDecodable>(_: Value.Type) {
            _ = try? row.decode([Value].self, at: 0)
            _ = try? row.decode([Value?].self, at: 0)
        }
        attempt(Int.self, Int8.self, UInt8.self, UInt32.self, UInt64.self, Double.self, Float.self, Bool.self)
        attempt(String.self, [UInt8].self, Data.self, UUID.self, Date.self, PostgresDate.self, Decimal.self)
        attempt(PostgresJSON<[Int]>.self, PostgresTimestamp.self, PostgresTime.self, PostgresTimeTZ.self)
        attempt(PostgresInterval.self, PostgresNumeric.self, PostgresMoney.self, PostgresLSN.self)
        attempt(PostgresOrInfinity<PostgresDate>.self, PostgresOrInfinity<PostgresTimestamp>.self)
        attempt(PostgresOrInfinity<Decimal>.self, PostgresOrInfinity<Date>.self)
        if let timestamp = try? row.decode(PostgresTimestamp.self, at: 0) { _ = ("\(timestamp)", timestamp.utcInstant) }
        if let interval = try? row.decode(PostgresInterval.self, at: 0) { _ = ("\(interval)", interval.duration) }
        if let time = try? row.decode(PostgresTimeTZ.self, at: 0) { _ = "\(time)" }
        if let number = try? row.decode(PostgresNumeric.self, at: 0) {
            #expect(number == number && PostgresNumeric("\(number)") != nil)
            _ = (Int(exactly: number), Double(number), Decimal(exactly: number))
        }
        if let date = try? row.decode(PostgresDate.self, at: 0) { _ = "\(date)" }
    }
}
