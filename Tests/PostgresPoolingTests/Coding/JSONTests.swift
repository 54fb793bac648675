// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PostgresPooling

private enum SnakeCase: PostgresJSONCoders {
    static func makeEncoder() -> JSONEncoder {
        let encoder = PostgresDefaultJSONCoders.makeEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.dateEncodingStrategy = .secondsSince1970
        return encoder
    }

    static func makeDecoder() -> JSONDecoder {
        let decoder = PostgresDefaultJSONCoders.makeDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        decoder.dateDecodingStrategy = .secondsSince1970
        return decoder
    }
}

@Suite(.timeLimit(.minutes(10))) struct JSONTests {
    private struct Event: Codable, Hashable, Sendable {
        var startsAt: Date
    }

    @Test("A Date within JSON round-trips, whatever its fraction and its distance")
    func dates() throws {
        var dates = [
            0, 0.5, -0.5, 1e-7, -1e-7, .leastNonzeroMagnitude, 0.1 + 0.2, -1.000001, -63_114_076_800,
            252_423_993_599.99997, 9e12,
        ]
        .map(Date.init(timeIntervalSinceReferenceDate:))
        dates += [Date(), .distantPast, .distantFuture]
        for exponent in -20...43 {
            for _ in 0..<50 {
                let seconds = Double.random(in: -1...1) * Double(sign: .plus, exponent: exponent, significand: 1)
                dates.append(Date(timeIntervalSinceReferenceDate: seconds))
            }
        }
        for date in dates {
            let text = try #require(date.jsonText)
            #expect(Date(jsonText: text) == date, "\(text)")
        }
        #expect(Date(timeIntervalSinceReferenceDate: -0.25).jsonText == "2000-12-31T23:59:59.750000+00:00")
        #expect(Date(timeIntervalSinceReferenceDate: 1e-7).jsonText == "2001-01-01T00:00:00.0000001+00:00")
        #expect(Date(timeIntervalSince1970: 253_402_300_800).jsonText == "10000-01-01T00:00:00.000000+00:00")
        #expect(Date(timeIntervalSince1970: -62_135_596_801).jsonText == "0001-12-31T23:59:59.000000+00:00 BC")
        for seconds in [Double.nan, .infinity, 1e15, -1e300] {
            #expect(Date(timeIntervalSinceReferenceDate: seconds).jsonText == nil)
        }
    }

    @Test("A text that is not a time with an offset from UTC is not a Date")
    func texts() {
        let expected = Date(timeIntervalSince1970: 1_795_894_812.123456)
        for text in [
            "2026-11-28T19:40:12.123456+00:00", "2026-11-28T19:40:12.123456Z", "2026-11-28 14:40:12.123456-05",
            "2026-11-29T01:25:12.123456+05:45", "2026-11-29t01:25:12.1234560+0545",
            "2026-11-28T19:41:12.123456+00:01:00",
        ] { #expect(Date(jsonText: text) == expected, "\(text)") }
        for text in [
            "", "2026-11-28", "2026-11-28T19:40:12", "2026-11-28T19:40Z", "2026-11-28T19:40:12.Z",
            "2026-02-30T00:00:00Z",
            "2026-11-28T25:40:12Z", "2026-11-28T19:60:12Z", "2026-11-28T19:40:12+16:00", "2026-11-28T19:40:12Zx",
            "infinity",
            "0000-01-01T00:00:00Z", "2026-11-28T19:40:12Z AD", "26-11-28T19:40:12Z", "2026-11-28T19:40:12+00:00:00:00",
            "99999999-01-01T00:00:00Z",
        ] { #expect(Date(jsonText: text) == nil, "\(text)") }
    }

    @Test("The server's times within JSON denote the same instants, in each time zone")
    func serverTimes() async throws {
        for zone in foreignZones {
            let setup = PostgresQuery(unsafe: "SET timezone = '\(zone)'")
            try await TestServer.shared.withPool(.native, { $0.setup = [setup] }) { pool in
                for text in [
                    "2026-11-28 19:40:12.123456Z", "2026-07-01 00:00:00Z", "1850-01-01 00:00:00.5Z",
                    "0044-03-15 12:00:00Z BC",
                    "12345-06-07 08:09:10Z",
                ] {
                    let (json, date) = try await pool.query(
                        "SELECT jsonb_build_object('startsAt', t), t FROM (SELECT (\(text))::timestamptz AS t) AS times",
                        as: (PostgresJSON<Event>, Date).self
                    )[0]
                    #expect(json.value.startsAt == date, "\(text) in \(zone)")
                    let event = PostgresJSON(Event(startsAt: date))
                    let row = try await pool.query(
                        "SELECT (j->>'startsAt')::timestamptz, j FROM (SELECT \(event) AS j) AS events",
                        as: (Date, PostgresJSON<Event>).self
                    )[0]
                    #expect(row.0 == date && row.1 == event, "\(text) in \(zone)")
                }
                let now = PostgresJSON(Event(startsAt: Date()))
                try await equal(pool.query("SELECT \(now)", as: PostgresJSON<Event>.self), [now])
                let naive = await postgresFailure {
                    try await pool.query(
                        "SELECT jsonb_build_object('startsAt', now()::timestamp)",
                        as: PostgresJSON<Event>.self
                    )
                }
                #expect(naive?.message.hasSuffix("a date is not an ISO 8601 time with an offset from UTC") == true)
            }
        }
    }

    @Test("Custom coders encode and decode a type")
    func ownCoders() async throws {
        typealias SnakeCaseJSON<Value> = PostgresCodedJSON<Value, SnakeCase>
        let event = SnakeCaseJSON(Event(startsAt: Date(timeIntervalSince1970: 1.5)))
        try await TestServer.shared.withPool { pool in
            let row = try await pool.query(
                "SELECT \(event), (\(event))::text, \([event])",
                as: (SnakeCaseJSON<Event>, String, [SnakeCaseJSON<Event>]).self
            )[0]
            #expect(row == (event, #"{"starts_at": 1.5}"#, [event]))
        }
    }

    @Test("JSON is sent and decoded as text and as bytes")
    func rawJSON() async throws {
        try await TestServer.shared.withPool { pool in
            let json = #"{"a": [1, "é"]}"#
            for query in [
                "SELECT (\(json))::jsonb", "SELECT (\(json))::json",
                "SELECT \(PostgresParameter.jsonb(Array(json.utf8)))",
            ] as [PostgresQuery] {
                try await equal(pool.query(query, as: String.self), [json])
                try await equal(pool.query(query, as: [UInt8].self), [Array(json.utf8)])
                try await equal(pool.query(query, as: Data.self), [Data(json.utf8)])
            }
            let error = await postgresFailure { try await pool.query("SELECT \(PostgresParameter.jsonb([0x7B]))") }
            #expect(error?.sqlState == "22P02")
        }
    }
}
