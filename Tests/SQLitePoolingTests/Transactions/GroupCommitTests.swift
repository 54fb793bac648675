// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct GroupCommitTests {
    struct Refusal: Error, Equatable {}

    func withTable(_ body: (SQLitePool) async throws -> Void) async throws {
        try await withPool(SQLiteConfiguration.with(maximumWritesPerCommit: 64)) { pool in
            try await pool.execute("CREATE TABLE t (x INTEGER UNIQUE)")
            try await body(pool)
        }
    }

    func numbers(_ pool: SQLitePool) async throws -> [Int] {
        try await pool.query("SELECT x FROM t ORDER BY x", as: Int.self)
    }

    @Test("Waiting writes share one transaction, and a failing one undoes only its own changes")
    func ownOutcomes() async throws {
        try await withTable { pool in
            let results = try await inGroup(
                pool,
                (0..<20).map { number in
                    { db in
                        try db.execute("INSERT INTO t VALUES (\(number))")
                        if number % 5 == 0 { throw Refusal() }
                    }
                }
            )
            for (number, result) in results.enumerated() {
                switch result {
                case .success: #expect(number % 5 != 0)
                case .failure(let error): #expect(number % 5 == 0 && error is Refusal)
                }
            }
            #expect(try await numbers(pool) == (0..<20).filter { $0 % 5 != 0 })
            #expect(pool.statistics.writer.createdAndClosed == [1, 0])
        }
    }

    @Test("All waiting writes are members of one group, up to the limit")
    func oneGroup() async throws {
        try await withTable { pool in
            let beginners = Locked<[Int]>([])
            _ = try await inGroup(
                pool,
                (0..<70).map { number in
                    { db in
                        if !db.session.isShared { beginners.withLock { $0.append(number) } }
                        try db.execute("INSERT INTO t VALUES (\(number))")
                    }
                }
            )
            #expect(beginners.withLock { $0 } == [0, 64])
        }
    }

    @Test("After a commit the group expects as many calls as have shared it")
    func expectation() {
        let group = GroupCommit(limit: 8)
        group.noteCall()
        #expect(!group.expectsMembers)
        group.expect(2)
        #expect(group.expectsMembers)
        group.noteCall()
        #expect(group.expectsMembers)
        group.noteCall()
        #expect(!group.expectsMembers)
    }

    @Test("No caller learns of a success before the commit")
    func afterCommit() async throws {
        try await withTable { pool in
            let gate = Rendezvous()
            let first = Task {
                try await pool.write { db in
                    gate.arrive()
                    gate.wait()
                    try db.execute("INSERT INTO t VALUES (1)")
                }
            }
            await gate.arrived()
            let second = Rendezvous()
            let other = Task {
                try await pool.write { db in
                    second.arrive()
                    second.wait()
                    // The changes of the group are not visible outside while a member runs.
                    try db.execute("INSERT INTO t VALUES (2)")
                }
            }
            while pool.writer.status.waiting == 0 { await Task.yield() }
            gate.release()
            await second.arrived()
            #expect(try await numbers(pool) == [])
            second.release()
            try await first.value
            #expect(try await numbers(pool) == [1, 2])
            try await other.value
        }
    }

    @Test("A violated deferred key fails its member, and the others are committed")
    func violatedKey() async throws {
        try await withTable { pool in
            try await pool.execute("CREATE TABLE child (x REFERENCES t(x) DEFERRABLE INITIALLY DEFERRED)")
            let results = try await inGroup(
                pool,
                [
                    { db in _ = try db.execute("INSERT INTO t VALUES (1)") },
                    { db in throw Refusal() },
                    { db in _ = try db.execute("INSERT INTO child VALUES (7)") },
                    { db in _ = try db.execute("INSERT INTO t VALUES (2)") },
                ]
            )
            for (index, result) in results.enumerated() {
                switch index {
                case 1: #expect(throws: Refusal()) { try result.get() }
                case 2:
                    let error = #expect(throws: SQLiteError.self) { try result.get() }
                    #expect(error?.code == .constraintForeignKey)
                default: try result.get()
                }
            }
            #expect(try await numbers(pool) == [1, 2])
            try await pool.write { db in _ = try db.execute("INSERT INTO t VALUES (3)") }
            #expect(try await numbers(pool) == [1, 2, 3])
        }
    }

    @Test("A write that would roll back the transaction fails, and the others are committed")
    func refusedRollback() async throws {
        try await withTable { pool in
            try await pool.execute("INSERT INTO t VALUES (0)")
            let results = try await inGroup(
                pool,
                [
                    { db in _ = try db.execute("INSERT INTO t VALUES (1)") },
                    { db in _ = try db.execute("INSERT OR ROLLBACK INTO t VALUES (0)") },
                    { db in _ = try db.execute("INSERT INTO t VALUES (2)") },
                ]
            )
            try results[0].get()
            let second = #expect(throws: SQLiteError.self) { try results[1].get() }
            #expect(second?.code == .unshareable)
            try results[2].get()
            #expect(try await numbers(pool) == [0, 1, 2])
        }
    }

    @Test("A cancelled member undoes only its own changes")
    func cancelled() async throws {
        try await withTable { pool in
            let gate = Rendezvous()
            let first = Task {
                try await pool.write { db in
                    gate.arrive()
                    gate.wait()
                    try db.execute("INSERT INTO t VALUES (1)")
                }
            }
            await gate.arrived()
            let meeting = Rendezvous()
            let second = Task {
                try await pool.write { db in
                    try db.execute("INSERT INTO t VALUES (2)")
                    meeting.arrive()
                    _ = try db.query(CancellationTests.endless, as: Int.self)
                }
            }
            while pool.writer.status.waiting < 1 { await Task.yield() }
            let third = Task { try await pool.write { db in _ = try db.execute("INSERT INTO t VALUES (3)") } }
            while pool.writer.status.waiting < 2 { await Task.yield() }
            gate.release()
            await meeting.arrived()
            second.cancel()
            await #expect(throws: CancellationError.self) { try await second.value }
            try await first.value
            try await third.value
            #expect(try await numbers(pool) == [1, 3])
        }
    }

    @Test("A call without a transaction ends the group before it, and sees its commit")
    func unrelatedCall() async throws {
        try await withTable { pool in
            let gate = Rendezvous()
            let first = Task {
                try await pool.write { db in
                    gate.arrive()
                    gate.wait()
                    try db.execute("INSERT INTO t VALUES (1)")
                }
            }
            await gate.arrived()
            async let vacuum: Void = pool.writeWithoutTransaction { db in
                try db.execute("VACUUM")
                #expect(try db.query("SELECT x FROM t", as: Int.self) == [1])
            }
            while pool.writer.status.waiting == 0 { await Task.yield() }
            gate.release()
            try await first.value
            try await vacuum
        }
    }

    @Test("Thousands of grouped writes from many tasks each take effect once")
    func many() async throws {
        try await withTable { pool in
            try await withThrowingTaskGroup { tasks in
                for task in 0..<16 {
                    tasks.addTask {
                        for number in 0..<100 {
                            try await pool.write { db in
                                _ = try db.execute("INSERT INTO t VALUES (\(task * 100 + number))")
                            }
                        }
                    }
                }
                try await tasks.waitForAll()
            }
            #expect(try await numbers(pool) == Array(0..<1_600))
        }
    }

    @Test(
        "A disk error at the commit fails all members, and the pool stays usable",
        arguments: [1, 2, 3, 4]
    )
    func diskError(operation: Int) async throws {
        let folder = try SampleFolder()
        let disk = FaultyDisk(seed: 1)
        let pool = try SQLitePool(
            SQLiteConfiguration.with(
                synchronous: .full,
                checkoutTimeout: .seconds(600),
                maximumWritesPerCommit: 64
            )
            .at(uri: disk.uri(folder))
        )
        try await pool.execute("CREATE TABLE t (x INTEGER UNIQUE)")
        let bodies = (0..<8).map { number -> @Sendable (borrowing SQLiteConnection) throws -> Void in
            { db in
                // Nothing is written before the commit: the last member makes the disk fail then.
                try db.execute("INSERT INTO t VALUES (\(number))")
                if number == 7 { disk.fail(after: operation) }
            }
        }
        for result in try await inGroup(pool, bodies) {
            let error = #expect(throws: SQLiteError.self) { try result.get() }
            #expect(error?.code.primary == .inputOutput)
        }
        #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [])
        let again = (0..<8).map { number -> @Sendable (borrowing SQLiteConnection) throws -> Void in
            { db in _ = try db.execute("INSERT INTO t VALUES (\(number))") }
        }
        for result in try await inGroup(pool, again) { #expect(throws: Never.self) { try result.get() } }
        #expect(try await pool.query("SELECT x FROM t ORDER BY x", as: Int.self) == Array(0..<8))
        #expect(try await integrityProblems(pool) == [])
        await pool.close()
    }
}
