// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PostgresPooling
import Testing

/// The same statements for roles with different settings, in databases of each encoding.
@Suite(.timeLimit(.minutes(10))) struct EnvironmentTests {
    private static let texts = ["", "José", "a\\b'c\"d", "\t\n", "100 %", "$1 \\' ?"]
    private static let doubles = [0, -0.1, 0.1 + 0.2, .pi, 1e300, 1e-300, -.infinity]

    @Test(
        "Values round-trip regardless of the settings of the role and the database",
        arguments: DatabaseEncoding.allCases,
        ForeignRole.allCases
    )
    func values(_ encoding: DatabaseEncoding, _ role: ForeignRole) async throws {
        try await TestServer.shared.withForeignPool(encoding, role) { pool in
            // Prepared on the second run.
            for _ in 0..<2 {
                for text in Self.texts { try await equal(pool.query("SELECT \(text)", as: String.self), [text]) }
                for double in Self.doubles {
                    try await equal(pool.query("SELECT \(double)", as: Double.self), [double])
                }
                for date in [-86_400.5, 0, 1.25e9, 4e9].map(Date.init(timeIntervalSince1970:)) {
                    try await equal(pool.query("SELECT \(date)", as: Date.self), [date])
                    try await equal(
                        pool.query("SELECT extract(epoch FROM \(date))::float8", as: Double.self),
                        [date.timeIntervalSince1970]
                    )
                }
                let integers = try await pool.query(
                    "SELECT \(Int.min), \(Int32.max), \(Int16(-7))",
                    as: (Int, Int32, Int16).self
                )
                #expect(integers[0] == (.min, .max, -7))
                let (bytes, identifier) = (Data([0, 92, 39, 255, 120]), UUID())
                try await equal(pool.query("SELECT \(bytes)", as: Data.self), [bytes])
                try await equal(pool.query("SELECT \(identifier)", as: UUID.self), [identifier])
                let decimal = Decimal(string: "-12345678.90123456789")!
                try await equal(pool.query("SELECT \(decimal)", as: Decimal.self), [decimal])
                let json = PostgresJSON(["é\\'": [1.5, nil]])
                try await equal(pool.query("SELECT \(json)", as: PostgresJSON<[String: [Double?]]>.self), [json])
                try await equal(pool.query("SELECT \(Self.texts)", as: [String].self), [Self.texts])
                try await equal(pool.query("SELECT \(Self.doubles)", as: [Double].self), [Self.doubles])
                try await equal(pool.query("SELECT \(true), \(Int?.none)", as: (Bool, Int?).self).map(\.0), [true])
            }
        }
    }

    @Test(
        "Statements have the same effects regardless of the settings of the role and the database",
        arguments: DatabaseEncoding.allCases,
        ForeignRole.allCases
    )
    func statements(_ encoding: DatabaseEncoding, _ role: ForeignRole) async throws {
        try await TestServer.shared.withForeignPool(encoding, role) { pool in
            let name = "we\"ird \\ né'me"
            try await equal(pool.query("SELECT 1 AS \(identifier: name)").columnNames, [name])
            try await pool.withConnection { db in
                try await write(db, isRefused: role == .readOnly)
                var sum = 0
                for try await row in db.stream("SELECT n FROM generate_series(1, 1000) AS n") {
                    sum += try row.decode(as: Int.self)
                }
                #expect(sum == 500_500)
                let error = await postgresFailure { try await db.query("SELECT 1 / \(0)") }
                #expect(error?.sqlState == "22012" && error?.server?.severity == "ERROR")
                #expect(
                    await postgresFailure { try await db.query("SELECT * FROM \(identifier: name)") }?.sqlState
                        == .undefinedTable
                )
            }
        }
    }

    /// Writes and reads in transactions and savepoints.
    private func write(_ db: borrowing PostgresConnection, isRefused: Bool) async throws {
        let error = await postgresFailure {
            try await db.executeScript(
                "CREATE TEMP TABLE \(identifier: "tä;ble") (id int PRIMARY KEY, \(identifier: "a\"b") text); SELECT 'x;y'"
            )
        }
        #expect(error?.sqlState == (isRefused ? .readOnlyTransaction : nil))
        if isRefused { return }
        try await db.withTransaction { db in
            let insert = { (id: Int32) -> PostgresQuery in
                "INSERT INTO \(identifier: "tä;ble") (id, \(identifier: "a\"b")) VALUES (\(id), \("é\\"))"
            }
            try await db.execute(insert(1))
            let failed = await postgresFailure {
                try await db.withSavepoint { db in
                    try await db.execute(insert(2))
                    try await db.execute(insert(1))
                }
            }
            #expect(failed?.sqlState == .uniqueViolation)
            try await db.withSavepoint { db in try await db.execute(insert(3)) }
        }
        let rows = try await db.query(
            "SELECT id, \(identifier: "a\"b") FROM \(identifier: "tä;ble") ORDER BY id",
            as: (Int32, String).self
        )
        #expect(rows.map(\.0) == [1, 3] && rows.allSatisfy { $0.1 == "é\\" })
    }

    @Test("A reset restores the settings of the role, on the same connection", arguments: ForeignRole.allCases)
    func reset(_ role: ForeignRole) async throws {
        try await TestServer.shared.withForeignPool(.latin1, role) { pool in
            func state() async throws -> [String] {
                try await pool.query(
                    """
                    SELECT current_setting(name) FROM unnest(ARRAY['TimeZone', 'DateStyle', 'IntervalStyle', 'statement_timeout',
                    'default_transaction_read_only', 'search_path', 'standard_conforming_strings', 'bytea_output',
                    'extra_float_digits', 'client_encoding', 'client_min_messages', 'role', 'application_name']) AS name
                    UNION ALL SELECT current_user::text
                    """,
                    as: String.self
                )
            }
            let (before, process) = try await (state(), pool.process())
            for statement in [
                "SET TimeZone = 'Asia/Tokyo'", "SET ROLE NONE", "DISCARD ALL", "RESET ALL", "SET search_path = public",
                "SET standard_conforming_strings = off", "SET default_transaction_read_only = on",
                "SET DateStyle = 'SQL'",
            ] {
                try await pool.execute(PostgresQuery(unsafe: statement))
                try await equal(state(), before)
            }
            try await equal(pool.process(), process)
        }
    }
}
