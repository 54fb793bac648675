// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import LockPool
import PoolTesting
import Testing

@testable import ConnectionPooling

/// Returns that inspect a connection before an eviction of all connections, and release it
/// afterwards.
///
/// No other operation of a pool inspects a connection a second time for this case, so the return
/// does not either. The check costs a checkout one comparison.
@Suite(.timeLimit(.minutes(10))) struct EvictionTests {
    private let clock = ManualClock()
    private let factory = ScriptedFactory()

    /// A return that has inspected its connection and not released it yet: all of
    /// ``LeaseContext/release(_:)`` except its last step.
    private struct LateReturn {
        let slot: LeasedSlot

        init(of pool: ConnectionPool<ScriptedFactory>) async throws {
            slot = try await pool.slot(within: nil, CallSite(#fileID, #line))
            _ = pool.connectionRecord(of: slot).endLease(at: pool.time.now)
        }

        func release() { LockGuard<PooledConnection<ScriptedConnection>>(slot).release() }
    }

    enum Checkout: CaseIterable { case body, suspendingBody, lease, blocking }

    private func checkOut(_ checkout: Checkout, of pool: ConnectionPool<ScriptedFactory>) async throws -> Int {
        switch checkout {
        case .body: return try await pool.withConnection { $0.id }
        case .suspendingBody:
            return try await pool.withConnection { connection in
                await Task.yield()
                return connection.id
            }
        case .lease: return try await pool.getOrCreate().connection.id
        case .blocking:
            return try await withCheckedThrowingContinuation { continuation in
                Thread.detachNewThread {
                    continuation.resume(with: Result { try pool.getOrCreateBlocking().connection.id })
                }
            }
        }
    }

    /// Evicts the only connection of a new pool between the two halves of its return.
    private func evictBehindLateReturn() async throws -> (ConnectionPool<ScriptedFactory>, LateReturn) {
        let pool = try makePool(factory, clock, maximum: 1)
        let late = try await LateReturn(of: pool)
        pool.evictAll()
        return (pool, late)
    }

    @Test(
        "A checkout after evictAll gets no older connection that a late return has released",
        arguments: Checkout.allCases
    )
    func idle(_ checkout: Checkout) async throws {
        let (pool, late) = try await evictBehindLateReturn()
        late.release()
        #expect(pool.status.idle == 1)
        #expect(try await checkOut(checkout, of: pool) == 2)
        await factory.wait { $0.closed == [1] }
        await pool.close()
    }

    @Test("tryGet after evictAll gets no older connection that a return has released since")
    func tryGet() async throws {
        let (pool, late) = try await evictBehindLateReturn()
        late.release()
        #expect(pool.tryGet()?.connection.id == nil)
        await factory.wait { $0.closed == [1] }
        await pool.close()
    }

    @Test(
        "The late return of an older connection does not serve a waiter that comes after evictAll",
        arguments: Checkout.allCases
    )
    func inLine(_ checkout: Checkout) async throws {
        let (pool, late) = try await evictBehindLateReturn()
        let waiter = Task { try await checkOut(checkout, of: pool) }
        await eventually { pool.status.waiting == 1 }
        late.release()
        #expect(try await waiter.value == 2)
        await factory.wait { $0.closed == [1] }
        await pool.close()
    }

    @Test("A checkout with a test or hook gets no older connection either", arguments: [true, false])
    func prepared(_ hasHook: Bool) async throws {
        var hooks = ConnectionHooks<ScriptedConnection>()
        if hasHook { hooks.beforeHandOut = { _, _ in true } }
        let pool = try makePool(factory, clock, maximum: 1, hooks: hooks) {
            if !hasHook { $0.validateAfterIdle = .zero }
        }
        let late = try await LateReturn(of: pool)
        pool.evictAll()
        late.release()
        #expect(try await pool.withConnection { $0.id } == 2)
        #expect(factory.closed == [1] && factory.record.count(of: .ping) == 0)
        await pool.close()
    }

    @Test("A connection that is evicted during a caller's test is not handed to the caller")
    func evictedDuringTest() async throws {
        factory.script(.ping, [.hang])
        let pool = try makePool(factory, clock, maximum: 1) {
            $0.validateAfterIdle = .seconds(30)
            $0.resetTimeout = .seconds(3_600)
        }
        try await pool.withConnection { _ in }
        clock.advance(by: .seconds(31))
        let caller = Task { try await pool.withConnection { $0.id } }
        await factory.wait { $0.hanging(.ping) == 1 }
        pool.evictAll()
        await factory.letGo(.ping)
        #expect(try await caller.value == 2)
        await pool.close()
    }

    @Test("Without a checkout, the next maintenance closes a connection that a late return has left idle")
    func round() async throws {
        let pool = try makePool(factory, clock, maximum: 1) { $0.maximumLifetime = .seconds(1_000_000) }
        let late = try await LateReturn(of: pool)
        pool.evictAll()
        late.release()
        await clock.advance { factory.closed == [1] }
        #expect(factory.closed == [1])
        await pool.close()
    }

    @Test("A callback learns that its connection was evicted before it received it")
    func stale() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 1)
        let fresh = try CallbackWaiter(in: pool)
        await eventually { fresh.hasTurn }
        let lease = try fresh.lease()
        let isFreshStale = pool.isStale(lease)
        #expect(!isFreshStale)
        lease.release()
        let evicted = try CallbackWaiter(in: pool)
        #expect(evicted.hasTurn)
        pool.evictAll()
        let old = try evicted.lease()
        let isOldStale = pool.isStale(old)
        #expect(isOldStale)
        old.release()
        await eventually { factory.closed.count == 1 }
        await pool.close()
    }
}
