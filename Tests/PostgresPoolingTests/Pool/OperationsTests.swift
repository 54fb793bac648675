// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct OperationsTests {
    private func activeCount(_ server: TestServer, _ marker: String) async throws -> String {
        try await server.psql(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%\(marker)%' AND pid <> pg_backend_pid()"
        )
    }

    @Test(
        "At the end of a shutdown, a statement that still runs is cancelled on the server",
        arguments: PollerKind.allCases
    )
    func shutdown(_ poller: PollerKind) async throws {
        let server = try await TestServer.shared
        try await server.withPool(poller) { pool in
            let marker = "shut down \(poller)"
            let refused = Counted<PostgresError?>()
            let body = Task {
                try await pool.withConnection { db in
                    let error = await postgresFailure {
                        try await db.query(PostgresQuery(unsafe: "SELECT pg_sleep(600) /* \(marker) */"))
                    }
                    refused.add(await postgresFailure { try await db.query("SELECT 1") })
                    if let error { throw error }
                }
            }
            try await until { try await activeCount(server, marker) == "1" }
            await pool.shutdown(drain: .zero)
            // Not before it has ended there, and its connection is closed.
            try await equal(activeCount(server, marker), "0")
            #expect(pool.status.leased == 0)
            let error = await postgresFailure { try await body.value }
            #expect(error?.code == .connectionLost && error?.message.contains("shut down") == true)
            #expect(error?.outcome == .unknown && error?.isRetryable == false)
            #expect(refused.values.count == 1 && refused.values[0]?.isCertainlyUnread == true)
            #expect((await failure { try await pool.query("SELECT 1") } as? PoolError)?.code == .closed)
        }
    }

    @Test("A shutdown lets bodies end in time, and serves waiting callers")
    func drain() async throws {
        let server = try await TestServer.shared
        try await server.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let entered = Counted<Bool>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await pool.withConnection { db in
                        entered.add(true)
                        await until { pool.status.waiting == 1 }
                        try await equal(db.query("SELECT 1", as: Int.self), [1])
                    }
                }
                await until { entered.values == [true] }
                group.addTask { try await equal(pool.query("SELECT 2", as: Int.self), [2]) }
                await until { pool.status.waiting == 1 || pool.status.leased == 0 }
                group.addTask { await pool.shutdown(drain: .seconds(300)) }
                try await group.waitForAll()
            }
            #expect(pool.status.leased == 0 && pool.status.idle == 0)
        }
    }

    @Test("A transaction whose commit coincides with a shutdown is rolled back, or its outcome is reported as unknown")
    func transaction() async throws {
        let server = try await TestServer.shared
        try await server.psql("CREATE TABLE shut_down (n int)")
        try await server.withPool { pool in
            let body = Task {
                try await pool.withTransaction { db in
                    try await db.execute("INSERT INTO shut_down VALUES (1)")
                    _ = try await db.query("SELECT pg_sleep(600) /* shut down in a transaction */")
                }
            }
            try await until { try await activeCount(server, "shut down in a transaction") == "1" }
            await pool.shutdown(drain: .zero)
            let error = await postgresFailure { try await body.value }
            #expect(error?.code == .connectionLost && error?.outcome == .rolledBack)
        }
        #expect(try await server.psql("SELECT count(*) FROM shut_down") == "0")
        try await server.psql("DROP TABLE shut_down")
    }

    @Test("A pool is prewarmed, resized, suspended and renewed while it is used")
    func operations() async throws {
        let server = try await TestServer.shared
        try await server.withPool(
            .native,
            {
                $0.pool.minimumConnections = 2
                $0.pool.maximumConnections = 2
            }
        ) { pool in
            pool.prewarm()
            await until { pool.status.idle == 2 }
            try pool.resize(to: 3)
            #expect(pool.status.maximum == 3)
            #expect(throws: PoolError.self) { try pool.resize(to: 0) }
            pool.suspend()
            let waiting = Task { try await pool.query("SELECT 7", as: Int.self) }
            await until { pool.status.waiting == 1 }
            pool.resume()
            try await equal(waiting.value, [7])
            let process = try await pool.process()
            pool.evictAll()
            try await until {
                try await server.psql("SELECT count(*) FROM pg_stat_activity WHERE pid = \(process)") == "0"
            }
            try await different(pool.process(), process)
            #expect(pool.snapshot.useTimes.count >= 3)
            #expect(pool.snapshot.lastConnectFailure == nil)
        }
    }

    @Test(
        "An idle connection is tested with an empty statement",
        arguments: PollerKind.allCases
    )
    func ping(_ poller: PollerKind) async throws {
        let server = try await TestServer.shared
        try await server.withPool(
            poller,
            {
                $0.pool.maximumConnections = 1
                $0.pool.keepAliveInterval = .milliseconds(1)
            }
        ) { pool in
            let process = try await pool.process()
            _ = try await pool.query("SELECT 1")
            try await until {
                try await server.psql("SELECT state || ' ' || query FROM pg_stat_activity WHERE pid = \(process)")
                    == "idle "
            }
            try await equal(pool.process(), process)
        }
    }
}
