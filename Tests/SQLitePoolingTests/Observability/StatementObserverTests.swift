// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import SQLitePooling

/// Keeps the events of statements.
private final class Recorder: StatementObserver {
    private let recorded = Mutex<[StatementEvent]>([])

    var events: [StatementEvent] { recorded.withLock { $0 } }
    var texts: [String] { events.map(\.text) }

    func observe(_ event: StatementEvent) { recorded.withLock { $0.append(event) } }

    /// Removes and returns the events.
    func take() -> [StatementEvent] {
        recorded.withLock { events in
            defer { events = [] }
            return events
        }
    }

    /// Waits for an event: that of an abandoned call follows its caller's resumption.
    func first() async -> StatementEvent? {
        while events.isEmpty, !Task.isCancelled { await Task.yield() }
        return events.first
    }
}

@Suite(.timeLimit(.minutes(10))) struct StatementObserverTests {
    private func withObservedPool(
        _ configuration: SQLiteConfiguration = .patient,
        hooks: SQLiteHooks = .init(),
        _ body: (SQLitePool, Recorder) async throws -> Void
    ) async throws {
        let folder = try SampleFolder()
        let recorder = Recorder()
        var configuration = configuration.at(folder.file())
        configuration.pool.name = "observed"
        configuration.pool.checkoutTimeout = .seconds(600)
        let pool = try SQLitePool(configuration, hooks: hooks, statementObservers: [recorder])
        try await pool.executeScript(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, x); INSERT INTO t (x) VALUES (1), (2), (3)"
        )
        _ = recorder.take()
        try await body(pool, recorder)
        await pool.close()
        withExtendedLifetime(folder) {}
    }

    private func failure(_ event: StatementEvent?) throws -> StatementEvent.Failure {
        guard case .failed(let failure) = try #require(event).outcome else {
            throw SQLiteError(.error, "the statement has not failed: \(String(describing: event))")
        }
        return failure
    }

    private func isCompleted(_ event: StatementEvent) -> Bool {
        if case .completed = event.outcome { true } else { false }
    }

    private func endedEarly(_ event: StatementEvent?) -> Bool {
        if case .endedEarly? = event?.outcome { true } else { false }
    }

    // MARK: Contents

    @Test("The event of a query has its text, types, rows, call site and connection, and no value")
    func query() async throws {
        try await withObservedPool { pool, recorder in
            let secret = "hunter2"
            let line = #line + 1
            _ = try await pool.query("SELECT id, \(secret), \(nil as Int?) FROM t", as: (Int, String, Int?).self)
            let event = try #require(recorder.take().first)
            #expect(event.text == "SELECT id, ?, ? FROM t" && event.operation == "SELECT")
            #expect(event.parameterTypes == ["TEXT", "NULL"])
            #expect(event.rowCount == 3 && event.returnsRows && isCompleted(event) && event.commandTag == nil)
            #expect(event.wait != nil && event.duration >= .zero && event.pipelineLength == 1)
            #expect(event.callSite == "\(#fileID):\(line)")
            #expect(event.connection.pool == "observed" && event.connection.system == "sqlite")
            #expect(event.connection.database == "test.sqlite" && event.connection.number > 0)
            #expect(event.connection.host == nil && event.connection.port == nil)
            var dumped = ""
            dump(event, to: &dumped)
            #expect(!dumped.contains(secret))
        }
    }

    @Test("A write has one event for each statement, those of its transaction included, and one wait")
    func write() async throws {
        try await withObservedPool { pool, recorder in
            try await pool.write { db in
                try db.execute("UPDATE t SET x = x + \(1) WHERE id < 3")
                try db.withSavepoint { db in _ = try db.execute("DELETE FROM t WHERE id = 1") }
                _ = try db.query("INSERT INTO t (x) VALUES (7), (8) RETURNING id", as: Int.self)
                try db.execute("CREATE TABLE u (x)")
            }
            let events = recorder.take()
            #expect(
                events.map(\.text) == [
                    "BEGIN IMMEDIATE", "UPDATE t SET x = x + ? WHERE id < 3", "SAVEPOINT lock_pool",
                    "DELETE FROM t WHERE id = 1", "RELEASE lock_pool", "INSERT INTO t (x) VALUES (7), (8) RETURNING id",
                    "CREATE TABLE u (x)", "COMMIT",
                ]
            )
            #expect(events.map(\.rowCount) == [nil, 2, nil, 1, nil, 2, 0, nil])
            #expect(events.map(\.returnsRows) == [false, false, false, false, false, true, false, false])
            #expect(events.map { $0.wait != nil } == [true] + Array(repeating: false, count: 7))
            #expect(
                events.allSatisfy { isCompleted($0) && $0.connection.number == 0 && $0.callSite == events[0].callSite }
            )
        }
    }

    @Test("Each way of reading has one event with the number of its rows")
    func reading() async throws {
        try await withObservedPool { pool, recorder in
            _ = try await pool.query("SELECT id, x FROM t")
            struct Row: Decodable { var id: Int }
            _ = try await pool.query("SELECT id FROM t", decoding: Row.self)
            _ = try await pool.queryFirst("SELECT id FROM t ORDER BY id", as: Int.self)
            _ = try await pool.queryOne("SELECT id FROM t WHERE id = 1", as: Int.self)
            try await pool.read { db in try db.forEachRow("SELECT x FROM t") { _ in } }
            let named = SQLiteQuery("SELECT x FROM t WHERE id = :id", named: ["id": 1])
            _ = try await pool.query("\(sql: named) AND x <> \("a")", as: Int.self)
            let events = recorder.take()
            #expect(events.map(\.rowCount) == [3, 3, 1, 1, 3, 1])
            #expect(events.allSatisfy { isCompleted($0) && $0.returnsRows })
            #expect(events.last?.parameterTypes == ["INTEGER", "TEXT"])
        }
    }

    @Test("An iteration that is left early has ended early")
    func earlyEnd() async throws {
        struct Enough: Error {}
        try await withObservedPool { pool, recorder in
            try await pool.read { db in
                _ = try db.withCursor("SELECT x FROM t") { cursor in try cursor.next() }
            }
            #expect(endedEarly(recorder.take().first))
            _ = try? await pool.read { db in try db.forEachRow("SELECT x FROM t") { _ in throw Enough() } }
            #expect(endedEarly(recorder.take().first))
            _ = try? await pool.query("SELECT 'text' FROM t", as: Int.self)
            #expect(endedEarly(recorder.take().first))
        }
    }

    @Test("A script has one event without an operation")
    func script() async throws {
        try await withObservedPool { pool, recorder in
            try await pool.executeScript("CREATE TABLE u (x); INSERT INTO u VALUES (1)")
            let events = recorder.take()
            #expect(events.map(\.operation) == ["BEGIN", nil, "COMMIT"] && events[1].rowCount == nil)
            await #expect(throws: SQLiteError.self) {
                try await pool.executeScript("DELETE FROM u; INSERT INTO none VALUES (1)")
            }
            let failed = recorder.take()
            #expect(failed.map(\.text).last == "ROLLBACK")
            #expect(try failure(failed[1]).code == "SQLITE_ERROR")
        }
    }

    // MARK: Failures

    @Test(
        "A failed statement has the caller's error and SQLite's code, whether it fails in preparation, binding or a step"
    )
    func failures() async throws {
        try await withObservedPool { pool, recorder in
            let unique = try await sqliteError { try await pool.execute("INSERT INTO t (id) VALUES (1)") }
            let event = recorder.take().first
            #expect(try failure(event).error as? SQLiteError == unique)
            #expect(try failure(event).code == "SQLITE_CONSTRAINT_PRIMARYKEY" && failure(event).databaseCode == "1555")
            #expect(event?.rowCount == nil)
            _ = try? await pool.query("SELEC 1", as: Int.self)
            #expect(try failure(recorder.take().first).databaseCode == "1")
            _ = try? await pool.query("SELECT \(Double.nan)", as: Double.self)
            let encoding = recorder.take().first
            #expect(try failure(encoding).code == "encoding" && failure(encoding).databaseCode == nil)
            _ = try? await pool.query("SELECT id, x FROM t", as: Int.self)
            #expect(try failure(recorder.take().first).code == "columnCount")
            _ = try? await pool.query("DELETE FROM t RETURNING id", as: Int.self)
            #expect(try failure(recorder.take().first).code == "SQLITE_READONLY")
        }
    }

    @Test("A cancelled statement has failed with the cancellation, and one at its deadline with the timeout")
    func interruptions() async throws {
        let endless: SQLiteQuery =
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
        let rendezvous = Rendezvous()
        try await withObservedPool { pool, recorder async throws in
            let task = Task {
                try await pool.read { db in
                    rendezvous.arrive()
                    return try db.query(endless, as: Int.self)
                }
            }
            await rendezvous.arrived()
            task.cancel()
            _ = try? await task.value
            let cancelled = await recorder.first()
            #expect(try failure(cancelled).code == "cancelled" && failure(cancelled).error is CancellationError)
            _ = recorder.take()
            var event: StatementEvent?
            // Without a connection at its deadline, the call has no statement.
            while event == nil {
                _ = try? await pool.query(endless, as: Int.self, timeout: .milliseconds(20))
                event = recorder.events.first
            }
            #expect(try failure(event).code == "timedOut" && failure(event).databaseCode == nil)
        }
    }

    // MARK: Calls

    @Test("Statements of the setup, of hooks and of the pool itself have no event")
    func ownStatements() async throws {
        var configuration = SQLiteConfiguration.patient
        configuration.setup = ["CREATE TEMP TABLE s (x)"]
        let hooks = SQLiteHooks(
            afterConnect: { db in try db.execute("INSERT INTO s VALUES (1)") },
            beforeHandOut: { db, _ in (try? db.query("SELECT 1", as: Int.self)) != nil },
            afterReturn: { db, _ in (try? db.query("SELECT 2", as: Int.self)) == nil ? .broken : .reusable }
        )
        try await withObservedPool(configuration, hooks: hooks) { pool, recorder in
            #expect(try await pool.query("SELECT x FROM s", as: Int.self) == [1])
            _ = try await pool.checkpoint()
            #expect(recorder.texts == ["SELECT x FROM s"])
        }
    }

    @Test("Each kind of call has events with its own call site")
    func kinds() async throws {
        try await withObservedPool { pool, recorder in
            let line = #line + 1
            try await pool.readBlockingCooperativeThread { db in _ = try db.query("SELECT 1", as: Int.self) }
            try await pool.writeBlockingCooperativeThread { db in _ = try db.query("SELECT 2", as: Int.self) }
            try await pool.writeWithoutTransaction { db in _ = try db.query("SELECT 3", as: Int.self) }
            _ = try await pool.write { db in
                try db.query("SELECT 4", as: Int.self)
            } thenRead: { db in
                try db.query("SELECT 5", as: Int.self)
            }
            let events = recorder.take().filter { $0.text.hasPrefix("SELECT") }
            #expect(events.map(\.text) == (1...5).map { "SELECT \($0)" })
            #expect(events.map(\.callSite) == [0, 1, 2, 3, 3].map { "\(#fileID):\(line + $0)" })
            try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
                Thread.detachNewThread {
                    done.resume(
                        with: Result { _ = try pool.readBlocking { db in try db.query("SELECT 6", as: Int.self) } }
                    )
                }
            }
            #expect(recorder.take().map(\.text) == ["SELECT 6"])
        }
    }

    @Test("Writes that share a commit have the events of their own statements")
    func groups() async throws {
        try await withObservedPool(.with(maximumWritesPerCommit: 16)) { pool, recorder in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 { group.addTask { try await pool.execute("UPDATE t SET x = x + 1 WHERE id = 1") } }
                try await group.waitForAll()
            }
            let updates = recorder.take().filter { $0.operation == "UPDATE" }
            #expect(updates.count == 20 && updates.allSatisfy { $0.rowCount == 1 })
        }
    }

    @Test("Without observers a call has no record, and rows are not counted")
    func noObservers() async throws {
        try await withPool { pool in
            try await pool.read { db in
                #expect(db.session.observedCall == nil && db.session.statementObservers == nil)
                let countsRows = db.session.countsRows
                #expect(!countsRows)
                try db.forEachRow("SELECT 1") { _ in }
            }
        }
    }
}
