// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

@testable import LockPool

/// Many tasks, random cancellations and yields, on few slots.
///
/// `LOCKPOOL_SOAK` in the environment is the duration of the long form in seconds.
@Suite(.timeLimit(.minutes(10))) struct StressTests {
    /// An element that detects two concurrent holders.
    final class Exclusive: Sendable {
        private let holders = Atomic(0)

        func enter() { #expect(holders.add(1, ordering: .relaxed).newValue == 1) }
        func leave() { holders.subtract(1, ordering: .relaxed) }
    }

    final class Counts: Sendable {
        let served = Atomic(0)
        let refused = Atomic(0)
        let cancelled = Atomic(0)

        var total: Int {
            served.load(ordering: .relaxed) + refused.load(ordering: .relaxed) + cancelled.load(ordering: .relaxed)
        }
    }

    static let seconds = ProcessInfo.processInfo.environment["LOCKPOOL_SOAK"].flatMap(Double.init)

    @Test("100 tasks that yield, time out and retry share a few slots", arguments: [1, 2, 4])
    func manyTasks(slots: Int) async throws {
        let end = StressTests.seconds.map { ContinuousClock.now.advanced(by: .seconds($0)) }
        repeat { try await round(slots: slots, turns: 200) } while end.map { ContinuousClock.now < $0 } ?? false
    }

    private func round(slots: Int, turns: Int) async throws {
        let pool = LockPool(count: slots, maximumWaiters: 80) { _ in Exclusive() }
        let counts = Counts()
        await withDiscardingTaskGroup { group in
            for number in 0..<100 {
                group.addTask {
                    var random = SystemRandomNumberGenerator()
                    for turn in 0..<turns {
                        let attempt = Task {
                            let lease =
                                turn % 5 == 4
                                ? try await pool.get(timeout: .microseconds(Int.random(in: 0..<2_000)))
                                : try await pool.get()
                            lease.element.enter()
                            if number % 2 == 0 { await Task.yield() }
                            lease.element.leave()
                            lease.release()
                        }
                        if random.next() % 4 == 0 {
                            for _ in 0..<random.next() % 4 { await Task.yield() }
                            attempt.cancel()
                        }
                        if random.next() % 8 == 0, let lease = pool.tryGet() {
                            lease.element.enter()
                            lease.element.leave()
                        }
                        switch await attempt.result {
                        case .success: counts.served.add(1, ordering: .relaxed)
                        case .failure(let error as LockPoolError) where error.code == .tooManyWaiters:
                            counts.refused.add(1, ordering: .relaxed)
                            await Task.yield()
                        case .failure(let error as LockPoolError):
                            #expect(error.code == .timedOut)
                            counts.cancelled.add(1, ordering: .relaxed)
                        case .failure(is CancellationError): counts.cancelled.add(1, ordering: .relaxed)
                        case .failure(let error): Issue.record("unexpected: \(error)")
                        }
                    }
                }
            }
        }
        #expect(counts.total == 100 * turns)
        #expect(counts.served.load(ordering: .relaxed) > 0)
        #expect(pool.waiters == 0)
        // At the end every slot is idle.
        func takeAll(_ count: Int) {
            guard let lease = pool.tryGet() else {
                #expect(count == slots)
                return
            }
            takeAll(count + 1)
            lease.element.enter()
            lease.element.leave()
        }
        takeAll(0)
    }

    @Test("A pool that grows and shrinks between 1 and 300 slots has one holder per slot")
    func growth() async throws {
        let pool = LockPool<Exclusive>(capacity: 1, maximumWaiters: 200)
        let resizes = Task {
            var size = 1
            while !Task.isCancelled {
                size = size * 7 % 301
                pool.resize(to: max(size, 1))
                await Task.yield()
            }
        }
        try await withThrowingTaskGroup { group in
            for number in 0..<100 {
                group.addTask {
                    for _ in 0..<200 {
                        let lease = try await pool.getOrCreate { Exclusive() }
                        lease.element.enter()
                        if number % 2 == 0 { await Task.yield() }
                        lease.element.leave()
                        if number % 8 == 0 { lease.discard() } else { lease.release() }
                    }
                }
            }
            try await group.waitForAll()
        }
        resizes.cancel()
        await resizes.value
        pool.resize(to: 300)
        #expect(pool.capacity >= 300 && pool.waiters == 0)
        #expect(pool.occupancy.leased == 0 && pool.occupancy.reserved == 0)
        pool.close()
        #expect(pool.occupancy.vacant == pool.capacity)
    }

    @Test("The order of service is the order of tickets, while threads get in line, cancel, and return")
    func orderByTicket() async {
        let count = 2_000
        let pool = LockPool(count: 1, maximumWaiters: count) { index in index }
        let line = Line(core: pool.core)
        for _ in 0..<20 {
            let held = pool.core.searchIdleSlot(hint: 0)!
            await withDiscardingTaskGroup { group in
                for _ in 0..<4 {
                    group.addTask { for _ in 0..<count / 8 { line.enter() } }
                }
                group.addTask {
                    await until { pool.waiters > count / 16 }
                    pool.core.settle(held)
                }
            }
            // Half of the waiters came after the slot was idle: they were served on arrival.
            #expect(line.leave() == count / 2)
            #expect(pool.waiters == 0)
        }
    }

    /// Waiters without tasks: a callback wakes each one, records the order and returns the slot.
    final class Line: Sendable {
        private let core: Core
        private let entered = NSLockBox<[Int]>([])
        private let served = NSLockBox<[Int]>([])

        init(core: Core) { self.core = core }

        func enter() {
            let record = core.takeRecord()!
            entered.value.append(record)
            let waker = unsafe Waker(
                function: { context, wakeup in
                    let waiter = unsafe Unmanaged<Waiter>.fromOpaque(context).takeRetainedValue()
                    waiter.line.served.value.append(waiter.record)
                    waiter.line.core.settle(waiter.line.core.slot(wakeup))
                },
                context: Unmanaged.passRetained(Waiter(line: self, record: record)).toOpaque()
            )
            #expect(core.enqueue(record, waker: waker, deadline: nil) == nil)
        }

        /// Compares the order of service with the order of tickets, and releases the records.
        func leave() -> Int {
            let tickets = served.value.map { Record.Progress.ticket(core.record($0).progress.load())! }
            #expect(zip(tickets, tickets.dropFirst()).allSatisfy { $1.isAfter($0) })
            #expect(served.value.count == entered.value.count)
            for record in entered.value { core.releaseRecord(record) }
            defer {
                entered.value = []
                served.value = []
            }
            return tickets.count
        }

        final class Waiter: Sendable {
            let line: Line
            let record: Int

            init(line: Line, record: Int) {
                self.line = line
                self.record = record
            }
        }
    }
}
