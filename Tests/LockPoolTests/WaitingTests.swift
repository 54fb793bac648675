// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import Testing

@Suite(.timeLimit(.minutes(10))) struct WaitingTests {
    @Test(
        "Waiters are served in FIFO order",
        arguments: [LockPool(count: 1, maximumWaiters: 64) { $0 }, Fixed<1, 64, _> { $0 }] as [any TestedPool<Int>]
    )
    func order(pool: any TestedPool<Int>) async throws {
        let order = Order()
        let lease = pool.tryGet()!
        var tasks: [Task<Void, any Error>] = []
        for number in 0..<64 {
            tasks.append(await pool.taskNotingTurn(number, in: order))
        }
        lease.release()
        for task in tasks { try await task.value }
        #expect(order.numbers == Array(0..<64))
        #expect(pool.waiters == 0)
    }

    @Test(
        "No later caller is served before a waiter, not even by tryGet",
        arguments: [any TestedPool<Int>].ofOne
    )
    func noBarging(pool: any TestedPool<Int>) async throws {
        let lease = pool.tryGet()!
        let first = await pool.taskInLine(1) { try await pool.get().element }
        #expect(pool.givesNothing)
        lease.release()
        #expect(try await first.value == 0)
        #expect(pool.tryGet()?.element == 0)
    }

    @Test(
        "Beyond the bound a caller is refused at once, with the reason",
        arguments: [
            (0, LockPool(count: 1, maximumWaiters: 0) { $0 }), (1, LockPool(count: 1, maximumWaiters: 1) { $0 }),
            (7, LockPool(count: 1, maximumWaiters: 7) { $0 }), (0, Fixed<1, 0, _> { $0 }), (1, Fixed<1, 1, _> { $0 }),
            (7, Fixed<1, 7, _> { $0 }),
        ] as [(Int, any TestedPool<Int>)]
    )
    func bound(maximumWaiters: Int, pool: any TestedPool<Int>) async throws {
        let lease = pool.tryGet()!
        var tasks: [Task<Int, any Error>] = []
        for number in 0..<maximumWaiters {
            tasks.append(await pool.taskInLine(number + 1) { try await pool.get().element })
        }
        let error = await #expect(throws: LockPoolError.self) { _ = try await pool.get() }
        #expect(error?.code == .tooManyWaiters)
        #expect(error?.maximumWaiters == maximumWaiters)
        #expect(error?.description.contains("\(maximumWaiters) callers wait already") == true)
        lease.release()
        for task in tasks { #expect(try await task.value == 0) }
        #expect(!pool.givesNothing)
    }

    @Test("A cancelled waiter leaves the line, and the others keep their order", arguments: [any TestedPool<Int>].ofOne)
    func cancellation(pool: any TestedPool<Int>) async throws {
        let order = Order()
        let lease = pool.tryGet()!
        var tasks: [Task<Void, any Error>] = []
        for number in 0..<5 {
            tasks.append(await pool.taskNotingTurn(number, in: order))
        }
        for number in [0, 3] {
            tasks[number].cancel()
            await #expect(throws: CancellationError.self) { try await tasks[number].value }
        }
        lease.release()
        for number in [1, 2, 4] { try await tasks[number].value }
        #expect(order.numbers == [1, 2, 4])
        #expect(pool.waiters == 0)
    }

    @Test(
        "A task that is cancelled before it would wait does not get in line",
        arguments: [any TestedPool<Int>].ofOneForOne
    )
    func cancelledBefore(pool: any TestedPool<Int>) async throws {
        let lease = pool.tryGet()!
        let task = Task {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            return try await pool.get().element
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(pool.waiters == 0)
        lease.release()
    }

    @Test(
        "Cancelled waiters neither count against the bound nor block tryGet",
        arguments: [LockPool(count: 1, maximumWaiters: 2) { $0 }, Fixed<1, 2, _> { $0 }] as [any TestedPool<Int>]
    )
    func cancelledWaitersLeave(pool: any TestedPool<Int>) async throws {
        for _ in 0..<100 {
            let lease = pool.tryGet()!
            let tasks = [
                await pool.taskInLine(1) { try await pool.get().element },
                await pool.taskInLine(2) { try await pool.get().element },
            ]
            for task in tasks {
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
            }
            lease.release()
            #expect(!pool.givesNothing)
        }
    }

    @Test(
        "Waiters that are cancelled behind a live one do not count against the bound",
        arguments: [any TestedPool<Int>].ofOne
    )
    func cancelledBehindLiveWaiter(pool: any TestedPool<Int>) async throws {
        let lease = pool.tryGet()!
        let order = Order()
        var live = [await pool.taskNotingTurn(0, in: order)]
        for turn in 1...200 {
            let task = await pool.taskInLine(live.count + 1) { try await pool.get().element }
            // A live waiter now and then, so that no run of cancelled ones is at the end of the
            // line.
            if turn % 14 == 0 { live.append(await pool.taskNotingTurn(live.count + 1, in: order)) }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(pool.waiters == live.count)
        }
        for number in live.count..<16 { live.append(await pool.taskNotingTurn(number, in: order)) }
        let error = await #expect(throws: LockPoolError.self) { _ = try await pool.get() }
        #expect(error?.code == .tooManyWaiters)
        lease.release()
        for task in live { try await task.value }
        #expect(order.numbers == order.numbers.sorted())
        #expect(order.numbers.count == 16)
        #expect(pool.waiters == 0)
    }

    @Test(
        "A pool without waiters supports tryGet in a loop",
        arguments: [LockPool(count: 1, maximumWaiters: 0) { $0 }, Fixed<1, 0, _> { $0 }] as [any TestedPool<Int>]
    )
    func noLine(pool: any TestedPool<Int>) async {
        let uses = NSLockBox(0)
        await withDiscardingTaskGroup { group in
            for _ in 0..<4 {
                group.addTask {
                    await onFreshThread {
                        var turns = 0
                        while turns < 200 {
                            guard let lease = pool.tryGet() else { continue }
                            turns += 1
                            uses.value += 1
                            lease.release()
                        }
                    }
                }
            }
        }
        #expect(uses.value == 800)
        #expect(pool.waiters == 0)
    }
}

/// Records the order of events.
final class Order: Sendable {
    private let box = NSLockBox<[Int]>([])
    var numbers: [Int] { box.value }
    func append(_ number: Int) { box.value.append(number) }
}
