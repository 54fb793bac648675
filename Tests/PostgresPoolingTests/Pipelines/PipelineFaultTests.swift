// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// Pipelines that end early, and statements that the server no longer knows.
@Suite(.timeLimit(.minutes(10))) struct PipelineFaultTests {
    @Test(
        "After a timeout the sent statements are unknown, and the connection is used again",
        arguments: [false, true]
    )
    func timeout(isInParts: Bool) async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let process = try await pool.process()
            let results = Counted<PostgresPipeline.Result<PostgresRows>>()
            let error = await postgresFailure {
                try await pool.withPipeline(timeout: .milliseconds(100), throwsFailures: false) { pipeline in
                    for query: PostgresQuery in ["SELECT 1", "SELECT pg_sleep(600)", "SELECT 2"] {
                        results.add(pipeline.query(query))
                        if isInParts { pipeline.sync() }
                    }
                }
            }
            #expect(error?.code == .timedOut)
            #expect(results.values.map(\.state) == [isInParts ? .done : .unknown, .unknown, .unknown])
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
            try await equal(pool.process(), process)
        }
    }

    @Test("A cancelled pipeline is a CancellationError, and ends on the server")
    func cancelled() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let results = Counted<PostgresPipeline.Result<PostgresRows>>()
            let task = Task {
                try await pool.withPipeline { pipeline in
                    results.add(pipeline.query("SELECT 'pipeline to cancel', pg_sleep(600)"))
                    results.add(pipeline.query("SELECT 2"))
                }
            }
            let server = try await TestServer.shared
            try await until {
                try await server.psql(
                    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT ''pipeline to cancel%' AND state = 'active'"
                ) == "1"
            }
            task.cancel()
            #expect(await failure { try await task.value } is CancellationError)
            #expect(results.values.map(\.state) == [.unknown, .unknown])
            #expect(await failure { try results.values[0].get() } is CancellationError)
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
        }
    }

    @Test(
        "If a pipeline is cancelled before everything is sent, nothing of the last part is committed",
        arguments: [nil, PostgresConnection.IsolationLevel.serializable]
    )
    func partlySent(_ isolation: PostgresConnection.IsolationLevel?) async throws {
        let table = "pipeline_partly_\(isolation == nil ? "plain" : "begun")"
        try await PipelineTests.withTable(table) { pool in
            let note = String(repeating: "x", count: 100_000)
            let results = Counted<PostgresPipeline.Result<PostgresCommand>>()
            let task = Task {
                try await pool.withPipeline(isolation: isolation) { pipeline in
                    results.add(pipeline.execute("INSERT INTO \(identifier: table) VALUES (0)"))
                    pipeline.sync()
                    results.add(pipeline.execute("INSERT INTO \(identifier: table) VALUES (1)"))
                    results.add(pipeline.execute("SELECT 'partly sent', pg_sleep(600) /* \(identifier: table) */"))
                    // More than the buffers of both sockets hold.
                    for id in 2..<500 {
                        results.add(pipeline.execute("INSERT INTO \(identifier: table) VALUES (\(id), \(note))"))
                    }
                }
            }
            let server = try await TestServer.shared
            let sleeping =
                "FROM pg_stat_activity WHERE query LIKE 'SELECT ''partly sent%\(table)%' AND state = 'active'"
            try await until { try await server.psql("SELECT count(*) \(sleeping)") == "1" }
            await until { results.values[0].state == .done }
            task.cancel()
            #expect(await failure { try await task.value } is CancellationError)
            let states = results.values.map(\.state)
            #expect(states[0] == .done && states[1] == .rolledBack && states[2] == .rolledBack)
            #expect(states.last == .notRun)
            // Asleep, the server does not see that the connection has ended.
            try await server.psql("SELECT pg_terminate_backend(pid) \(sleeping)")
            try await equal(pool.query("SELECT id FROM \(identifier: table)", as: Int.self), [0])
        }
    }

    @Test("When the server ends the session, what it has answered is unknown or done, and the rest has not run")
    func terminated() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let results = Counted<PostgresPipeline.Result<PostgresRows>>()
            let error = await postgresFailure {
                try await pool.withPipeline { pipeline in
                    results.add(pipeline.query("SELECT 1"))
                    pipeline.sync()
                    results.add(pipeline.query("SELECT 2"))
                    results.add(pipeline.query("SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(600)"))
                    results.add(pipeline.query("SELECT 3"))
                }
            }
            #expect(error?.code == .outcomeUnknown && error?.sqlState == .adminShutdown)
            #expect(results.values.map(\.state) == [.done, .unknown, .unknown, .unknown])
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
        }
    }

    @Test("A pipeline on a connection that was lost while idle is sent on another")
    func lostIdle() async throws {
        let server = try await TestServer.shared
        try await server.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            for _ in 0..<5 {
                let process = try await pool.process()
                try await server.psql("SELECT pg_terminate_backend(\(process))")
                try await until {
                    try await server.psql("SELECT count(*) FROM pg_stat_activity WHERE pid = \(process)") == "0"
                }
                let one = try await pool.withPipeline { $0.query("SELECT 1", as: Int.self) }
                try equal(one.get(), [1])
            }
        }
    }

    @Test("A pipeline of which a part is committed is not sent again")
    func partlyCommitted() async throws {
        let server = try ScriptedServer { session in
            if session.nextStatement() == nil { return }
            session.complete("INSERT 0 1", .idle)
            // This proves that the session was idle, so that the second part has not begun.
            _ = session.nextStatement()
            session.fail(.idleSessionTimeout, "terminating connection due to idle-session timeout")
        }
        try await server.withPool { pool in
            let results = Counted<PostgresPipeline.Result<PostgresCommand>>()
            let error = await postgresFailure {
                try await pool.withPipeline { pipeline in
                    results.add(pipeline.execute("INSERT INTO t VALUES (1)"))
                    pipeline.sync()
                    results.add(pipeline.execute("INSERT INTO t VALUES (2)"))
                }
            }
            #expect(error?.code == .outcomeUnknown && error?.outcome == .unknown && error?.isRetryable == false)
            #expect(results.values.first?.state == .done)
            #expect(server.statements == ["INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)"])
        }
    }

    @Test("Statements whose result has changed, or which the session has lost, are sent again")
    func stale() async throws {
        try await PipelineTests.withTable("pipeline_stale") { pool in
            func read() async throws -> [PostgresPipeline.Result<PostgresRows>] {
                try await pool.withPipeline { pipeline in
                    pipeline.execute("INSERT INTO pipeline_stale (id) SELECT count(*) FROM pipeline_stale")
                    return [pipeline.query("SELECT * FROM pipeline_stale"), pipeline.query("SELECT \(1) + 1")]
                }
            }
            for _ in 0..<3 { _ = try await read() }
            try await TestServer.shared.psql("ALTER TABLE pipeline_stale ADD COLUMN other int")
            let results = try await read()
            try equal(results[0].get().columnNames, ["id", "note", "other"])
            try equal(results[0].get().count, 4)
            for _ in 0..<3 { _ = try await read() }
            // The cache does not see this.
            try await pool.execute("SELECT set_config('search_path', 'public', false)")
            try await pool.withConnection { db in
                _ = try await db.session.runScript("DEALLOCATE ALL", db.limit(nil))
                let results = try await db.withPipeline { pipeline in
                    [pipeline.query("SELECT * FROM pipeline_stale"), pipeline.query("SELECT \(1) + 1")]
                }
                #expect(results.allSatisfy { $0.state == .done })
            }
        }
    }

    @Test("More statements than the cache holds, of changing types, run in one pipeline")
    func cache() async throws {
        let server = try await TestServer.shared
        try await server.psql("CREATE TYPE pipeline_mood AS ENUM ('calm', 'glad')")
        try await server.withPool(
            .native,
            {
                $0.pool.maximumConnections = 1
                $0.statementCacheCapacity = 2
            }
        ) { pool in
            let day = Date(timeIntervalSince1970: 0)
            for round in 0..<5 {
                let results = try await pool.withPipeline { pipeline in
                    [
                        pipeline.query("SELECT \(round) + 1", as: String.self),
                        pipeline.query("SELECT \("a") || \(round)", as: String.self),
                        pipeline.query("SELECT 'glad'::pipeline_mood", as: String.self),
                        pipeline.query("SELECT \(day) > now()", as: String.self),
                        pipeline.query("SELECT \(nil as String?) IS NULL", as: String.self),
                        pipeline.query("SELECT current_date + \(round) > current_date", as: String.self),
                    ]
                }
                #expect(results.allSatisfy { $0.state == .done })
                try equal(results[1].get(), ["a\(round)"])
                try equal(results[2].get(), ["glad"])
            }
        }
        try await server.psql("DROP TYPE pipeline_mood")
    }

    @Test("Pipelines behind PgBouncer", arguments: TestPgBouncer.Mode.allCases, TestPgBouncer.Version.allCases)
    func pooler(_ mode: TestPgBouncer.Mode, _ version: TestPgBouncer.Version) async throws {
        try await TestServer.shared.withPgBouncer(mode, version, settings: ["default_pool_size": "2"]) { bouncer in
            try await bouncer.withPool({
                $0.pool.maximumConnections = mode == .session ? 2 : 4
                $0.pooler = mode == .session ? .session : .transaction
            }) { pool in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for task in 0..<8 {
                        group.addTask {
                            for call in 0..<20 {
                                let number = 100 * task + call
                                let results = try await pool.withPipeline { pipeline in
                                    (0..<5).map { place in
                                        if place == 3 { pipeline.sync() }
                                        return pipeline.query("SELECT \(number) * 10 + \(place)", as: Int.self)
                                    }
                                }
                                try equal(results.flatMap { try $0.get() }, (0..<5).map { number * 10 + $0 })
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }
}
