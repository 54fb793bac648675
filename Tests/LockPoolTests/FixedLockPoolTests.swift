// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

@_spi(Callbacks) import LockPool
import Testing

@Suite(.timeLimit(.minutes(10))) struct FixedLockPoolTests {
    static let shared = FixedLockPool<2, 4, Int> { $0 }

    @Test("The elements are made in order by the initializer, and destroyed with the pool")
    func initialisers() {
        func elements<let count: Int>(_ pool: borrowing FixedLockPool<count, 0, Int>) -> [Int?] {
            pool.slots.map { pool.tryWhileLocked($0) { $0 } }
        }
        var made = 0
        func next() -> Int {
            made += 1
            return made
        }
        #expect(elements(FixedLockPool<3, 0, Int> { $0 * 2 }) == [0, 2, 4])
        #expect(elements(FixedLockPool<3, 0, Int>([5, 6, 7])) == [5, 6, 7])
        let inline: [3 of Int] = [7, 8, 9]
        #expect(elements(FixedLockPool<3, 0, Int>(inline)) == [7, 8, 9])
        #expect(elements(FixedLockPool<3, 0, Int>(repeating: next())) == [1, 2, 3])
        let census = Census()
        do {
            let pool = FixedLockPool<3, 0, Tracked> { Tracked($0, in: census) }
            #expect(pool.tryGet()!.element.number < 3)
            #expect(census.living == 3)
        }
        #expect(census.living == 0)
    }

    @Test("An error of makeElement ends the initializer, and the elements made before are destroyed")
    func throwingInitialiser() {
        struct Broken: Error, Equatable {}
        let census = Census()
        #expect(throws: Broken()) {
            let pool = try FixedLockPool<3, 1, Tracked> { (index) throws(Broken) -> Tracked in
                if index == 2 { throw Broken() }
                return Tracked(index, in: census)
            }
            pool.close()
        }
        #expect(census.living == 0)
    }

    @Test("A pool may be static, stored in an object or a value, or local, and moved while it is unused")
    func places() async throws {
        struct Holder: ~Copyable { let first, second: FixedLockPool<2, 1, String> }
        func make(_ text: String) -> FixedLockPool<2, 1, String> {
            let pool = FixedLockPool<2, 1, String>(repeating: text)
            #expect(pool.tryGet()?.element == text)
            return pool
        }
        let holder = Holder(first: make("a"), second: make("b"))
        #expect(try await holder.first.get().element == "a")
        #expect(try await holder.second.get().element == "b")
        let local = make("c")
        await Task.yield()
        let one = local.tryGet()!
        let other = local.tryGet()!
        #expect(one.element + other.element == "cc")
        one.release()
        other.release()
        let moved = local
        #expect(moved.tryGet()?.element == "c")
        #expect(try await FixedLockPoolTests.shared.get().element < 2)
    }

    @Test("Elements may be noncopyable, not Sendable, large, and aligned to 16 bytes")
    func unusualElements() {
        struct Resource: ~Copyable { let tracked: Tracked }
        final class Unsendable { var value = 0 }
        let census = Census()
        do {
            let pool = FixedLockPool<3, 1, Resource> { Resource(tracked: Tracked($0, in: census)) }
            var lease = pool.tryGet()!
            #expect(lease.withElement { $0.tracked.number < 3 })
            #expect(census.living == 3)
        }
        #expect(census.living == 0)
        let objects = FixedLockPool<1, 0, Unsendable>(repeating: Unsendable())
        for _ in 0..<2 {
            var lease = objects.tryGet()!
            lease.withElement { $0.value += 1 }
        }
        var object = objects.tryGet()!
        #expect(object.withElement { $0.value } == 2)
        let wide = FixedLockPool<3, 1, SIMD64<UInt64>> { SIMD64(repeating: UInt64($0)) }
        let a = wide.tryGet()!
        let b = wide.tryGet()!
        #expect(a.element[63] != b.element[0])
    }

    @Test("close destroys idle elements now and leased ones on return, and fails all waiters")
    func close() async throws {
        let census = Census()
        let fixed = Fixed<2, 2, Tracked> { Tracked($0, in: census) }
        let first = fixed.tryGet()!
        let second = fixed.tryGet()!
        let waiter = await fixed.taskInLine(1) { try await fixed.get().element.number }
        second.release()
        #expect(try await waiter.value < 2)
        let third = try await fixed.get()
        let failing = await fixed.taskInLine(1) { try await fixed.get().element.number }
        fixed.close()
        #expect(fixed.isClosed)
        let error = await #expect(throws: LockPoolError.self) { try await failing.value }
        #expect(error?.code == .closed)
        let late = await #expect(throws: LockPoolError.self) { _ = try await fixed.get() }
        #expect(late?.code == .closed)
        #expect(census.living == 2)
        first.release()
        third.release()
        #expect(census.living == 0)
    }

    @Test("onVacancy is called while a caller waits")
    func reservations() async throws {
        final class Owner: Sendable {
            let pool = FixedLockPool<1, 2, Int>(onVacancy: { _ in FixedLockPoolTests.calls.value += 1 })
        }
        let owner = Owner()
        let waiter = Task { try await owner.pool.get().element }
        await until { FixedLockPoolTests.calls.value == 1 }
        owner.pool.tryReserve()!.fulfill(5)
        #expect(try await waiter.value == 5)
        #expect(owner.pool.tryGet()!.take() == 5)
        #expect(owner.pool.occupancy.vacant == 1)
    }

    private static let calls = NSLockBox(0)

    @Test("A waiting callback is called without an element when the pool ends")
    func endWithCallback() throws {
        let turns = NSLockBox<[Bool]>([])
        do {
            let pool = FixedLockPool<1, 1, Int>(onVacancy: { _ in })
            _ = try unsafe pool.wait(context: Unmanaged.passUnretained(turns).toOpaque()) { context, turn in
                unsafe Unmanaged<NSLockBox<[Bool]>>.fromOpaque(context).takeUnretainedValue().value
                    .append(Turn(rawValue: turn).bringsElement)
            }
            #expect(turns.value.isEmpty)
        }
        #expect(turns.value == [false])
    }

    @Test("A pool that ends while a guard exists traps with the reason")
    func endWithGuard() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            var lease: LockGuard<Int>?
            do {
                let pool = FixedLockPool<1, 0, Int>(repeating: 0)
                lease = pool.tryGet()
            }
            _ = consume lease
        }
        let message = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(message.contains("a fixed pool has ended"))
    }

    @Test("A pool that ends while a reservation exists traps")
    func endWithReservation() async {
        await #expect(processExitsWith: .failure) {
            var place: Reservation<Int>?
            do {
                let pool = FixedLockPool<1, 0, Int>(onVacancy: { _ in })
                place = pool.tryReserve()
            }
            _ = consume place
        }
    }

    @Test("A pool without slots, or with a wrong number of elements, traps")
    func wrongSizes() async {
        await #expect(processExitsWith: .failure) { FixedLockPool<0, 1, Int>(repeating: 0).close() }
        await #expect(processExitsWith: .failure) { FixedLockPool<1, -1, Int>(repeating: 0).close() }
        await #expect(processExitsWith: .failure) { FixedLockPool<2, 1, Int>([1]).close() }
    }

    @Test("Tasks that yield, time out and retry share a few slots")
    func manyTasks() async {
        let fixed = Fixed<2, 40, StressTests.Exclusive> { _ in StressTests.Exclusive() }
        await withDiscardingTaskGroup { group in
            for number in 0..<50 {
                group.addTask {
                    for turn in 0..<100 {
                        let attempt = Task {
                            let lease = try await fixed.get()
                            lease.element.enter()
                            if number % 2 == 0 { await Task.yield() }
                            lease.element.leave()
                            lease.release()
                        }
                        if (number + turn) % 4 == 0 { attempt.cancel() }
                        _ = await attempt.result
                    }
                }
            }
        }
        #expect(fixed.waiters == 0)
        #expect(fixed.occupancy.idle == 2)
    }
}
