// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// Keeps the events of statements.
final class StatementRecorder: StatementObserver {
    private let recorded = Locked<[StatementEvent]>([])

    func observe(_ event: StatementEvent) { recorded.withLock { $0.append(event) } }

    /// The events since the last call, in order.
    func take() -> [StatementEvent] {
        recorded.withLock { events in
            defer { events = [] }
            return events
        }
    }
}

extension StatementEvent {
    /// The code of the failure; `completed` and `endedEarly` for the other outcomes.
    var end: String {
        switch outcome {
        case .completed: "completed"
        case .failed(let failure): failure.code
        case .endedEarly: "endedEarly"
        @unknown default: "unknown"
        }
    }
}

extension TestServer {
    /// Provides a pool of one connection, and what observes its statements.
    func withObservedPool(
        _ configure: (inout PostgresConfiguration) -> Void = { _ in },
        _ body: (PostgresPool, StatementRecorder) async throws -> Void
    ) async throws {
        var configuration = PostgresConfiguration.withLongTimeouts(url)
        configuration.applicationName = "observed"
        configuration.pool.maximumConnections = 1
        configure(&configuration)
        let recorder = StatementRecorder()
        let pool = try PostgresPool(configuration, statementObservers: [recorder])
        do {
            try await body(pool, recorder)
            await pool.close()
        } catch {
            await pool.close()
            throw error
        }
    }
}

extension TestServer {
    /// Waits until a session runs a statement whose text contains a word.
    func waitForSession(running word: String) async throws {
        let condition = "state = 'active' AND query LIKE '%\(word)%' AND pid <> pg_backend_pid()"
        try await until { try await psql("SELECT count(*) FROM pg_stat_activity WHERE \(condition)") != "0" }
    }
}

