// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PoolTesting
import Testing

@testable import ConnectionPooling

/// The cost of a return for the connection's next holder.
@Suite(.timeLimit(.minutes(10))) struct ReturnCostTests {
    private let clock = ManualClock()

    /// Holds the locks of a pool while a lease ends on another thread.
    ///
    /// - Returns: Whether the lease could end. The time limit is reached only if it cannot.
    private func canReturn(_ pool: ConnectionPool<ScriptedFactory>) async throws -> Bool {
        try await pool.withConnection { _ in }
        let held = HeldLeases<ScriptedFactory>()
        try await held.lease(1, of: pool)
        let returned = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            held.releaseAll()
            returned.signal()
        }
        func wait() -> Bool { returned.wait(timeout: .now() + 20) == .success }
        return pool.suspension.withLock { _ in
            pool.growth.plan.withLock { _ in pool.counters.withLock { _ in pool.reports.withLock { _ in wait() } } }
        }
    }

    @Test("An ordinary return takes none of the pool's locks")
    func plain() async throws {
        let pool = try makePool(ScriptedFactory(), clock)
        #expect(try await canReturn(pool))
    }

    @Test("A return takes none of the pool's locks if uses are bounded")
    func maximumUses() async throws {
        let pool = try makePool(ScriptedFactory(), clock) { $0.maximumUses = 100 }
        #expect(try await canReturn(pool))
    }

    @Test("A return takes none of the pool's locks if a hook inspects the connection")
    func hook() async throws {
        let pool = try makePool(ScriptedFactory(), clock, hooks: .init(afterReturn: { _, _ in .reusable }))
        #expect(try await canReturn(pool))
    }

    @Test("A return takes none of the pool's locks if an observer requests uses")
    func observedUses() async throws {
        let pool = try makePool(ScriptedFactory(), clock, observers: [UseListener()])
        #expect(try await canReturn(pool))
    }

    private final class UseListener: PoolObserver {
        let idle = Locked<[Int]>([])
        let pool = Locked<ConnectionPool<ScriptedFactory>?>(nil)
        var observesUses: Bool { true }

        func observe(_ event: PoolEvent, in name: String) {
            guard case .used = event, let pool = pool.withLock({ $0 }) else { return }
            let count = pool.status.idle
            idle.withLock { $0.append(count) }
        }
    }

    @Test("An observer receives a use after the connection was passed on")
    func order() async throws {
        let listener = UseListener()
        let pool = try makePool(ScriptedFactory(), clock, observers: [listener])
        listener.pool.withLock { $0 = pool }
        defer { listener.pool.withLock { $0 = nil } }
        try await pool.withConnection { _ in }
        #expect(listener.idle.withLock { $0 } == [1])
    }
}
