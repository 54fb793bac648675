// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import Testing

@Suite(.timeLimit(.minutes(10))) struct SlotTests {
    @Test("Slots can be peeked at, and their elements leased, one by one")
    func iteration() {
        let pool = LockPool(count: 3, maximumWaiters: 0) { index in index }
        let fixed = FixedLockPool<3, 0, Int> { index in index }
        let second = pool.tryGet(slot: 1)!
        let fixedSecond = fixed.tryGet(slot: 1)!
        #expect(pool.slots.map { pool.peek($0) } == [.idle, .leased, .idle])
        #expect(fixed.slots.map { fixed.peek($0) } == [.idle, .leased, .idle])
        #expect(pool.slots.map { pool.tryWhileLocked($0) { $0 * 10 } } == [0, nil, 20])
        #expect(fixed.slots.map { fixed.tryWhileLocked($0) { $0 * 10 } } == [0, nil, 20])
        second.release()
        fixedSecond.release()
        #expect(pool.slots.map { pool.tryWhileLocked($0) { $0 } } == [0, 1, 2])
        #expect(fixed.slots.map { fixed.tryWhileLocked($0) { $0 } } == [0, 1, 2])
    }

    @Test(
        "A slot is vacant without its element, and reserved while it is filled",
        arguments: [any TestedPool<Int>].ofOne
    )
    func states(pool: any TestedPool<Int>) {
        pool.tryGet()!.discard()
        #expect(pool.peek(0) == .vacant)
        let place = pool.tryReserve()!
        #expect(pool.peek(0) == .reserved)
        place.fulfill(7)
        #expect(pool.peek(0) == .idle)
        #expect(pool.tryGet(slot: 0)?.element == 7)
    }

    @Test("A slot with waiters cannot be leased by its index", arguments: [any TestedPool<Int>].ofOne)
    func noBarging(pool: any TestedPool<Int>) async throws {
        let lease = pool.tryGet()!
        let waiter = await pool.taskInLine(1) { try await pool.get().element }
        if case .some = pool.tryGet(slot: 0) { Issue.record("a slot with a waiter") }
        lease.release()
        #expect(try await waiter.value == 0)
    }

    @Test(
        "A debug description shows states, and never an element",
        arguments: [
            LockPool(count: 3, maximumWaiters: 1) { _ in Secret() }, Fixed<3, 1, _> { _ in Secret() },
        ] as [any TestedPool<Secret>]
    )
    func debugDescription(pool: any TestedPool<Secret>) {
        let type = pool is LockPool<Secret> ? "LockPool" : "FixedLockPool"
        let lease = pool.tryGet()
        pool.tryGet()!.discard()
        #expect(pool.debugDescription == "\(type)(1 leased, 1 idle, 0 reserved, 1 vacant, 0 waiting)")
        pool.close()
        #expect(pool.debugDescription == "\(type)(1 leased, 0 idle, 0 reserved, 2 vacant, 0 waiting, closed)")
        _ = consume lease
    }

    /// An element whose description traps.
    struct Secret: CustomStringConvertible, CustomDebugStringConvertible {
        var description: String {
            Issue.record("an element was described")
            return "secret"
        }
        var debugDescription: String { description }
    }
}