/// What observers receive for statements that succeed.
@Suite(.timeLimit(.minutes(10))) struct StatementObserverTests {
    private func site(_ line: UInt) -> String { "PostgresPoolingTests/StatementObserverTests.swift:\(line)" }

    @Test("An event names the statement, the types of its parameters and the call, and contains no value")
    func parts() async throws {
        let server = try await TestServer.shared
        try await server.withObservedPool { pool, recorder in
            // No port, process or duration contains this number.
            let (secret, number) = ("4711-secret", 815_000_004_711)
            let line: UInt = #line + 1
            let rows = try await pool.query("SELECT \(secret)::text, \(number)::int8 FROM generate_series(1, 3)")
            #expect(rows.count == 3)
            let events = recorder.take()
            let event = try #require(events.first)
            #expect(events.count == 1 && event.end == "completed")
            #expect(event.text == "SELECT $1::text, $2::int8 FROM generate_series(1, 3)")
            #expect(event.parameterTypes == ["unspecified", "int8"])
            #expect(event.operation == "SELECT" && event.commandTag == "SELECT 3")
            #expect(event.rowCount == 3 && event.returnsRows && event.pipelineLength == 1)
            #expect(event.callSite == site(line) && event.wait != nil)
            let process = try await pool.process()
            #expect(event.connection.pool == "observed" && event.connection.number == Int(process))
            #expect(event.connection.system == "postgresql" && event.connection.database == server.database)
            #expect(event.connection.host == server.host && event.connection.port == server.port)
            #expect(!"\(event)".contains(secret) && !"\(event)".contains("\(number)"))
        }
    }

    @Test("Each form of statement of the pool has one event")
    func forms() async throws {
        let server = try await TestServer.shared
        try await server.withObservedPool { pool, recorder in
            try await pool.execute("CREATE TABLE observed_forms (id int)")
            try await pool.execute("INSERT INTO observed_forms VALUES (1), (2)")
            _ = try await pool.query("SELECT id FROM observed_forms", as: Int.self)
            _ = try await pool.queryFirst("SELECT id FROM observed_forms", as: Int.self)
            _ = try await pool.queryOne("SELECT count(*) FROM observed_forms", as: Int.self)
            try await pool.executeScript("UPDATE observed_forms SET id = id; DELETE FROM observed_forms")
            try await pool.executeScript("-- one\nDROP TABLE observed_forms")
            let events = recorder.take()
            #expect(events.allSatisfy { $0.end == "completed" && $0.wait != nil && $0.parameterTypes.isEmpty })
            #expect(
                events.map(\.operation) == ["CREATE", "INSERT", "SELECT", "SELECT", "SELECT", nil, "DROP"]
            )
            #expect(
                events.map(\.commandTag) == [
                    "CREATE TABLE", "INSERT 0 2", "SELECT 2", "SELECT 2", "SELECT 1", "DELETE 2", "DROP TABLE",
                ]
            )
            #expect(events.map(\.rowCount) == [0, 2, 2, 2, 1, 2, 0])
            #expect(events.map(\.returnsRows) == [false, false, true, true, true, false, false])
        }
    }

    @Test("A transaction has events for its begin, its statements and its end, without the values of settings")
    func transactions() async throws {
        let server = try await TestServer.shared
        try await server.withObservedPool { pool, recorder in
            struct Oops: Error {}
            var line: UInt = #line + 1
            try await pool.withTransaction(settings: ["app.tenant": "tenant-secret"]) { db in
                try await db.execute("SELECT 1")
                try await db.withSavepoint { db in try await db.execute("SELECT 2") }
                try await db.advisoryLock("lock-secret")
            }
            var events = recorder.take()
            #expect(
                events.map(\.text) == [
                    "BEGIN; SELECT pg_catalog.set_config('app.tenant', …, true)", "SELECT 1",
                    "SAVEPOINT lockpool_1", "SELECT 2", "RELEASE SAVEPOINT lockpool_1",
                    "SELECT pg_catalog.pg_advisory_xact_lock(…)", "COMMIT",
                ]
            )
            #expect(events.map { $0.wait != nil } == [true] + Array(repeating: false, count: 6))
            #expect(events.allSatisfy { $0.callSite == site(line) && $0.end == "completed" })
            #expect(events.first?.operation == "BEGIN" && events.last?.operation == "COMMIT")
            line = #line + 1
            try? await pool.withConnection { db in try await db.withTransaction { _ in throw Oops() } }
            events = recorder.take()
            #expect(events.map(\.text) == ["BEGIN", "ROLLBACK"])
            #expect(events.allSatisfy { $0.callSite == site(line) && $0.end == "completed" })
        }
    }

    @Test("A stream has one event at its end, also if the caller leaves it")
    func streams() async throws {
        let server = try await TestServer.shared
        try await server.withObservedPool { pool, recorder in
            try await pool.withConnection { db in
                let rows = db.stream("SELECT n FROM generate_series(1, \(20)) AS n")
                for try await _ in rows {}
                var events = recorder.take()
                #expect(events.map(\.end) == ["completed"] && events.first?.rowCount == 20)
                #expect(events.first?.parameterTypes == ["int8"] && events.first?.returnsRows == true)
                for try await _ in rows { break }
                events = recorder.take()
                #expect(events.map(\.end) == ["endedEarly"] && events.first?.rowCount == nil)
                await #expect(throws: PostgresError.self) {
                    for try await _ in db.stream("SELECT 1 / (3 - n) FROM generate_series(1, 5) AS n") {}
                }
                #expect(recorder.take().map(\.end) == ["22012"])
            }
        }
    }

    @Test("Each statement of a pipeline has an event with its own outcome")
    func pipelines() async throws {
        let server = try await TestServer.shared
        try await server.withObservedPool { pool, recorder in
            _ = try await pool.batch(["SELECT \(1)", "SELECT 'a'"])
            var events = recorder.take()
            #expect(events.map(\.text) == ["SELECT $1", "SELECT 'a'"])
            #expect(events.map(\.parameterTypes) == [["int8"], []])
            #expect(events.allSatisfy { $0.end == "completed" && $0.pipelineLength == 2 && $0.rowCount == 1 })
            #expect(events.map { $0.wait != nil } == [true, false])
            try await pool.withPipeline(throwsFailures: false) { pipeline in
                pipeline.execute("SELECT 1")
                pipeline.sync()
                pipeline.execute("SELECT 1 / 0")
                pipeline.execute("SELECT 2")
            }
            events = recorder.take()
            #expect(events.map(\.end) == ["completed", "22012", "transactionAborted"])
        }
    }

    @Test("COPY has one event, with the number of rows")
    func copies() async throws {
        let server = try await TestServer.shared
        try await server.withObservedPool { pool, recorder in
            struct Oops: Error {}
            try await pool.execute("CREATE TABLE observed_copies (id int, name text)")
            _ = recorder.take()
            try await pool.copy(to: "observed_copies") { writer in
                for id in 0..<5 { try await writer.write(id, "name-secret") }
            }
            try await pool.copy("COPY observed_copies FROM STDIN (FORMAT csv)") { writer in
                try await writer.write("1,a\n2,b\n".utf8)
            }
            var events = recorder.take()
            #expect(events.map(\.operation) == ["COPY", "COPY"] && events.map(\.rowCount) == [5, 2])
            #expect(events.allSatisfy { $0.end == "completed" && !$0.returnsRows })
            _ = try? await pool.copy(to: "observed_copies") { writer in
                try await writer.write(1, "name-secret")
                throw Oops()
            }
            _ = try? await pool.copy("COPY observed_copies FROM STDIN (FORMAT csv)") { writer in
                try await writer.write("x,a\n".utf8)
            }
            #expect(recorder.take().map(\.end) == ["endedEarly", "22P02"])
            try await pool.withConnection { db in
                for try await _ in db.copyBytes("COPY observed_copies TO STDOUT") {}
                for try await _ in db.copy(from: "SELECT id, name FROM observed_copies", as: (Int32, String).self) {}
                for try await _ in db.copyBytes("COPY observed_copies TO STDOUT") { break }
                _ = try await db.query("SELECT 1")
            }
            events = recorder.take()
            #expect(events.map(\.end) == ["completed", "completed", "endedEarly", "completed"])
            #expect(events.map(\.rowCount) == [7, 7, nil, 1])
            #expect(events[1].text.hasPrefix("COPY (SELECT id") && events[1].operation == "COPY")
            try await pool.execute("DROP TABLE observed_copies")
        }
    }
}
