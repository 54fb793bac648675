// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import SQLitePooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct LimitBoundTests {
    @Test("The limit of steps counts instructions, and applies to each call separately")
    func steps() async throws {
        var configuration = SQLiteConfiguration.with(maximumWritesPerCommit: 1)
        configuration.limits.steps = 100_000
        try await withPool(configuration) { pool in
            func count(to last: Int) async throws -> [Int] {
                try await pool.query(
                    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(last)) SELECT count(*) FROM n",
                    as: Int.self
                )
            }
            // A row takes about ten instructions.
            for _ in 0..<20 { #expect(try await count(to: 1_000) == [1_000]) }
            let error = try await sqliteError { _ = try await count(to: 100_000) }
            #expect(error.code == .stepLimitExceeded)
        }
    }

    @Test("The limit of result bytes counts 16 bytes for each value and the bytes of texts")
    func resultBytes() async throws {
        var configuration = SQLiteConfiguration()
        configuration.limits.resultBytes = 100
        try await withPool(configuration) { pool in
            let (fitting, larger) = (String(repeating: "x", count: 84), String(repeating: "x", count: 85))
            #expect(try await pool.query("SELECT \(fitting)", as: String.self) == [fitting])
            let error = try await sqliteError { _ = try await pool.query("SELECT \(larger)", as: String.self) }
            #expect(error.code == .resultLimitExceeded)
        }
    }
}
