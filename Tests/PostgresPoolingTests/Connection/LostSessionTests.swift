// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import PostgresPooling

/// The errors after a real server ends a session.
@Suite(.timeLimit(.minutes(10))) struct LostSessionTests {
    /// Runs a statement after which the server ends the session, and waits for the end.
    private func endSession(_ db: borrowing PostgresConnection, by statement: PostgresQuery) async throws {
        try await db.execute(statement)
        await awaitEnd(db)
    }

    private func awaitEnd(_ db: borrowing PostgresConnection) async {
        let session = db.session
        await until {
            session.pollForEnd()
            return session.isLost
        }
    }

    @Test("A transaction that was idle for too long is known to be rolled back, with the server's reason")
    func idleInTransaction() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.execute("CREATE TABLE idle_in_transaction (n int)")
            let error = await postgresFailure {
                try await pool.withTransaction { db in
                    try await db.execute("INSERT INTO idle_in_transaction VALUES (1)")
                    try await endSession(db, by: "SET LOCAL idle_in_transaction_session_timeout = '1ms'")
                    equal(db.isInTransaction, false)
                }
            }
            #expect(error?.code == .connectionLost && error?.sqlState == .idleInTransactionSessionTimeout)
            #expect(error?.outcome == .rolledBack && error?.isRetryable == true && error?.connectionIsGone == true)
            let inBody = await postgresFailure {
                try await pool.withTransaction { db in
                    try await endSession(db, by: "SET LOCAL idle_in_transaction_session_timeout = '1ms'")
                    try await db.execute("INSERT INTO idle_in_transaction VALUES (1)")
                }
            }
            #expect(inBody?.code == .connectionLost && inBody?.sqlState == .idleInTransactionSessionTimeout)
            #expect(inBody?.outcome == .notExecuted && inBody?.isRetryable == true)
            try await equal(pool.query("SELECT count(*) FROM idle_in_transaction", as: Int.self), [0])
            try await pool.execute("DROP TABLE idle_in_transaction")
        }
    }

    @Test("A session that was idle for too long is replaced, and a statement in its lease reports the server's reason")
    func idleSession() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let error = await postgresFailure {
                try await pool.withConnection { db in
                    try await endSession(db, by: "SET idle_session_timeout = '1ms'")
                    _ = try await db.query("SELECT 1")
                }
            }
            #expect(error?.code == .connectionLost && error?.sqlState == .idleSessionTimeout)
            #expect(error?.outcome == .notExecuted && error?.isRetryable == true)
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
        }
    }

    @Test("A session that an administrator ends reports the reason, both idle in a lease and during a statement")
    func terminated() async throws {
        let server = try await TestServer.shared
        try await server.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let idle = await postgresFailure {
                try await pool.withConnection { db in
                    try await server.psql("SELECT pg_terminate_backend(\(db.serverProcess))")
                    await awaitEnd(db)
                    _ = try await db.query("SELECT 1")
                }
            }
            #expect(idle?.code == .connectionLost && idle?.sqlState == .adminShutdown)
            #expect(idle?.outcome == .notExecuted && idle?.isRetryable == true)
            let alone = await postgresFailure { try await pool.query("SELECT pg_terminate_backend(pg_backend_pid())") }
            #expect(alone?.code == .outcomeUnknown && alone?.sqlState == .adminShutdown && alone?.isRetryable == false)
            let within = await postgresFailure {
                try await pool.withTransaction { db in
                    _ = try await db.query("SELECT pg_terminate_backend(pg_backend_pid())")
                }
            }
            #expect(within?.code == .connectionLost && within?.sqlState == .adminShutdown)
            #expect(within?.outcome == .rolledBack && within?.isRetryable == true)
            var iterated: PostgresError?
            try await pool.withConnection { db in
                iterated = await postgresFailure {
                    for try await _ in db.stream("SELECT pg_terminate_backend(pg_backend_pid())") {}
                }
            }
            #expect(iterated?.code == .outcomeUnknown && iterated?.sqlState == .adminShutdown)
        }
    }

    @Test("An idle connection that the server has ended undetected causes no error in its next lease")
    func endedInPool() async throws {
        let server = try await TestServer.shared
        // Without a minimum, for which the pool would make other connections as soon as it detects
        // the end.
        try await server.withPool(.native, { $0.pool.maximumConnections = 2 }) { pool in
            try await pool.withConnection { _ in try await pool.withConnection { _ in } }
            let name = pool.configuration.pool.name
            try await server.psql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '\(name)'"
            )
            try await until { try await server.backendCount(applicationName: name) == 0 }
            // The reactor reads events in order, and this answer arrives too late for any other
            // way.
            try await server.withPool { other in _ = try await other.query("SELECT pg_sleep(0.05)") }
            for number in 1...4 { try await equal(pool.query("SELECT \(number)", as: Int.self), [number]) }
            try await pool.withTransaction { db in try await equal(db.query("SELECT 5", as: Int.self), [5]) }
        }
    }

    @Test("After the server was killed, the outcome of each statement and transaction is reported correctly")
    func killed() async throws {
        try await withServer { server in
            try await server.withPool { pool in
                try await pool.execute("CREATE TABLE killed (n int)")
                let error = await postgresFailure {
                    try await pool.withTransaction { db in
                        try await db.execute("INSERT INTO killed VALUES (1)")
                        try await server.killHard()
                        await awaitEnd(db)
                    }
                }
                #expect(error?.code == .connectionLost && error?.outcome == .rolledBack && error?.isRetryable == true)
                try await server.restart()
                try await equal(pool.query("SELECT count(*) FROM killed", as: Int.self), [0])
                // During a statement outside a transaction.
                let task = Task { await postgresFailure { try await pool.query("SELECT pg_sleep(600) /* killed */") } }
                try await until {
                    try await server.psql(
                        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%/* killed */' AND pid <> pg_backend_pid()"
                    ) == "1"
                }
                try await server.killHard()
                let sleeping = await task.value
                #expect(sleeping?.code == .outcomeUnknown && sleeping?.isRetryable == false)
                try await server.restart()
                // A restart ends the idle sessions.
                try await equal(pool.query("SELECT 1", as: Int.self), [1])
                try await server.restart()
                try await equal(pool.query("SELECT 1", as: Int.self), [1])
            }
        }
    }
}
