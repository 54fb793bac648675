// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PostgresPooling

/// Time zones behind UTC, at UTC, and ahead of UTC by a fraction of an hour.
let foreignZones = ["UTC", "America/New_York", "Asia/Kathmandu"]

@Suite(.timeLimit(.minutes(10))) struct TimeTypeTests {
    private func inEachZone(_ body: (PostgresPool, String) async throws -> Void) async throws {
        for zone in foreignZones {
            let setup = PostgresQuery(unsafe: "SET timezone = '\(zone)'")
            try await TestServer.shared.withPool(.native, { $0.setup = [setup] }) { pool in try await body(pool, zone) }
        }
    }

    @Test("A value round-trips and is found by comparison, in each column type and time zone")
    func sameInEachZone() async throws {
        let day = try #require(PostgresDate(year: 2026, month: 7, day: 4))
        let time = try #require(PostgresTime(hour: 23, minute: 30, second: 1, microsecond: 20))
        let timestamp = try #require(PostgresTimestamp(day, time))
        let instant = timestamp.utcInstant
        let offset = try #require(PostgresTimeTZ(time, secondsFromUTC: -20_700))
        try await inEachZone { pool, zone in
            func check<Value: PostgresArrayEncodable & PostgresArrayDecodable & Equatable & Sendable>(
                _ value: Value,
                _ type: String
            ) async throws {
                try await pool.withConnection { db in
                    let table = "zoned_\(type)"
                    try await db.execute(
                        PostgresQuery(unsafe: "CREATE TEMP TABLE IF NOT EXISTS \(table) (v \(type))")
                    )
                    try await db.execute("INSERT INTO \(identifier: table) VALUES (\(value))")
                    let back = try await db.query("SELECT v FROM \(identifier: table)", as: Value.self)
                    #expect(back == [value], "\(type) in \(zone)")
                    for query in [
                        "SELECT count(*) FROM \(identifier: table) WHERE v = \(back[0])",
                        "SELECT count(*) FROM \(identifier: table) WHERE v = ANY(\(back))",
                    ] as [PostgresQuery] {
                        try await equal(db.query(query, as: Int.self), [1])
                    }
                }
            }
            try await check(instant, "timestamptz")
            try await check(timestamp, "timestamp")
            try await check(day, "date")
            try await check(time, "time")
            try await check(offset, "timetz")
            try await check(PostgresInterval(months: -14, days: 3, microseconds: -4), "interval")
        }
    }

    @Test("A Date and a PostgresTimestamp do not decode from each other's types")
    func refusedZones() async throws {
        try await inEachZone { pool, _ in
            func refusal<Value: PostgresDecodable & Sendable>(_ query: PostgresQuery, _: Value.Type) async -> String {
                let error = await postgresFailure { try await pool.query(query, as: Value.self) }
                #expect(error?.code == .decoding)
                return error?.message ?? ""
            }
            let timestamp = await refusal("SELECT '2026-07-04 23:30:00'::timestamp", Date.self)
            #expect(timestamp.contains("PostgresTimestamp") && timestamp.contains("AT TIME ZONE 'UTC'"))
            await #expect(refusal("SELECT '2026-07-04'::date", Date.self).contains("decode PostgresDate"))
            await #expect(refusal("SELECT now()", PostgresTimestamp.self).contains("decode Date"))
            _ = await refusal("SELECT now()", PostgresDate.self)
            let utc = "SELECT ('2026-07-04 23:30:00'::timestamp) AT TIME ZONE 'UTC'" as PostgresQuery
            try await equal(pool.query(utc, as: Date.self), [Date(timeIntervalSince1970: 1_783_207_800)])
        }
    }

    @Test("A parameter that the time zone would convert is rejected, and a transaction continues")
    func refusedParameters() async throws {
        let date = Date(timeIntervalSince1970: 1_783_207_800)
        let timestamp = try #require(PostgresTimestamp(utc: date))
        try await inEachZone { pool, _ in
            try await pool.withConnection { db in
                try await db.execute("CREATE TEMP TABLE zones (ts timestamp, tz timestamptz, day date, time time)")
                let refused: [PostgresQuery] = [
                    "INSERT INTO zones (ts) VALUES (\(date))", "INSERT INTO zones (day) VALUES (\(date))",
                    "INSERT INTO zones (time) SELECT \(date)", "INSERT INTO zones (tz) VALUES (\(timestamp))",
                    "UPDATE zones SET ts = \(date)", "SELECT 1 FROM zones WHERE ts = \(date)",
                    "SELECT 1 FROM zones WHERE ts = ANY(\([date]))", "SELECT 1 FROM zones WHERE day < \(date)",
                    "SELECT coalesce(ts, \(date)) FROM zones", "INSERT INTO zones (ts) VALUES (\(Date?.none))",
                    "SELECT ts - \(date) FROM zones", "SELECT 1 FROM zones WHERE tz > \(timestamp)",
                    // Statements for which the server cannot infer all parameter types at once.
                    "INSERT INTO zones (ts) VALUES (\(date)) RETURNING repeat('x', \(1))",
                    "UPDATE zones SET ts = \(date) WHERE to_char(\(date), 'YYYY') <> ''",
                ]
                let taken: [PostgresQuery] = [
                    "INSERT INTO zones (tz, ts) VALUES (\(date), \(timestamp))", "SELECT \(date), \(timestamp)",
                    "SELECT 1 FROM zones WHERE tz > \(date) - interval '1 day' AND ts > \(timestamp) - interval '1 h'",
                    "SELECT \(date) + interval '1 day', \(timestamp) + interval '1 day', date_trunc('day', \(date))",
                    "SELECT extract(epoch FROM \(date)), to_char(\(timestamp), 'YYYY'), age(\(date))",
                    "SELECT * FROM unnest(\([date]), \([timestamp]))", "SELECT 1 FROM zones WHERE tz = ANY(\([date]))",
                    "INSERT INTO zones (ts) VALUES (\(date) AT TIME ZONE 'UTC')",
                    "SELECT \(date)::timestamptz::date",
                    "SELECT 1 FROM zones WHERE day = (\(date) AT TIME ZONE 'UTC')::date AND \(1) = 1",
                ]
                for _ in 0..<3 {
                    for query in refused {
                        let error = await postgresFailure { try await db.query(query) }
                        #expect(error?.code == .encoding && error?.connectionIsGone == false, "\(query)")
                        #expect(error?.message.contains("AT TIME ZONE 'UTC'") == true, "\(query)")
                    }
                    for query in taken { _ = try await db.query(query) }
                }
                try await db.execute("TRUNCATE zones")
                for queries in [refused, taken] {
                    try await db.withTransaction { db in
                        for query in queries {
                            let isRefused = await postgresFailure { try await db.query(query) } != nil
                            #expect(isRefused == (queries.count == refused.count), "\(query)")
                        }
                        // Proof that the transaction has not failed.
                        try await db.execute("INSERT INTO zones (day) VALUES (now())")
                    }
                }
                try await equal(db.query("SELECT count(*) FROM zones WHERE time IS NULL", as: Int.self), [4])
                try await equal(db.query("SELECT count(*) FROM zones WHERE ts = \(timestamp)", as: Int.self), [2])
                try await equal(db.query("SELECT count(*) FROM zones WHERE tz = \(date)", as: Int.self), [1])
            }
        }
    }

    @Test("A parameter is rejected if the time zone converts an expression of it, or a value for a domain")
    func refusedExpressions() async throws {
        let date = Date(timeIntervalSince1970: 1_783_207_800)
        let timestamp = try #require(PostgresTimestamp(utc: date))
        try await inEachZone { pool, _ in
            try await pool.withConnection { db in
                try await db.executeScript(
                    """
                    CREATE DOMAIN pg_temp.moment AS timestamp; CREATE DOMAIN pg_temp.birthday AS date;
                    CREATE DOMAIN pg_temp.instant AS timestamptz;
                    CREATE TEMP TABLE zoned (ts timestamp, tz timestamptz, "date" date, day date, moment pg_temp.moment,
                        birthday pg_temp.birthday, moments pg_temp.moment[], instant pg_temp.instant);
                    CREATE FUNCTION pg_temp.mixed(timestamp, timestamptz) RETURNS int LANGUAGE sql AS 'SELECT 1';
                    """
                )
                let refused: [PostgresQuery] = [
                    "SELECT 1 FROM zoned WHERE ts > \(date) - interval '1 day'",
                    "SELECT 1 FROM zoned WHERE day < \(date) + interval '1 day'",
                    "SELECT 1 FROM zoned WHERE ts BETWEEN \(date) - interval '1 day' AND \(date)",
                    "SELECT 1 FROM zoned WHERE tz > \(timestamp) - interval '1 day'",
                    "INSERT INTO zoned (ts) VALUES (coalesce(\(date), \(date)))",
                    "INSERT INTO zoned (ts) VALUES (CASE WHEN true THEN \(date) END)",
                    "INSERT INTO zoned (ts) VALUES (greatest(\(date), \(date)))",
                    "INSERT INTO zoned (tz) VALUES (nullif(\(timestamp), NULL))",
                    "INSERT INTO zoned (ts) SELECT DISTINCT \(date)",
                    "UPDATE zoned SET tz = \(date), ts = least(\(date), \(date)) WHERE ts = \(timestamp)",
                    "INSERT INTO zoned (moment) VALUES (\(date))", "INSERT INTO zoned (birthday) VALUES (\(date))",
                    "INSERT INTO zoned (moments) VALUES (\([date]))",
                    "INSERT INTO zoned (instant) VALUES (\(timestamp))",
                    "SELECT 1 FROM zoned WHERE moment = \(date)",
                ]
                let taken: [PostgresQuery] = [
                    "SELECT 1 FROM zoned WHERE tz > \(date) - interval '1 day' AND tz < \(date) + interval '1 day'",
                    "SELECT 1 FROM zoned WHERE ts > \(timestamp) - interval '1 day' AND tz = \(date)",
                    "INSERT INTO zoned (tz) VALUES (coalesce(\(date), \(date)))",
                    "INSERT INTO zoned (ts) VALUES (CASE WHEN true THEN \(timestamp) END)",
                    "SELECT ts + (\(date) - \(date)) FROM zoned",
                    "SELECT \"date\" FROM zoned WHERE tz > \(date) - interval '1 day'",
                    "SELECT 1 FROM zoned WHERE ts > \(date)::timestamptz - interval '1 day'",
                    "SELECT pg_temp.mixed(ts, \(date) + interval '1 day') FROM zoned",
                    "INSERT INTO zoned (instant) VALUES (\(date))", "INSERT INTO zoned (moment) VALUES (\(timestamp))",
                    "INSERT INTO zoned (moments) VALUES (\([timestamp]))",
                ]
                for _ in 0..<2 {
                    for query in refused {
                        let error = await postgresFailure { try await db.query(query) }
                        #expect(error?.code == .encoding && error?.connectionIsGone == false, "\(query)")
                    }
                    for query in taken { _ = try await db.query(query) }
                    try await db.withTransaction { db in
                        for query in refused {
                            let error = await postgresFailure { try await db.query(query) }
                            #expect(error?.code == .encoding && error?.outcome == .notExecuted, "\(query)")
                        }
                        for query in taken { _ = try await db.query(query) }
                    }
                }
            }
        }
    }

    @Test("Infinite dates, timestamps and numbers round-trip, and do not decode as finite ones")
    func infinities() async throws {
        try await TestServer.shared.withPool { pool in
            func check<Value: PostgresEncodable & PostgresDecodable & Equatable & Sendable>(
                _ value: Value,
                _ type: String
            ) async throws {
                for sent in [.negativeInfinity, .value(value), .infinity] as [PostgresOrInfinity<Value>] {
                    let row = try await pool.query(
                        "SELECT \(sent), (\(sent))::text, \([sent])",
                        as: (PostgresOrInfinity<Value>, String, [PostgresOrInfinity<Value>]).self
                    )[0]
                    #expect(row.0 == sent && row.2 == [sent])
                    if sent != .value(value) { #expect(row.1.lowercased() == "\(sent)") }
                    let finite = await postgresFailure { try await pool.query("SELECT \(sent)", as: Value.self) }
                    if sent == .value(value) {
                        #expect(finite == nil)
                    } else {
                        #expect(finite?.message.contains("infinite") == true)
                    }
                }
                let query = PostgresQuery(unsafe: "SELECT 'infinity'::\(type)")
                try await equal(pool.query(query, as: PostgresOrInfinity<Value>.self), [.infinity])
            }
            try await check(Date(timeIntervalSince1970: 1.25), "timestamptz")
            try await check(PostgresDate(year: 2026, month: 2, day: 3)!, "date")
            try await check(PostgresTimestamp(year: 2026, month: 2, day: 3)!, "timestamp")
            try await check(Decimal(string: "1.5")!, "numeric")
            let order: [PostgresOrInfinity<Int>] = [.negativeInfinity, .value(.min), .value(.max), .infinity]
            #expect(order.sorted() == order && order.map(\.value) == [nil, .min, .max, nil])
            let error = await postgresFailure { try await pool.query("SELECT \(PostgresOrInfinity<Int>.infinity)") }
            #expect(error?.code == .encoding && error?.message == "parameter $1: Int has no infinite value")
        }
    }

    @Test("The ends of the server's range round-trip, and values beyond them fail")
    func ends() async throws {
        let first = try #require(PostgresTimestamp(year: -4713, month: 11, day: 24))
        let last = try #require(
            PostgresTimestamp(
                year: 294_276,
                month: 12,
                day: 31,
                hour: 23,
                minute: 59,
                second: 59,
                microsecond: 999_999
            )
        )
        #expect(first.description == "-4713-11-24T00:00:00" && last.description == "294276-12-31T23:59:59.999999")
        #expect(PostgresTimestamp(year: -4713, month: 11, day: 23) == nil)
        #expect(PostgresTimestamp(year: 294_277, month: 1, day: 1) == nil)
        #expect(PostgresTimestamp(PostgresDate(year: 5_874_897, month: 12, day: 31)!) == nil)
        #expect(PostgresTimestamp(utc: .init(timeIntervalSince1970: .nan)) == nil)
        let midnight = try #require(PostgresTime(hour: 24, minute: 0))
        #expect(PostgresTime(hour: 24, minute: 0, microsecond: 1) == nil && PostgresTime(hour: -1, minute: 0) == nil)
        #expect(PostgresTimestamp(PostgresDate(year: 2026, month: 12, day: 31)!, midnight)?.day.year == 2027)
        #expect(PostgresTimeTZ(.midnight, secondsFromUTC: 57_600) == nil)
        let zones = [-57_599, 57_599].map { PostgresTimeTZ(midnight, secondsFromUTC: $0)! }
        try await TestServer.shared.withPool { pool in
            let row = try await pool.query(
                "SELECT \([first, last]), (\([first, last]))::text, \(midnight), (\(midnight))::text, \(zones), (\(zones))::text",
                as: ([PostgresTimestamp], String, PostgresTime, String, [PostgresTimeTZ], String).self
            )[0]
            #expect(row.0 == [first, last] && row.2 == midnight && row.3 == "24:00:00" && row.4 == zones)
            #expect(row.1 == #"{"4714-11-24 00:00:00 BC","294276-12-31 23:59:59.999999"}"#)
            #expect(row.5 == "{\(zones[0]),\(zones[1])}")
        }
    }

    @Test("A Date does not decode if it cannot represent the microseconds of a timestamptz, but a timestamp does")
    func farMicroseconds() async throws {
        try await TestServer.shared.withPool { pool in
            let far: PostgresQuery = "SELECT '9999-12-31 23:59:59.999999Z'::timestamptz"
            let error = await postgresFailure { try await pool.query(far, as: Date.self) }
            #expect(error?.code == .decoding && error?.message.contains("AT TIME ZONE 'UTC'") == true)
            let exact = try await pool.query("SELECT (\(sql: far)) AT TIME ZONE 'UTC'", as: PostgresTimestamp.self)[0]
            #expect(exact.description == "9999-12-31T23:59:59.999999")
            let whole = try await pool.query("SELECT '9999-12-31 23:59:59Z'::timestamptz", as: Date.self)[0]
            #expect(whole == Date(timeIntervalSince1970: 253_402_300_799))
        }
    }

    @Test("A description parses as its value, and encoded values round-trip")
    func coding() throws {
        func check<Value: Codable & Equatable & LosslessStringConvertible>(_ value: Value) throws {
            #expect(Value("\(value)") == value, "\(value)")
            #expect(try JSONEncoder().encode([value]) == Data("[\"\(value)\"]".utf8).escapingSlashes)
            #expect(try JSONDecoder().decode([Value].self, from: JSONEncoder().encode([value])) == [value])
        }
        for days in [-2_451_545, -730_120, -730_119, 0, 1, 10_000_000, 2_145_031_948] as [Int32] {
            let day = try #require(PostgresDate(days: days))
            try check(day)
            let time = PostgresTime(unchecked: .random(in: 0...PostgresTime.microsecondsPerDay))
            try check(time)
            try check(try #require(PostgresTimeTZ(time, secondsFromUTC: .random(in: -57_599...57_599))))
            if let timestamp = PostgresTimestamp(day, time) { try check(timestamp) }
        }
        try check(try #require(PostgresNumeric("-12345678901234567890.50")))
        try check(try #require(PostgresLSN("16/B374D848")))
        let values: [PostgresOrInfinity<PostgresDate>] = [.negativeInfinity, .value(.init(days: 1)!), .infinity]
        let json = try JSONEncoder().encode(values)
        #expect(String(decoding: json, as: UTF8.self) == #"["-infinity","2000-01-02","infinity"]"#)
        #expect(try JSONDecoder().decode([PostgresOrInfinity<PostgresDate>].self, from: json) == values)
        let others = [PostgresInterval(months: 1, days: -2, microseconds: 3)]
        #expect(try JSONDecoder().decode([PostgresInterval].self, from: JSONEncoder().encode(others)) == others)
        #expect(try JSONEncoder().encode([PostgresMoney(rawValue: -7)]) == Data("[-7]".utf8))
        for text in ["", "2026-1-01", "2026-02-30", "2026-01-01 ", "02026-01-01x", "--2026-01-01", "12345678-01-01"] {
            #expect(PostgresDate(text) == nil, "\(text)")
        }
        for text in ["", "24:00:01", "1:00:00", "00:00:00.", "00:00:00.1234567", "00:00"] {
            #expect(PostgresTime(text) == nil && PostgresTimestamp("2026-01-01T" + text) == nil, "\(text)")
        }
        #expect(PostgresTimeTZ("00:00:00") == nil && PostgresTimestamp("2026-01-01") == nil)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([PostgresDate].self, from: Data(#"["x"]"#.utf8))
        }
    }

    @Test("An interval has its parts, and converts to a duration if it has neither months nor days")
    func intervals() throws {
        #expect(PostgresInterval(microseconds: 1_500_000).duration == .milliseconds(1_500))
        #expect(PostgresInterval(days: 1).duration == nil && PostgresInterval(months: 1).duration == nil)
        #expect(PostgresInterval(exactly: .milliseconds(-1_500)) == PostgresInterval(microseconds: -1_500_000))
        #expect(PostgresInterval(exactly: .nanoseconds(1)) == nil)
        #expect(PostgresInterval(exactly: .seconds(Int64.max)) == nil)
        for (interval, text) in [
            (PostgresInterval(), "PT0S"), (PostgresInterval(months: 14, days: -3), "P1Y2M-3D"),
            (PostgresInterval(microseconds: -14_400_500_000), "PT-4H-0.5S"),
            (PostgresInterval(months: -1, microseconds: 61_000_001), "P-1MT1M1.000001S"),
            (.infinity, "infinity"), (.negativeInfinity, "-infinity"),
        ] { #expect(interval.description == text) }
    }
}

extension Data {
    /// Encodes a text like a `JSONEncoder`.
    fileprivate var escapingSlashes: Data {
        Data(String(decoding: self, as: UTF8.self).replacing("/", with: "\\/").utf8)
    }
}
