// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import PostgresPooling

/// PostgreSQL: decoded rows per second, of an integer and two strings, 10,000 in each query, by
/// each method of decoding.
enum PostgresDecodingRows {
    private static let count = 10_000
    private static let query: PostgresQuery = "SELECT id, name, city FROM lockpool_person"

    struct Person: Decodable, PostgresRowDecodable, Sendable {
        var id: Int
        var name: String
        var city: String

        init(row: borrowing PostgresRow) throws(PostgresError) {
            id = try row.decode(at: 0)
            name = try row.decode(at: 1)
            city = try row.decode(at: 2)
        }
    }

    static func run(_ server: PostgresSelectRows.Server, _ options: Options, into report: inout Report) async throws {
        let pool = try server.pool(connections: 1)
        try await pool.withConnection { db in
            try await db.executeScript(
                """
                DROP TABLE IF EXISTS lockpool_person;
                CREATE TABLE lockpool_person (id bigint, name text, city text);
                INSERT INTO lockpool_person
                    SELECT n, 'Person number ' || n, 'City ' || n % 100 FROM generate_series(1, 10000) AS n
                """
            )
        }
        let seconds = options.isQuick ? 0.5 : 2.0
        for round in 0...options.rounds {
            let figures = [
                (
                    "postgres.tuples.rows",
                    try await measure(seconds) {
                        try await pool.query(query, as: (Int, String, String).self).count
                    }
                ),
                (
                    "postgres.decodable.rows",
                    try await measure(seconds) {
                        try await pool.query(query, decoding: Person.self).count
                    }
                ),
                (
                    "postgres.rowdecodable.rows",
                    try await measure(seconds) {
                        try await pool.query(query, as: Person.self).count
                    }
                ),
                ("postgres.undecoded.rows", try await measure(seconds) { try await pool.query(query).count }),
            ]
            if round == 0 { continue }  // warm-up
            for (name, rate) in figures { report.add(name, rate, "rows/s") }
        }
        await pool.close()
    }

    struct Line: Decodable {
        var n: Int
        var text: String
    }

    /// Returns the rows per second of a long stream, as values of a `Decodable` type.
    static func stream(_ server: PostgresSelectRows.Server, count: Int) async throws -> Double {
        let pool = try server.pool(connections: 1)
        let query: PostgresQuery = "SELECT n, 'row ' || n AS text FROM generate_series(1, \(Int32(count))) AS n"
        let elapsed = try await nanoseconds(per: 1) {
            try await pool.withConnection { db in
                var (rows, sum) = (0, 0)
                for try await line in db.stream(query, decoding: Line.self) {
                    sum &+= line.n
                    rows += 1
                }
                precondition(rows == count)
            }
        }
        await pool.close()
        return Double(count) / elapsed * 1e9
    }

    /// Returns the rows per second of one task.
    private static func measure(_ seconds: Double, _ body: () async throws -> Int) async throws -> Double {
        var rows = 0
        let start = nanoseconds()
        while Double(nanoseconds() - start) < seconds * 1e9 {
            let more = try await body()
            precondition(more == count)
            rows += more
        }
        return Double(rows) / Double(nanoseconds() - start) * 1e9
    }
}
