// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import Testing

/// Tests, resets and hooks of connections.
@Suite(.timeLimit(.minutes(10))) struct HealthTests {
    private let clock = ManualClock()

    @Test("A reset that hangs loses its slot at its deadline, and its connection is closed when the reset has ended")
    func hungReset() async throws {
        let factory = ScriptedFactory()
        factory.script(.reset, always: .hang)
        let pool = try makePool(factory, clock, maximum: 1)
        try await pool.withConnection { $0.soil() }
        let waiter = await inLine(1, of: pool)
        await eventually { factory.hanging(.reset) == 1 }
        await clock.advance { factory.connects == 2 }
        #expect(try await waiter.value == 2)
        await factory.letGo(.reset)
        await eventually { factory.closed == [1] }
    }

    @Test("A close that hangs loses its slot at its deadline")
    func hungClose() async throws {
        let factory = ScriptedFactory()
        factory.script(.close, always: .hang)
        let pool = try makePool(factory, clock, maximum: 1)
        try await pool.withConnection { $0.breakDown() }
        let waiter = await inLine(1, of: pool)
        await eventually { factory.hanging(.close) == 1 }
        await clock.advance { factory.connects == 2 }
        #expect(try await waiter.value == 2)
        await factory.letGo(.close)
        async let closed: Void = pool.close()
        await eventually { factory.hanging(.close) == 1 }
        await factory.letGo(.close)
        await closed
        await settle(clock)
    }

    @Test("A connection that was idle for long is tested before a caller receives it")
    func validation() async throws {
        let factory = ScriptedFactory()
        factory.script(.ping, always: .hang)
        let pool = try makePool(factory, clock, maximum: 1) { $0.validateAfterIdle = .seconds(30) }
        _ = try await pool.withConnection { $0.id }
        clock.advance(by: .seconds(31))
        let first = await inLine(1, of: pool)
        await eventually { factory.hanging(.ping) == 1 }
        await factory.letGo(.ping)
        #expect(try await first.value == 1)
        clock.advance(by: .seconds(31))
        let second = await inLine(1, of: pool)
        await eventually { factory.hanging(.ping) == 1 }
        await factory.letGo(.ping, failing: ScriptedFailure())
        #expect(try await second.value == 2)
        #expect(factory.closed == [1])
    }

    @Test("An idle connection is tested in the background, and closed if the test fails")
    func keepAlive() async throws {
        let factory = ScriptedFactory()
        factory.script(.ping, always: .hang)
        let pool = try makePool(factory, clock) { $0.keepAliveInterval = .seconds(60) }
        _ = try await pool.withConnection { $0.id }
        await clock.advance { factory.hanging(.ping) == 1 }
        #expect(pool.status.changing == 1)
        await factory.letGo(.ping)
        await eventually { pool.status.idle == 1 }
        await clock.advance { factory.hanging(.ping) == 1 }
        await factory.letGo(.ping, failing: ScriptedFailure())
        await eventually { factory.closed == [1] }
    }

    @Test("A successful keepalive is followed by the next after most of the interval")
    func nextKeepAlive() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 1) {
            $0.keepAliveInterval = .seconds(600)
            // Maintenance runs each second and counts the connections in use.
            $0.minimumIdleConnections = 1
        }
        try await pool.withConnection { _ in }
        await clock.advance { factory.record.count(of: .ping) == 1 }
        await eventually { pool.status.idle == 1 }
        await clock.advance(seconds: 60)
        #expect(factory.record.count(of: .ping) == 1)
    }

    @Test("Hooks see a connection before its first caller, before each hand-out and after each return")
    func hooks() async throws {
        let seen = Locked<[String]>([])
        let factory = ScriptedFactory()
        let hooks = ConnectionHooks<ScriptedConnection>(
            afterConnect: { connection in
                let number = connection.id
                seen.withLock { $0.append("connect \(number)") }
            },
            beforeHandOut: { connection, _ in
                let number = connection.id
                return seen.withLock { seen in
                    seen.append("hand out \(number)")
                    return number != 1 || seen.count < 4
                }
            },
            afterReturn: { connection, _ in
                let number = connection.id
                seen.withLock { $0.append("return \(number)") }
                return number == 2 ? .broken : .reusable
            }
        )
        let pool = try makePool(factory, clock, maximum: 1, hooks: hooks)
        #expect(try await pool.withConnection { $0.id } == 1)
        #expect(try await pool.withConnection { $0.id } == 2)
        await eventually { factory.closed == [1, 2] }
        let expected = ["connect 1", "hand out 1", "return 1", "hand out 1", "connect 2", "hand out 2", "return 2"]
        #expect(seen.withLock { $0 } == expected)
    }

    @Test("A test before hand-out that hangs loses its slot at its deadline, and the caller's own deadline stays")
    func hungValidation() async throws {
        let factory = ScriptedFactory()
        factory.script(.ping, always: .hang)
        let pool = try makePool(factory, clock, maximum: 1) {
            $0.validateAfterIdle = .seconds(30)
            $0.resetTimeout = .seconds(5)
        }
        try await pool.withConnection { _ in }
        clock.advance(by: .seconds(31))
        let impatient = await inLine(1, of: pool, timeout: .seconds(2))
        let timeLimiter = await inLine(2, of: pool)
        await factory.wait { $0.hanging(.ping) == 1 }
        await clock.advance { pool.status.waiting == 1 }
        let error = await #expect(throws: PoolError.self) { try await impatient.value }
        #expect(error?.code == .timedOut)
        await clock.advance { factory.connects == 2 }
        #expect(try await timeLimiter.value == 2)
        await factory.letGo(.ping)
        await factory.wait { $0.closed == [1] }
    }

    @Test("A background test that hangs loses its slot at its deadline")
    func hungKeepAlive() async throws {
        let factory = ScriptedFactory()
        factory.script(.ping, always: .hang)
        let pool = try makePool(factory, clock, maximum: 1) { $0.keepAliveInterval = .seconds(60) }
        try await pool.withConnection { _ in }
        await clock.advance { factory.hanging(.ping) == 1 }
        let waiter = await inLine(1, of: pool)
        await clock.advance { factory.connects == 2 }
        #expect(try await waiter.value == 2)
        await factory.letGo(.ping)
        await factory.wait { $0.closed == [1] }
    }

    @Test("A caller that waits for a reset times out at its own deadline")
    func deadlineDuringReset() async throws {
        let factory = ScriptedFactory()
        factory.script(.reset, always: .hang)
        let pool = try makePool(factory, clock, maximum: 1) { $0.resetTimeout = .seconds(1_000) }
        try await pool.withConnection { $0.soil() }
        let waiter = await inLine(1, of: pool, timeout: .seconds(3))
        await clock.advance { pool.status.waiting == 0 }
        let error = await #expect(throws: PoolError.self) { try await waiter.value }
        #expect(error?.code == .timedOut && error?.status?.changing == 1)
        await factory.letGo(.reset)
        await eventually { pool.status.idle == 1 }
        #expect(try await pool.withConnection { $0.id } == 1)
    }

    @Test("tryGet hands out no connection that needs a test, and starts the test")
    func tryGetOfStale() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 1) { $0.validateAfterIdle = .seconds(30) }
        try await pool.withConnection { _ in }
        clock.advance(by: .seconds(31))
        let stale = pool.tryGet()
        if stale != nil { Issue.record("an untested connection was handed out") }
        await factory.wait { $0.count(of: .ping) == 1 }
        await eventually { pool.status.idle == 1 }
        let tested = pool.tryGet()
        if tested == nil { Issue.record("a tested connection was not handed out") }
    }

    @Test("A leased connection is not tested")
    func noTestInUse() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 1) { $0.keepAliveInterval = .seconds(10) }
        let lease = try await pool.getOrCreate()
        await clock.advance(seconds: 30)
        #expect(factory.record.count(of: .ping) == 0)
        lease.release()
        await clock.advance { factory.record.count(of: .ping) == 1 }
    }

    @Test("A connection that breaks in its body is replaced for the next waiter")
    func brokenWithWaiter() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 1)
        let lease = try await pool.getOrCreate()
        let waiter = await inLine(1, of: pool)
        factory.breakConnection(1)
        lease.release()
        #expect(try await waiter.value == 2)
        #expect(factory.closed == [1] && factory.record.peak == 1)
    }

    @Test("A hook after a return may request a reset")
    func resetByHook() async throws {
        let factory = ScriptedFactory()
        let hooks = ConnectionHooks<ScriptedConnection>(afterReturn: { _, _ in .needsReset })
        let pool = try makePool(factory, clock, maximum: 1, hooks: hooks)
        for _ in 0..<3 { #expect(try await pool.withConnection { $0.id } == 1) }
        await factory.wait { $0.count(of: .reset) == 3 }
        await eventually { pool.status.idle == 1 }
    }
}
