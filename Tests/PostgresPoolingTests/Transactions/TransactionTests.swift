// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PostgresPooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct TransactionTests {
    struct Oops: Error {}

    @Test(
        "A transaction commits when its body returns, and rolls back when it throws",
        arguments: PollerKind.allCases
    )
    func commitAndRollBack(_ poller: PollerKind) async throws {
        let table = PostgresQuery(unsafe: "committed_\(poller)")
        try await TestServer.shared.withPool(poller) { pool in
            try await pool.execute("CREATE TABLE \(sql: table) (n int)")
            try await pool.withTransaction { db in try await db.execute("INSERT INTO \(sql: table) VALUES (1)") }
            let error = await failure {
                try await pool.withTransaction { db in
                    try await db.execute("INSERT INTO \(sql: table) VALUES (2)")
                    throw Oops()
                }
            }
            #expect(error is Oops)
            try await equal(pool.query("SELECT n FROM \(sql: table)", as: Int.self), [1])
            try await pool.execute("DROP TABLE \(sql: table)")
        }
    }

    @Test("A connection whose transaction was left open is rolled back before its next lease")
    func leftOpen() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let process = try await pool.process()
            _ = await failure {
                try await pool.withTransaction { db in
                    _ = try await db.query("SELECT 1")
                    throw Oops()
                }
            }
            _ = await failure { try await pool.withTransaction { db in try await db.query("SELECT 1 / 0") } }
            try await pool.withConnection { db in
                try await db.executeScript("BEGIN; SELECT 1")
                equal(db.isInTransaction, true)
            }
            try await pool.withConnection { db in
                equal(db.isInTransaction, false)
                equal(db.serverProcess, process)
            }
        }
    }

    @Test("A failed savepoint is undone, and its transaction continues")
    func savepoints() async throws {
        try await TestServer.shared.withPool { pool in
            let values = try await pool.withTransaction { db in
                try await db.execute("CREATE TEMP TABLE saved (n int) ON COMMIT DROP")
                try await db.withSavepoint { db in try await db.execute("INSERT INTO saved VALUES (1)") }
                let error = await failure {
                    try await db.withSavepoint { db in
                        try await db.execute("INSERT INTO saved VALUES (2)")
                        _ = try await db.query("SELECT 1 / 0")
                    }
                }
                #expect((error as? PostgresError)?.sqlState == "22012")
                try await db.withSavepoint { db in
                    try await db.withSavepoint { db in try await db.execute("INSERT INTO saved VALUES (3)") }
                    _ = await failure {
                        try await db.withSavepoint { db in
                            try await db.execute("INSERT INTO saved VALUES (4)")
                            throw Oops()
                        }
                    }
                }
                return try await db.query("SELECT n FROM saved ORDER BY n", as: Int.self)
            }
            #expect(values == [1, 3])
        }
    }

    @Test("A savepoint after a stream that ended early belongs to the transaction")
    func savepointAfterStream() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.execute("CREATE TABLE after_stream (n int)")
            _ = await failure {
                try await pool.withTransaction { db in
                    try await db.execute("INSERT INTO after_stream VALUES (1)")
                    for try await _ in db.stream("SELECT n FROM generate_series(1, 1000000) AS n") { break }
                    try await db.withSavepoint { db in try await db.execute("INSERT INTO after_stream VALUES (2)") }
                    throw Oops()
                }
            }
            try await equal(pool.query("SELECT count(*) FROM after_stream", as: Int.self), [0])
            try await pool.execute("DROP TABLE after_stream")
        }
    }

    @Test("A savepoint outside a transaction is a transaction of its own")
    func savepointAlone() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.execute("CREATE TABLE saved_alone (n int)")
            try await pool.withConnection { db in
                let count = try await db.withSavepoint { db in
                    equal(db.isInTransaction, true)
                    return try await db.execute("INSERT INTO saved_alone VALUES (1)").rowCount
                }
                equal(count, 1)
                equal(db.isInTransaction, false)
                let error = await failure {
                    try await db.withSavepoint { db in
                        try await db.execute("INSERT INTO saved_alone VALUES (2)")
                        throw Oops()
                    }
                }
                #expect(error is Oops)
                // Another session sees what is committed.
                try await equal(pool.query("SELECT n FROM saved_alone", as: Int.self), [1])
            }
            try await pool.execute("DROP TABLE saved_alone")
        }
    }

    @Test("A task that is cancelled before the end of its transaction commits nothing, and receives an error")
    func cancelledBeforeCommit() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.execute("CREATE TABLE before_commit (n int)")
            let task = Task {
                await failure {
                    try await pool.withTransaction { db in
                        try await db.execute("INSERT INTO before_commit VALUES (1)")
                        unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                    }
                }
            }
            #expect(await task.value is CancellationError)
            try await equal(pool.query("SELECT count(*) FROM before_commit", as: Int.self), [0])
            try await pool.execute("DROP TABLE before_commit")
        }
    }

    @Test("A commit that the server turns into a rollback is an error")
    func aborted() async throws {
        try await TestServer.shared.withPool { pool in
            let error = await postgresFailure {
                try await pool.withTransaction { db in _ = await failure { try await db.query("SELECT 1 / 0") } }
            }
            #expect(error?.code == .transactionAborted)
        }
    }

    @Test("A transaction has the requested isolation, and a read-only one does not write")
    func modes() async throws {
        try await TestServer.shared.withPool { pool in
            for isolation in PostgresConnection.IsolationLevel.allCases {
                let (name, readOnly) = try await pool.withTransaction(isolation: isolation, readOnly: true) { db in
                    try await db.query(
                        "SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')",
                        as: (String, String).self
                    )[0]
                }
                #expect(name == isolation.rawValue.lowercased() && readOnly == "on")
            }
            let error = await postgresFailure {
                try await pool.withTransaction(readOnly: true) { db in
                    try await db.execute("CREATE TABLE never (n int)")
                }
            }
            #expect(error?.sqlState == .readOnlyTransaction)
        }
    }

    @Test("Of two conflicting serializable transactions one fails, retryably")
    func serialization() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.execute("CREATE TABLE serial_test (n int)")
            try await pool.execute("INSERT INTO serial_test VALUES (1)")
            let error = await postgresFailure {
                try await pool.withTransaction(isolation: .repeatableRead) { db in
                    _ = try await db.query("SELECT n FROM serial_test")
                    try await pool.execute("UPDATE serial_test SET n = n + 1")
                    try await db.execute("UPDATE serial_test SET n = n + 1")
                }
            }
            #expect(error?.sqlState == .serializationFailure)
            #expect(error?.isRetryable == true)
            try await pool.execute("DROP TABLE serial_test")
        }
    }

    @Test("Settings that a body has changed are restored, including those of the setup")
    func settings() async throws {
        try await TestServer.shared.withPool(
            .native,
            {
                $0.pool.maximumConnections = 1
                $0.setup = ["SET statement_timeout = '77s'"]
            }
        ) { pool in
            let process = try await pool.process()
            try await pool.withConnection { db in
                try await equal(db.query("SHOW statement_timeout", as: String.self), ["77s"])
                try await db.execute("SET statement_timeout = '5s'")
                try await db.execute("SET search_path = nowhere")
                try await db.execute("LISTEN nobody")
            }
            try await pool.withConnection { db in
                equal(db.serverProcess, process)
                try await equal(db.query("SHOW statement_timeout", as: String.self), ["77s"])
                try await equal(db.query("SHOW search_path", as: String.self), ["\"$user\", public"])
                try await equal(db.query("SELECT count(*) FROM pg_listening_channels()", as: Int.self), [0])
            }
        }
    }

    @Test(
        "Savepoints of a server process that does not react end with the time limit and with the task",
        arguments: [true, false]
    )
    func stoppedServer(isCancelled: Bool) async throws {
        let table = PostgresQuery(unsafe: "stopped_\(isCancelled)")
        try await TestServer.shared.withPool(
            .native,
            {
                $0.pool.maximumConnections = 1
                // Longer than the test may take.
                $0.pool.resetTimeout = .seconds(3_000)
            }
        ) { pool in
            try await pool.execute("CREATE TABLE \(sql: table) (n int)")
            let process = try await pool.process()
            let stopped = Counted<Int32>()
            let task = Task {
                await failure {
                    try await pool.withTransaction(timeout: isCancelled ? nil : .seconds(1)) { db in
                        try await db.execute("INSERT INTO \(sql: table) VALUES (1)")
                        try await db.withSavepoint { db in
                            try await db.withSavepoint { db in
                                kill(process, SIGSTOP)
                                stopped.add(process)
                                _ = try await db.query("SELECT 1")
                            }
                        }
                    }
                }
            }
            if isCancelled {
                await until { !stopped.values.isEmpty }
                task.cancel()
            }
            let error = await task.value
            kill(process, SIGCONT)
            #expect(isCancelled ? error is CancellationError : (error as? PostgresError)?.code == .timedOut)
            try await equal(pool.query("SELECT count(*) FROM \(sql: table)", as: Int.self), [0])
            try await equal(pool.process(), process)
            try await pool.execute("DROP TABLE \(sql: table)")
        }
    }
}
