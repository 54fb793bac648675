// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

@_spi(Callbacks) import LockPool
import Testing

@Suite(.timeLimit(.minutes(10))) struct CallbackTests {
    /// A waiter without a task or a thread.
    final class Callback: Sendable {
        let number: Int
        let pool: any TestedPool<Int>
        let order: Order
        let code = NSLockBox<LockPoolError.Code?>(nil)

        init(_ number: Int, _ pool: any TestedPool<Int>, _ order: Order) {
            self.number = number
            self.pool = pool
            self.order = order
        }

        func wait() throws(LockPoolError) -> WaiterTicket {
            let context = unsafe Unmanaged.passRetained(self)
            do throws(LockPoolError) {
                return try unsafe pool.wait(context: context.toOpaque()) { context, turn in
                    unsafe Unmanaged<Callback>.fromOpaque(context).takeRetainedValue().take(Turn(rawValue: turn))
                }
            } catch {
                unsafe context.release()
                throw error
            }
        }

        private func take(_ turn: Turn) {
            do throws(LockPoolError) {
                let lease = try unsafe pool.lease(turn)
                order.append(number)
                lease.release()
            } catch {
                code.value = error.code
            }
        }
    }

    @Test(
        "Tasks, threads and callbacks wait in one line",
        arguments: [LockPool(count: 1, maximumWaiters: 15) { $0 }, Fixed<1, 15, _> { $0 }] as [any TestedPool<Int>]
    )
    func oneLine(pool: any TestedPool<Int>) async throws {
        let order = Order()
        let lease = pool.tryGet()!
        var tasks: [Task<Void, any Error>] = []
        for number in 0..<15 {
            switch number % 3 {
            case 0:
                tasks.append(await pool.taskNotingTurn(number, in: order))
            case 1:
                tasks.append(await pool.threadNotingTurn(number, in: order))
            default:
                _ = try Callback(number, pool, order).wait()
            }
        }
        let refused = #expect(throws: LockPoolError.self) { try Callback(99, pool, order).wait() }
        #expect(refused?.code == .tooManyWaiters)
        lease.release()
        for task in tasks { try await task.value }
        await until { pool.occupancy.idle == 1 }
        #expect(order.numbers == Array(0..<15))
    }

    @Test("A callback is called at once if an element is idle", arguments: [any TestedPool<Int>].ofOneForOne)
    func atOnce(pool: any TestedPool<Int>) throws {
        let order = Order()
        _ = try Callback(7, pool, order).wait()
        #expect(order.numbers == [7])
        #expect(!pool.givesNothing)
    }

    @Test(
        "A cancelled callback is called once, and loses no element",
        arguments: [any TestedPool<Int>].ofOneForOne
    )
    func cancellation(pool: any TestedPool<Int>) throws {
        let order = Order()
        for _ in 0..<100 {
            let lease = pool.tryGet()!
            let callback = Callback(0, pool, order)
            let place = try callback.wait()
            #expect(pool.cancel(place))
            #expect(callback.code.value == .cancelled)
            #expect(!pool.cancel(place))
            lease.release()
        }
        let served = try Callback(1, pool, order).wait()
        #expect(!pool.cancel(served))
        #expect(order.numbers == [1])
    }

    @Test("A waiting callback is called when the pool closes", arguments: [any TestedPool<Int>].ofOneForOne)
    func close(pool: any TestedPool<Int>) throws {
        let lease = pool.tryGet()!
        let callback = Callback(0, pool, Order())
        _ = try callback.wait()
        pool.close()
        #expect(callback.code.value == .closed)
        lease.release()
    }
}
