// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PostgresPooling
import TestSupport
import Testing

/// The behavior of a pool behind PgBouncer.
@Suite(.timeLimit(.minutes(10))) struct PgBouncerTests {
    struct Setting: Sendable, CustomTestStringConvertible {
        let mode: TestPgBouncer.Mode
        let version: TestPgBouncer.Version
        let pooler: PostgresConfiguration.Pooler

        var testDescription: String { "\(mode), \(version), \(pooler)" }

        /// Each mode of each version, with each suitable configuration.
        static let all = TestPgBouncer.Mode.allCases.flatMap { mode in
            TestPgBouncer.Version.allCases.flatMap { version in
                PostgresConfiguration.Pooler.allCases.filter { mode == .session || $0 != .session }.map { pooler in
                    Setting(mode: mode, version: version, pooler: pooler)
                }
            }
        }
    }

    /// Runs two statements alternately in 16 tasks, with 1,600 calls, and counts the wrong
    /// answers.
    private func wrongAnswers(on pool: PostgresPool) async throws -> Int {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for task in 0..<16 {
                group.addTask {
                    var wrong = 0
                    for call in 0..<100 {
                        let number = 100 * task + call
                        let isFirst = (task + call * call) % 3 == 0
                        let answer =
                            isFirst
                            ? try await pool.query("SELECT \(number) * 1000", as: Int.self)
                            : try await pool.query("SELECT \(number) + 1", as: Int.self)
                        if answer != [isFirst ? number * 1000 : number + 1] { wrong += 1 }
                    }
                    return wrong
                }
            }
            return try await group.reduce(0, +)
        }
    }

    @Test("Statements never receive each other's answers", arguments: Setting.all)
    func answers(_ setting: Setting) async throws {
        // In session mode, each connection needs a session of its own.
        let sessions = setting.mode == .session ? 4 : 2
        try await TestServer.shared.withPgBouncer(
            setting.mode,
            setting.version,
            settings: ["default_pool_size": "\(sessions)"]
        ) { bouncer in
            try await bouncer.withPool({ $0.pooler = setting.pooler }) { pool in
                try await equal(wrongAnswers(on: pool), 0)
                let names = try await pool.query("SELECT name FROM pg_prepared_statements", as: String.self)
                if setting.pooler != .session { #expect(names == []) }
            }
        }
    }

    @Test(
        "A pool that does not expect a pooler recovers from errors, and never receives another statement's answer",
        arguments: TestPgBouncer.Version.allCases
    )
    func unnoticed(_ version: TestPgBouncer.Version) async throws {
        try await TestServer.shared.withPgBouncer(.transaction, version) { bouncer in
            // With room for all statements: a pooler that tracks statements does not track
            // DEALLOCATE.
            try await bouncer.withPool({ $0.pooler = .session }) { pool in
                try await equal(wrongAnswers(on: pool), 0)
            }
        }
    }

    @Test(
        "A pool that selects never executes another pool's DELETE",
        arguments: TestPgBouncer.Version.allCases,
        PostgresConfiguration.Pooler.allCases
    )
    func twoPools(_ version: TestPgBouncer.Version, _ pooler: PostgresConfiguration.Pooler) async throws {
        let table = "victim_\(UUID().uuidString.prefix(8).lowercased())"
        try await TestServer.shared.psql("CREATE TABLE \(table) AS SELECT id FROM generate_series(1, 1000) AS id")
        try await TestServer.shared.withPgBouncer(.transaction, version) { bouncer in
            try await bouncer.withPool({ $0.pooler = pooler }) { reading in
                try await bouncer.withPool({ $0.pooler = pooler }) { deleting in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for task in 0..<4 {
                            group.addTask {
                                for call in 0..<50 {
                                    let id = 1 + 50 * task + call
                                    let found = try await reading.query(
                                        "SELECT id FROM \(identifier: table) WHERE id = \(id)",
                                        as: Int.self
                                    )
                                    #expect(found == [id])
                                }
                            }
                            group.addTask {
                                for call in 0..<50 {
                                    let id = 1 + 50 * task + call
                                    let deleted = try await deleting.execute(
                                        "DELETE FROM \(identifier: table) WHERE id = \(id) + 1000"
                                    )
                                    #expect(deleted.rowCount == 0)
                                }
                            }
                        }
                        try await group.waitForAll()
                    }
                }
            }
        }
        #expect(try await TestServer.shared.psql("SELECT count(*) FROM \(table)") == "1000")
        try await TestServer.shared.psql("DROP TABLE \(table)")
    }

    @Test("Transactions and streams run behind a pooler", arguments: [TestPgBouncer.Mode.session, .transaction])
    func transactions(_ mode: TestPgBouncer.Mode) async throws {
        try await TestServer.shared.withPgBouncer(mode, settings: ["default_pool_size": "4"]) { bouncer in
            try await bouncer.withPool { pool in
                for round in 1...3 {
                    let answer = try await pool.withTransaction { db in
                        var sum = 0
                        for try await row in db.stream("SELECT n FROM generate_series(1, \(3)) AS n") {
                            sum += try row.decode(as: Int.self)
                        }
                        let padded = try await db.query("SELECT lpad('7', \(round), '0')", as: String.self)
                        return (sum, padded[0])
                    }
                    #expect(answer.0 == 6 && answer.1 == ["7", "07", "007"][round - 1])
                }
            }
        }
    }

    @Test("Parameter types are found behind a pooler", arguments: TestPgBouncer.Version.allCases)
    func types(_ version: TestPgBouncer.Version) async throws {
        try await TestServer.shared.withPgBouncer(.transaction, version) { bouncer in
            try await bouncer.withPool { pool in
                for width in 1...4 {
                    try await equal(
                        pool.query("SELECT lpad('7', \(width), '0')", as: String.self),
                        [String(repeating: "0", count: width - 1) + "7"]
                    )
                }
            }
        }
    }

    @Test("Behind a detected pooler, a setup fails with a message that says what to do")
    func setup() async throws {
        try await TestServer.shared.withPgBouncer(.session) { bouncer in
            let error = await failure {
                try await bouncer.withPool({ $0.setup = ["SET lock_timeout = '5s'"] }) { pool in
                    try await pool.query("SELECT 1", as: Int.self)
                }
            }
            let cause = (error as? PoolError)?.underlying as? PostgresError ?? error as? PostgresError
            #expect(cause?.code == .invalidConfiguration)
            #expect(cause?.message.contains("set pooler to .session or .transaction") == true)
            let timeout = try await bouncer.withPool({
                $0.setup = ["SET lock_timeout = '5s'"]
                $0.pooler = .session
            }) { pool in try await pool.query("SHOW lock_timeout", as: String.self) }
            #expect(timeout == ["5s"])
        }
    }

    @Test("A pool for a transaction pooler cannot be created with a setup")
    func setupOfTransactionPooler() {
        var configuration = PostgresConfiguration()
        configuration.pooler = .transaction
        configuration.setup = ["SET lock_timeout = '5s'"]
        let error = #expect(throws: PostgresError.self) { try PostgresPool(configuration) }
        #expect(error?.code == .invalidConfiguration && error?.message.hasPrefix("setup") == true)
    }

    @Test("A pool for a transaction pooler resets no session, and rolls back")
    func reset() async throws {
        try await TestServer.shared.withPgBouncer(.transaction, settings: ["default_pool_size": "1"]) { bouncer in
            try await bouncer.withPool({
                $0.pooler = .transaction
                $0.pool.maximumConnections = 1
            }) { pool in
                try await pool.execute("SET lock_timeout = '7s'")
                // Unchanged: other clients share the session.
                try await equal(pool.query("SHOW lock_timeout", as: String.self), ["7s"])
                _ = await failure {
                    try await pool.withConnection { db in
                        try await db.execute("BEGIN")
                        try await db.execute("SELECT 1/0")
                    }
                }
                try await equal(pool.query("SELECT 1", as: Int.self), [1])
            }
        }
    }

    @Test("Without a pooler, statements are prepared by default")
    func direct() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                for _ in 0..<2 { try await equal(db.query("SELECT 1 AS direct", as: Int.self), [1]) }
                let names = try await db.query("SELECT name FROM pg_prepared_statements", as: String.self)
                #expect(names.count == 1 && names[0].utf8.count == 41)
            }
        }
    }

    @Test("PgBouncer ends with the process that it watches")
    func watched() async throws {
        let watched = try ChildProcess(executable: "/bin/sleep", arguments: ["120"], environment: [])
        let folder = FileManager.default.temporaryDirectory.appending(path: "lockpool-\(UUID().uuidString.prefix(8))")
            .path
        let server = try await TestServer.shared
        let keywords = try await ServerScript.pgbouncer.succeed(
            ["start", "--server", server.folder, "--folder", folder, "--watch", String(watched.identifier)]
        )
        let pool = try PostgresPool("\(keywords) password=\(server.password)")
        try await equal(pool.query("SELECT 1", as: Int.self), [1])
        watched.send(SIGKILL)
        _ = await watched.exitCode()
        await until { !FileManager.default.fileExists(atPath: folder) }
        different(await failure { try await pool.query("SELECT 1", as: Int.self) } == nil, true)
        await pool.close()
    }
}
