// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import PostgresPooling
import Testing

@Suite(.timeLimit(.minutes(5))) struct ReactorDeadlineTests {
    @Test("A later deadline ends its statement although nothing happens between it and an earlier one")
    func laterDeadline() async throws {
        var configuration = PostgresConfiguration.withLongTimeouts(try await TestServer.shared.url)
        configuration.pool.maximumConnections = 2
        configuration.pool.minimumConnections = 2
        // A reactor of the test, which no other test wakes.
        let pool = try PostgresPool(configuration, executor: PostgresExecutor())
        try await pool.prewarm(timeout: .seconds(60))
        try await TestServer.shared.withPool { other in
            try await other.withConnection { db in
                // Until the end of this lease, the statements do not end by themselves.
                _ = try await db.query("SELECT 1 FROM pg_advisory_lock(734001)")
                let ended = Counted<PostgresError.Code?>()
                let tasks = [Duration.milliseconds(300), .seconds(2)].map { timeout in
                    Task {
                        let error = await postgresFailure {
                            try await pool.withConnection { db in
                                _ = try await db.query("SELECT 1 FROM pg_advisory_lock(734001)", timeout: timeout)
                            }
                        }
                        ended.add(error?.code)
                    }
                }
                try await eventually("both statements have ended at their deadlines", within: .seconds(120)) {
                    ended.values.count == 2
                }
                for task in tasks { await task.value }
                #expect(ended.values == [.timedOut, .timedOut])
            }
        }
        await pool.close()
    }
}
