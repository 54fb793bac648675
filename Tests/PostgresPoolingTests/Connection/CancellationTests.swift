// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct CancellationTests {
    /// Cancels a task that waits for a statement, once the statement runs on the server.
    private func cancelWhileRunning(
        _ pool: PostgresPool,
        marker: String,
        server: TestServer,
        _ body: @escaping @Sendable () async throws -> Void
    ) async throws -> (any Error)? {
        let task = Task { try await body() }
        try await until {
            try await server.psql(
                "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%\(marker)%' AND pid <> pg_backend_pid()"
            ) == "1"
        }
        task.cancel()
        return await failure { try await task.value }
    }

    @Test(
        "A cancelled task fails at once, its statement ends on the server, and its connection remains usable",
        arguments: PollerKind.allCases
    )
    func cancelled(_ poller: PollerKind) async throws {
        let server = try await TestServer.shared
        try await server.withPool(poller, { $0.pool.maximumConnections = 1 }) { pool in
            let process = try await pool.process()
            let error = try await cancelWhileRunning(pool, marker: "cancelled \(poller)", server: server) {
                _ = try await pool.query(PostgresQuery(unsafe: "SELECT pg_sleep(600) /* cancelled \(poller) */"))
            }
            #expect(error is CancellationError)
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
            try await equal(pool.process(), process)
        }
    }

    @Test("A caller resumes on its actor with an answer, an error, a connection, and a checkout timeout")
    func onActor() async throws {
        let server = try await TestServer.shared
        try await server.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            try await Task { @MainActor in
                try await equal(pool.query("SELECT 1", as: Int.self), [1])
                MainActor.preconditionIsolated("an answer resumed elsewhere")
                let error = await postgresFailure {
                    try await pool.withConnection { db in
                        try await db.execute("SELECT pg_sleep(600)", timeout: .milliseconds(1))
                    }
                }
                MainActor.preconditionIsolated("an error resumed elsewhere")
                #expect(error?.code == .timedOut)
                try await pool.withConnection { db in
                    await Task { @MainActor in
                        let error = await failure {
                            try await pool.withConnection(checkoutTimeout: .milliseconds(1)) { _ in }
                        }
                        MainActor.preconditionIsolated("an error of the pool resumed elsewhere")
                        #expect((error as? PoolError)?.code == .timedOut)
                    }.value
                    _ = try await db.query("SELECT 1")
                    MainActor.preconditionIsolated("an answer within a body resumed elsewhere")
                }
            }.value
        }
    }

    @Test("Within a body, the statement after a cancelled one waits until that has ended on the server")
    func inBody() async throws {
        let server = try await TestServer.shared
        try await server.withPool { pool in
            try await pool.withConnection { db in
                let error = await postgresFailure {
                    try await db.query("SELECT pg_sleep(600)", timeout: .milliseconds(1))
                }
                #expect(error?.code == .timedOut)
                for number in 0..<50 { try await equal(db.query("SELECT \(number)", as: Int.self), [number]) }
            }
        }
    }

    @Test("A transaction whose task is cancelled is rolled back")
    func transaction() async throws {
        let server = try await TestServer.shared
        try await server.withPool { pool in
            try await pool.execute("CREATE TABLE cancelled_transaction (n int)")
            let error = try await cancelWhileRunning(pool, marker: "in a transaction", server: server) {
                try await pool.withTransaction { db in
                    try await db.execute("INSERT INTO cancelled_transaction VALUES (1)")
                    _ = try await db.query("SELECT pg_sleep(600) /* in a transaction */")
                }
            }
            #expect(error is CancellationError)
            try await equal(pool.query("SELECT count(*) FROM cancelled_transaction", as: Int.self), [0])
            try await pool.execute("DROP TABLE cancelled_transaction")
        }
    }

    @Test("A statement that times out fails, and its connection remains usable")
    func timedOut() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let process = try await pool.process()
            let error = await postgresFailure {
                try await pool.withConnection { db in
                    try await db.query("SELECT pg_sleep(600)", timeout: .milliseconds(1))
                }
            }
            #expect(error?.code == .timedOut)
            try await equal(pool.process(), process)
        }
    }

    @Test("A cancelled task sends nothing, whether or not a connection is idle")
    func beforehand() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            try await pool.execute("CREATE TABLE cancelled_beforehand (n int)")
            let task = Task {
                unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                return await failure { try await pool.execute("INSERT INTO cancelled_beforehand VALUES (1)") }
            }
            #expect(await task.value is CancellationError)
            try await equal(pool.query("SELECT count(*) FROM cancelled_beforehand", as: Int.self), [0])
            try await pool.execute("DROP TABLE cancelled_beforehand")
        }
    }

    @Test("A cancelled task receives CancellationError from every call of a pool and of a connection")
    func everyCall() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.prewarm(timeout: .seconds(120))
            let errors = await Task {
                unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                return [
                    await failure { try await pool.query("SELECT 1") },
                    await failure { try await pool.query("SELECT 1", as: Int.self) },
                    await failure { try await pool.query("SELECT 1", as: Int.self, timeout: .seconds(300)) },
                    await failure { try await pool.query("SELECT 1 AS n", decoding: [String: Int].self) },
                    await failure { try await pool.queryFirst("SELECT 1", as: Int.self) },
                    await failure { try await pool.execute("SELECT 1") },
                    await failure { try await pool.executeScript("SELECT 1") },
                    await failure { try await pool.withTransaction { _ in } },
                ]
            }.value
            for (call, error) in errors.enumerated() { #expect(error is CancellationError, "\(call): \(error as Any)") }
            try await pool.withConnection { db in
                try await db.execute("BEGIN")
                let task = Task { [session = db.session] in
                    let connection = PostgresConnection(
                        session: session,
                        statementTimeout: nil,
                        resetTimeout: .seconds(120),
                        columnNames: .asWritten
                    )
                    unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                    return [
                        await failure { try await connection.query("SELECT 1") },
                        await failure { try await connection.query("SELECT 1", as: (Int, Int).self) },
                        await failure { try await connection.query("SELECT 1 AS n", decoding: [String: Int].self) },
                        await failure { try await connection.queryFirst("SELECT 1", as: Int.self) },
                        await failure { try await connection.execute("SELECT 1") },
                        await failure { try await connection.executeScript("SELECT 1") },
                        await failure { for try await _ in connection.stream("SELECT 1") {} },
                        await failure { try await connection.withTransaction { _ in } },
                        await failure { try await connection.withSavepoint { _ in } },
                    ]
                }
                let errors = await task.value
                for (call, error) in errors.enumerated() {
                    #expect(error is CancellationError, "\(call): \(error as Any)")
                }
                equal(db.isInTransaction, true)
                try await db.execute("ROLLBACK")
            }
        }
    }

    @Test("A cancellation never ends another statement", arguments: PollerKind.allCases)
    func late(_ poller: PollerKind) async throws {
        try await TestServer.shared.withPool(poller, { $0.pool.maximumConnections = 2 }) { pool in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<8 {
                    group.addTask {
                        for round in 0..<25 {
                            if (worker + round) % 2 == 0 {
                                let task = Task { try await pool.query("SELECT pg_sleep(0.001)") }
                                for _ in 0..<(round * 3) { await Task.yield() }
                                task.cancel()
                                let error = await failure { try await task.value }
                                #expect(error == nil || error is CancellationError, "\(error.debugDescription)")
                            } else {
                                try await equal(pool.query("SELECT \(round)", as: Int.self), [round])
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
