// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import SQLitePooling
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct FoundationTypeTests {
    @Test("Data is stored as a blob and decoded unchanged")
    func data() async throws {
        try await withPool { pool in
            for data in [Data(), Data([0]), Data(0...255), Data(0...255)[10..<20]] {
                let row = try await pool.queryFirst("SELECT \(data), typeof(\(data))", as: (Data, String).self)
                #expect(try #require(row) == (data, "blob"))
            }
            let error = try await sqliteError { _ = try await pool.query("SELECT 'x'", as: Data.self) }
            #expect(error.code == .decoding)
        }
    }

    @Test("The library makes no copy of Data: only SQLite's two copies take memory")
    func dataMemory() async throws {
        let folder = try SampleFolder()
        let size = 64 << 20
        let child = try startChild("store", folder.file(), size)
        let output = await child.output.text()
        #expect(await child.exitCode() == 0)
        let growth = try #require(Int(output.trimmingCharacters(in: .whitespacesAndNewlines))) * 1_024
        // The bound value, the row, and an allowance for the page cache.
        #expect(growth < size * 2 + size / 2)
        print("A Data of \(size) bytes takes \(growth) more.")
    }

    @Test("A UUID is stored as text, and decoded from text in either case or from 16 bytes")
    func uuid() async throws {
        try await withPool { pool in
            let uuid = try #require(UUID(uuidString: "E621E1F8-C36C-495A-93FC-0C247A3E6E5F"))
            let row = try await pool.queryFirst(
                "SELECT \(uuid), \(uuid), lower(\(uuid))",
                as: (UUID, String, UUID).self
            )
            #expect(try #require(row) == (uuid, "E621E1F8-C36C-495A-93FC-0C247A3E6E5F", uuid))
            #expect(try await pool.query("SELECT x'E621E1F8C36C495A93FC0C247A3E6E5F'", as: UUID.self) == [uuid])
            for sql: SQLiteQuery in ["SELECT x'00'", "SELECT 'x'", "SELECT 1", "SELECT NULL"] {
                let error = try await sqliteError { _ = try await pool.query(sql, as: UUID.self) }
                #expect(error.code == .decoding)
            }
        }
    }

    @Test("A date is stored in the format of SQLite's own functions")
    func storedDates() async throws {
        try await withPool { pool in
            for milliseconds in [
                0, 1, -1, 999, 1_772_280_000_250, -62_167_219_200_000, 253_402_300_799_999, 951_782_399_999,
                -86_400_000,
            ] {
                let date = Date(timeIntervalSince1970: Double(milliseconds) / 1_000)
                let (back, text, sqlites) = try #require(
                    await pool.queryFirst(
                        "SELECT \(date), \(date), strftime('%Y-%m-%d %H:%M:%f', \(date))",
                        as: (Date, String, String).self
                    )
                )
                #expect(text == sqlites && text.utf8.count == 23)
                #expect((back.timeIntervalSince1970 * 1_000).rounded() == Double(milliseconds))
                #expect(
                    try await pool.query("SELECT CAST(strftime('%s', \(date)) AS INTEGER)", as: Int.self)
                        == [Int((Double(milliseconds) / 1_000).rounded(.down))]
                )
            }
            let date = Date(timeIntervalSince1970: 1_772_280_000.25)
            #expect(try await pool.query("SELECT \(date)", as: String.self) == ["2026-02-28 12:00:00.250"])
        }
    }

    @Test("Every day of SQLite's calendar is written and read as SQLite does")
    func everyDay() async throws {
        try await withPool { pool in
            let wrong = try await pool.read { db in
                var wrong = 0
                for day in stride(from: -719_528, through: 2_932_896, by: 97) {
                    let date = Date(timeIntervalSince1970: Double(day) * 86_400)
                    let row = try db.queryFirst(
                        "SELECT date(\(day * 86_400), 'unixepoch'), date(\(day * 86_400), 'unixepoch'), \(date)",
                        as: (String, Date, String).self
                    )
                    guard let (text, back, stored) = row else { return -1 }
                    if stored != text + " 00:00:00.000" || back != date { wrong += 1 }
                }
                return wrong
            }
            #expect(wrong == 0)
        }
    }

    @Test(
        "A date is decoded from each form that SQLite accepts",
        arguments: [
            ("'2026-02-28'", 1_772_236_800), ("'2026-02-28 12:00'", 1_772_280_000),
            ("'2026-02-28T12:00'", 1_772_280_000),
            ("'2026-02-28 12:00:01'", 1_772_280_001), ("'2026-02-28T12:00:00.25'", 1_772_280_000.25),
            ("'2026-02-28T12:00:00Z'", 1_772_280_000), ("'2026-02-28T13:00:00+01:00'", 1_772_280_000),
            ("'2026-02-28 06:30:00.500 -05:30'", 1_772_280_000.5),
            ("'2026-02-28T12:00:00.123456789Z'", 1_772_280_000.123456789),
            ("1772280000", 1_772_280_000), ("1772280000.5", 1_772_280_000.5), ("-1", -1),
            ("datetime(1772280000, 'unixepoch')", 1_772_280_000),
            ("'2026-02-28 13:45:00.25 +0000 UTC'", 1_772_286_300.25),
            ("'2026-02-28 13:45:00.25 +0000 UTC m=+0.1'", 1_772_286_300.25),
            ("'2026-02-28 14:45:00 +0100 CET m=-12.000000001'", 1_772_286_300),
            ("'2026-02-28 16:45:00 +0300 +03'", 1_772_286_300), ("'2026-02-28T13:45:00+0000'", 1_772_286_300),
            ("'2026-02-28 14:45:00+01'", 1_772_286_300), ("'20260228T134500Z'", 1_772_286_300),
            ("'20260228T134500.25Z'", 1_772_286_300.25), ("'20260228T1345'", 1_772_286_300),
            ("'20260228T144500+0100'", 1_772_286_300), ("'2026-02-28t13:45:00z'", 1_772_286_300),
            ("'1969-12-31 23:59:59.75'", -0.25), ("'0000-01-01'", -62_167_219_200),
        ] as [(String, Double)]
    )
    func readDates(expression: String, seconds: Double) async throws {
        try await withPool { pool in
            let dates = try await pool.query(SQLiteQuery(unsafe: "SELECT \(expression)"), as: Date.self)
            #expect(dates == [Date(timeIntervalSince1970: seconds)])
        }
    }

    @Test(
        "A text that is not a date is an error that does not contain the text",
        arguments: [
            "", "now", "2026-02-29", "2026-13-01", "2026-1-1", "2026-02-28 24:00", "2026-02-28 12", "2026-02-28 12:60",
            "2026-02-28 12:00:60", "2026-02-28 12:00:00.", "2026-02-28 12:00x", "2026-02-28T12:00:00+1", "12:00:00",
            "2026-02-28 12:00:00+15:00", "20260228", "20260228T", "20260228 134500", "20260228T13450",
            "2026-0228T134500",
            "2026-02-28 13:45:00 UTC", "2026-02-28 13:45:00 +0000 utc", "2026-02-28 13:45:00 +0000 UTC m=",
            "2026-02-28 13:45:00 +0000 UTC m=+1x", "2026-02-28 13:45:00Z ", "2026-02-28+01:00", "2026-12-31 23:59:60",
            "2026-02-28 ", "x2026-02-28",
        ]
    )
    func noDates(text: String) async throws {
        try await withPool { pool in
            let error = try await sqliteError { _ = try await pool.query("SELECT \(text) AS d", as: Date.self) }
            #expect(error.code == .decoding)
            #expect(
                error.message.hasPrefix(
                    "column “d” (index 0, declared without a type, stored TEXT): the text is not a date"
                )
            )
        }
    }
}
