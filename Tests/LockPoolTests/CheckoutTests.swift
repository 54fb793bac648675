// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import Testing

@Suite(.timeLimit(.minutes(10))) struct CheckoutTests {
    @Test("The first elements come in order on a thread of their own, and the last returned one comes first")
    func example() async throws {
        await onFreshThread {
            let pool = LockPool(count: 5, maximumWaiters: 32) { index in index }
            let g0 = pool.tryGet()!
            let g1 = pool.tryGet()!
            let g2 = pool.tryGet()!
            let g3 = pool.tryGet()!
            let g4 = pool.tryGet()!
            #expect([g0.element, g1.element, g2.element, g3.element, g4.element] == [0, 1, 2, 3, 4])
            #expect(pool.givesNothing)
            _ = consume g0
            #expect(pool.tryGet()?.element == 0)
            _ = (g1.element, g2.element, g3.element, g4.element)
        }
        let pool = LockPool(count: 5, maximumWaiters: 32) { index in index }
        let guards = (try await pool.get().element, try await pool.get().element)
        #expect(0..<5 ~= guards.0 && 0..<5 ~= guards.1)
    }

    @Test("get does not suspend while an element is idle, even if the task is cancelled")
    func getWithoutSuspension() async throws {
        let pool = LockPool(count: 2, maximumWaiters: 0) { index in index }
        let task = Task {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            let first = try await pool.get()
            let second = try await pool.get(timeout: .zero)
            return first.element != second.element
        }
        #expect(try await task.value)
    }

    @Test("A slot has one holder, whatever the number of slots", arguments: [1, 2, 3, 64, 1_000])
    func exclusiveness(count: Int) {
        let pool = LockPool(count: count, maximumWaiters: 0) { index in index }
        var seen: Set<Int> = []
        func recurse() {
            guard let lease = pool.tryGet() else { return }
            seen.insert(lease.element)
            recurse()
        }
        recurse()
        #expect(seen.count == count)
        recurse()
        #expect(seen.count == count)
    }

    @Test("An element is changed in place, Sendable or not")
    func inPlace() {
        final class Unsendable { var value = 0 }
        let pool = LockPool(count: 1, maximumWaiters: 0) { _ in Unsendable() }
        var lease = pool.tryGet()!
        lease.withElement { $0.value += 1 }
        lease.release()
        var again = pool.tryGet()!
        #expect(again.withElement { $0.value } == 1)
        let numbers = LockPool(count: 1, maximumWaiters: 0) { index in index }
        var number = numbers.tryGet()!
        number.element += 41
        number.element += 1
        number.release()
        #expect(numbers.tryGet()?.element == 42)
    }

    @Test("Elements may be noncopyable, large, and strictly aligned")
    func unusualElements() {
        struct Resource: ~Copyable {
            let census: Census
            let tracked: Tracked
            init(_ index: Int, _ census: Census) {
                self.census = census
                tracked = Tracked(index, in: census)
            }
        }
        let census = Census()
        do {
            let pool = LockPool(count: 3, maximumWaiters: 1) { index in Resource(index, census) }
            var lease = pool.tryGet()!
            #expect(lease.withElement { $0.tracked.number < 3 })
            #expect(census.living == 3)
        }
        #expect(census.living == 0)
        let wide = LockPool(count: 3, maximumWaiters: 1) { index in
            SIMD64<UInt64>(repeating: UInt64(index))
        }
        let a = wide.tryGet()!
        let b = wide.tryGet()!
        #expect(a.element[63] != b.element[0])
    }

    @Test("take removes the element, and a full pool can be refilled by reservation")
    func take() {
        let census = Census()
        let pool = LockPool(count: 1, maximumWaiters: 0) { index in Tracked(index, in: census) }
        let element = pool.tryGet()!.take()
        #expect(element.number == 0)
        #expect(pool.givesNothing)
        pool.tryReserve()!.fulfill(Tracked(7, in: census))
        #expect(pool.tryGet()!.element.number == 7)
        #expect(census.living == 2)
        pool.tryGet()!.discard()
        #expect(census.living == 1)
        withExtendedLifetime(element) {}
    }

    @Test("A guard moves to another task")
    func moves() async {
        let pool = LockPool(count: 1, maximumWaiters: 1) { _ in 5 }
        func hold(_ lease: consuming sending LockGuard<Int>) async -> Int {
            await Task.yield()
            return lease.element
        }
        #expect(await hold(pool.tryGet()!) == 5)
        #expect(pool.tryGet()?.element == 5)
    }

    @Test("An error of makeElement ends the initializer, and the elements made before are destroyed")
    func throwingInitialiser() {
        struct Broken: Error, Equatable {}
        let census = Census()
        #expect(throws: Broken()) {
            _ = try LockPool(count: 3, maximumWaiters: 0) { (index) throws(Broken) -> Tracked in
                if index == 2 { throw Broken() }
                return Tracked(index, in: census)
            }
        }
        #expect(census.living == 0)
    }

    @Test("A pool without slots traps")
    func noSlots() async {
        await #expect(processExitsWith: .failure) { _ = LockPool(count: 0, maximumWaiters: 1) { $0 } }
        await #expect(processExitsWith: .failure) { _ = LockPool(count: 1, maximumWaiters: -1) { $0 } }
        await #expect(processExitsWith: .failure) { _ = LockPool(count: 1, maximumWaiters: 1 << 30) { $0 } }
    }

    @Test("get on a pool whose callers create, and getOrCreate on another pool, trap")
    func wrongKind() async {
        await #expect(processExitsWith: .failure) {
            _ = try await LockPool<Int>(capacity: 1, maximumWaiters: 1).get()
        }
        await #expect(processExitsWith: .failure) {
            _ = try await LockPool(count: 1, maximumWaiters: 1) { $0 }.getOrCreate { 1 }
        }
    }
}
