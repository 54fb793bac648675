// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PostgresPooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct OneRowTests {
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

    /// Returns a statement with a number of rows.
    private static func rows(_ count: Int) -> PostgresQuery {
        "SELECT 'Ada' AS name, 35 + n AS age FROM generate_series(1, \(count)) AS n"
    }

    @Test("The only row decodes like all rows, on the pool and on a connection")
    func decoding() async throws {
        let one = Self.rows(1)
        try await TestServer.shared.withPool { pool in
            let tuple = try await pool.queryOne(one, as: (String, Int?).self)
            #expect(tuple == ("Ada", 36))
            try await equal(pool.queryOne(one, decoding: Person.self), Person(name: "Ada", age: 36))
            try await equal(pool.queryOne(one, as: Pair.self).age, 36)
            try await equal(pool.queryOne("SELECT 7", as: Int.self), 7)
            try await equal(pool.queryOne("SELECT NULL::int", as: Int?.self), nil)
            try await pool.withConnection { db in
                let tuple = try await db.queryOne(one, as: (String, Int?).self)
                #expect(tuple == ("Ada", 36))
                try await equal(db.queryOne(one, decoding: Person.self), Person(name: "Ada", age: 36))
                try await equal(db.queryOne(one, as: Pair.self).age, 36)
                try await equal(db.queryOne("SELECT 7", as: Int.self), 7)
            }
        }
    }

    @Test("Another number of rows is an error, after the statement was executed", arguments: [0, 2, 3000])
    func otherNumbers(_ count: Int) async throws {
        let rows = Self.rows(count)
        try await TestServer.shared.withPool { pool in
            let code: PostgresError.Code = count == 0 ? .noRows : .tooManyRows
            for form in 0..<8 {
                let error = await postgresFailure {
                    switch form {
                    case 0: _ = try await pool.queryOne(rows, as: (String, Int).self)
                    case 1: _ = try await pool.queryOne(rows, decoding: Person.self)
                    case 2: _ = try await pool.queryOne(rows, as: Pair.self)
                    case 3: _ = try await pool.queryOne("SELECT generate_series(1, \(count))", as: Int.self)
                    case 4: _ = try await pool.withConnection { db in try await db.queryOne(rows, as: Pair.self) }
                    case 5:
                        _ = try await pool.withConnection { db in try await db.queryOne(rows, as: (String, Int).self) }
                    case 6:
                        _ = try await pool.withConnection { db in try await db.queryOne(rows, decoding: Person.self) }
                    default:
                        _ = try await pool.withConnection { db in
                            try await db.queryOne("SELECT generate_series(1, \(count))", as: Int.self)
                        }
                    }
                }
                #expect(error?.code == code && error?.outcome == .executed && error?.isRetryable == false, "\(form)")
                #expect(error?.category == nil && error?.sql?.hasPrefix("SELECT") == true, "\(form)")
            }
        }
    }

    @Test("The number of columns is checked without rows, too")
    func columns() async throws {
        try await TestServer.shared.withPool { pool in
            let error = await postgresFailure { try await pool.queryOne(Self.rows(0), as: Int.self) }
            #expect(error?.code == .columnCount)
        }
    }

    @Test("In a transaction, a statement with too many rows is undone")
    func transaction() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.execute("CREATE TABLE one_row (n int)")
            let error = await postgresFailure {
                try await pool.withTransaction { db in
                    try await db.queryOne("INSERT INTO one_row VALUES (1), (2) RETURNING n", as: Int.self)
                }
            }
            #expect(error?.code == .tooManyRows)
            try await equal(pool.queryOne("SELECT count(*) FROM one_row", as: Int.self), 0)
            try await equal(pool.queryOne("INSERT INTO one_row VALUES (1) RETURNING n", as: Int.self), 1)
            try await pool.execute("DROP TABLE one_row")
        }
    }
}
