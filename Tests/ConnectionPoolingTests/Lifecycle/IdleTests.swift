// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import PoolTesting
import Testing

@testable import ConnectionPooling

/// Idle connections of pools with all defaults.
@Suite(.timeLimit(.minutes(10))) struct IdleTests {
    private let clock = ManualClock()

    private func leases(_ count: Int, of pool: ConnectionPool<ScriptedFactory>) async throws {
        if count == 0 { return }
        try await pool.withConnection { _ in try await leases(count - 1, of: pool) }
    }

    /// Advances the clock second by second, and waits for the maintenance of each.
    ///
    /// It has ended when the next one is scheduled. Without connections none is.
    private func advance(seconds: Int, _ pool: ConnectionPool<ScriptedFactory>) async {
        for _ in 0..<seconds {
            await clock.advance(seconds: 1)
            await eventually {
                let status = pool.status
                let isOver = status.occupied == 0 || pool.maintenanceTimer.isAsleep(at: pool.time.now)
                return status.changing == 0 && status.leased == 0 && isOver
            }
        }
    }

    @Test("Keepalives do not extend the idle timeout of idle connections")
    func idleTimeout() async throws {
        let factory = ScriptedFactory()
        let pool = try ConnectionPool(factory: factory, clock: clock)
        try await leases(3, of: pool)
        #expect(pool.status.idle == 3)
        await advance(seconds: 590, pool)
        #expect(pool.status.idle == 3)
        #expect(factory.record.count(of: .ping) >= 12)
        await advance(seconds: 70, pool)
        #expect(factory.closed.count == 3 && pool.status.idle == 0)
        await clock.advance(seconds: 49 * 60)
        #expect(factory.connects == 3 && pool.status.idle == 0)
    }

    @Test("A pool that is idle for twenty minutes makes no new connections")
    func noReplacements() async throws {
        let factory = ScriptedFactory()
        let pool = try ConnectionPool(factory: factory, clock: clock)
        try await leases(10, of: pool)
        await advance(seconds: 20 * 60, pool)
        #expect(factory.connects == 10 && factory.closed.count == 10)
    }

    @Test("Keepalives of connections that were returned together are spread over a quarter of the interval")
    func spreadKeepAlives() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 100) {
            $0.minimumConnections = 100
            $0.keepAliveInterval = .seconds(120)
        }
        pool.prewarm()
        await eventually { pool.status.idle == 100 }
        await clock.advance(seconds: 85)
        #expect(factory.record.count(of: .ping) == 0)
        var most = 0
        for _ in 0..<36 {
            let before = factory.record.count(of: .ping)
            await advance(seconds: 1, pool)
            most = max(most, factory.record.count(of: .ping) - before)
        }
        #expect(factory.record.count(of: .ping) == 100)
        #expect(most <= 30, "\(most) at a time")
    }
}
