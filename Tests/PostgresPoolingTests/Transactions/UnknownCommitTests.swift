// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// Commits without an answer, which the pool repeats only if a check says that nothing was
/// committed.
@Suite(.timeLimit(.minutes(10))) struct UnknownCommitTests {
    /// Answers statements, and ends the first session at its `COMMIT`, without an answer.
    private static func serve(_ session: ScriptedServer.Session) {
        var status = ScriptedServer.Status.idle
        while let statement = session.nextStatement() {
            if statement == "COMMIT", session.number == 1 { return }
            switch statement {
            case "BEGIN": status = .inTransaction
            case "COMMIT", "ROLLBACK": status = .idle
            default: break
            }
            session.complete(statement.hasPrefix("INSERT") ? "INSERT 0 1" : statement, status)
        }
    }

    private func run(_ pool: PostgresPool, _ retry: PostgresRetry) async throws -> Int {
        try await pool.withTransaction(retry: retry) { db in
            try await db.execute("INSERT INTO t VALUES (1)")
            return 7
        }
    }

    @Test("A commit without an answer is not repeated")
    func notRepeated() async throws {
        let server = try ScriptedServer { Self.serve($0) }
        try await server.withPool { pool in
            let error = await postgresFailure { try await run(pool, .serializationFailures(attempts: 5)) }
            #expect(error?.code == .outcomeUnknown && error?.attempts == 1)
            #expect(server.statements == ["BEGIN", "INSERT INTO t VALUES (1)", "COMMIT"])
        }
    }

    @Test("If the check finds the transaction committed, the call returns the body's result")
    func committed() async throws {
        let server = try ScriptedServer { Self.serve($0) }
        try await server.withPool { pool in
            let retry = PostgresRetry.serializationFailures(attempts: 5) { db in
                try await db.execute("UPDATE checked")
                return true
            }
            try await equal(run(pool, retry), 7)
            #expect(server.statements == ["BEGIN", "INSERT INTO t VALUES (1)", "COMMIT", "UPDATE checked"])
        }
    }

    @Test("If the check finds the transaction not committed, the body runs again", arguments: [1, 5])
    func notCommitted(_ attempts: Int) async throws {
        let server = try ScriptedServer { Self.serve($0) }
        try await server.withPool { pool in
            let retry = PostgresRetry.serializationFailures(attempts: attempts, backOff: .zero) { db in
                try await db.execute("UPDATE checked")
                return false
            }
            let once = ["BEGIN", "INSERT INTO t VALUES (1)", "COMMIT"]
            if attempts == 1 {
                let error = await postgresFailure { try await run(pool, retry) }
                #expect(error?.outcome == .rolledBack && error?.isRetryable == true)
                #expect(server.statements == once + ["UPDATE checked"])
            } else {
                try await equal(run(pool, retry), 7)
                #expect(server.statements == once + ["UPDATE checked"] + once)
            }
        }
    }

    @Test("If the check fails, the outcome stays unknown")
    func failedCheck() async throws {
        let server = try ScriptedServer { Self.serve($0) }
        try await server.withPool { pool in
            let retry = PostgresRetry.serializationFailures { _ in throw CancellationError() }
            let error = await postgresFailure { try await run(pool, retry) }
            #expect(error?.code == .outcomeUnknown && error?.attempts == 1)
        }
    }

    @Test("A session that the server ends during COMMIT is repeated once the check has found nothing")
    func endedDuringCommit() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                try await db.executeScript(
                    """
                    CREATE TABLE ended_commit (key int PRIMARY KEY); CREATE SEQUENCE ended_commit_calls;
                    CREATE FUNCTION ended_commit() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
                        -- A sequence is not rolled back, so only the first commit ends its session.
                        IF nextval('ended_commit_calls') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
                        RETURN NULL;
                    END$$;
                    CREATE CONSTRAINT TRIGGER ended_commit AFTER INSERT ON ended_commit
                        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ended_commit()
                    """
                )
            }
            let checks = Counted<Bool>()
            var attempts = 0
            try await pool.withTransaction(
                retry: .serializationFailures { db in
                    let isCommitted = try await db.query("SELECT FROM ended_commit WHERE key = 7").count == 1
                    checks.add(isCommitted)
                    return isCommitted
                }
            ) { db in
                attempts += 1
                try await db.execute("INSERT INTO ended_commit VALUES (7)")
            }
            #expect(attempts == 2 && checks.values == [false])
            try await equal(pool.query("SELECT key FROM ended_commit", as: Int.self), [7])
            try await pool.withConnection { db in
                try await db.executeScript(
                    "DROP TABLE ended_commit; DROP FUNCTION ended_commit; DROP SEQUENCE ended_commit_calls"
                )
            }
        }
    }
}
