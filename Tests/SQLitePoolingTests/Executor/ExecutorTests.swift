// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolThread
import ConnectionPooling
import PoolTesting
import Synchronization
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct ExecutorTests {
    @Test("A task that prefers an executor reads on the thread that runs it, and other tasks do not")
    func here() async throws {
        try await withPool { pool in
            let executor = try SQLiteExecutor(threads: 1)
            // The first read opens the reader, on the reader's thread.
            _ = try await pool.query("SELECT 1", as: Int.self)
            try await withTaskExecutorPreference(executor) {
                let own = lockpool_thread_self()
                for _ in 0..<10 {
                    let (thread, row) = try await pool.read { db in
                        (lockpool_thread_self(), try db.queryOne("SELECT 7", as: Int.self))
                    }
                    #expect(thread == own && row == 7)
                    #expect(lockpool_thread_self() == own)
                }
                let writer = try await pool.write { _ in lockpool_thread_self() }
                #expect(writer != own)
            }
            let (own, thread) = (lockpool_thread_self(), try await pool.read { _ in lockpool_thread_self() })
            #expect(thread != own)
        }
    }

    @Test("64 tasks on two threads read what the file has, in one snapshot each")
    func load() async throws {
        try await withPool(SQLiteConfiguration.with(maximumReaders: 3, checkoutTimeout: .seconds(300))) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            try await pool.execute("INSERT INTO t VALUES (0), (0)")
            let executor = try SQLiteExecutor(threads: 2)
            let writing = Task {
                while !Task.isCancelled { try await pool.execute("UPDATE t SET x = x + 1") }
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<64 {
                    // Others share the readers.
                    group.addTask(executorPreference: number % 4 == 0 ? nil : executor) {
                        for _ in 0..<100 {
                            let (first, second) = try await pool.read { db in
                                let read: SQLiteQuery = "SELECT x FROM t"
                                return (try db.query(read, as: Int.self), try db.query(read, as: Int.self))
                            }
                            #expect(first == second && first[0] == first[1])
                        }
                    }
                }
                try await group.waitForAll()
            }
            writing.cancel()
            _ = await writing.result
            // The cancelled write ends by itself.
            await eventually { pool.status.leased == 0 }
            #expect(pool.statistics.readers.created <= 3)
        }
    }

    @Test("A task that reads without end lets the others on its thread read, also if its reads fail")
    func turns() async throws {
        try await withPool { pool in
            let executor = try SQLiteExecutor(threads: 1)
            try await withTaskExecutorPreference(executor) {
                let endless = (["SELECT 1", "SELECT nothing"] as [SQLiteQuery]).map { query in
                    Task(executorPreference: executor) {
                        while !Task.isCancelled { _ = try? await pool.query(query, as: Int.self) }
                    }
                }
                for number in 0..<100 {
                    let row = try await pool.query("SELECT \(number)", as: Int.self)
                    #expect(row == [number])
                }
                for task in endless { task.cancel() }
            }
        }
    }

    @Test("A cancellation and a deadline interrupt a read on an executor's thread, whose reader stays usable")
    func interruptions() async throws {
        try await withPool(SQLiteConfiguration.with(maximumReaders: 1)) { pool in
            let executor = try SQLiteExecutor(threads: 1)
            _ = try await pool.query("SELECT 1", as: Int.self)
            let meeting = Rendezvous()
            let task = Task(executorPreference: executor) {
                try await pool.read { db in
                    meeting.arrive()
                    return try db.query(CancellationTests.endless, as: Int.self)
                }
            }
            await meeting.arrived()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            let error = await #expect(throws: SQLiteError.self) {
                try await withTaskExecutorPreference(executor) {
                    try await pool.query(CancellationTests.endless, as: Int.self, timeout: .milliseconds(1))
                }
            }
            #expect(error?.code == .timedOut)
            let cancelled = Task(executorPreference: executor) {
                unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                return try await pool.query("SELECT 1", as: Int.self)
            }
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            let row = try await Task(executorPreference: executor) { try await pool.query("SELECT 2", as: Int.self) }
                .value
            #expect(row == [2])
            #expect(pool.statistics.readers.createdAndClosed == [1, 0])
        }
    }

    @Test("While all readers are in use, a read on an executor waits in line like any other")
    func line() async throws {
        try await withPool(SQLiteConfiguration.with(maximumReaders: 1, checkoutTimeout: .seconds(300))) { pool in
            let executor = try SQLiteExecutor(threads: 1)
            let meeting = Rendezvous()
            async let holder: Void = pool.read { _ in
                meeting.arrive()
                meeting.wait()
            }
            await meeting.arrived()
            let waiting = Task(executorPreference: executor) { try await pool.query("SELECT 3", as: Int.self) }
            await eventually { pool.status.waiting == 1 }
            // The thread is free during that time.
            let answer = await Task(executorPreference: executor) { 4 }.value
            #expect(answer == 4)
            meeting.release()
            let row = try await waiting.value
            #expect(row == [3])
            try await holder
        }
    }

    @Test("The threads end with the last reference, also on one of them")
    func end() async throws {
        weak var threads: TaskThreads?
        do {
            let executor = try SQLiteExecutor(threads: 3)
            threads = executor.threads
            let holder = Locked<SQLiteExecutor?>(executor)
            try await withPool { pool in
                let task = Task(executorPreference: holder.withLock { $0 }) {
                    holder.withLock { $0 = nil }
                    return try await pool.query("SELECT 1", as: Int.self)
                }
                let row = try await task.value
                #expect(row == [1])
            }
        }
        // Each thread holds one until it ends.
        await eventually { threads == nil }
    }

    @Test("A number of threads that makes no sense is refused", arguments: [0, -1, 1_001])
    func invalid(count: Int) {
        let error = #expect(throws: SQLiteError.self) { _ = try SQLiteExecutor(threads: count) }
        #expect(error?.code == .invalidConfiguration)
    }
}
