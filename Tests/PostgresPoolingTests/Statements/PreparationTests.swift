// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// Statements whose preparation the caller decides.
@Suite(.timeLimit(.minutes(10))) struct PreparationTests {
    /// Returns how often the prepared statements whose text contains a word have been executed.
    private func executions(_ word: String, _ db: borrowing PostgresConnection) async throws -> [Int] {
        try await db.query(
            .prepared(
                .never,
                "SELECT (generic_plans + custom_plans)::int8 FROM pg_prepared_statements WHERE statement LIKE '%' || \(word) || '%' AND statement NOT LIKE '%plans%'"
            ),
            as: Int.self
        )
    }

    @Test("A statement that is never prepared has no name, also if the same text is prepared")
    func never() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                func select(_ number: Int) -> PostgresQuery { "SELECT \(number) AS sent_unnamed" }
                for number in 0..<4 {
                    try await equal(db.query(.prepared(.never, select(number)), as: Int.self), [number])
                }
                try await equal(executions("sent_unnamed", db), [])
                for number in 0..<3 { try await equal(db.query(select(number), as: Int.self), [number]) }
                try await equal(executions("sent_unnamed", db), [3])
                try await equal(db.query(.prepared(.never, select(7)), as: Int.self), [7])
                for try await row in db.stream(.prepared(.never, select(8))) {
                    try equal(row.decode(as: Int.self), 8)
                }
                try await db.withPipeline { _ = $0.query(.prepared(.never, select(9))) }
                try await equal(executions("sent_unnamed", db), [3])
            }
        }
    }

    @Test("A statement that is always prepared is executed by name from its first use on")
    func always() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                try await equal(db.query(.prepared(.always, "SELECT 1 AS sent_named"), as: Int.self), [1])
                try await equal(executions("sent_named", db), [1])
                try await db.withPipeline { pipeline in
                    for _ in 0..<2 { _ = pipeline.query(.prepared(.always, "SELECT 2 AS piped_named")) }
                }
                try await equal(executions("piped_named", db), [2])
                try await db.withTransaction { db in
                    // The type of a text is checked first within a transaction.
                    let padded: PostgresQuery = "SELECT lpad(\("7"), \(3), '0') AS inside_named"
                    try await equal(db.query(.prepared(.always, padded), as: String.self), ["007"])
                }
                try await equal(executions("inside_named", db), [1])
            }
        }
    }

    @Test("A statement that fails when it is prepared at once is like any that fails")
    func failing() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                for _ in 0..<2 {
                    let error = await postgresFailure { try await db.query(.prepared(.always, "SELECT nothing_named")) }
                    #expect(error?.sqlState == .undefinedColumn && error?.connectionIsGone == false)
                    let inside = await postgresFailure {
                        try await db.withTransaction { db in
                            _ = try await db.query(.prepared(.always, "SELECT lpad(\("7"), \(true))"))
                        }
                    }
                    #expect(inside?.code == .server)
                }
                try await equal(db.query("SELECT 1", as: Int.self), [1])
            }
        }
    }

    @Test("Without a cache, and behind a transaction pooler, always is never")
    func impossible() async throws {
        let server = try await TestServer.shared
        func names(_ pool: PostgresPool) async throws -> [String] {
            try await pool.withConnection { db in
                for number in 0..<3 {
                    try await equal(db.query(.prepared(.always, "SELECT \(number)"), as: Int.self), [number])
                }
                return try await db.query("SELECT name FROM pg_prepared_statements", as: String.self)
            }
        }
        try await server.withPool(.native, { $0.statementCacheCapacity = 0 }) { pool in try await equal(names(pool), [])
        }
        try await server.withPgBouncer(.transaction) { bouncer in
            for pooler in [PostgresConfiguration.Pooler.detect, .transaction] {
                try await bouncer.withPool({ $0.pooler = pooler }) { pool in try await equal(names(pool), []) }
            }
        }
    }
}
