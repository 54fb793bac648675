// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// Pipelines whose parts are transactions with `BEGIN` and `COMMIT`.
@Suite(.timeLimit(.minutes(10))) struct PipelineTransactionTests {
    @Test("BEGIN, the statements and COMMIT are sent before the first answer")
    func oneRoundTrip() async throws {
        let requests = Counted<String>()
        let server = try FakeServer { connection in
            try connection.letIn()
            var types = ""
            while types.count(where: { $0 == "S" }) < 2 { types.append(try connection.receiveMessage()) }
            requests.add(types)
            func answer(_ tag: String) throws {
                for type in ["1", "2", "n"] { try connection.send(FakeServer.message(Character(type), [])) }
                try connection.send(FakeServer.message("C", Array("\(tag)\0".utf8)))
            }
            try answer("BEGIN")
            for _ in 0..<3 { try answer("DELETE 1") }
            try connection.send(FakeServer.message("Z", Array("T".utf8)))
            try answer("COMMIT")
            try connection.send(FakeServer.message("Z", Array("I".utf8)))
            try connection.receiveStatement()
        }
        defer { server.stop() }
        var configuration = PostgresConfiguration.withLongTimeouts(server.url)
        configuration.pooler = .session
        let pool = try PostgresPool(configuration)
        let results = try await pool.withPipeline(isolation: .serializable) { pipeline in
            ["DELETE FROM one", "DELETE FROM two", "DELETE FROM three"].map { pipeline.execute($0) }
        }
        #expect(try results.map { try $0.get().rowCount } == [1, 1, 1])
        #expect(requests.values == ["PBDEPBDEPBDEPBDESPBDES"])
        await pool.close()
    }

    @Test(
        "If the connection ends before COMMIT is answered, the outcome is unknown, and after it, known",
        arguments: [false, true]
    )
    func ending(isCommitted: Bool) async throws {
        let server = try FakeServer { connection in
            try connection.letIn()
            var syncs = 0
            while syncs < 2 { if try connection.receiveMessage() == "S" { syncs += 1 } }
            for tag in ["BEGIN", "DELETE 1", "COMMIT"] {
                if tag == "COMMIT" {
                    try connection.send(FakeServer.message("Z", Array("T".utf8)))
                    if !isCommitted { return }
                }
                for type in ["1", "2", "n"] { try connection.send(FakeServer.message(Character(type), [])) }
                try connection.send(FakeServer.message("C", Array("\(tag)\0".utf8)))
            }
        }
        defer { server.stop() }
        var configuration = PostgresConfiguration.withLongTimeouts(server.url)
        configuration.pooler = .session
        let pool = try PostgresPool(configuration)
        let results = Counted<PostgresPipeline.Result<PostgresCommand>>()
        let error = await postgresFailure {
            try await pool.withPipeline(readOnly: true) { results.add($0.execute("DELETE FROM one")) }
        }
        #expect(error?.connectionIsGone == true)
        #expect(results.values.map(\.state) == [isCommitted ? .done : .unknown])
        await pool.close()
    }

    @Test("Each part has the isolation level, the access mode and the settings", arguments: PollerKind.allCases)
    func characteristics(_ poller: PollerKind) async throws {
        try await TestServer.shared.withPool(poller, { $0.pool.maximumConnections = 1 }) { pool in
            let show: PostgresQuery =
                "SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only'), current_setting('app.tenant', true)"
            for level in PostgresConnection.IsolationLevel.allCases {
                let results = try await pool.withPipeline(
                    isolation: level,
                    readOnly: true,
                    settings: ["app.tenant": "it's \(level)"]
                ) { pipeline in
                    let first = pipeline.query(show, as: (String, String, String).self)
                    pipeline.sync()
                    return [first, pipeline.query(show, as: (String, String, String).self)]
                }
                for result in results {
                    let row = try result.get()[0]
                    #expect(row.0 == level.rawValue.lowercased() && row.1 == "on" && row.2 == "it's \(level)")
                }
            }
            let after = try await pool.withPipeline { $0.query(show, as: (String, String, String?).self) }.get()[0]
            #expect(after.0 == "read committed" && after.1 == "off" && (after.2 ?? "") == "")
            #expect(pool.snapshot.counters.created == 1)
        }
    }

    @Test("A failed statement undoes the others of its part only, and leaves no transaction open")
    func failed() async throws {
        try await PipelineTests.withTable("pipeline_begun") { pool in
            let process = try await pool.process()
            let results = try await pool.withPipeline(isolation: .repeatableRead, throwsFailures: false) { pipeline in
                [1, 2, 2, 3, 4].enumerated()
                    .map { place, id in
                        let result = pipeline.execute("INSERT INTO pipeline_begun VALUES (\(id))")
                        if place == 0 || place == 3 { pipeline.sync() }
                        return result
                    }
            }
            #expect(results.map(\.state) == [.done, .rolledBack, .failed, .notRun, .done])
            #expect(await postgresFailure { try results[1].get() }?.outcome == .rolledBack)
            #expect(await postgresFailure { try results[3].get() }?.outcome == .notExecuted)
            try await equal(pool.withConnection { $0.isInTransaction }, false)
            try await equal(pool.query("SELECT id FROM pipeline_begun ORDER BY id", as: Int.self), [1, 4])
            let error = await postgresFailure {
                try await pool.withPipeline(readOnly: true) { $0.execute("INSERT INTO pipeline_begun VALUES (9)") }
            }
            #expect(error?.sqlState == "25006" && error?.outcome == .rolledBack)
            try await equal(pool.process(), process)
        }
    }

    @Test("A COMMIT that fails by a deferred constraint undoes every statement")
    func deferred() async throws {
        let columns = "id int, UNIQUE (id) DEFERRABLE INITIALLY DEFERRED"
        try await PipelineTests.withTable("pipeline_commit", columns: columns) { pool in
            let results = try await pool.withPipeline(isolation: .serializable, throwsFailures: false) { pipeline in
                let results = [1, 1].map { pipeline.execute("INSERT INTO pipeline_commit VALUES (\($0))") }
                pipeline.sync()
                return results + [pipeline.execute("INSERT INTO pipeline_commit VALUES (2)")]
            }
            #expect(results.map(\.state) == [.rolledBack, .rolledBack, .done])
            let error = await postgresFailure {
                try await pool.withPipeline(isolation: .serializable) { pipeline in
                    pipeline.execute("INSERT INTO pipeline_commit VALUES (2)")
                }
            }
            #expect(error?.sqlState == .uniqueViolation && error?.outcome == .rolledBack && error?.sql == "COMMIT")
            try await equal(pool.query("SELECT id FROM pipeline_commit", as: Int.self), [2])
        }
    }

    @Test("A serialization failure rolls every statement back, and is retryable")
    func serialization() async throws {
        try await PipelineTests.withTable("pipeline_serial") { pool in
            try await pool.executeMany(1...2) { "INSERT INTO pipeline_serial VALUES (\($0), 'on')" }
            let count: PostgresQuery = "SELECT count(*) FROM pipeline_serial WHERE note = 'on'"
            let server = try await TestServer.shared
            let results = Counted<PostgresPipeline.Result<PostgresCommand>>()
            try await server.withPool { others in
                try await others.withConnection { holder in
                    try await holder.execute("SELECT pg_advisory_lock(7919)")
                    let task = Task {
                        try await pool.withPipeline(isolation: .serializable) { pipeline in
                            results.add(pipeline.execute(count))
                            results.add(pipeline.execute("SELECT pg_advisory_xact_lock(7919)"))
                            results.add(pipeline.execute("UPDATE pipeline_serial SET note = 'off' WHERE id = 2"))
                        }
                    }
                    try await until {
                        try await server.psql("SELECT count(*) FROM pg_locks WHERE objid = 7919 AND NOT granted") == "1"
                    }
                    // Each transaction reads what the other writes.
                    try await others.withTransaction(isolation: .serializable) { db in
                        try await equal(db.query(count, as: Int.self), [2])
                        try await db.execute("UPDATE pipeline_serial SET note = 'off' WHERE id = 1")
                    }
                    try await holder.execute("SELECT pg_advisory_unlock(7919)")
                    let error = await postgresFailure { try await task.value }
                    #expect(error?.sqlState == .serializationFailure)
                    #expect(error?.outcome == .rolledBack && error?.isRetryable == true)
                }
            }
            #expect(results.values.allSatisfy { $0.state == .rolledBack || $0.state == .failed })
            let notes = try await pool.query("SELECT note FROM pipeline_serial ORDER BY id", as: String.self)
            #expect(notes == ["off", "on"])
        }
    }

    @Test("Within a transaction, and with search_path, nothing is sent")
    func refused() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withTransaction { db in
                let error = await postgresFailure {
                    try await db.withPipeline(isolation: .serializable) { $0.execute("SELECT 1") }
                }
                #expect(error?.code == .transactionControl && error?.outcome == .notExecuted)
                try await equal(db.query("SELECT 1", as: Int.self), [1])
            }
            let path = await postgresFailure {
                try await pool.withPipeline(settings: ["search_path": "x"]) { $0.execute("SELECT 1") }
            }
            #expect(path?.code == .unsupported && path?.outcome == .notExecuted)
            let name = await postgresFailure {
                try await pool.withPipeline(settings: ["a b": "x"]) { $0.execute("SELECT 1") }
            }
            #expect(name?.code == .encoding)
            let results = Counted<PostgresPipeline.Result<PostgresCommand>>()
            let value = await postgresFailure {
                try await pool.withPipeline(settings: ["statement_timeout": "never"]) { pipeline in
                    results.add(pipeline.execute("SELECT 1"))
                }
            }
            #expect(value?.sqlState == "22023" && value?.sql?.contains("never") == false)
            #expect(results.values.map(\.state) == [.notRun])
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
        }
    }

    @Test("A prepared statement that the server no longer accepts is sent again in a new transaction")
    func stale() async throws {
        try await PipelineTests.withTable("pipeline_stale_begun") { pool in
            func select() async throws -> Int {
                let rows = try await pool.withPipeline(isolation: .serializable) { pipeline in
                    pipeline.execute("INSERT INTO pipeline_stale_begun (id) SELECT count(*) FROM pipeline_stale_begun")
                    return pipeline.query("SELECT * FROM pipeline_stale_begun")
                }
                return try rows.get().columnNames.count
            }
            for _ in 0..<3 { try await equal(select(), 2) }
            try await TestServer.shared.psql("ALTER TABLE pipeline_stale_begun ADD COLUMN more int")
            try await equal(select(), 3)
            try await equal(pool.query("SELECT count(*) FROM pipeline_stale_begun", as: Int.self), [4])
        }
    }

    @Test("After a timeout, a cancellation and the end of the session, no transaction is left", arguments: 0..<3)
    func ends(_ kind: Int) async throws {
        let name = "pipeline_ends_\(kind)"
        try await PipelineTests.withTable(name) { pool in
            let results = Counted<PostgresPipeline.Result<PostgresCommand>>()
            let wait: PostgresQuery =
                kind == 2
                ? "SELECT pg_terminate_backend(pg_backend_pid())" : "SELECT pg_sleep(600) /* \(identifier: name) */"
            let task = Task {
                try await pool.withPipeline(isolation: .serializable, timeout: kind == 0 ? .seconds(2) : nil) {
                    pipeline in
                    results.add(pipeline.execute("INSERT INTO \(identifier: name) VALUES (1)"))
                    results.add(pipeline.execute(wait))
                    results.add(pipeline.execute("INSERT INTO \(identifier: name) VALUES (2)"))
                }
            }
            if kind == 1 {
                let server = try await TestServer.shared
                try await until {
                    try await server.psql(
                        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%/* \"\(name)\" */' AND state = 'active'"
                    ) == "1"
                }
                task.cancel()
            }
            let error = await failure { try await task.value }
            switch kind {
            case 0: #expect((error as? PostgresError)?.code == .timedOut)
            case 1: #expect(error is CancellationError)
            default: #expect((error as? PostgresError)?.sqlState == .adminShutdown)
            }
            #expect(results.values.map(\.state) == [.unknown, .unknown, .unknown])
            try await equal(pool.withConnection { $0.isInTransaction }, false)
            try await equal(pool.query("SELECT count(*) FROM \(identifier: name)", as: Int.self), [0])
        }
    }
}
