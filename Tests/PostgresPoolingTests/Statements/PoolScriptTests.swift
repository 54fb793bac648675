// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import PostgresPooling

/// Scripts that run on any connection of a pool.
@Suite(.timeLimit(.minutes(10))) struct PoolScriptTests {
    @Test("A script of the pool runs as a whole or not at all")
    func whole() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.executeScript(
                "CREATE TABLE pool_script (n int); INSERT INTO pool_script VALUES (1); INSERT INTO pool_script VALUES (2)"
            )
            let error = await postgresFailure {
                try await pool.executeScript("INSERT INTO pool_script VALUES (3); SELECT 1 / 0")
            }
            #expect(error?.sqlState == "22012" && error?.outcome == .rolledBack)
            let refused = await postgresFailure {
                try await pool.executeScript("INSERT INTO pool_script VALUES (\(4))")
            }
            #expect(refused?.code == .unsupported && refused?.outcome == .notExecuted)
            try await equal(pool.query("SELECT n FROM pool_script ORDER BY n", as: Int.self), [1, 2])
            try await pool.executeScript("DROP TABLE pool_script")
        }
    }

    @Test("A transaction that a script leaves open is rolled back before the next statement")
    func leftOpen() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            try await pool.executeScript("BEGIN; CREATE TABLE left_by_script (n int)")
            try await equal(pool.query("SELECT to_regclass('left_by_script') IS NULL", as: Bool.self), [true])
        }
    }

    @Test("A cancelled script is a CancellationError, and ends on the server")
    func cancelled() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let started = Task { try await pool.executeScript("SELECT 1; SELECT pg_sleep(600)") }
            await until { pool.status.leased == 1 }
            started.cancel()
            #expect(await failure { try await started.value } is CancellationError)
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
        }
    }
}
