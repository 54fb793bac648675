// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import Testing

/// Operations on a pool in use.
@Suite(.timeLimit(.minutes(10))) struct OperationsTests {
    private let clock = ManualClock()

    @Test("The maximum can be changed at run time, within its bounds")
    func resize() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 1)
        let first = try await pool.getOrCreate()
        let waiter = await inLine(1, of: pool)
        try pool.resize(to: 2)
        #expect(try await waiter.value == 2)
        try pool.resize(to: 1)
        await eventually { factory.closed == [2] }
        first.release()
        #expect(pool.status.idle == 1 && pool.status.maximum == 1)
        for maximum in [0, 100_001] {
            let error = #expect(throws: PoolError.self) { try pool.resize(to: maximum) }
            #expect(error?.code == .invalidConfiguration)
        }
    }

    @Test("A maximum far above the first serves all waiters, is observed and inspected, and can be lowered again")
    func growth() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 1) {
            $0.maximumConcurrentConnects = 200
            $0.maximumWaiters = 200
        }
        let leases = HeldLeases<ScriptedFactory>()
        let callers = (0..<200).map { _ in Task { leases.hold(try await pool.getOrCreate()) } }
        await eventually { pool.status.waiting == 199 }
        try pool.resize(to: 200)
        for caller in callers { try await caller.value }
        #expect(pool.status.leased == 200 && factory.connects == 200)
        #expect(pool.snapshot.counters.acquired == 200)
        leases.releaseAll()
        #expect(pool.status.idle == 200 && pool.snapshot.useTimes.count == 200)
        pool.inspectIdle()
        #expect(pool.status.idle == 200)
        pool.evictAll()
        await eventually { factory.closed.count == 200 && pool.status.changing == 0 }
        #expect(try await pool.withConnection { $0.id } == 201)
        try pool.resize(to: 1)
        #expect(pool.status.maximum == 1 && pool.status.idle == 1)
        await pool.shutdown(drain: .seconds(1))
    }

    @Test("A smaller pool closes idle connections before leased ones, also if those were returned later")
    func surplus() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 3)
        let first = try await pool.getOrCreate()
        let second = try await pool.getOrCreate()
        let third = try await pool.getOrCreate()
        first.release()
        try pool.resize(to: 2)
        await eventually { factory.closed == [1] }
        try pool.resize(to: 1)
        // Whichever stays: while the other is in use it is one too many.
        second.release()
        clock.advance(by: .seconds(1))
        await eventually { factory.closed == [1, 2] }
        third.release()
        #expect(try await pool.withConnection { $0.id } == 3)
    }

    @Test("A shutdown makes no connection in advance, nor does a caller that comes after it")
    func nothingForLater() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 3) { $0.minimumConnections = 2 }
        await pool.shutdown(drain: .seconds(10))
        let error = await #expect(throws: PoolError.self) { try await pool.withConnection { _ in } }
        #expect(error?.code == .closed)
        pool.prewarm()
        #expect(clock.deadlines.isEmpty)
        #expect(factory.connects == 0)
    }

    @Test("A suspended pool hands out no connection, and serves in FIFO order after it is resumed")
    func suspension() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 1)
        _ = try await pool.withConnection { $0.id }
        pool.suspend()
        let refused = pool.tryGet()
        if refused != nil { Issue.record("a suspended pool handed a connection out") }
        let order = Locked<[Int]>([])
        var tasks: [Task<Void, any Error>] = []
        for number in 1...3 {
            tasks.append(Task { try await pool.withConnection { _ in order.withLock { $0.append(number) } } })
            await eventually { pool.status.waiting == number }
        }
        #expect(order.withLock { $0 }.isEmpty)
        pool.resume()
        for task in tasks { try await task.value }
        #expect(order.withLock { $0 } == [1, 2, 3])
        #expect(factory.connects == 1)
    }

    @Test("A shutdown serves waiters, refuses new callers, and closes all connections")
    func shutdown() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 1)
        let lease = try await pool.getOrCreate()
        let waiter = await inLine(1, of: pool)
        async let first: Void = pool.shutdown(drain: .seconds(10))
        async let second: Void = pool.shutdown(drain: .seconds(10))
        await eventually { clock.deadlines.contains(.seconds(10)) }
        let error = await #expect(throws: PoolError.self) { try await pool.withConnection { _ in } }
        #expect(error?.code == .closed)
        lease.release()
        #expect(try await waiter.value == 1)
        _ = await (first, second)
        #expect(factory.open == 0 && factory.record.interrupted.isEmpty)
    }

    @Test("A shutdown fails waiters at its deadline, and interrupts leases that do not end")
    func shutdownDeadline() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 1)
        let lease = try await pool.getOrCreate()
        let waiter = await inLine(1, of: pool)
        let ended = Task { await pool.shutdown(drain: .seconds(10)) }
        await clock.advance { factory.record.interrupted == [1] }
        let error = await #expect(throws: PoolError.self) { try await waiter.value }
        #expect(error?.code == .closed)
        lease.release()
        await ended.value
        #expect(factory.open == 0)
    }

    @Test("run keeps the minimum, and shuts down in order when its task is cancelled")
    func run() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock) { $0.minimumConnections = 2 }
        let service = Task { await pool.run() }
        await eventually { pool.status.idle == 2 }
        service.cancel()
        await service.value
        #expect(factory.open == 0)
    }

    @Test("A shrinking pool waits for its leases, and never exceeds the new maximum")
    func shrink() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 4)
        let first = try await pool.getOrCreate()
        let second = try await pool.getOrCreate()
        let third = try await pool.getOrCreate()
        let fourth = try await pool.getOrCreate()
        try pool.resize(to: 2)
        #expect(pool.status.leased == 4 && factory.closed.isEmpty)
        let waiter = await inLine(1, of: pool)
        fourth.release()
        third.release()
        await eventually { factory.open == 2 }
        #expect(pool.status.waiting == 1 && factory.connects == 4)
        first.release()
        _ = try await waiter.value
        second.release()
        #expect(factory.connects == 4 && pool.status.open == 2)
    }

    @Test("A suspended pool makes no connection, and deadlines still apply")
    func suspendedGrowth() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock)
        pool.suspend()
        let timeLimiter = await inLine(1, of: pool)
        let served = Locked(false)
        let impatient = Task {
            defer { served.withLock { $0 = true } }
            try await pool.withConnection(timeout: .seconds(3)) { _ in }
        }
        await clock.advance { served.withLock { $0 } }
        let error = await #expect(throws: PoolError.self) { try await impatient.value }
        #expect(error?.code == .timedOut)
        // The other caller is still in line.
        await clock.advance(seconds: 3)
        #expect(pool.status.waiting > 0 && factory.connects == 0)
        pool.resume()
        _ = try await timeLimiter.value
    }

    @Test("A connection that is returned to a suspended pool, or breaks, waits until it is resumed")
    func suspendedReturn() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock)
        let first = try await pool.getOrCreate()
        let second = try await pool.getOrCreate()
        pool.suspend()
        let waiters = [await inLine(1, of: pool), await inLine(2, of: pool)]
        second.connection.breakDown()
        first.release()
        second.release()
        await factory.wait { $0.closed == [2] }
        await clock.advance(seconds: 3)
        #expect(pool.status.waiting == 2)
        pool.resume()
        for waiter in waiters { _ = try await waiter.value }
    }

    @Test("A suspended pool can be evicted, resized and shut down")
    func suspendedOperations() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock)
        do {
            let first = try await pool.getOrCreate()
            let second = try await pool.getOrCreate()
            first.release()
            second.release()
        }
        pool.suspend()
        pool.suspend()
        pool.evictAll()
        try pool.resize(to: 1)
        pool.resume()
        await factory.wait { $0.closed.sorted() == [1, 2] }
        #expect(try await pool.withConnection { $0.id } == 3)
        pool.suspend()
        let waiter = await inLine(1, of: pool)
        await pool.shutdown(drain: .seconds(10))
        #expect(try await waiter.value == 3)
        #expect(factory.open == 0)
        pool.resume()
        let error = await #expect(throws: PoolError.self) { try await pool.withConnection { _ in } }
        #expect(error?.code == .closed)
    }

    @Test("After evictAll no caller gets a connection whose attempt began before, or that was being tested")
    func generations() async throws {
        let factory = ScriptedFactory([.succeed, .hang])
        factory.script(.ping, always: .hang)
        let pool = try makePool(factory, clock) { $0.keepAliveInterval = .seconds(60) }
        try await pool.withConnection { _ in }
        await clock.advance { factory.hanging(.ping) == 1 }
        let waiter = await inLine(1, of: pool)
        await factory.wait { $0.hanging(.connect) == 1 }
        pool.evictAll()
        await factory.letGo(.ping)
        await factory.letGo(.connect)
        #expect(try await waiter.value == 3)
        await factory.wait { $0.closed.sorted() == [1, 2] }
        #expect(factory.record.peak <= 2)
        await eventually { pool.status.changing == 0 }
    }

    @Test("A shutdown interrupts a use that hangs, and the error reaches its caller")
    func interruption() async throws {
        let factory = ScriptedFactory()
        factory.script(.use, [.hang])
        let pool = try makePool(factory, clock)
        let user = Task { try await pool.withConnection { try await $0.use() } }
        await factory.wait { $0.hanging(.use) == 1 }
        let ended = Task { await pool.shutdown(drain: .seconds(10)) }
        await clock.advance { factory.record.interrupted == [1] }
        await #expect(throws: ScriptedFailure.self) { try await user.value }
        await ended.value
        #expect(factory.open == 0)
        await settle(clock)
    }

    @Test("A shutdown ends even if a close hangs, and a second one at once")
    func shutdownWithHungClose() async throws {
        let factory = ScriptedFactory()
        factory.script(.close, always: .hang)
        let pool = try makePool(factory, clock)
        try await pool.withConnection { _ in }
        let began = clock.now
        let ended = Locked(false)
        let shutdown = Task {
            await pool.shutdown(drain: .seconds(10))
            ended.withLock { $0 = true }
        }
        await clock.advance { ended.withLock { $0 } }
        await shutdown.value
        // The close never returns by itself. The clock may be far ahead of the shutdown on busy
        // processors.
        #expect(began.duration(to: clock.now) < .seconds(3_600))
        factory.letGoOfAll()
        await pool.shutdown(drain: .seconds(10))
        await pool.close()
        await factory.wait { $0.open == 0 }
    }

    @Test("A shutdown waits for a running attempt, and closes its connection")
    func shutdownDuringConnect() async throws {
        let factory = ScriptedFactory([.hang])
        let pool = try makePool(factory, clock)
        let waiter = await inLine(1, of: pool)
        await factory.wait { $0.hanging(.connect) == 1 }
        waiter.cancel()
        _ = await waiter.result
        let ended = Locked(false)
        let shutdown = Task {
            await pool.shutdown(drain: .seconds(10))
            ended.withLock { $0 = true }
        }
        await eventually { pool.isClosedToCallers }
        for _ in 0..<100 { await Task.yield() }
        #expect(!ended.withLock { $0 })
        await factory.letGo(.connect)
        await shutdown.value
        #expect(factory.open == 0 && factory.closed == [1])
        await settle(clock)
    }

    @Test("A cancelled task still completes its shutdown of a pool")
    func cancelledShutdown() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock)
        let lease = try await pool.getOrCreate()
        let shutdown = Task { await pool.shutdown(drain: .seconds(10)) }
        await eventually { pool.isClosedToCallers }
        shutdown.cancel()
        for _ in 0..<100 { await Task.yield() }
        #expect(factory.record.interrupted.isEmpty && factory.open == 1)
        lease.release()
        await shutdown.value
        #expect(factory.open == 0)
        await settle(clock)
    }
}
