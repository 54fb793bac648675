// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import SQLitePooling

/// Runs `body` on its own thread, which may block.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
    }
}

@Suite(.timeLimit(.minutes(10))) struct BlockingTests {
    @Test("Threads without tasks read and write, in one FIFO queue with tasks", arguments: [1, 16])
    func synchronous(group: Int) async throws {
        try await withPool(SQLiteConfiguration.with(maximumWritesPerCommit: group)) { pool in
            let count = try await onThread {
                try pool.writeBlocking { db in
                    try db.execute("CREATE TABLE t (x)")
                    return try db.execute("INSERT INTO t VALUES (0)").rowCount
                }
            }
            #expect(count == 1)
            try await withThrowingTaskGroup { tasks in
                for number in 0..<40 {
                    tasks.addTask {
                        if number % 2 == 0 {
                            try await onThread {
                                try pool.writeBlocking { db in _ = try db.execute("UPDATE t SET x = x + 1") }
                                _ = try pool.readBlocking { db in try db.queryFirst("SELECT x FROM t", as: Int.self) }
                            }
                        } else {
                            try await pool.write { db in _ = try db.execute("UPDATE t SET x = x + 1") }
                        }
                    }
                }
                try await tasks.waitForAll()
            }
            let x = try await onThread {
                try pool.readBlocking { db in try db.queryFirst("SELECT x FROM t", as: Int.self) }
            }
            #expect(x == 40)
        }
    }

    @Test("A blocking read sees one snapshot, and its error is thrown unchanged")
    func snapshot() async throws {
        struct Refusal: Error, Equatable {}
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let counts = try await onThread {
                try pool.readBlocking { db in
                    let before = try db.query("SELECT count(*) FROM t", as: Int.self)
                    try pool.writeBlocking { db in _ = try db.execute("INSERT INTO t VALUES (1)") }
                    return before + (try db.query("SELECT count(*) FROM t", as: Int.self))
                }
            }
            #expect(counts == [0, 0])
            await #expect(throws: Refusal()) {
                try await onThread {
                    try pool.writeBlocking { db in
                        try db.execute("DELETE FROM t")
                        throw Refusal()
                    }
                }
            }
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [1])
        }
    }

    @Test("A blocking call that gets no connection in time throws an error")
    func timeout() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            try await withHeldWriter(pool) { release in
                await #expect(throws: (any Error).self) {
                    try await onThread {
                        try pool.writeBlocking(timeout: .zero) { _ in _ = Issue.record("the body ran") }
                    }
                }
                release()
            }
        }
    }

    @Test("A task can read and write on its own thread, and its cancellation takes effect", arguments: [1, 16])
    func blockingThread(group: Int) async throws {
        try await withPool(SQLiteConfiguration.with(maximumWritesPerCommit: group)) { pool in
            try await pool.writeBlockingCooperativeThread { db in
                try db.execute("CREATE TABLE t (x)")
                try db.execute("INSERT INTO t VALUES (1)")
            }
            let x = try await pool.readBlockingCooperativeThread { db in
                try db.queryFirst("SELECT x FROM t", as: Int.self)
            }
            #expect(x == 1)
            let task = Task {
                try await pool.writeBlockingCooperativeThread { db in
                    try db.execute("INSERT INTO t VALUES (2)")
                    unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                    _ = try db.query(CancellationTests.endless, as: Int.self)
                }
            }
            if group == 1 {
                await #expect(throws: CancellationError.self) { try await task.value }
            } else {
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
            }
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1])
            #expect(pool.statistics.writer.createdAndClosed == [1, 0])
        }
    }
}
