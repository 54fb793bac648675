// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct DiscardTests {
    @Test("A body can discard its connection, even if it throws")
    func discard() async throws {
        struct Failure: Error {}
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let first = try await pool.withConnection { db in
                db.discardAfterUse()
                _ = try await db.query("SELECT 1", as: Int.self)
                return db.serverProcess
            }
            try await different(pool.process(), first)
            let second = try await pool.process()
            await #expect(throws: Failure.self) {
                try await pool.withTransaction { db in
                    db.discardAfterUse()
                    throw Failure()
                }
            }
            try await different(pool.process(), second)
            #expect(pool.snapshot.counters.closed == [.discarded: 2])
        }
    }
}
