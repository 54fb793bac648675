// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import Testing

/// The retirement of connections, and their replacements.
@Suite(.timeLimit(.minutes(10))) struct RetirementTests {
    private let clock = ManualClock()

    @Test("Idle connections are closed, down to the minimum")
    func idleTimeout() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 3) {
            $0.idleTimeout = .seconds(60)
            $0.minimumConnections = 1
        }
        try await pool.withConnection { _ in
            try await pool.withConnection { _ in try await pool.withConnection { _ in } }
        }
        #expect(pool.status.open == 3)
        await clock.advance { factory.closed.count >= 2 }
        await clock.advance(seconds: 20)
        #expect(factory.closed.count == 2)
        #expect(pool.status.open == 1)
    }

    @Test("An expired connection is replaced by one that connects first, if there is a vacant slot")
    func lifetime() async throws {
        let factory = ScriptedFactory([.succeed, .hang])
        let pool = try makePool(factory, clock, maximum: 2) { $0.maximumLifetime = .seconds(100) }
        // The pool is far older than its connection.
        clock.advance(by: .seconds(1_000_000))
        _ = try await pool.withConnection { $0.id }
        await clock.advance(seconds: 50)
        #expect(factory.connects == 1)
        // The maintenance would have it first if it were idle.
        let lease = try await pool.getOrCreate()
        #expect(lease.connection.id == 1)
        clock.advance(by: .seconds(101))
        lease.release()
        // Still in use: its replacement does not exist yet.
        await eventually { factory.hanging(.connect) == 1 }
        #expect(try await pool.withConnection { $0.id } == 1)
        await factory.letGo(.connect)
        await clock.advance { factory.closed == [1] }
        // The replacement counts as connected just before it is idle.
        await eventually { pool.status.idle == 1 }
        #expect(try await pool.withConnection { $0.id } == 2)
    }

    @Test("An overused connection is replaced")
    func maximumUses() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 1) { $0.maximumUses = 3 }
        for _ in 0..<3 { #expect(try await pool.withConnection { $0.id } == 1) }
        #expect(try await pool.withConnection { $0.id } == 2)
    }

    @Test("evictAll closes idle connections now, and leased and connecting ones later")
    func evictAll() async throws {
        let factory = ScriptedFactory([.succeed, .succeed, .hang])
        let pool = try makePool(factory, clock, maximum: 3)
        let first = try await pool.getOrCreate()
        try await pool.withConnection { #expect($0.id == 2) }
        let second = pool.tryGet()!
        let waiter = await inLine(1, of: pool)
        await eventually { factory.hanging(.connect) == 1 }
        second.release()
        #expect(try await waiter.value == 2)
        pool.evictAll()
        await eventually { factory.closed == [2] }
        first.release()
        await eventually { factory.closed == [2, 1] }
        await factory.letGo(.connect)
        await clock.advance { factory.closed == [2, 1, 3] }
        let id = try await pool.withConnection { $0.id }
        #expect(id == 4, "\(factory.closed) \(factory.connects) \(clock.now)")
    }

    @Test(
        "Connections created together expire at different ages, and capacity never drops by more than one in ten"
    )
    func herd() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 10) {
            $0.minimumConnections = 10
            $0.maximumConcurrentConnects = 10
            $0.maximumLifetime = .seconds(1_000)
        }
        pool.prewarm()
        await eventually { pool.status.idle == 10 }
        await clock.advance(seconds: 749)
        #expect(factory.closed.isEmpty)
        var rounds: Set<Int> = []
        while !(1...10).allSatisfy(factory.closed.contains) {
            let before = factory.closed.count
            clock.advance(by: .seconds(1))
            await eventually { !clock.deadlines.isEmpty && pool.status.changing == 0 }
            for _ in 0..<20 { await Task.yield() }
            let now = factory.closed.count
            if now > before { rounds.insert(now) }
            // Except for running attempts, all exist. The pool may lease one for inspection.
            #expect(pool.status.occupied >= 9)
        }
        #expect(rounds.count >= 5)
        #expect(factory.record.peak <= 10)
    }

    @Test("A full pool of expired connections closes one in ten at a time, also if a close hangs")
    func retirementInTurn() async throws {
        let factory = ScriptedFactory()
        factory.script(.close, always: .hang)
        let pool = try makePool(factory, clock, maximum: 4) {
            $0.minimumConnections = 4
            $0.maximumLifetime = .seconds(1)
            $0.closeTimeout = .seconds(10_000)
        }
        pool.prewarm()
        await eventually { pool.status.idle == 4 }
        clock.advance(by: .seconds(2))
        await factory.wait { $0.hanging(.close) == 1 }
        for _ in 0..<5 {
            await clock.advance(seconds: 1)
            // The pool may lease one for inspection.
            #expect(factory.hanging(.close) == 1 && pool.status.open == 3)
        }
        factory.letGoOfAll()
        await eventually { pool.status.changing == 0 }
    }

    @Test("An overused connection stays until its replacement connects")
    func usesWithRoom() async throws {
        let factory = ScriptedFactory([.succeed, .hang])
        let pool = try makePool(factory, clock) { $0.maximumUses = 1 }
        #expect(try await pool.withConnection { $0.id } == 1)
        await factory.wait { $0.hanging(.connect) == 1 }
        #expect(pool.status.open == 1)
        await factory.letGo(.connect)
        await clock.advance { factory.closed == [1] }
        // The replacement counts as connected just before it is idle.
        await eventually { pool.status.open == 1 }
        #expect(pool.status.open == 1)
    }

    @Test("An old, long unused connection is closed without a replacement")
    func expiredSurplus() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock) { $0.maximumLifetime = .seconds(100) }
        try await pool.withConnection { _ in }
        await clock.advance { factory.closed == [1] }
        await clock.advance(seconds: 5)
        #expect(factory.connects == 1 && pool.status.open == 0)
    }
}
