// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// Statements that are sent together.
@Suite(.timeLimit(.minutes(10))) struct PipelineTests {
    /// Runs a body with a pool of one connection and a table `name (id int PRIMARY KEY, note
    /// text)`.
    static func withTable(
        _ name: String,
        columns: String = "id int PRIMARY KEY, note text",
        _ configure: (inout PostgresConfiguration) -> Void = { _ in },
        _ body: (PostgresPool) async throws -> Void
    ) async throws {
        let server = try await TestServer.shared
        try await server.psql("CREATE TABLE \(name) (\(columns))")
        try await server.withPool(
            .native,
            {
                $0.pool.maximumConnections = 1
                configure(&$0)
            }
        ) { pool in
            try await body(pool)
        }
        try await server.psql("DROP TABLE \(name)")
    }

    @Test(
        "A pipeline after a stream on the same connection has the results of its own statements",
        arguments: [false, true]
    )
    func afterStream(isLeftEarly: Bool) async throws {
        try await TestServer.shared.withPool(.native) { pool in
            try await pool.withConnection { db in
                var rows = 0
                for try await _ in db.stream("SELECT generate_series(1, 1000)") {
                    rows += 1
                    if isLeftEarly { break }
                }
                let (one, two) = try await db.withPipeline { pipeline in
                    let one = pipeline.query("SELECT generate_series(1, 3)", as: Int.self)
                    return (one, pipeline.query("SELECT 'two'", as: String.self))
                }
                try equal(one.get(), [1, 2, 3])
                try equal(two.get(), ["two"])
            }
        }
    }

    @Test("Each statement has its result, with the requested type")
    func results() async throws {
        try await PipelineTests.withTable("pipeline_results") { pool in
            for round in 0..<4 {
                let (inserted, notes, pairs, rows) = try await pool.withPipeline { pipeline in
                    let inserted = pipeline.execute("INSERT INTO pipeline_results VALUES (\(round), \("n\(round)"))")
                    let notes = pipeline.query("SELECT note FROM pipeline_results ORDER BY id", as: String.self)
                    let pairs = pipeline.query(
                        "SELECT id, note FROM pipeline_results WHERE id = \(round)",
                        as: (Int, String?).self
                    )
                    let rows = pipeline.query("SELECT \(round) AS round")
                    let count = pipeline.count
                    precondition(notes.state == .pending && count == 4)
                    return (inserted, notes, pairs, rows)
                }
                #expect(inserted.state == .done)
                try equal(inserted.get().rowCount, 1)
                try equal(notes.get(), (0...round).map { "n\($0)" })
                let pair = try pairs.get()[0]
                #expect(pair.0 == round && pair.1 == "n\(round)")
                try equal(rows.get().decode(as: Int.self), [round])
            }
        }
    }

    @Test("An empty pipeline sends nothing, and results that do not have the requested type are an error of theirs")
    func empty() async throws {
        try await TestServer.shared.withPool { pool in
            let number = try await pool.withPipeline { _ in 7 }
            #expect(number == 7 && pool.status.idle == 0)
            let text = try await pool.withPipeline { $0.query("SELECT 'a'", as: Int.self) }
            #expect(await postgresFailure { try text.get() }?.code == .decoding)
        }
    }

    @Test("All statements are sent before the first answer, with one request for an answer")
    func oneRoundTrip() async throws {
        let requests = Counted<String>()
        let server = try FakeServer { connection in
            try connection.letIn()
            var types = ""
            while types.last != "S" { types.append(try connection.receiveMessage()) }
            requests.add(types)
            for _ in 0..<3 {
                try connection.send(FakeServer.message("1", []))
                try connection.send(FakeServer.message("2", []))
                try connection.send(FakeServer.message("n", []))
                try connection.send(FakeServer.message("C", Array("DELETE 1\0".utf8)))
            }
            try connection.send(FakeServer.message("Z", Array("I".utf8)))
            try connection.receiveStatement()
        }
        defer { server.stop() }
        var configuration = PostgresConfiguration.withLongTimeouts(server.url)
        configuration.pooler = .session
        let pool = try PostgresPool(configuration)
        let results = try await pool.withPipeline { pipeline in
            ["DELETE FROM one", "DELETE FROM two", "DELETE FROM three"].map { pipeline.execute($0) }
        }
        #expect(try results.map { try $0.get().rowCount } == [1, 1, 1])
        #expect(requests.values == ["PBDEPBDEPBDES"])
        await pool.close()
    }

    @Test("A failed statement undoes the earlier ones of its part, and the following ones do not run")
    func failed() async throws {
        try await PipelineTests.withTable("pipeline_failed") { pool in
            func add(_ pipeline: inout PostgresPipeline) -> [PostgresPipeline.Result<PostgresCommand>] {
                [1, 1, 2].map { pipeline.execute("INSERT INTO pipeline_failed VALUES (\($0), 'x')") }
            }
            let error = await postgresFailure { try await pool.withPipeline { add(&$0) } }
            #expect(error?.sqlState == .uniqueViolation)
            let results = try await pool.withPipeline(throwsFailures: false) { add(&$0) }
            #expect(results.map(\.state) == [.rolledBack, .failed, .notRun])
            #expect(await postgresFailure { try results[0].get() }?.outcome == .rolledBack)
            #expect(await postgresFailure { try results[1].get() }?.sqlState == .uniqueViolation)
            let notRun = await postgresFailure { try results[2].get() }
            #expect(notRun?.code == .transactionAborted && notRun?.outcome == .notExecuted)
            try await equal(pool.query("SELECT count(*) FROM pipeline_failed", as: Int.self), [0])
        }
    }

    @Test("Each part is a transaction of its own")
    func parts() async throws {
        try await PipelineTests.withTable("pipeline_parts") { pool in
            let results = try await pool.withPipeline(throwsFailures: false) { pipeline in
                pipeline.sync()
                return [1, 2, 3, 3, 4].enumerated()
                    .map { place, id in
                        let result = pipeline.execute("INSERT INTO pipeline_parts VALUES (\(id))")
                        if place == 1 || place == 3 { pipeline.sync() }
                        return result
                    }
            }
            #expect(results.map(\.state) == [.done, .done, .rolledBack, .failed, .done])
            try await equal(pool.query("SELECT id FROM pipeline_parts ORDER BY id", as: Int.self), [1, 2, 4])
            #expect(pool.snapshot.counters.created == 1)
        }
    }

    @Test("A constraint that fails at the end of a part undoes that part")
    func deferred() async throws {
        let columns = "id int, UNIQUE (id) DEFERRABLE INITIALLY DEFERRED"
        try await PipelineTests.withTable("pipeline_deferred", columns: columns) { pool in
            let results = try await pool.withPipeline(throwsFailures: false) { pipeline in
                let results = [1, 1].map { pipeline.execute("INSERT INTO pipeline_deferred VALUES (\($0))") }
                pipeline.sync()
                return results + [pipeline.execute("INSERT INTO pipeline_deferred VALUES (2)")]
            }
            #expect(results.map(\.state) == [.rolledBack, .rolledBack, .done])
            let error = await postgresFailure {
                try await pool.withPipeline { pipeline in
                    pipeline.execute("INSERT INTO pipeline_deferred VALUES (2)")
                }
            }
            #expect(error?.sqlState == .uniqueViolation && error?.outcome == .rolledBack)
            try await equal(pool.query("SELECT id FROM pipeline_deferred", as: Int.self), [2])
        }
    }

    @Test("Within a transaction, a failed statement fails the transaction")
    func inTransaction() async throws {
        try await PipelineTests.withTable("pipeline_inside") { pool in
            try await pool.withTransaction { db in
                let results = try await db.withPipeline { pipeline in
                    [1, 2].map { pipeline.execute("INSERT INTO pipeline_inside VALUES (\($0))") }
                }
                #expect(results.map(\.state) == [.done, .done] && db.isInTransaction)
                try await withSavepointThatFails(db)
                try await equal(db.query("SELECT count(*) FROM pipeline_inside", as: Int.self), [2])
            }
            let error = await postgresFailure {
                try await pool.withTransaction { db in
                    _ = try await db.withPipeline(throwsFailures: false) { pipeline in
                        [3, 1].map { pipeline.execute("INSERT INTO pipeline_inside VALUES (\($0))") }
                    }
                }
            }
            #expect(error?.code == .transactionAborted)
            try await equal(pool.query("SELECT id FROM pipeline_inside ORDER BY id", as: Int.self), [1, 2])
        }
    }

    private func withSavepointThatFails(_ db: borrowing PostgresConnection) async throws {
        let error = await postgresFailure {
            try await db.withSavepoint { db in
                try await db.withPipeline { pipeline in
                    [3, 1].map { pipeline.execute("INSERT INTO pipeline_inside VALUES (\($0))") }
                }
            }
        }
        #expect(error?.sqlState == .uniqueViolation)
    }

    @Test(
        "A statement that would end the transaction, or cannot be in a pipeline, is refused before anything is sent",
        arguments: [
            ("BEGIN", PostgresError.Code.transactionControl), ("/* a */ COMMIT", .transactionControl),
            ("ROLLBACK", .transactionControl), ("START TRANSACTION", .transactionControl),
            ("DO $$ BEGIN END $$", .transactionControl), ("CALL p()", .transactionControl),
            ("VACUUM", .transactionControl), ("COPY pg_class TO STDOUT", .unsupported),
            ("CREATE DATABASE pipeline_refused", .transactionControl), ("DISCARD ALL", .transactionControl),
            ("ALTER SYSTEM RESET work_mem", .transactionControl),
            ("SELECT '\(String(repeating: "x", count: 1 << 20))'", .unsupported),
        ]
    )
    func refused(_ sql: String, _ code: PostgresError.Code) async throws {
        let name = "pipeline_refused_\(abs(sql.prefix(30).hashValue))"
        try await PipelineTests.withTable(name) { pool in
            let results = Counted<PostgresPipeline.Result<PostgresCommand>>()
            let error = await postgresFailure {
                try await pool.withPipeline(throwsFailures: false) { pipeline in
                    results.add(pipeline.execute("INSERT INTO \(identifier: name) VALUES (1)"))
                    results.add(pipeline.execute(PostgresQuery(unsafe: sql)))
                }
            }
            #expect(error?.code == code && error?.outcome == .notExecuted)
            #expect(results.values.map(\.state) == [.notRun, .failed])
            try await equal(pool.query("SELECT count(*) FROM \(identifier: name)", as: Int.self), [0])
        }
    }

    @Test(
        "A statement that the connection has prepared is refused as well",
        arguments: ["COPY pg_am TO STDOUT", "DO $$ BEGIN END $$"]
    )
    func refusedAlthoughPrepared(_ sql: String) async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let query = PostgresQuery(unsafe: sql)
            for _ in 0..<3 { _ = await failure { try await pool.execute(query) } }
            let error = await postgresFailure { try await pool.withPipeline { $0.execute(query) } }
            #expect(error?.outcome == .notExecuted && error?.server == nil)
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
        }
    }

    @Test("A value that cannot be sent is refused before anything is sent")
    func unsendable() async throws {
        try await PipelineTests.withTable("pipeline_unsendable") { pool in
            for _ in 0..<3 {
                let error = await postgresFailure {
                    try await pool.withPipeline { pipeline in
                        pipeline.execute("INSERT INTO pipeline_unsendable VALUES (1)")
                        pipeline.execute("INSERT INTO pipeline_unsendable VALUES (2, \("a\0"))")
                    }
                }
                #expect(error?.code == .encoding && error?.outcome == .notExecuted)
            }
            try await equal(pool.query("SELECT count(*) FROM pipeline_unsendable", as: Int.self), [0])
        }
    }

    @Test("Statements and answers of many megabytes pass each other")
    func large() async throws {
        try await TestServer.shared.withPool { pool in
            let text = String(repeating: "x", count: 4_000)
            let results = try await pool.withPipeline { pipeline in
                (0..<5_000).map { pipeline.query("SELECT \($0), \(text)", as: (Int, String).self) }
            }
            for (number, result) in results.enumerated() {
                let row = try result.get()[0]
                #expect(row.0 == number && row.1.utf8.count == text.utf8.count)
            }
        }
    }

    @Test("A batch returns the rows of each statement")
    func batch() async throws {
        try await TestServer.shared.withPool { pool in
            let rows = try await pool.batch((1...3).map { "SELECT n FROM generate_series(1, \($0)) AS n" })
            #expect(rows.map(\.count) == [1, 2, 3])
        }
    }

    @Test("A statement runs for each element, or for none", arguments: [1, 1_000, 2_500])
    func many(_ count: Int) async throws {
        try await PipelineTests.withTable("pipeline_many_\(count)") { pool in
            let table = "pipeline_many_\(count)"
            let inserted = try await pool.executeMany(1...count) {
                "INSERT INTO \(identifier: table) VALUES (\($0), \("note \($0)"))"
            }
            #expect(inserted == count)
            let error = await postgresFailure {
                try await pool.executeMany((count + 1)...(2 * count)) {
                    "INSERT INTO \(identifier: table) VALUES (\($0 == 2 * count ? 1 : $0))"
                }
            }
            #expect(error?.sqlState == .uniqueViolation)
            try await equal(pool.query("SELECT count(*) FROM \(identifier: table)", as: Int.self), [count])
        }
    }
}
