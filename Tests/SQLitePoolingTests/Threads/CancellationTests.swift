// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import SQLitePooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct CancellationTests {
    static let endless: SQLiteQuery =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

    @Test("A cancelled task interrupts its own statement, and the connection stays usable")
    func cancelledRead() async throws {
        try await withPool(SQLiteConfiguration.with(maximumReaders: 1)) { pool in
            for _ in 0..<20 {
                let meeting = Rendezvous()
                let task = Task {
                    try await pool.read { db in
                        meeting.arrive()
                        return try db.query(Self.endless, as: Int.self)
                    }
                }
                await meeting.arrived()
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
                let next = try await pool.query("SELECT 1", as: Int.self)
                #expect(next == [1])
            }
            #expect(pool.statistics.readers.createdAndClosed == [1, 0])
        }
    }

    @Test("A cancelled write is rolled back, even if its body hides the interruption")
    func cancelledWrite() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            for hides in [false, true] {
                let meeting = Rendezvous()
                let task = Task {
                    try await pool.write { db in
                        try db.execute("INSERT INTO t VALUES (1)")
                        meeting.arrive()
                        if hides {
                            _ = try? db.query(Self.endless, as: Int.self)
                            _ = try? db.execute("INSERT INTO t VALUES (2)")
                        } else {
                            _ = try db.query(Self.endless, as: Int.self)
                        }
                    }
                }
                await meeting.arrived()
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
                #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [0])
            }
            try await pool.execute("INSERT INTO t VALUES (3)")
            #expect(pool.statistics.writer.createdAndClosed == [1, 0])
        }
    }

    @Test("A write that is cancelled between two statements is rolled back")
    func cancelledBetweenStatements() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let meeting = Rendezvous()
            let task = Task {
                try await pool.write { db in
                    try db.execute("INSERT INTO t VALUES (1)")
                    meeting.arrive()
                    meeting.wait()
                }
            }
            await meeting.arrived()
            task.cancel()
            meeting.release()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [0])
        }
    }

    @Test("A task that is already cancelled runs nothing")
    func cancelledBefore() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let task = Task {
                unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                try await pool.write { db in _ = try db.execute("INSERT INTO t VALUES (1)") }
            }
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [0])
        }
    }

    @Test("Every call of a cancelled task throws CancellationError, and changes nothing")
    func everyCall() async throws {
        let folder = try SampleFolder()
        try await withPool(in: folder) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let insert: SQLiteQuery = "INSERT INTO t VALUES (1)"
            let calls: [@Sendable () async throws -> Void] = [
                { _ = try await pool.query("SELECT 1") },
                { _ = try await pool.query("SELECT 1", as: Int.self) },
                { _ = try await pool.queryFirst("SELECT 1") },
                { _ = try await pool.queryFirst("SELECT 1", as: Int.self) },
                { try await pool.execute(insert) },
                { try await pool.executeScript(insert) },
                { _ = try await pool.read { db in try db.query("SELECT 1", as: Int.self) } },
                { _ = try await pool.write { db in try db.execute(insert) } },
                { _ = try await pool.writeWithoutTransaction { db in try db.execute(insert) } },
                { _ = try await pool.writeBlockingCooperativeThread { db in try db.execute(insert) } },
                {
                    _ = try await pool.write { db in
                        try db.execute(insert)
                    } thenRead: { _ in
                        1
                    }
                },
                { try await pool.backUp(to: folder.file("backup.sqlite")) },
                { _ = try await pool.integrityCheck() },
                { _ = try await pool.checkpoint() },
            ]
            for (index, call) in calls.enumerated() {
                let task = Task {
                    unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                    try await call()
                }
                await #expect(throws: CancellationError.self, "call \(index)") { try await task.value }
            }
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [0])
        }
    }

    @Test("A task that waits for a connection leaves the queue when it is cancelled")
    func cancelledWait() async throws {
        try await withPool { pool in
            let meeting = Rendezvous()
            async let holder: Void = pool.write { _ in
                meeting.arrive()
                meeting.wait()
            }
            await meeting.arrived()
            let waiter = Task { try await pool.write { _ in _ = Issue.record("the body ran") } }
            waiter.cancel()
            await #expect(throws: CancellationError.self) { try await waiter.value }
            meeting.release()
            try await holder
        }
    }

    @Test("A task that waits for another process's lock stops waiting when it is cancelled")
    func cancelledLock() async throws {
        let folder = try SampleFolder()
        try await withPool(SQLiteConfiguration.with(busyTimeout: .seconds(3_600)), in: folder) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let other = try OutsideConnection(folder.file())
            try other.run("BEGIN IMMEDIATE")
            let task = Task { try await pool.execute("INSERT INTO t VALUES (1)") }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            try other.run("COMMIT")
            try await pool.execute("INSERT INTO t VALUES (2)")
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [2])
        }
    }

    @Test("Cancelling many tasks at random interrupts none of the others")
    func othersUninterrupted() async throws {
        // Long enough for a slow machine.
        let configuration = SQLiteConfiguration.with(maximumReaders: 2, checkoutTimeout: .seconds(3_600))
        try await withPool(configuration) { pool in
            try await withThrowingTaskGroup { group in
                for number in 0..<200 {
                    group.addTask {
                        if number % 2 == 0 {
                            let task = Task { try await pool.query(Self.endless, as: Int.self) }
                            await Task.yield()
                            task.cancel()
                            await #expect(throws: CancellationError.self) { try await task.value }
                        } else {
                            let sql: SQLiteQuery = """
                                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000)
                                SELECT count(*) FROM n
                                """
                            let count = try await pool.query(sql, as: Int.self)
                            #expect(count == [2_000])
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(pool.statistics.readers.closed == 0)
        }
    }
}
