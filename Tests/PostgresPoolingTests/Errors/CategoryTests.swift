// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct CategoryTests {
    @Test(
        "A server's error has the category of its condition",
        arguments: [
            ("40001", .conflict), ("40P01", .conflict), ("23505", .conflict), ("23P01", .conflict),
            ("55P03", .busy), ("57014", .busy), ("53300", .busy), ("53200", .busy),
            ("42501", .refused), ("25006", .refused), ("23502", .refused), ("23503", .refused), ("23514", .refused),
            ("57P01", .unavailable), ("57P03", .unavailable), ("08006", .unavailable),
            ("42601", nil), ("42P01", nil), ("22012", nil), ("25P02", nil), ("P0001", nil), ("XX000", nil),
        ] as [(String, PoolError.Category?)]
    )
    func server(_ state: String, _ category: PoolError.Category?) {
        let fields = PostgresError.ServerFields(sqlState: PostgresError.SQLState(state), severity: "ERROR", message: "")
        #expect(PostgresError(.server, "", server: fields).category == category)
    }

    @Test("An error of the connection is unavailable or busy, and one of the program has no category")
    func codes() {
        func category(_ code: PostgresError.Code, _ state: String? = nil) -> PoolError.Category? {
            let fields = state.map {
                PostgresError.ServerFields(sqlState: PostgresError.SQLState($0), severity: "FATAL", message: "")
            }
            return PostgresError(code, "", server: fields).category
        }
        #expect(category(.connectFailed) == .unavailable)
        #expect(category(.connectFailed, "28P01") == .unavailable)
        #expect(category(.connectFailed, "53300") == .busy)
        #expect(category(.connectionLost, "25P03") == .unavailable)
        #expect(category(.outcomeUnknown) == .unavailable)
        #expect(category(.timedOut) == .busy)
        let faults: [PostgresError.Code] = [
            .cancelled, .transactionAborted, .transactionControl, .decoding, .columnCount, .encoding,
            .invalidConfiguration, .streamEnded, .unsupported, .misplacedParameter,
        ]
        for code in faults { #expect(category(code) == nil, "\(code)") }
    }

    @Test("Errors of a real server have categories")
    func real() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 2 }) { pool in
            try await pool.execute("CREATE TABLE categories (n int PRIMARY KEY CHECK (n > 0))")
            try await pool.execute("INSERT INTO categories VALUES (1)")
            func category(_ query: PostgresQuery, timeout: Duration? = nil) async -> PoolError.Category? {
                await postgresFailure {
                    try await pool.withConnection { db in try await db.execute(query, timeout: timeout) }
                }?.category
            }
            await equal(category("INSERT INTO categories VALUES (1)"), .conflict)
            await equal(category("INSERT INTO categories VALUES (-1)"), .refused)
            await equal(category("SELECT pg_sleep(600)", timeout: .milliseconds(50)), .busy)
            await equal(category("SELECT 1 / 0"), nil)
            await equal(category("SELECT pg_terminate_backend(pg_backend_pid())"), .unavailable)
            let locked = try await pool.withTransaction { db in
                try await db.execute("SELECT FROM categories FOR UPDATE")
                return await category("SELECT FROM categories FOR UPDATE NOWAIT")
            }
            #expect(locked == .busy)
            try await pool.execute("DROP TABLE categories")
        }
        let unreachable = try PostgresPool("host=127.0.0.1 port=1 connect_timeout=5")
        let error = await postgresFailure { try await unreachable.query("SELECT 1") }
        #expect(error?.category == .unavailable)
        await unreachable.close()
    }
}
