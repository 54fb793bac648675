// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import PoolTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct DeadlineTests {
    @Test("A waiter times out at its deadline and not before")
    func timeout() async throws {
        let clock = ManualClock()
        let pool = LockPool(count: 1, maximumWaiters: 1, clock: clock) { index in index }
        let lease = pool.tryGet()!
        let task = await pool.taskInLine(1) { try await pool.get(timeout: .seconds(10)).element }
        await clock.waitForSleepers()
        clock.advance(by: .seconds(9))
        #expect(pool.waiters == 1)
        clock.advance(by: .seconds(1))
        let error = await #expect(throws: LockPoolError.self) { try await task.value }
        #expect(error?.code == .timedOut)
        #expect(pool.waiters == 0)
        lease.release()
        #expect(!pool.givesNothing)
    }

    @Test("Deadlines in any order are kept, with one task that sleeps until the next of them")
    func manyDeadlines() async throws {
        let clock = ManualClock()
        let pool = LockPool(count: 1, maximumWaiters: 100, clock: clock) { index in index }
        let lease = pool.tryGet()!
        let order = Order()
        var tasks: [Task<Void, any Error>] = []
        let seconds = (1...100).map { ($0 * 37) % 101 }
        for (number, second) in seconds.enumerated() {
            tasks.append(
                await pool.taskInLine(number + 1) {
                    do { _ = try await pool.get(timeout: .seconds(second)) } catch { order.append(second) }
                }
            )
            let earliest = seconds[...number].min()!
            await until {
                clock.deadlines.map(\.components.seconds) == [Int64(earliest - 1)] || clock.deadlines.count == 1
            }
        }
        for second in 1...100 {
            await clock.waitForSleepers()
            #expect(clock.deadlines.count == 1)
            clock.advance(by: .seconds(1))
            await until { order.numbers.count == second }
        }
        for task in tasks { try await task.value }
        #expect(order.numbers == Array(1...100))
        lease.release()
    }

    @Test("A waiter that is served in time is not affected by its deadline, and leaves no state")
    func servedInTime() async throws {
        let clock = ManualClock()
        let census = Census()
        do {
            let pool = LockPool(count: 1, maximumWaiters: 1, clock: clock) { Tracked($0, in: census) }
            let lease = pool.tryGet()!
            let task = await pool.taskInLine(1) { try await pool.get(timeout: .seconds(10)).element.number }
            await clock.waitForSleepers()
            lease.release()
            #expect(try await task.value == 0)
            clock.advance(by: .seconds(5))
            let second = pool.tryGet()!
            let next = await pool.taskInLine(1) { try await pool.get(timeout: .seconds(10)).element.number }
            clock.advance(by: .seconds(5))
            // The sweep for the first deadline finds the second one instead.
            await until { clock.deadlines == [.seconds(15)] }
            second.release()
            #expect(try await next.value == 0)
        }
        await until { census.living == 0 && clock.deadlines.isEmpty }
    }

    @Test("A closed pool that is still referenced has no sleeping task")
    func closed() async throws {
        let clock = ManualClock()
        let pool = LockPool(count: 1, maximumWaiters: 2, clock: clock) { index in index }
        let lease = pool.tryGet()!
        let served = await pool.taskInLine(1) { try await pool.get(timeout: .seconds(10)).release() }
        let other = await pool.taskInLine(2) { try await pool.get(timeout: .seconds(20)).release() }
        await clock.waitForSleepers()
        lease.release()
        try await served.value
        try await other.value
        #expect(clock.deadlines == [.seconds(10)])
        pool.close()
        await until { clock.deadlines.isEmpty }
        #expect(pool.isClosed)
    }

    @Test("A pool that closes while callers wait has no sleeping task")
    func closedWithWaiters() async throws {
        let clock = ManualClock()
        let pool = LockPool(count: 1, maximumWaiters: 2, clock: clock) { index in index }
        let lease = pool.tryGet()!
        let waiter = await pool.taskInLine(1) { try await pool.get(timeout: .seconds(10)).release() }
        await clock.waitForSleepers()
        pool.close()
        let error = await #expect(throws: LockPoolError.self) { try await waiter.value }
        #expect(error?.code == .closed)
        await until { clock.deadlines.isEmpty }
        lease.release()
    }

    @Test("Deadlines in many leaves, of waiters that come and go, are kept")
    func manyLeaves() async throws {
        let clock = ManualClock()
        let pool = LockPool(count: 1, maximumWaiters: 300, clock: clock) { index in index }
        let lease = pool.tryGet()!
        let order = Order()
        var tasks: [Task<Void, any Error>] = []
        let seconds = (0..<300).map { ($0 * 97) % 300 + 1 }
        for (number, second) in seconds.enumerated() {
            tasks.append(
                await pool.taskInLine(number + 1) {
                    do { _ = try await pool.get(timeout: .seconds(second)) } catch let error as LockPoolError {
                        #expect(error.code == .timedOut)
                        order.append(second)
                    } catch { #expect(error is CancellationError) }
                }
            )
        }
        for number in 0..<300 where number % 3 == 0 { tasks[number].cancel() }
        await until { pool.waiters == 200 }
        let kept = seconds.indices.filter { $0 % 3 != 0 }.map { seconds[$0] }.sorted()
        for second in 1...300 {
            let due = kept.filter { $0 <= second }.count
            clock.advance(by: .seconds(1))
            await until { order.numbers.count == due && (due == 200 || !clock.deadlines.isEmpty) }
        }
        for task in tasks { try await task.value }
        #expect(order.numbers == kept)
        #expect(pool.waiters == 0)
        lease.release()
    }

    @Test("A deadline may use any clock")
    func otherClock() async throws {
        let clock = ManualClock()
        let pool = LockPool(count: 1, maximumWaiters: 1) { index in index }
        let lease = pool.tryGet()!
        let error = await #expect(throws: LockPoolError.self) {
            _ = try await pool.get(until: clock.now.advanced(by: .seconds(-1)), clock: clock)
        }
        #expect(error?.code == .timedOut)
        let timedOut = await #expect(throws: LockPoolError.self) { _ = try await pool.get(until: .now) }
        #expect(timedOut?.code == .timedOut)
        lease.release()
        #expect(try await pool.get(until: clock.now, clock: clock).element == 0)
    }

    @Test("A timeout beyond the range of the clock is no timeout")
    func endless() async throws {
        let clock = ManualClock()
        let pool = LockPool(count: 1, maximumWaiters: 1, clock: clock) { index in index }
        let lease = pool.tryGet()!
        let task = await pool.taskInLine(1) { try await pool.get(timeout: .seconds(Int64.max)).element }
        await clock.waitForSleepers()
        clock.advance(by: .seconds(1_000_000_000))
        lease.release()
        #expect(try await task.value == 0)
    }

    @Test("Simultaneous deadlines from many threads are kept")
    func herds() async {
        let pool = LockPool(count: 1, maximumWaiters: 64) { index in index }
        let lease = pool.tryGet()!
        await withDiscardingTaskGroup { group in
            for number in 0..<64 {
                group.addTask {
                    for turn in 0..<50 {
                        let timeout = Duration.microseconds((number * 7 + turn * 13) % 300)
                        let error = await #expect(throws: LockPoolError.self) {
                            _ = try await pool.get(timeout: timeout)
                        }
                        #expect(error?.code == .timedOut)
                    }
                }
            }
        }
        #expect(pool.waiters == 0)
        lease.release()
    }
}
