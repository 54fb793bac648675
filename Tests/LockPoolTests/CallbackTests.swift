// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import Testing

@Suite struct CallbackTests {
    /// A waiter without a task or a thread.
    final class Callback: Sendable {
        let number: Int
        let pool: LockPool<Int>
        let order: Order
        let code = NSLockBox<LockPoolError.Code?>(nil)

        init(_ number: Int, _ pool: LockPool<Int>, _ order: Order) {
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

    @Test("Tasks, threads and callbacks wait in one line")
    func oneLine() async throws {
        let pool = LockPool(count: 1, maximumWaiters: 15) { index in index }
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

    @Test("A callback is called at once if something is free")
    func atOnce() throws {
        let pool = LockPool(count: 1, maximumWaiters: 1) { index in index }
        let order = Order()
        _ = try Callback(7, pool, order).wait()
        #expect(order.numbers == [7])
        #expect(!pool.givesNothing)
    }

    @Test("A cancelled callback is told so, once, and takes nothing with it")
    func cancellation() throws {
        let pool = LockPool(count: 1, maximumWaiters: 1) { index in index }
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

    @Test("A callback that waits when the pool closes is told so")
    func close() throws {
        let pool = LockPool(count: 1, maximumWaiters: 1) { index in index }
        let lease = pool.tryGet()!
        let callback = Callback(0, pool, Order())
        _ = try callback.wait()
        pool.close()
        #expect(callback.code.value == .closed)
        lease.release()
    }
}

@Suite struct SlotTests {
    @Test("Slots can be looked at, and their elements used, one by one")
    func iteration() {
        let pool = LockPool(count: 3, maximumWaiters: 0) { index in index }
        let second = pool.tryGet(slot: 1)!
        #expect((0..<3).map { pool.peek($0) } == [.idle, .leased, .idle])
        #expect((0..<3).map { pool.tryWhileLocked($0) { $0 * 10 } } == [0, nil, 20])
        second.discard()
        #expect(pool.peek(1) == .vacant)
        let place = pool.tryReserve()
        #expect(pool.peek(1) == .reserved)
        _ = consume place
    }

    @Test("A debug description shows states, and never an element")
    func debugDescription() {
        let pool = LockPool(count: 3, maximumWaiters: 0) { _ in "a secret" }
        let lease = pool.tryGet()
        #expect(pool.debugDescription == "LockPool(1 leased, 2 idle, 0 reserved, 0 vacant, 0 waiting)")
        pool.close()
        #expect(pool.debugDescription == "LockPool(1 leased, 0 idle, 0 reserved, 2 vacant, 0 waiting, closed)")
        _ = consume lease
    }
}
