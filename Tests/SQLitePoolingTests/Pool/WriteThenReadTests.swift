// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct WriteThenReadTests {
    @Test(
        "A read after a write sees exactly the state that the write has left, beside many writers",
        arguments: [1, 16]
    )
    func exactState(group: Int) async throws {
        try await withPool(SQLiteConfiguration.with(maximumReaders: 3, maximumWritesPerCommit: group)) { pool in
            try await pool.execute("CREATE TABLE t (x INTEGER)")
            try await pool.execute("INSERT INTO t VALUES (0)")
            try await withThrowingTaskGroup { tasks in
                for number in 0..<100 {
                    tasks.addTask {
                        if number % 2 == 0 {
                            try await pool.write { db in _ = try db.execute("UPDATE t SET x = x + 1") }
                            return
                        }
                        let (written, read) = try await pool.write { db in
                            try db.execute("UPDATE t SET x = x + 1")
                            return try db.queryFirst("SELECT x FROM t", as: Int.self)
                        } thenRead: { db in
                            try db.queryFirst("SELECT x FROM t", as: Int.self)
                        }
                        #expect(written != nil && written == read)
                    }
                }
                try await tasks.waitForAll()
            }
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [100])
            await expectNoLeases(pool)
        }
    }

    @Test("Other calls can write during the read after a write")
    func concurrent() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let meeting = Rendezvous()
            async let both = pool.write { db in
                try db.execute("INSERT INTO t VALUES (1)")
                return 0
            } thenRead: { db in
                meeting.arrive()
                meeting.wait()
                return try db.query("SELECT x FROM t", as: Int.self)
            }
            await meeting.arrived()
            try await pool.execute("INSERT INTO t VALUES (2)")
            meeting.release()
            let numbers = try await both.read
            #expect(numbers == [1])
        }
    }

    @Test("If the write fails nothing is read, and if the read fails the write is committed")
    func failures() async throws {
        struct Refusal: Error, Equatable {}
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            await #expect(throws: Refusal()) {
                try await pool.write { db in
                    try db.execute("INSERT INTO t VALUES (1)")
                    throw Refusal()
                } thenRead: { _ in
                    Issue.record("the body ran")
                }
            }
            await #expect(throws: Refusal()) {
                try await pool.write { db in
                    _ = try db.execute("INSERT INTO t VALUES (2)")
                } thenRead: { _ in
                    throw Refusal()
                }
            }
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [2])
            await expectNoLeases(pool)
        }
    }
}
