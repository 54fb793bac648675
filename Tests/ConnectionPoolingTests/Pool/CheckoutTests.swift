// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import Testing

/// The connections of callers, their order, and their errors.
@Suite(.timeLimit(.minutes(10))) struct CheckoutTests {
    private let clock = ManualClock()

    @Test("Waiters are served in FIFO order")
    func order() async throws {
        let pool = try makePool(ScriptedFactory(), clock, maximum: 1)
        let lease = try await pool.getOrCreate()
        let order = Locked<[Int]>([])
        var tasks: [Task<Void, any Error>] = []
        for number in 1...16 {
            tasks.append(
                Task {
                    try await pool.withConnection { _ in
                        order.withLock { $0.append(number) }
                        await Task.yield()
                    }
                }
            )
            await eventually { pool.status.waiting == number }
        }
        lease.release()
        for task in tasks { try await task.value }
        #expect(order.withLock { $0 } == Array(1...16))
    }

    @Test("tryGet overtakes no caller, and makes no connection")
    func tryGet() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 1)
        let early = pool.tryGet()
        if early != nil { Issue.record("there was nothing to get") }
        #expect(factory.connects == 0)
        let lease = try await pool.getOrCreate()
        let letGo = Locked(false)
        let waiter = Task {
            try await pool.withConnection { _ in await eventually { letGo.withLock { $0 } } }
        }
        await eventually { pool.status.waiting == 1 }
        lease.release()
        // The connection went to the waiter, whether that task has resumed yet or not.
        let overtaking = pool.tryGet()
        if overtaking != nil { Issue.record("a caller overtook one in line") }
        letGo.withLock { $0 = true }
        try await waiter.value
        let late = pool.tryGet()
        if late == nil { Issue.record("an idle connection was not found") }
    }

    @Test("A lease keeps its connection until it ends, in any task")
    func leases() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock)
        let first = try await pool.getOrCreate()
        let second = try await pool.getOrCreate()
        #expect(first.connection.id != second.connection.id)
        #expect(pool.status.leased == 2)
        func use(_ lease: consuming sending ConnectionLease<ScriptedFactory>) async -> Int {
            let handed = Locked<ConnectionLease<ScriptedFactory>?>(lease)
            return await Task { handed.withLock { $0.take() }!.connection.id }.value
        }
        #expect(await use(first) == 1)
        #expect(pool.status.leased == 1 && pool.status.idle == 1)
        second.release()
        #expect(pool.status.idle == 2)
    }

    @Test("A caller with a timeout of zero gets an idle connection, or else an error at once")
    func noPatience() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 1)
        factory.script(.connect, [.hang])
        let refused = await #expect(throws: PoolError.self) {
            try await pool.withConnection(timeout: .zero) { _ in }
        }
        #expect(refused?.code == .timedOut && refused?.waited == .zero)
        await eventually { factory.hanging(.connect) == 1 }
        await factory.letGo(.connect)
        await eventually { pool.status.idle == 1 }
        #expect(try await pool.withConnection(timeout: .zero) { $0.id } == 1)
    }

    @Test(
        "The error of a timed-out caller names the oldest lease, its age, and the last failure"
    )
    func error() async throws {
        let factory = ScriptedFactory([.succeed, .fail(ScriptedFailure("no route"))])
        let pool = try makePool(factory, clock) { $0.name = "orders" }
        let lease = try await pool.getOrCreate()
        let line = #line - 1
        factory.script(.connect, always: .fail(ScriptedFailure("no route")))
        let waiter = await inLine(1, of: pool, timeout: .seconds(3))
        await eventually { factory.connects >= 2 && pool.status.changing == 0 }
        await clock.advance(seconds: 3)
        let error = await #expect(throws: PoolError.self) { try await waiter.value }
        #expect(error?.code == .timedOut)
        #expect(error?.pool == "orders")
        #expect(error?.waited == .seconds(3))
        #expect(error?.status?.maximum == 2 && error?.status?.leased == 1 && error?.status?.idle == 0)
        #expect(error?.oldestLease?.callSite == "\(#fileID):\(line)")
        #expect(error?.oldestLease?.age == .seconds(3))
        #expect(error?.underlying as? ScriptedFailure == ScriptedFailure("no route"))
        let text = try #require(error).description
        for part in ["“orders”", "1 of 2 connections leased", "CheckoutTests.swift:\(line)", "no route"] {
            #expect(text.contains(part))
        }
        lease.release()
        factory.script(.connect, always: .succeed)
        await settle(clock)
    }

    @Test("A caller beyond the bound is refused at once, with the status of the pool")
    func tooManyWaiters() async throws {
        let pool = try makePool(ScriptedFactory(), clock, maximum: 1) { $0.maximumWaiters = 2 }
        let lease = try await pool.getOrCreate()
        let waiters = [await inLine(1, of: pool), await inLine(2, of: pool)]
        let error = await #expect(throws: PoolError.self) { try await pool.withConnection { _ in } }
        #expect(error?.code == .tooManyWaiters && error?.waited == .zero)
        #expect(error?.status?.waiting == 2 && error?.status?.leased == 1)
        lease.release()
        // The line is unchanged: its waiters are served.
        for waiter in waiters { _ = try await waiter.value }
    }

    @Test("A cancelled caller throws CancellationError out of withConnection, and the code out of getOrCreate")
    func cancellation() async throws {
        let pool = try makePool(ScriptedFactory(), clock, maximum: 1)
        let lease = try await pool.getOrCreate()
        let body = await inLine(1, of: pool)
        let typed = Task {
            do throws(PoolError) {
                let lease = try await pool.getOrCreate()
                lease.release()
                return nil as PoolError.Code?
            } catch {
                return error.code
            }
        }
        await eventually { pool.status.waiting == 2 }
        body.cancel()
        typed.cancel()
        await #expect(throws: CancellationError.self) { try await body.value }
        #expect(await typed.value == .cancelled)
        #expect(pool.status.waiting == 0)
        lease.release()
        #expect(pool.status.idle == 1)
    }

    @Test("After a cancellation or timeout the next waiter is served in turn")
    func leavingTheLine() async throws {
        let pool = try makePool(ScriptedFactory(), clock, maximum: 1)
        let lease = try await pool.getOrCreate()
        let cancelled = await inLine(1, of: pool)
        let late = await inLine(2, of: pool, timeout: .seconds(1))
        let timeLimiter = await inLine(3, of: pool)
        cancelled.cancel()
        _ = await cancelled.result
        await eventually { clock.deadlines.contains(.seconds(1)) }
        clock.advance(by: .seconds(1))
        await #expect(throws: PoolError.self) { try await late.value }
        lease.release()
        #expect(try await timeLimiter.value == 1)
        #expect(pool.status.idle == 1 && pool.status.waiting == 0)
        await settle(clock)
    }

    @Test("A caller that is cancelled while its body runs keeps its connection until the body ends")
    func cancelledBody() async throws {
        let factory = ScriptedFactory()
        factory.script(.use, [.hang])
        let pool = try makePool(factory, clock, maximum: 1)
        let task = Task { try await pool.withConnection { try await $0.use() } }
        await factory.wait { $0.hanging(.use) == 1 }
        task.cancel()
        #expect(pool.status.leased == 1)
        await factory.letGo(.use)
        try await task.value
        #expect(pool.status.idle == 1 && factory.closed.isEmpty)
    }

    private actor Counter {
        private(set) var ids: [Int] = []

        func count(_ pool: ConnectionPool<ScriptedFactory>) async throws {
            try await pool.withConnection { ids.append($0.id) }
            try await pool.withConnection { connection in
                await Task.yield()
                ids.append(connection.id)
            }
        }
    }

    @Test("A body may use the state of its caller's actor, whether it suspends or not")
    func bodiesOnActors() async throws {
        let pool = try makePool(ScriptedFactory(), clock)
        let counter = Counter()
        try await counter.count(pool)
        #expect(await counter.ids == [1, 1])
    }

    @Test("The error of a body that does not suspend is rethrown unchanged, and its connection is returned")
    func synchronousBodyThrows() async throws {
        struct Refusal: Error {}
        let pool = try makePool(ScriptedFactory(), clock)
        await #expect(throws: Refusal.self) { try await pool.withConnection { _ in throw Refusal() } }
        #expect(pool.status.idle == 1)
    }
}
