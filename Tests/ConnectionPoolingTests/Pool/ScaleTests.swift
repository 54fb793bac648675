// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import PoolTesting
import Synchronization
import Testing

@testable import ConnectionPooling

/// The costs of a pool with many slots, or of many pools.
@Suite(.timeLimit(.minutes(5))) struct ScaleTests {
    private let clock = ManualClock()

    // MARK: Lifetimes

    @Test("A lease outlives the last reference to its pool, and its end closes the connection")
    func leaseOutlivesPool() async throws {
        let factory = ScriptedFactory()
        var pool: ConnectionPool<ScriptedFactory>? = try makePool(factory, clock)
        weak let reference = pool
        let lease = try await pool!.getOrCreate()
        let other = try await pool!.getOrCreate()
        other.release()
        pool = nil
        // A task that connects may keep the pool for a moment.
        await eventually { reference == nil }
        // Idle connections are closed with the pool.
        await eventually { factory.closed == [2] }
        #expect(lease.connection.id == 1)
        lease.release()
        await eventually { factory.closed == [2, 1] }
        #expect(factory.open == 0)
    }

    @Test("A connection that needs a reset after the end of its pool is closed", arguments: [1, 2])
    func careWithoutPool(maximumUses: Int) async throws {
        let factory = ScriptedFactory()
        var pool: ConnectionPool<ScriptedFactory>? = try makePool(factory, clock) { $0.maximumUses = maximumUses }
        weak let reference = pool
        let lease = try await pool!.getOrCreate()
        pool = nil
        await eventually { reference == nil }
        lease.connection.soil()
        lease.release()
        await eventually { factory.closed == [1] }
    }

    @Test("The factory ends with the last lease of a dropped pool")
    func factoryEnds() async throws {
        var factory: ScriptedFactory? = ScriptedFactory()
        weak let reference = factory
        var pool: ConnectionPool<ScriptedFactory>? = try makePool(factory!, clock)
        let lease = try await pool!.getOrCreate()
        pool = nil
        factory = nil
        for _ in 0..<100 { await Task.yield() }
        #expect(reference != nil)
        lease.release()
        await eventually { reference == nil }
    }

    @Test("A connection can be discarded and detached after the end of its pool")
    func discardWithoutPool() async throws {
        let factory = ScriptedFactory()
        var pool: ConnectionPool<ScriptedFactory>? = try makePool(factory, clock)
        weak let reference = pool
        let discarded = try await pool!.getOrCreate()
        let detached = try await pool!.getOrCreate()
        pool = nil
        await eventually { reference == nil }
        discarded.discard()
        await eventually { factory.closed == [1] }
        let connection = detached.detach()
        #expect(connection.id == 2 && factory.open == 1)
        await factory.close(connection)
        #expect(factory.closed == [1, 2])
    }

    // MARK: Memory

    @Test("A pool allocates memory for uses and waits at the first of them")
    func unusedMemory() async throws {
        let pool = try makePool(ScriptedFactory(), clock, maximum: 10)
        func slotsWithCounts() -> Int { pool.records.indices.count { pool.records[$0].useCounts != nil } }
        #expect(!pool.waitTimes.isAllocated)
        #expect(!pool.waitingTasks.isAllocated)
        #expect(slotsWithCounts() == 0)
        #expect(clock.deadlines.isEmpty)
        try await pool.withConnection { _ in }
        #expect(slotsWithCounts() == 1)
        #expect(MemoryLayout<RecordStorage>.size <= 128)
        await pool.close()
    }

    @Test("A snapshot counts every use, also beyond the 16 bits of a slot's count")
    func useCounts() {
        let records = ConnectionRecords(count: 2)
        let callSite = CallSite(#fileID, #line)
        var sum = 0
        for use in 0..<200_000 {
            let record = records[use % 2]
            let duration = use % 3 == 0 ? 1_000_000 : 10
            record.beginLease(at: 1, callSite)
            #expect(record.endLease(at: 1 + UInt64(duration)) == UInt64(duration))
            sum += duration
        }
        let times = records.useTimes
        #expect(times.count == 200_000)
        #expect(times.total == UInt64(sum))
        #expect(times.quantile(0.5) < .nanoseconds(20))
        #expect(times.quantile(0.7) >= .milliseconds(1))
    }

    // MARK: Maintenance

    /// A manual clock that counts the sleeps on it.
    private final class CountingClock: Clock {
        let base = ManualClock()
        let sleeps = Atomic(0)

        var now: ManualClock.Instant { base.now }
        var minimumResolution: Duration { base.minimumResolution }
        func sleep(until deadline: ManualClock.Instant, tolerance: Duration?) async throws {
            sleeps.add(1, ordering: .relaxed)
            try await base.sleep(until: deadline, tolerance: tolerance)
        }
    }

    @Test("A pool without due connections sleeps until one is due")
    func noPeriodicWork() async throws {
        let factory = ScriptedFactory()
        let clock = CountingClock()
        let pool = try ConnectionPool(factory: factory, configuration: .init(), clock: clock, random: { 0 })
        for _ in 0..<20 { await Task.yield() }
        #expect(clock.sleeps.load(ordering: .relaxed) == 0)
        try await pool.withConnection { _ in }
        // The maintenance after an attempt, and the sleep until the connection is due.
        await clock.base.advance { clock.base.deadlines == [.seconds(120)] }
        let sleeps = clock.sleeps.load(ordering: .relaxed)
        while clock.base.now < ManualClock.Instant().advanced(by: .seconds(119)) {
            try await pool.withConnection { _ in }
            clock.base.advance(by: .seconds(1))
            for _ in 0..<5 { await Task.yield() }
        }
        #expect(clock.sleeps.load(ordering: .relaxed) == sleeps)
        await pool.close()
    }

    @Test("A pool whose connections are all closed has no sleeping task")
    func emptyPool() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock) {
            $0.idleTimeout = .seconds(60)
            $0.checkoutTimeout = .seconds(30)
            $0.circuitBreakerThreshold = .seconds(30)
        }
        try await pool.withConnection { _ in }
        await clock.advance { factory.closed == [1] }
        await eventually { pool.status.changing == 0 }
        await clock.advance { clock.deadlines.isEmpty || clock.now > ManualClock.Instant().advanced(by: .seconds(300)) }
        #expect(clock.deadlines.isEmpty)
        // As before with the next caller.
        try await pool.withConnection { _ in }
        await clock.advance { factory.closed == [1, 2] }
        await pool.close()
    }

    @Test("A minimum above the rate of attempts is reached without a caller")
    func minimumAtItsPace() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock) {
            $0.minimumConnections = 2
            $0.idleTimeout = nil
            $0.keepAliveInterval = nil
        }
        pool.prewarm()
        await eventually { pool.status.idle == 2 }
        pool.evictAll()
        // This second's attempts have been made for the first two.
        await eventually { factory.closed.count == 2 && pool.status.changing == 0 }
        await clock.advance { pool.status.idle == 2 }
        #expect(factory.connects == 4)
        await pool.close()
    }

    @Test("A connection whose lease began before the last maintenance is closed after its idle timeout")
    func leasedDuringRound() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock) { $0.idleTimeout = .seconds(60) }
        let lease = try await pool.getOrCreate()
        await clock.advance { clock.now >= ManualClock.Instant().advanced(by: .seconds(150)) }
        #expect(factory.closed.isEmpty)
        lease.release()
        await clock.advance { factory.closed == [1] }
        let age = ManualClock.Instant().duration(to: clock.now)
        #expect(age >= .seconds(210) && age <= .seconds(280))
        await pool.close()
    }

    // MARK: Waiting

    @Test("Waiting tasks are registered until their waits end, whatever their number")
    func waitingTasks() {
        let waiting = WaitingTasks()
        let tasks = (1...1_000).map { UInt($0 * 64) }
        let entries = tasks.map { waiting.insert($0) }
        #expect(tasks.allSatisfy { waiting.contains($0) })
        for (task, entry) in zip(tasks, entries).dropFirst(500) { waiting.remove(task, entry) }
        #expect(tasks.prefix(500).allSatisfy { waiting.contains($0) })
        #expect(!tasks.dropFirst(500).contains { waiting.contains($0) })
        for (task, entry) in zip(tasks, entries).prefix(500) { waiting.remove(task, entry) }
        #expect(!tasks.contains { waiting.contains($0) })
    }

    @Test("Errors of a large pool describe a state that is younger than a millisecond")
    func errorState() async throws {
        let pool = try makePool(ScriptedFactory(), clock, maximum: 1_000)
        #expect(pool.error(.timedOut, since: 1).status?.leased == 0)
        let lease = try await pool.getOrCreate()
        clock.advance(by: .milliseconds(1))
        let error = pool.error(.timedOut, since: 1)
        #expect(error.status?.leased == 1)
        #expect(error.oldestLease != nil)
        lease.release()
        await pool.close()
    }
}
