// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import PoolTesting
import Testing

@testable import ConnectionPooling

/// A pool that is suspended for a failover, or whose shutdown is announced.
@Suite(.timeLimit(.minutes(10))) struct SuspensionTests {
    private let clock = ManualClock()

    @Test("In a failover old connections are closed at once, and callers wait for new ones in FIFO order")
    func failover() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock) { $0.circuitBreakerThreshold = .seconds(5) }
        let lease = try await pool.getOrCreate()
        let other = try await pool.getOrCreate()
        other.release()
        pool.suspend()
        #expect(pool.status.idle == 1 && pool.status.leased == 1)
        pool.evictAll()
        // At once, while the pool is suspended; the leased one on its return.
        await factory.wait { $0.closed == [2] }
        lease.release()
        await factory.wait { $0.closed == [2, 1] }
        // The old server is gone. The timeouts of the callers exceed the breaker's threshold.
        factory.script(.connect, always: .fail(ScriptedFailure("down", isPermanent: true)))
        let order = Locked<[Int]>([])
        var callers: [Task<Int, any Error>] = []
        for number in 1...3 {
            callers.append(
                Task {
                    try await pool.withConnection(timeout: .seconds(600)) { connection in
                        order.withLock { $0.append(number) }
                        return connection.id
                    }
                }
            )
            await eventually { pool.status.waiting == number }
        }
        await clock.advance(seconds: 60)
        #expect(pool.status.waiting == 3 && factory.connects == 2)
        #expect(pool.state == .suspended)
        // One connection serves all of them, so the order of the bodies is that of the line.
        factory.script(.connect, [.succeed], then: .hang)
        pool.resume()
        for caller in callers { #expect(try await caller.value > 2) }
        #expect(order.withLock { $0 } == [1, 2, 3])
        #expect(pool.state == .accepting)
        factory.letGoOfAll()
    }

    @Test("An attempt that fails while the pool is suspended refuses no caller, nor after it is resumed")
    func failureWhileSuspended() async throws {
        let factory = ScriptedFactory([.hang])
        let pool = try makePool(factory, clock)
        let waiter = await inLine(1, of: pool)
        await factory.wait { $0.hanging(.connect) == 1 }
        pool.suspend()
        await factory.letGo(.connect, failing: ScriptedFailure("the old server", isPermanent: true))
        await eventually { pool.snapshot.lastConnectFailure != nil }
        await clock.advance(seconds: 10)
        #expect(pool.status.waiting == 1 && factory.connects == 1)
        pool.resume()
        #expect(try await waiter.value == 1)
    }

    @Test("An attempt that hangs while the pool is suspended refuses no caller")
    func hangWhileSuspended() async throws {
        let factory = ScriptedFactory([.hang])
        let pool = try makePool(factory, clock) {
            $0.connectTimeout = .seconds(30)
            $0.circuitBreakerThreshold = .seconds(5)
        }
        let waiter = await inLine(1, of: pool)
        await factory.wait { $0.hanging(.connect) == 1 }
        pool.suspend()
        await clock.advance(seconds: 60)
        #expect(pool.status.waiting == 1)
        pool.resume()
        #expect(try await waiter.value == 1)
        factory.letGoOfAll()
        await settle(clock)
    }

    @Test("A permanent failure of an attempt from before an eviction does not refuse callers")
    func staleFailure() async throws {
        let factory = ScriptedFactory([.hang])
        let pool = try makePool(factory, clock)
        let waiter = await inLine(1, of: pool)
        await factory.wait { $0.hanging(.connect) == 1 }
        pool.evictAll()
        await factory.letGo(.connect, failing: ScriptedFailure("the old password", isPermanent: true))
        await clock.advance { pool.status.waiting == 0 }
        #expect(try await waiter.value == 1)
    }

    @Test("The timeout of a caller of a suspended pool says that the pool is suspended")
    func timeout() async throws {
        let pool = try makePool(ScriptedFactory(), clock)
        pool.suspend()
        let error = await #expect(throws: PoolError.self) { try await pool.withConnection(timeout: .zero) { _ in } }
        #expect(error?.code == .timedOut && error?.state == .suspended)
        #expect(error?.description.contains("suspended") == true)
    }

    @Test("A retained connection of a suspended pool that breaks is closed at once")
    func brokenWhileHeld() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock)
        try await pool.withConnection { _ in }
        pool.suspend()
        factory.breakAllConnections()
        pool.inspectIdle()
        await factory.wait { $0.closed == [1] }
        pool.resume()
        #expect(try await pool.withConnection { $0.id } == 2)
    }

    @Test("A shutdown serves a waiter whose first connection cannot be handed out")
    func careDuringShutdown() async throws {
        let factory = ScriptedFactory()
        let isFit = Locked(true)
        let hooks = ConnectionHooks<ScriptedConnection>(beforeHandOut: { connection, _ in
            connection.id != 1 || isFit.withLock { $0 }
        })
        let pool = try makePool(factory, clock, maximum: 1, hooks: hooks)
        let lease = try await pool.getOrCreate()
        isFit.withLock { $0 = false }
        let waiter = await inLine(1, of: pool)
        let shutdown = Task { await pool.shutdown(drain: .seconds(10)) }
        await eventually { pool.isClosedToCallers }
        #expect(pool.state == .draining)
        lease.release()
        #expect(try await waiter.value == 2)
        await shutdown.value
        #expect(factory.open == 0 && pool.state == .closed)
    }

    @Test("After the start of a shutdown new callers are served until its deadline; then leases are interrupted")
    func beginShutdown() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock)
        pool.beginShutdown(drain: .seconds(10))
        pool.beginShutdown(drain: .seconds(20))
        #expect(pool.state == .accepting)
        #expect(try await pool.withConnection { $0.id } == 1)
        factory.script(.use, always: .hang)
        let user = Task { try await pool.withConnection { try await $0.use() } }
        await factory.wait { $0.hanging(.use) == 1 }
        await eventually { clock.deadlines.contains(.seconds(10)) }
        clock.advance(by: .seconds(10))
        await factory.wait { $0.interrupted == [1] }
        await #expect(throws: ScriptedFailure.self) { try await user.value }
        let error = await #expect(throws: PoolError.self) { try await pool.withConnection { _ in } }
        #expect(error?.code == .closed)
        await factory.wait { $0.open == 0 }
        // Has no drain time of its own.
        await pool.shutdown(drain: .seconds(3_600))
        await settle(clock)
    }

    @Test("A shutdown has the rest of the time since its announcement")
    func restOfTime() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock)
        let lease = try await pool.getOrCreate()
        pool.beginShutdown(drain: .seconds(10))
        clock.advance(by: .seconds(4))
        let shutdown = Task { await pool.shutdown(drain: .seconds(3_600)) }
        await eventually { pool.isClosedToCallers }
        await clock.advance { factory.record.interrupted == [1] }
        lease.release()
        await shutdown.value
        #expect(factory.open == 0)
        await settle(clock)
    }
}
