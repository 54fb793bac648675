// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct DeadlockTests {
    /// Creates a pool whose callers wait for ever: a call that does not fail immediately does not
    /// end.
    private func withTable(
        readers: Int = 1,
        group: Int = 1,
        _ body: (SQLitePool) async throws -> Void
    ) async throws {
        let configuration = SQLiteConfiguration.with(maximumReaders: readers, maximumWritesPerCommit: group)
        try await withPool(configuration) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            try await body(pool)
        }
    }

    private func expectDeadlock(_ body: () async throws -> Void) async throws {
        let error = try await sqliteError(body)
        #expect(error.code == .deadlock)
        #expect(error.description.contains("use the connection that the body receives"))
    }

    @Test("A write within a write fails immediately, on any thread", arguments: [1, 16])
    func writeInWrite(group: Int) async throws {
        try await withTable(group: group) { pool in
            try await expectDeadlock {
                try await pool.write { _ in try pool.writeBlocking { _ in _ = Issue.record("the body ran") } }
            }
            try await expectDeadlock {
                try await onThread {
                    try pool.writeBlocking { _ in try pool.writeBlocking { _ in _ = Issue.record("the body ran") } }
                }
            }
            try await expectDeadlock {
                try await pool.writeBlockingCooperativeThread { _ in
                    try pool.writeBlocking { _ in _ = Issue.record("the body ran") }
                }
            }
            try await pool.execute("INSERT INTO t VALUES (1)")
            #expect(pool.statistics.writer.createdAndClosed == [1, 0])
        }
    }

    @Test("A body that catches the error continues, with its transaction", arguments: [1, 16])
    func caught(group: Int) async throws {
        try await withTable(group: group) { pool in
            try await pool.write { db in
                #expect(throws: SQLiteError.self) { try pool.writeBlocking { _ in } }
                try db.execute("INSERT INTO t VALUES (1)")
            }
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1])
        }
    }

    @Test("A read within a read fails immediately if there is one reader")
    func readInRead() async throws {
        try await withTable { pool in
            try await expectDeadlock {
                try await pool.read { _ in try pool.readBlocking { _ in _ = Issue.record("the body ran") } }
            }
            try await expectDeadlock {
                try await onThread {
                    try pool.readBlocking { _ in try pool.readBlocking { _ in _ = Issue.record("the body ran") } }
                }
            }
        }
    }

    @Test("A read within a read gets a second reader, and waits for one that another body holds")
    func secondReader() async throws {
        try await withTable(readers: 2) { pool in
            let nested = try await pool.read { _ in
                try pool.readBlocking { db in try db.query("SELECT 1", as: Int.self) }
            }
            #expect(nested == [1])
            let (gate, meeting) = (Rendezvous(), Rendezvous())
            async let other: Void = pool.read { _ in
                gate.arrive()
                gate.wait()
            }
            await gate.arrived()
            async let waiting = pool.read { _ in
                meeting.arrive()
                return try pool.readBlocking { db in try db.query("SELECT 2", as: Int.self) }
            }
            await meeting.arrived()
            while pool.readers.status.waiting == 0 { await Task.yield() }
            gate.release()
            let numbers = try await waiting
            #expect(numbers == [2])
            try await other
        }
    }

    @Test(
        "If a write waits for a reader and a read waits for the writer, the last one fails and the other continues"
    )
    func writeThenRead() async throws {
        try await withTable { pool in
            let gate = Rendezvous()
            async let reading: Void = expectDeadlock {
                try await pool.read { _ in
                    gate.arrive()
                    while pool.readers.status.waiting == 0 { sched_yield() }
                    try pool.writeBlocking { _ in _ = Issue.record("the body ran") }
                }
            }
            await gate.arrived()
            let both = try await pool.write { db in
                try db.execute("INSERT INTO t VALUES (1)").rowCount
            } thenRead: { db in
                try db.query("SELECT x FROM t", as: Int.self)
            }
            #expect(both.written == 1 && both.read == [1])
            try await reading
        }
    }

    @Test("If all readers wait for another reader, the last one fails and the others continue")
    func allReaders() async throws {
        try await withTable(readers: 2) { pool in
            let gate = Rendezvous()
            async let first = pool.read { _ in
                gate.arrive()
                gate.wait()
                return try pool.readBlocking { db in try db.query("SELECT 1", as: Int.self) }
            }
            await gate.arrived()
            try await expectDeadlock {
                try await pool.read { _ in
                    gate.release()
                    while pool.readers.status.waiting == 0 { sched_yield() }
                    try pool.readBlocking { _ in _ = Issue.record("the body ran") }
                }
            }
            let numbers = try await first
            #expect(numbers == [1])
        }
    }

    @Test("A body that reads and waits for the writer, whose body waits for a reader, is detected")
    func readerAndWriter() async throws {
        try await withTable { pool in
            let gate = Rendezvous()
            async let reading: Void = pool.read { _ in
                gate.arrive()
                gate.wait()
                try pool.writeBlocking { db in _ = try db.execute("INSERT INTO t VALUES (1)") }
            }
            await gate.arrived()
            try await expectDeadlock {
                try await pool.write { _ in
                    gate.release()
                    while pool.writer.status.waiting == 0 { sched_yield() }
                    try pool.readBlocking { _ in _ = Issue.record("the body ran") }
                }
            }
            try await reading
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1])
        }
    }

    @Test("A body may write to another pool, and a reading body may write to its own pool")
    func otherPool() async throws {
        try await withTable { pool in
            try await withTable { other in
                try await pool.write { _ in
                    try other.writeBlocking { db in _ = try db.execute("INSERT INTO t VALUES (1)") }
                }
                try await other.read { _ in
                    try other.writeBlocking { db in _ = try db.execute("INSERT INTO t VALUES (2)") }
                }
                #expect(try await other.query("SELECT x FROM t", as: Int.self) == [1, 2])
            }
        }
    }

    @Test("2,000 concurrent writes succeed with the default configuration", arguments: [1, 64])
    func manyAtOnce(group: Int) async throws {
        try await withTable(group: group) { pool in
            try await withHeldWriter(pool) { release in
                try await withThrowingTaskGroup { tasks in
                    for number in 0..<2_000 {
                        tasks.addTask { try await pool.execute("INSERT INTO t VALUES (\(number))") }
                    }
                    while pool.writer.status.waiting < 2_000 { await Task.yield() }
                    release()
                    for try await command in tasks { #expect(command.rowCount == 1) }
                }
            }
            #expect(try await pool.query("SELECT count(DISTINCT x) FROM t", as: Int.self) == [2_000])
        }
    }
}
