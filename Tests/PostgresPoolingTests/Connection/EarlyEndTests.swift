// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import PostgresPooling

/// Streams that end before their last row.
///
/// Long ones have `generate_series` in their list of columns: in `FROM`, the server computes all
/// numbers before it returns the first one.
@Suite(.timeLimit(.minutes(10))) struct EarlyEndTests {
    @Test(
        "A transaction survives a stream that ends early, regardless of the number of rows",
        arguments: [1, 10, 1_000, 200_000]
    )
    func transaction(_ count: Int) async throws {
        try await TestServer.shared.withPool { pool in
            let total = try await pool.withTransaction { db in
                try await db.execute("CREATE TEMP TABLE left_early (n int) ON COMMIT DROP")
                for try await _ in db.stream("SELECT n, repeat('x', 100) FROM generate_series(1, \(count)) AS n") {
                    break
                }
                equal(db.isInTransaction, true)
                try await db.execute("INSERT INTO left_early VALUES (1)")
                try await db.withSavepoint { db in
                    for try await _ in db.stream("SELECT n FROM generate_series(1, \(count)) AS n") { break }
                }
                // The commit directly follows a stream.
                for try await _ in db.stream("SELECT n FROM generate_series(1, \(count)) AS n") { break }
                return try await db.query("SELECT count(*) FROM left_early", as: Int.self)[0]
            }
            #expect(total == 1)
        }
    }

    @Test("A change whose rows are not all read persists, regardless of their number", arguments: [1, 1_000, 50_000])
    func change(_ count: Int) async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let table = PostgresQuery(unsafe: "early_change_\(count)")
            try await pool.execute("CREATE TABLE \(sql: table) (n bigint, x text)")
            try await pool.withConnection { db in
                let rows = db.stream(
                    "INSERT INTO \(sql: table) SELECT n, repeat('x', 100) FROM generate_series(1, \(count)) AS n RETURNING n, x"
                )
                for try await _ in rows { break }
            }
            try await equal(pool.query("SELECT count(*) FROM \(sql: table)", as: Int.self), [count])
            try await pool.execute("DROP TABLE \(sql: table)")
        }
    }

    @Test("A cancelled task does not wait for the rest of a stream in its transaction")
    func cancelled() async throws {
        try await TestServer.shared.withPool { pool in
            let task = Task {
                await failure {
                    try await pool.withTransaction { db in
                        for try await _ in db.stream("SELECT generate_series(1, 1000000000)") { break }
                        unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                        _ = try await db.query("SELECT 1")
                    }
                }
            }
            #expect(await task.value is CancellationError)
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
        }
    }

    @Test("A statement whose deadline passes while the rest of a stream is discarded is not sent")
    func timedOut() async throws {
        try await TestServer.shared.withPool { pool in
            let error = await postgresFailure {
                try await pool.withTransaction { db in
                    for try await _ in db.stream("SELECT generate_series(1, 1000000000)") { break }
                    _ = try await db.query("SELECT 1", timeout: .milliseconds(1))
                }
            }
            #expect(error?.code == .timedOut && error?.outcome == .notExecuted && error?.sql == "SELECT 1")
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
        }
    }
}
