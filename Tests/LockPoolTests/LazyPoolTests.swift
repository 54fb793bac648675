// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import PoolTesting
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(10))) struct LazyPoolTests {
    struct Broken: Error {}

    @Test("A lazy pool creates if no element is idle, and never more than its capacity")
    func creates() async throws {
        let census = Census()
        let pool = LockPool<Tracked>(capacity: 2, maximumWaiters: 1)
        #expect(pool.givesNothing)
        let first = try await pool.getOrCreate { Tracked(1, in: census) }
        let second = try await pool.getOrCreate { Tracked(2, in: census) }
        #expect(first.element.number + second.element.number == 3)
        let third = await pool.taskInLine(1) {
            try await pool.getOrCreate {
                Issue.record("created past the capacity")
                return Tracked(3, in: census)
            }.element.number
        }
        first.release()
        #expect(try await third.value == 1)
        second.release()
        #expect(try await pool.getOrCreate { Tracked(4, in: census) }.element.number < 3)
        #expect(census.living == 2)
    }

    @Test("The error of a creation is rethrown unchanged, and the oldest waiter gets the slot")
    func throwing() async throws {
        let pool = LockPool<Int>(capacity: 1, maximumWaiters: 2)
        await #expect(throws: Broken.self) { _ = try await pool.getOrCreate { throw Broken() } }
        let (started, go) = (NSLockBox(false), NSLockBox(false))
        let creator = Task {
            try await pool.getOrCreate {
                started.value = true
                await until { go.value }
                throw Broken()
            }.element
        }
        await until { started.value }
        let second = await pool.taskInLine(1) { try await pool.getOrCreate { throw Broken() }.element }
        let third = await pool.taskInLine(2) { try await pool.getOrCreate { 3 }.element }
        go.value = true
        await #expect(throws: Broken.self) { try await creator.value }
        await #expect(throws: Broken.self) { try await second.value }
        #expect(try await third.value == 3)
        #expect(pool.tryGet()?.element == 3)
    }

    @Test("A discarded or taken element gives its slot to the oldest waiter")
    func discard() async throws {
        let pool = LockPool<Int>(capacity: 1, maximumWaiters: 1)
        let lease = try await pool.getOrCreate { 1 }
        let waiter = await pool.taskInLine(1) { try await pool.getOrCreate { 2 }.element }
        lease.discard()
        #expect(try await waiter.value == 2)
        let again = pool.tryGet()!
        let last = await pool.taskInLine(1) { try await pool.getOrCreate { 3 }.element }
        #expect(again.take() == 2)
        #expect(try await last.value == 3)
    }

    @Test("A cancelled waiter creates no element")
    func cancelledWaiter() async throws {
        let pool = LockPool<Int>(capacity: 1, maximumWaiters: 1)
        let lease = try await pool.getOrCreate { 1 }
        let waiter = await pool.taskInLine(1) { try await pool.getOrCreate { 2 }.element }
        waiter.cancel()
        await #expect(throws: CancellationError.self) { try await waiter.value }
        lease.discard()
        #expect(try await pool.getOrCreate { 3 }.element == 3)
    }

    @Test("A caller that may create times out")
    func timeout() async throws {
        let clock = ManualClock()
        let pool = LockPool<Int>(capacity: 1, maximumWaiters: 1, clock: clock)
        let lease = try await pool.getOrCreate(timeout: .seconds(10)) { 1 }
        let waiter = await pool.taskInLine(1) { try await pool.getOrCreate(timeout: .seconds(10)) { 2 }.element }
        await clock.waitForSleepers()
        clock.advance(by: .seconds(10))
        let error = await #expect(throws: LockPoolError.self) { try await waiter.value }
        #expect(error?.code == .timedOut)
        lease.discard()
        #expect(try await pool.getOrCreate(timeout: .zero) { 3 }.element == 3)
    }

    @Test("A reservation is filled from outside, and its element serves the oldest waiter")
    func reservation() async throws {
        let calls = NSLockBox(0)
        let pool = LockPool<Int>(capacity: 2, maximumWaiters: 2) { _ in calls.value += 1 }
        #expect(calls.value == 0)
        let first = await pool.taskInLine(1) { try await pool.get().element }
        let second = await pool.taskInLine(2) { try await pool.get().element }
        // Called by the new waiter, afterwards.
        while calls.value < 2 { await Task.yield() }
        let reservation = pool.tryReserve()!
        let other = pool.tryReserve()!
        #expect(!pool.hasVacancy)
        reservation.fulfill(1)
        #expect(try await first.value == 1)
        #expect(try await second.value == 1)
        #expect(!pool.hasVacancy)
        #expect(calls.value == 2)
        other.abandon()
        #expect(pool.hasVacancy)
    }

    @Test("Shrinking retires the slots above the size, and growing restores them vacant")
    func resize() async throws {
        let census = Census()
        let pool = LockPool(count: 4, maximumWaiters: 4) { Tracked($0, in: census) }
        let leases = [pool.tryGet()!.element.number, pool.tryGet()!.element.number]
        _ = leases
        pool.resize(to: 1)
        #expect(census.living == 1)
        let lease = pool.tryGet()!
        #expect(lease.element.number == 0)
        #expect(pool.givesNothing)
        pool.resize(to: 3)
        pool.tryReserve()!.fulfill(Tracked(10, in: census))
        let other = pool.tryGet()!
        #expect(other.element.number == 10)
        pool.resize(to: 1)
        #expect(census.living == 2)
        other.release()
        #expect(census.living == 1)
        lease.release()
    }

    @Test("A pool that grows beyond its first slots serves every waiter, and destroys each element at its end")
    func addedSlots() async throws {
        let census = Census()
        var leases: [Kept] = []
        do {
            let pool = LockPool(count: 1, maximumWaiters: 400) { Tracked($0, in: census) }
            leases.append(Kept(pool.tryGet()!))
            var waiters: [Task<Kept, any Error>] = []
            for number in 1..<400 { waiters.append(await pool.taskInLine(number) { Kept(try await pool.get()) }) }
            pool.resize(to: 400)
            for number in 1..<400 { pool.tryReserve()!.fulfill(Tracked(number, in: census)) }
            for (number, waiter) in waiters.enumerated() {
                leases.append(try await waiter.value)
                #expect(leases.last?.number == number + 1)
            }
            #expect(pool.givesNothing && pool.slots.count { pool.peek($0) == .leased } == 400)
            waiters = []
            leases.removeLast(200)
            #expect(pool.occupancy.idle == 200)
            pool.resize(to: 300)
            #expect(census.living == 300)
        }
        #expect(census.living == leases.count)
        leases = []
        #expect(census.living == 0)
    }

    /// A guard in an array.
    private final class Kept: Sendable {
        private let lease: Mutex<LockGuard<Tracked>>
        let number: Int

        init(_ lease: consuming LockGuard<Tracked>) {
            number = lease.element.number
            self.lease = Mutex(lease)
        }
    }

    @Test("Growing a lazy pool lets waiters create")
    func growing() async throws {
        let pool = LockPool<Int>(capacity: 2, maximumWaiters: 2)
        pool.resize(to: 1)
        let lease = try await pool.getOrCreate { 1 }
        let waiter = await pool.taskInLine(1) { try await pool.getOrCreate { 2 }.element }
        pool.resize(to: 2)
        #expect(try await waiter.value == 2)
        #expect(lease.element == 1)
    }
}
