// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PostgresPooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct FirstRowTests {
    struct Person: Decodable, Equatable {
        var name: String
        var age: Int?
    }

    struct Pair: PostgresRowDecodable, Equatable {
        var name: String
        var age: Int

        init(row: borrowing PostgresRow) throws(PostgresError) {
            (name, age) = try row.decode()
        }
    }

    private static let people: PostgresQuery =
        "SELECT * FROM (VALUES ('Ada', 36), ('Bob', NULL)) AS people (name, age)"
    private static let none: PostgresQuery = "SELECT 'Ada' AS name, 36 AS age WHERE false"

    @Test("The first row decodes like all rows, and no row is nil, on the pool and on a connection")
    func decoding() async throws {
        let (people, none) = (Self.people, Self.none)
        try await TestServer.shared.withPool { pool in
            let tuple = try await pool.queryFirst(people, as: (String, Int?).self)
            #expect(tuple?.0 == "Ada" && tuple?.1 == 36)
            try await equal(pool.queryFirst(people, decoding: Person.self), Person(name: "Ada", age: 36))
            try await equal(pool.queryFirst(people, as: Pair.self)?.age, 36)
            try await equal(pool.queryFirst("SELECT n FROM generate_series(7, 9) AS n", as: Int.self), 7)
            let noTuple = try await pool.queryFirst(none, as: (String, Int?).self)
            #expect(noTuple == nil)
            try await equal(pool.queryFirst(none, decoding: Person.self), nil)
            try await equal(pool.queryFirst(none, as: Pair.self), nil)
            try await equal(pool.queryFirst("SELECT 1 WHERE false", as: Int.self), nil)
            try await pool.withConnection { db in
                let tuple = try await db.queryFirst(people, as: (String, Int?).self)
                #expect(tuple?.0 == "Ada" && tuple?.1 == 36)
                try await equal(db.queryFirst(people, decoding: Person.self), Person(name: "Ada", age: 36))
                try await equal(db.queryFirst(people, as: Pair.self)?.age, 36)
                try await equal(db.queryFirst("SELECT n FROM generate_series(7, 9) AS n", as: Int.self), 7)
                let noTuple = try await db.queryFirst(none, as: (String, Int?).self)
                #expect(noTuple == nil)
                try await equal(db.queryFirst(none, decoding: Person.self), nil)
                try await equal(db.queryFirst(none, as: Pair.self), nil)
                try await equal(db.queryFirst("SELECT 1 WHERE false", as: Int.self), nil)
            }
        }
    }

    @Test("A first row of NULL differs from no row")
    func null() async throws {
        try await TestServer.shared.withPool { pool in
            let null = try await pool.queryFirst("SELECT NULL::int", as: Int?.self)
            #expect(null == .some(nil))
            let none = try await pool.queryFirst("SELECT 1 WHERE false", as: Int?.self)
            #expect(none == nil)
        }
    }

    @Test("Columns of another number or type are an error, and their number also without rows")
    func mismatch() async throws {
        try await TestServer.shared.withPool { pool in
            let count = await postgresFailure { try await pool.queryFirst(Self.none, as: Int.self) }
            #expect(count?.code == .columnCount)
            let pair = await postgresFailure { try await pool.queryFirst("SELECT 1", as: (Int, Int).self) }
            #expect(pair?.code == .columnCount)
            let type = await postgresFailure { try await pool.queryFirst("SELECT 'x'", as: Int.self) }
            #expect(type?.code == .decoding)
        }
    }

    @Test("A statement of which the first row is wanted runs to its end")
    func runsToItsEnd() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.execute("CREATE TABLE first_row (n int)")
            let first = try await pool.queryFirst(
                "INSERT INTO first_row SELECT generate_series(1, 5000) RETURNING n",
                as: Int.self
            )
            #expect(first == 1)
            try await equal(pool.queryFirst("SELECT count(*) FROM first_row", as: Int.self), 5_000)
            try await pool.execute("DROP TABLE first_row")
        }
    }
}
