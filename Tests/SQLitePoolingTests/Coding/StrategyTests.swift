// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct StrategyTests {
    typealias Dates = SQLiteConfiguration.DateStrategy

    private func withDates(_ dates: Dates, _ body: (SQLitePool) async throws -> Void) async throws {
        var configuration = SQLiteConfiguration()
        configuration.dates = dates
        try await withPool(configuration, body)
    }

    @Test(
        "A date is stored in the form of its strategy and decoded unchanged",
        arguments: [
            (.text(), 1_772_280_000.25, "'2026-02-28 12:00:00.250'"), (.text(), 0, "'1970-01-01 00:00:00.000'"),
            (.text(), 1_772_280_000.123456, "'2026-02-28 12:00:00.123456'"),
            (.text(), 1_772_280_000.1234, "'2026-02-28 12:00:00.1234'"),
            (.text(), -0.25, "'1969-12-31 23:59:59.750'"), (.text(), -1.000001, "'1969-12-31 23:59:58.999999'"),
            (.text(fractionalDigits: 0...6), 1_772_280_000, "'2026-02-28 12:00:00'"),
            (.text(fractionalDigits: 0...6), 1_772_280_000.5, "'2026-02-28 12:00:00.5'"),
            (.text(fractionalDigits: 6...6), 1_772_280_000.5, "'2026-02-28 12:00:00.500000'"),
            (.text(), -62_167_219_200, "'0000-01-01 00:00:00.000'"),
            (.text(), 253_402_300_799.999, "'9999-12-31 23:59:59.999'"),
            (.text(), 64_092_211_200, "'4001-01-01 00:00:00.000'"),
            (.secondsSince1970, 1_772_280_000, "1772280000"), (.secondsSince1970, 1_772_280_000.25, "1772280000.25"),
            (.secondsSince1970, -0.5, "-0.5"), (.secondsSince1970, 1e15, "1000000000000000"),
            (.millisecondsSince1970, 1_772_280_000.25, "1772280000250"), (.millisecondsSince1970, -0.001, "-1"),
            (.julianDay, 1_772_280_000, "2461100.0"), (.julianDay, 0, "2440587.5"),
            (.julianDay, 1_772_280_000.251, "julianday('2026-02-28 12:00:00.251')"),
        ] as [(Dates, Double, String)]
    )
    func dates(dates: Dates, seconds: Double, stored: String) async throws {
        try await withDates(dates) { pool in
            let date = Date(timeIntervalSince1970: seconds)
            let row = try await pool.queryFirst(
                "SELECT \(date) = \(sql: SQLiteQuery(unsafe: stored)), typeof(\(date)) = typeof(\(sql: SQLiteQuery(unsafe: stored))), \(date)",
                as: (Bool, Bool, Date).self
            )
            #expect(try #require(row) == (true, true, date))
        }
    }

    @Test("A date is rounded to the precision of its strategy, also into the next year")
    func rounding() async throws {
        let date = Date(timeIntervalSince1970: 1_767_225_599.9999996)
        try await withDates(.text()) { pool in
            let texts = try await pool.query("SELECT \(date)", as: String.self)
            #expect(texts == ["2026-01-01 00:00:00.000"])
        }
        try await withDates(.text(fractionalDigits: 3...3)) { pool in
            let texts = try await pool.query("SELECT \(Date(timeIntervalSince1970: 0.1235))", as: String.self)
            #expect(texts == ["1970-01-01 00:00:00.124"] || texts == ["1970-01-01 00:00:00.123"])
        }
        try await withDates(.millisecondsSince1970) { pool in
            let numbers = try await pool.query("SELECT \(date)", as: Int.self)
            #expect(numbers == [1_767_225_600_000])
        }
    }

    @Test(
        "Stored dates have the order of their instants",
        arguments: [Dates.text(), .julianDay, .secondsSince1970]
    )
    func order(dates: Dates) async throws {
        var seconds: [Double] = []
        for base in [-62_167_219_200.0, -1_000_000_000, -1, 0, 1, 951_782_399, 1_772_280_000, 253_402_300_799] {
            for offset in [0, 0.001, 0.25, 0.250_2, 0.250_25, 0.251, 0.999] { seconds.append(base + offset) }
        }
        let instants = Set(seconds).sorted().map { Date(timeIntervalSince1970: $0) }
        try await withDates(dates) { pool in
            let wrong = try await pool.write { db in
                try db.execute("CREATE TABLE t (position INTEGER, at)")
                for (index, date) in instants.enumerated() {
                    try db.execute("INSERT INTO t VALUES (\(index), \(date))")
                }
                let positions = try db.query("SELECT position FROM t ORDER BY at, position", as: Int.self)
                return zip(positions, positions.dropFirst()).filter { $0 > $1 }.count
            }
            #expect(wrong == 0)
        }
    }

    @Test(
        "A date that a strategy cannot represent is an error, and no statement runs",
        arguments: [
            (.text(), -62_167_219_200.001), (.text(), 253_402_300_800), (.text(), 253_402_300_799.9999999),
            (.text(), .nan),
            (.text(), .infinity), (.secondsSince1970, .nan), (.secondsSince1970, -.infinity),
            (.millisecondsSince1970, 1e17), (.millisecondsSince1970, .infinity), (.julianDay, 253_402_300_800),
            (.julianDay, -.infinity), (.julianDay, -62_167_219_201),
        ] as [(Dates, Double)]
    )
    func unrepresentable(dates: Dates, seconds: Double) async throws {
        try await withDates(dates) { pool in
            try await pool.execute("CREATE TABLE t (at)")
            let error = try await sqliteError {
                try await pool.execute("INSERT INTO t VALUES (\(Date(timeIntervalSince1970: seconds)))")
            }
            #expect(error.code == .encoding && error.message.hasPrefix("parameter 1 is a Date that dates: ."))
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [0])
        }
    }

    @Test(
        "A number is decoded in the unit of the strategy, and text under each strategy",
        arguments: [
            (.text(), "1772280000"), (.text(), "1772280000.0"), (.secondsSince1970, "1772280000"),
            (.millisecondsSince1970, "1772280000000"), (.millisecondsSince1970, "1772280000000.0"),
            (.julianDay, "2461100"), (.julianDay, "julianday('2026-02-28 12:00')"),
            (.secondsSince1970, "'2026-02-28 12:00:00'"), (.millisecondsSince1970, "datetime(1772280000, 'unixepoch')"),
            (.julianDay, "'2026-02-28T12:00:00Z'"),
        ] as [(Dates, String)]
    )
    func units(dates: Dates, expression: String) async throws {
        try await withDates(dates) { pool in
            let decoded = try await pool.query(SQLiteQuery(unsafe: "SELECT \(expression)"), as: Date.self)
            #expect(decoded == [Date(timeIntervalSince1970: 1_772_280_000)])
        }
    }

    @Test(
        "A number whose unit is unknown is an error that names the strategies",
        arguments: [
            (.text(), "1772280000250"), (.text(), "2461100.25"), (.text(), "-99999999999999"), (.text(), "9e999"),
            (.julianDay, "1772280000"), (.secondsSince1970, "9e999"), (.millisecondsSince1970, "-9e999"),
        ] as [(Dates, String)]
    )
    func unknownUnits(dates: Dates, expression: String) async throws {
        try await withDates(dates) { pool in
            let error = try await sqliteError {
                _ = try await pool.query(SQLiteQuery(unsafe: "SELECT \(expression)"), as: Date.self)
            }
            #expect(error.code == .decoding && error.message.contains(".millisecondsSince1970"))
        }
    }

    @Test(
        "A UUID finds the rows that were stored with its strategy",
        arguments: [
            (SQLiteConfiguration.UUIDStrategy.uppercaseText, "'E621E1F8-C36C-495A-93FC-0C247A3E6E5F'"),
            (.lowercaseText, "'e621e1f8-c36c-495a-93fc-0c247a3e6e5f'"), (.blob, "x'E621E1F8C36C495A93FC0C247A3E6E5F'"),
        ]
    )
    func uuids(uuids: SQLiteConfiguration.UUIDStrategy, stored: String) async throws {
        struct Row: Decodable, Equatable, Sendable { var id: UUID }
        var configuration = SQLiteConfiguration()
        configuration.uuids = uuids
        try await withPool(configuration) { pool in
            let uuid = try #require(UUID(uuidString: "E621E1F8-C36C-495A-93FC-0C247A3E6E5F"))
            try await pool.execute("CREATE TABLE t (id)")
            try await pool.execute(SQLiteQuery(unsafe: "INSERT INTO t VALUES (\(stored))"))
            #expect(try await pool.query("SELECT id FROM t WHERE id = \(uuid)", as: UUID.self) == [uuid])
            #expect(try await pool.query("SELECT id FROM t WHERE id = \(uuid)", decoding: Row.self) == [Row(id: uuid)])
            let named = SQLiteQuery("SELECT count(*) FROM t WHERE id = :id", named: ["id": uuid])
            #expect(try await pool.query(named, as: Int.self) == [1])
            let optional: UUID? = uuid
            #expect(try await pool.query("SELECT count(*) FROM t WHERE id = \(optional)", as: Int.self) == [1])
            for form in ["upper(\(stored))", "lower(\(stored))"] where uuids != .blob {
                #expect(try await pool.query(SQLiteQuery(unsafe: "SELECT \(form)"), as: UUID.self) == [uuid])
            }
            #expect(try await pool.query("SELECT x'E621E1F8C36C495A93FC0C247A3E6E5F'", as: UUID.self) == [uuid])
        }
    }

    @Test("A property is decoded from the column with its name in snake case")
    func snakeCase() async throws {
        struct Row: Decodable, Equatable, Sendable {
            var userName: String
            var idOfThing: Int
            var _raw: Int?
            var plain: Int
        }
        var configuration = SQLiteConfiguration()
        configuration.columnNames = .convertFromSnakeCase
        try await withPool(configuration) { pool in
            let rows = try await pool.query(
                "SELECT 'Ada' AS user_name, 1 AS ID_of_thing, 2 AS _raw, 3 AS plain",
                decoding: Row.self
            )
            #expect(rows == [Row(userName: "Ada", idOfThing: 1, _raw: 2, plain: 3)])
            let error = try await sqliteError { _ = try await pool.query("SELECT 'x' AS user", decoding: Row.self) }
            #expect(error.message == "there is no column “userName”")
        }
    }

    @Test("Fractional digits outside of 0 to 9 are a configuration error", arguments: [-1...3, 0...10])
    func validation(digits: ClosedRange<Int>) async throws {
        var configuration = SQLiteConfiguration()
        configuration.dates = .text(fractionalDigits: digits)
        let error = #expect(throws: SQLiteError.self) { try configuration.validate() }
        #expect(error?.code == .invalidConfiguration && error?.message.hasPrefix("dates") == true)
    }
}
