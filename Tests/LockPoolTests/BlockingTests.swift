// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import Testing

@Suite(.timeLimit(.minutes(10))) struct BlockingTests {
    @Test("Tasks and blocked threads wait in one line", arguments: [any TestedPool<Int>].ofOne)
    func oneLine(pool: any TestedPool<Int>) async throws {
        let order = Order()
        let lease = pool.tryGet()!
        var tasks: [Task<Void, any Error>] = []
        for number in 0..<16 {
            if number % 2 == 0 {
                tasks.append(await pool.taskNotingTurn(number, in: order))
            } else {
                tasks.append(await pool.threadNotingTurn(number, in: order))
            }
        }
        lease.release()
        for task in tasks { try await task.value }
        #expect(order.numbers == Array(0..<16))
    }

    @Test(
        "A blocked thread times out at its deadline, and loses no element",
        arguments: [any TestedPool<Int>].ofOneForOne
    )
    func timeout(pool: any TestedPool<Int>) async {
        let lease = pool.tryGet()!
        for timeout in [Duration.zero, .seconds(-1), .microseconds(300)] {
            let code = await onFreshThread { errorCode(pool, timeout: timeout) }
            #expect(code == .timedOut)
        }
        #expect(pool.waiters == 0)
        lease.release()
        let element = await onFreshThread { try? pool.getBlocking(timeout: .zero).element }
        #expect(element == 0)
        #expect(!pool.givesNothing)
    }

    @Test(
        "A blocked thread fails when the pool closes, and when the line is full",
        arguments: [any TestedPool<Int>].ofOneForOne
    )
    func refusals(pool: any TestedPool<Int>) async throws {
        let lease = pool.tryGet()!
        let blocked = await pool.taskInLine(1) {
            await onFreshThread { errorCode(pool, timeout: .seconds(3_600)) }
        }
        let refused = await onFreshThread { errorCode(pool) }
        #expect(refused == .tooManyWaiters)
        pool.close()
        #expect(try await blocked.value == .closed)
        let late = await onFreshThread { errorCode(pool) }
        #expect(late == .closed)
        lease.release()
    }

    @Test(
        "Each of many threads, with and without deadlines, gets an element or an error",
        arguments: [
            LockPool(count: 2, maximumWaiters: 8) { _ in StressTests.Exclusive() },
            Fixed<2, 8, _> { _ in StressTests.Exclusive() },
        ] as [any TestedPool<StressTests.Exclusive>]
    )
    func manyThreads(pool: any TestedPool<StressTests.Exclusive>) async {
        await withDiscardingTaskGroup { group in
            for number in 0..<8 {
                group.addTask {
                    await onFreshThread {
                        for turn in 0..<500 {
                            let timeout: Duration? = (number + turn) % 3 == 0 ? .microseconds(turn % 50) : nil
                            guard let lease = try? pool.getBlocking(timeout: timeout) else { continue }
                            lease.element.enter()
                            lease.element.leave()
                        }
                    }
                }
            }
        }
        #expect(pool.waiters == 0)
        #expect(pool.occupancy.idle == 2)
    }

    /// The code of the error of a blocking get.
    private func errorCode(_ pool: any TestedPool<Int>, timeout: Duration? = nil) -> LockPoolError.Code? {
        do throws(LockPoolError) {
            _ = try pool.getBlocking(timeout: timeout)
            return nil
        } catch {
            return error.code
        }
    }
}
