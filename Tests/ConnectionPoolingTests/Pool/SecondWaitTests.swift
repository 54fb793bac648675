// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import PoolTesting
import Testing

@testable import ConnectionPooling

// The effects of a deadline, or of a first wait.

@Suite(.timeLimit(.minutes(10))) struct SecondWaitTests {
    let clock = ManualClock()

    @Test("A caller that gets in line for a second time waits for the rest of its timeout")
    func rest() async throws {
        let factory = ScriptedFactory()
        // Rejects the connection for which the caller has waited.
        let hooks = ConnectionHooks<ScriptedConnection>(beforeHandOut: { _, status in status.uses == 0 })
        let pool = try makePool(factory, clock, maximum: 1, hooks: hooks)
        let lease = try await pool.getOrCreate()
        let waiter = await inLine(1, of: pool, timeout: .seconds(1_000))
        clock.advance(by: .seconds(999))
        factory.script(.connect, [.hang])
        lease.release()
        try await eventually("the caller waits for another connection") {
            factory.hanging(.connect) == 1 && pool.status.waiting == 1
        }
        try await clock.advance("the caller's time is over") { pool.status.waiting == 0 }
        await factory.letGo(.connect)
        let error = await #expect(throws: PoolError.self) { try await waiter.value }
        #expect(error?.code == .timedOut)
        // The clock may be ahead of the caller, but not by half of the timeout.
        #expect(error?.waited ?? .zero < .seconds(1_500))
    }

    @Test("A connection that arrives after its connect timeout does not count as open")
    func lateConnection() async throws {
        let factory = ScriptedFactory([.hang])
        let pool = try makePool(factory, clock, maximum: 1) { $0.connectTimeout = .seconds(5) }
        let waiter = await inLine(1, of: pool)
        try await eventually("the first attempt hangs") { factory.hanging(.connect) == 1 }
        try await clock.advance("the second attempt begins") { factory.connects == 2 }
        #expect(try await waiter.value == 1)
        await factory.letGo(.connect)
        try await eventually("the late connection is closed") { factory.closed == [2] }
        #expect(!pool.closer.isAllClosed)
        await pool.close()
        try await eventually("the pool knows that all connections are closed", within: .seconds(120)) {
            pool.closer.isAllClosed
        }
        #expect(factory.open == 0)
    }
}
