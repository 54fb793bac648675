// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PostgresPooling

func scripts(_ pool: PostgresPool) async throws {
    // guide: script results
    let results = try await pool.queryScript("UPDATE book SET copies = 5; SELECT title, copies FROM book")
    for rows in results {
        print(rows.command.tag, rows.columnNames)  // UPDATE 3 [], then SELECT 3 ["title", "copies"]
        for row in rows { print(try row.decode(as: (String, String).self)) }
    }
    // end
}

func preparing(_ pool: PostgresPool) async throws {
    let state = "late"
    // guide: preparation
    try await pool.withConnection { db in
        for _ in 0..<3 {
            // Planned for this value each time.
            let one = try await db.query(.prepared(.never, "SELECT \(state) = 'late'"), as: Bool.self)
            // Executed by name from the first time on.
            let other = try await db.query(.prepared(.always, "SELECT count(*) FROM book"), as: Int.self)
            print(one, other)
        }
    }
    // end
}

func noticing(_ pool: PostgresPool) async throws {
    // guide: notices
    let command = try await pool.execute("DO $$BEGIN RAISE WARNING 'no copies left'; END$$")
    for notice in command.notices { print(notice.severity, notice.message) }  // WARNING no copies left
    // end
}

func cursors(_ pool: PostgresPool) async throws {
    // guide: cursor
    try await pool.execute("CREATE TABLE tally (number bigint)")
    try await pool.withCursor("SELECT n FROM generate_series(1, \(10_000)) AS n", fetchSize: 1_000) { cursor in
        while let numbers = try await cursor.fetch(as: Int.self) {
            let sum = numbers.reduce(0, +)
            try await cursor.connection.execute("INSERT INTO tally VALUES (\(sum))")
            if sum > 5_000_000 { break }
        }
    }
    // end
    try await print(pool.query("SELECT count(*) FROM tally", as: Int.self))  // [6]
    try await pool.execute("DROP TABLE tally")
}

func limitedByServer(_ pool: PostgresPool) async throws {
    // guide: server timeout
    do {
        try await pool.withTransaction(settings: ["statement_timeout": "50ms"]) { db in
            try await db.execute("SELECT pg_sleep(60)")
        }
    } catch let error as PostgresError where error.sqlState == .queryCanceled {
        print(error.outcome)  // rolledBack
    }
    // end
}

/// Shows the pools of a PgBouncer.
func console(_ url: String) async throws {
    // guide: console
    var configuration = PostgresConfiguration(url)
    configuration.parameters["dbname"] = "pgbouncer"
    configuration.pooler = .transaction
    configuration.pool.maximumConnections = 1
    let console = try PostgresPool(configuration)
    for pool in try await console.queryScript("SHOW POOLS")[0] {
        let database = try pool.decode(String.self, named: "database")
        let waiting = try pool.decode(String.self, named: "cl_waiting")
        print("\(database): \(waiting) waiting")
    }
    // end
    await console.close()
}
