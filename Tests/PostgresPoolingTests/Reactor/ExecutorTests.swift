// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolThread
import ConnectionPooling
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct ExecutorTests {
    /// Provides a pool whose answers arrive on the thread of an executor.
    private func pool(_ server: TestServer, connections: Int = 4, on executor: PostgresExecutor) throws -> PostgresPool
    {
        var configuration = PostgresConfiguration.withLongTimeouts(server.url)
        configuration.pool.maximumConnections = connections
        return try PostgresPool(configuration, executor: executor)
    }

    /// Runs `turns` statements, and records the thread on which the task resumes after each.
    private func run(_ pool: PostgresPool, turns: Int, number: Int) async throws -> Set<UInt> {
        var threads: Set<UInt> = []
        for turn in 0..<turns {
            let answer = try await pool.query("SELECT \(number) + \(turn)", as: Int.self)
            #expect(answer == [number + turn])
            threads.insert(lockpool_thread_self())
        }
        return threads
    }

    @Test("Tasks with the preference resume on the thread of their answers, all on one thread")
    func oneThread() async throws {
        let executor = PostgresExecutor()
        let pool = try await pool(.shared, on: executor)
        let threads = try await withTaskExecutorPreference(executor) {
            try await withThrowingTaskGroup(of: Set<UInt>.self) { group in
                for number in 0..<64 { group.addTask { try await run(pool, turns: 50, number: number) } }
                return try await group.reduce(into: Set<UInt>()) { $0.formUnion($1) }
            }
        }
        #expect(threads.count == 1)
        await pool.close()
    }

    @Test("Tasks with the preference and others share a pool")
    func mixed() async throws {
        let executor = PostgresExecutor()
        let pool = try await pool(.shared, on: executor)
        let threads = try await withThrowingTaskGroup(of: Set<UInt>.self) { group in
            for number in 0..<32 {
                group.addTask { try await run(pool, turns: 50, number: number) }
                group.addTask(executorPreference: executor) { try await run(pool, turns: 50, number: number) }
            }
            return try await group.reduce(into: Set<UInt>()) { $0.formUnion($1) }
        }
        #expect(threads.count > 1)
        await pool.close()
    }

    @Test("A task that was created for an executor retains it, and so does a pool")
    func kept() async throws {
        let task = Task(executorPreference: PostgresExecutor()) { () -> [Set<UInt>] in
            let pool = try await pool(.shared, on: PostgresExecutor())
            let first = try await run(pool, turns: 20, number: 0)
            await Task.yield()
            let second: Set<UInt> = [lockpool_thread_self()]
            await pool.close()
            return [first, second]
        }
        let threads = try await task.value
        #expect(threads[0].count == 1 && threads[0] == threads[1])
    }

    @Test("The thread ends with the last reference")
    func end() async throws {
        weak var reactor: Reactor?
        do {
            let executor = PostgresExecutor()
            reactor = executor.reactor
            let pool = try await pool(.shared, connections: 1, on: executor)
            _ = try await run(pool, turns: 3, number: 0)
            await pool.close()
        }
        // The thread holds one until it ends.
        await until { reactor == nil }
    }

    @Test("The thread ends if its own task has the last reference")
    func ownEnd() async throws {
        weak var reactor: Reactor?
        let closed = Counted<Bool>()
        let server = try await TestServer.shared
        let executor = Locked<PostgresExecutor?>(PostgresExecutor())
        reactor = executor.withLock { $0?.reactor }
        try await Task(executorPreference: executor.withLock { $0 }) {
            var pool: PostgresPool? = try self.pool(server, connections: 1, on: executor.withLock { $0.take() }!)
            _ = try await run(pool!, turns: 3, number: 0)
            await pool?.close()
            pool = nil
            // The thread has not polled its sockets since the connection was closed.
            closed.add(true)
        }.value
        await until { reactor == nil }
        #expect(closed.values == [true])
    }

    @Test("An actor's code runs on the thread of the task that calls it")
    func actor() async throws {
        actor OtherActor {
            var thread: UInt { lockpool_thread_self() }
        }
        let executor = PostgresExecutor()
        let otherActor = OtherActor()
        let threads = await withTaskExecutorPreference(executor) { [lockpool_thread_self(), await otherActor.thread] }
        #expect(threads[0] == threads[1])
        let elsewhere = await otherActor.thread
        #expect(elsewhere != threads[0])
    }

    @Test("A task that never waits for a connection does not delay the answers of others")
    func turns() async throws {
        let executor = PostgresExecutor()
        let pool = try await pool(.shared, on: executor)
        try await withTaskExecutorPreference(executor) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { while !Task.isCancelled { await Task.yield() } }
                try await equal(pool.query("SELECT 1", as: Int.self), [1])
                try await equal(pool.query("SELECT 2", as: Int.self), [2])
                group.cancelAll()
                try await group.waitForAll()
            }
        }
        await pool.close()
    }
}
