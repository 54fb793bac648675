// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import Synchronization
import Testing

/// Connections that their holders discard or detach.
@Suite(.timeLimit(.minutes(10))) struct DiscardTests {
    private let clock = ManualClock()
    private let factory = ScriptedFactory()

    @Test("A discarded lease closes its connection, and the waiter gets a new one")
    func lease() async throws {
        let pool = try makePool(factory, clock, maximum: 1)
        let lease = try await pool.getOrCreate()
        let waiter = await inLine(1, of: pool)
        lease.discard()
        #expect(try await waiter.value == 2)
        #expect(factory.closed == [1] && pool.snapshot.counters.closed == [.discarded: 1])
    }

    @Test("A body can discard its connection, also if it throws or the connection needs a reset")
    func body() async throws {
        let pool = try makePool(factory, clock, maximum: 1)
        try await pool.withConnection { _, lease in lease.discardAfterUse() }
        await #expect(throws: ScriptedFailure.self) {
            try await pool.withConnection { connection, lease in
                #expect(connection.id == 2)
                connection.soil()
                lease.discardAfterUse()
                throw ScriptedFailure()
            }
        }
        #expect(try await pool.withConnection { connection, _ in connection.id } == 3)
        #expect(try await pool.withConnection { $0.id } == 3)
        #expect(factory.closed == [1, 2] && factory.record.count(of: .reset) == 0)
        #expect(pool.snapshot.counters.closed == [.discarded: 2])
    }

    @Test("A detached connection stays open, and the pool replaces it on demand")
    func detach() async throws {
        let pool = try makePool(factory, clock, maximum: 1)
        let lease = try await pool.getOrCreate()
        let waiter = await inLine(1, of: pool)
        let connection = lease.detach()
        #expect(try await waiter.value == 2)
        #expect(connection.id == 1 && factory.closed.isEmpty)
        #expect(pool.status.idle == 1 && pool.snapshot.counters.closed == [.detached: 1])
        #expect(pool.snapshot.useTimes.count == 2)
        // The shutdown neither interrupts the detached connection nor waits for it.
        let isOver = Atomic(false)
        Task {
            await pool.shutdown()
            isOver.store(true, ordering: .relaxed)
        }
        try await eventually("the shutdown ends", within: .seconds(30)) { isOver.load(ordering: .relaxed) }
        #expect(factory.closed == [2] && factory.record.interrupted.isEmpty)
        await factory.close(connection)
        #expect(factory.open == 0)
    }

    @Test("A connection that is detached after the pool was closed belongs to the caller")
    func detachLate() async throws {
        let pool = try makePool(factory, clock, maximum: 1)
        let lease = try await pool.getOrCreate()
        await pool.close()
        let connection = lease.detach()
        await pool.shutdown()
        #expect(factory.closed.isEmpty)
        await factory.close(connection)
        #expect(factory.closed == [1])
    }
}
