// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CBlockingCalls
import PostgresPooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct BlockingCallsTests {
    @Test("libpq waits and connects on the pool's threads, and never on threads that run tasks")
    func none() async throws {
        let server = try await TestServer.shared
        for poller in PollerKind.allCases {
            try await server.withPool(poller) { pool in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<16 {
                        group.addTask {
                            _ = try await pool.query("SELECT \(number)")
                            _ = try? await pool.withConnection { db in
                                try await db.query("SELECT pg_sleep(60)", timeout: .milliseconds(1))
                            }
                            _ = try? await pool.withTransaction { db in _ = try await db.query("SELECT 1 / 0") }
                            try await pool.withConnection { db in
                                for try await _ in db.stream("SELECT n FROM generate_series(1, 1000) AS n") {}
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
        // Counts all tests of this process so far.
        #expect(blocking_calls_on_own_threads() > 0)
        #expect(blocking_calls_elsewhere() == 0)
    }
}
