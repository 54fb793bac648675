// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// The errors of a statement whose connection is lost, where the test decides what the server has
/// read and answered.
@Suite(.timeLimit(.minutes(10))) struct OutcomeTests {
    /// Answers the statements of a transaction with one `INSERT`, up to a given statement.
    private static func serve(_ session: ScriptedServer.Session, until end: String) {
        var status = ScriptedServer.Status.idle
        while let statement = session.nextStatement(), statement != end {
            switch statement {
            case "BEGIN": status = .inTransaction
            case "COMMIT", "ROLLBACK": status = .idle
            default: break
            }
            session.complete(statement.hasPrefix("INSERT") ? "INSERT 0 1" : statement, status)
        }
    }

    @Test("A commit that was sent and not answered has an unknown outcome")
    func unansweredCommit() async throws {
        let server = try ScriptedServer { Self.serve($0, until: "COMMIT") }
        try await server.withPool { pool in
            let error = await postgresFailure {
                try await pool.withTransaction { db in try await db.execute("INSERT INTO t VALUES (1)") }
            }
            #expect(error?.code == .outcomeUnknown && error?.outcome == .unknown && error?.isRetryable == false)
            #expect(error?.connectionIsGone == true && error?.sql == "COMMIT")
        }
    }

    @Test("A commit that was not sent is known to be rolled back, with the server's reason", arguments: [true, false])
    func unsentCommit(_ closes: Bool) async throws {
        let server = try ScriptedServer { session in
            while let statement = session.nextStatement() {
                if statement == "COMMIT" { return }
                session.complete(statement == "BEGIN" ? "BEGIN" : "INSERT 0 1", .inTransaction)
                if statement == "BEGIN" { continue }
                session.fail(.adminShutdown, "terminating connection due to administrator command")
                if closes { return }
            }
        }
        try await server.withPool { pool in
            let error = await postgresFailure {
                try await pool.withTransaction { db in
                    try await db.execute("INSERT INTO t VALUES (1)")
                    await until {
                        db.session.pollForEnd()
                        return db.session.endReason != nil && (!closes || db.session.isLost)
                    }
                    equal(db.isInTransaction, !closes)
                }
            }
            #expect(error?.code == .connectionLost && error?.outcome == .rolledBack && error?.isRetryable == true)
            #expect(error?.sqlState == .adminShutdown && error?.connectionIsGone == true)
            #expect(error?.message.contains("administrator command") == true)
            #expect(server.statements.contains("COMMIT") == !closes)
        }
    }

    @Test("A statement that may have committed before it failed has an unknown outcome")
    func partlyCommitted() async throws {
        let server = try await TestServer.shared
        try await server.withPool { pool in
            let table: PostgresQuery = "partly_committed"
            try await pool.withConnection { db in
                try await db.executeScript(
                    "DROP TABLE IF EXISTS partly_committed; DROP PROCEDURE IF EXISTS partly_committed_p"
                )
            }
            try await pool.execute("CREATE TABLE \(sql: table) (n int)")
            try await pool.execute(
                """
                CREATE PROCEDURE \(sql: table)_p(fails int) LANGUAGE plpgsql AS $$BEGIN
                    INSERT INTO \(sql: table) VALUES (1); COMMIT; RAISE SQLSTATE '40001';
                END$$
                """
            )
            let statements: [PostgresQuery] = [
                "CALL \(sql: table)_p(\(1))",
                "DO $$BEGIN INSERT INTO \(sql: table) VALUES (1); COMMIT; RAISE SQLSTATE '40001'; END$$",
            ]
            for statement in statements {
                let error = await postgresFailure { try await pool.execute(statement) }
                #expect(error?.sqlState == .serializationFailure && error?.outcome == .unknown, "\(statement)")
                #expect(error?.isRetryable == false, "\(statement)")
            }
            for script in [
                "BEGIN; INSERT INTO \(table) VALUES (1); COMMIT; SELECT 1/0",
                "INSERT INTO \(table) VALUES (1); COMMIT; SELECT nothing",
                "INSERT INTO \(table) VALUES (length(E'it''s \\' x')); COMMIT; SELECT 1/0",
                "INSERT INTO \(table) VALUES (length(name'\\')); COMMIT; SELECT 1/0",
            ] {
                let error = await postgresFailure {
                    try await pool.withConnection { db in try await db.executeScript(PostgresQuery(unsafe: script)) }
                }
                #expect(error?.code == .server && error?.outcome == .unknown, "\(script)")
            }
            try await equal(pool.query("SELECT count(*) FROM \(sql: table)", as: Int.self), [6])
            // Nothing can have been committed here.
            for statement in ["CALL \(table)_p('x')", "SELECT 1/0", "INSERT INTO \(table) VALUES (1/0)"] {
                let error = await postgresFailure { try await pool.execute(PostgresQuery(unsafe: statement)) }
                #expect(error?.code == .server && error?.outcome == .rolledBack, "\(statement)")
            }
            let inner = await postgresFailure {
                try await pool.withTransaction { db in try await db.execute("DO $$BEGIN RAISE SQLSTATE '40001'; END$$")
                }
            }
            #expect(inner?.outcome == .rolledBack && inner?.isRetryable == true)
            let script = await postgresFailure {
                try await pool.withConnection { db in try await db.executeScript("SELECT 1; SELECT 1/0; COMMIT") }
            }
            #expect(script?.outcome == .rolledBack)
            try await pool.execute("DROP TABLE \(sql: table)")
            try await pool.execute("DROP PROCEDURE \(sql: table)_p")
        }
    }

    @Test(
        "A statement outside a transaction that was sent and not answered has an unknown outcome, and is not sent again"
    )
    func unansweredStatement() async throws {
        let server = try ScriptedServer { Self.serve($0, until: "INSERT INTO t VALUES (1)") }
        try await server.withPool { pool in
            let error = await postgresFailure { try await pool.execute("INSERT INTO t VALUES (1)") }
            #expect(error?.code == .outcomeUnknown && error?.outcome == .unknown && error?.isRetryable == false)
            #expect(server.statements == ["INSERT INTO t VALUES (1)"])
        }
    }

    @Test(
        "A statement that the server did not begin before it ended the session is sent once more on another connection"
    )
    func forestalled() async throws {
        let server = try ScriptedServer { session in
            if session.number == 1, session.nextStatement() != nil {
                session.fail(.idleSessionTimeout, "terminating connection due to idle-session timeout")
            } else {
                Self.serve(session, until: "")
            }
        }
        try await server.withPool { pool in
            try await pool.execute("INSERT INTO t VALUES (1)")
            #expect(server.statements == ["INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)"])
        }
        let refusing = try ScriptedServer { session in
            _ = session.nextStatement()
            session.fail(.idleSessionTimeout, "terminating connection due to idle-session timeout")
        }
        try await refusing.withPool { pool in
            let error = await postgresFailure { try await pool.execute("INSERT INTO t VALUES (1)") }
            #expect(error?.code == .connectionLost && error?.outcome == .notExecuted && error?.isRetryable == true)
            #expect(error?.sqlState == .idleSessionTimeout)
            #expect(refusing.statements.count == 2)
        }
    }

    @Test("A statement that coincides with a shutdown of the server is not sent again")
    func shutDown() async throws {
        let server = try ScriptedServer { session in
            _ = session.nextStatement()
            session.fail(.adminShutdown, "terminating connection due to administrator command")
        }
        try await server.withPool { pool in
            let error = await postgresFailure { try await pool.execute("INSERT INTO t VALUES (1)") }
            #expect(error?.code == .outcomeUnknown && error?.sqlState == .adminShutdown && error?.isRetryable == false)
            #expect(server.statements.count == 1)
        }
    }

    @Test("A transaction whose BEGIN finds the session ended begins on another connection, and its body runs once")
    func forestalledTransaction() async throws {
        let server = try ScriptedServer { session in
            if session.number == 1 {
                _ = session.nextStatement()
            } else {
                Self.serve(session, until: "")
            }
        }
        try await server.withPool { pool in
            var count = 0
            try await pool.withTransaction { db in
                count += 1
                try await db.execute("INSERT INTO t VALUES (1)")
            }
            #expect(count == 1)
            #expect(server.statements == ["BEGIN", "BEGIN", "INSERT INTO t VALUES (1)", "COMMIT"])
        }
    }

    @Test(
        "A statement in a transaction whose connection breaks is certainly rolled back, unless it may end the transaction"
    )
    func inTransaction() async throws {
        for end in ["INSERT INTO t VALUES (1)", "COMMIT /* by hand */"] {
            let server = try ScriptedServer { Self.serve($0, until: end) }
            try await server.withPool { pool in
                let error = await postgresFailure {
                    try await pool.withConnection { db in
                        try await db.execute("BEGIN")
                        try await db.execute(PostgresQuery(unsafe: end))
                    }
                }
                if end.hasPrefix("INSERT") {
                    #expect(
                        error?.code == .connectionLost && error?.outcome == .rolledBack && error?.isRetryable == true
                    )
                } else {
                    #expect(error?.code == .outcomeUnknown && error?.isRetryable == false)
                }
            }
        }
    }

    @Test("A commit whose deadline passes before the answer has an unknown outcome")
    func lateCommit() async throws {
        let server = try ScriptedServer { session in
            Self.serve(session, until: "COMMIT")
            _ = session.nextStatement()
        }
        try await server.withPool({
            $0.statementTimeout = .milliseconds(200)
            $0.pool.resetTimeout = .milliseconds(200)
        }) { pool in
            let error = await postgresFailure { try await pool.withTransaction { _ in } }
            // On a slow machine the BEGIN may already be late.
            #expect(error?.code == (error?.sql == "COMMIT" ? .outcomeUnknown : .timedOut))
        }
    }

    @Test("A commit whose task is cancelled before the answer has an unknown outcome")
    func cancelledCommit() async throws {
        let mayAnswer = Counted<Bool>()
        let server = try ScriptedServer { session in
            Self.serve(session, until: "COMMIT")
            while mayAnswer.values.isEmpty { usleep(1_000) }
            session.complete("COMMIT", .idle)
            Self.serve(session, until: "")
        }
        try await server.withPool { pool in
            let task = Task {
                await postgresFailure {
                    try await pool.withTransaction { db in try await db.execute("INSERT INTO t VALUES (1)") }
                }
            }
            await until { server.statements.last == "COMMIT" }
            task.cancel()
            let error = await task.value
            #expect(error?.code == .outcomeUnknown && error?.isRetryable == false && error?.connectionIsGone == false)
            mayAnswer.add(true)
            // The connection remains usable.
            try await pool.execute("INSERT INTO t VALUES (2)")
            #expect(server.statements.last == "INSERT INTO t VALUES (2)")
        }
    }

    @Test("A transaction whose BEGIN was late is rolled back before the next statement")
    func lateBeginning() async throws {
        let mayAnswer = Counted<Bool>()
        let server = try ScriptedServer { session in
            while let statement = session.nextStatement() {
                if statement == "BEGIN" { while mayAnswer.values.isEmpty { usleep(1_000) } }
                session.complete(statement, statement == "BEGIN" ? .inTransaction : .idle)
            }
        }
        try await server.withPool { pool in
            try await pool.withConnection { db in
                let task = Task { [session = db.session] in
                    let connection = PostgresConnection(
                        session: session,
                        statementTimeout: nil,
                        resetTimeout: .seconds(120),
                        columnNames: .asWritten
                    )
                    return await failure { try await connection.withTransaction { _ in } }
                }
                await until { server.statements == ["BEGIN"] }
                task.cancel()
                #expect(await task.value is CancellationError)
                mayAnswer.add(true)
                try await db.execute("INSERT INTO t VALUES (1)")
                #expect(server.statements == ["BEGIN", "ROLLBACK", "INSERT INTO t VALUES (1)"])
            }
        }
    }

    @Test("A stream that ends after all its rows have arrived sends no cancel request")
    func leftStream() async throws {
        let sent = Counted<Bool>()
        let server = try ScriptedServer { session in
            while let statement = session.nextStatement() {
                if statement.hasPrefix("SELECT") {
                    session.beginRows()
                    for number in 0..<100 { session.row(UInt8(number)) }
                    session.finish("SELECT 100", .idle)
                    sent.add(true)
                } else {
                    session.complete(statement, .idle)
                }
            }
        }
        try await server.withPool { pool in
            // The rows are discarded for a millisecond, in which this thread may be preempted.
            for attempt in 1...20 {
                let before = server.cancelRequests
                try await pool.withConnection { db in
                    // Another text each time: the second use of one would be prepared.
                    var iterator = db.stream(PostgresQuery(unsafe: "SELECT n\(attempt)")).makeAsyncIterator()
                    let first = try await iterator.next()?.decode(Int.self, at: 0)
                    #expect(first == 0)
                    await until {
                        _ = db.session.consume()
                        return sent.values.count == attempt && !db.session.hasMore
                    }
                    try await db.execute("SET x = 1")
                }
                if server.cancelRequests == before { return }
            }
            Issue.record("the server was asked to end each of 20 statements whose rows had come")
        }
    }
}
