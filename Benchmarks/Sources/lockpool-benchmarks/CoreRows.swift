// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CBaselines
import LockPool

/// The core without contention: one thread, or two, without waits.
enum CoreRows {
    static func uncontended(_ options: Options, into report: inout Report) async {
        let count = options.isQuick ? 2_000_000 : 10_000_000
        let pool = LockPool(count: 8, maximumWaiters: 64) { _ in UInt(0) }
        let fixedPool = FixedLockPool<8, 64, UInt>(repeating: 0)
        let mutexPool = baseline_mutex_pool_make(8)
        defer { baseline_mutex_pool_free(mutexPool) }
        for round in 0..<options.rounds + 1 {
            let floor = nanoseconds(per: count) { baseline_floor(UInt(count)) }
            let clock = nanoseconds(per: count) { baseline_clock(UInt(count)) }
            let tryGet = nanoseconds(per: count) { tryGetAndReturn(pool, count) }
            let fixed = nanoseconds(per: count) { tryGetAndReturn(fixedPool, count) }
            let get = await Task.detached { await nanoseconds(per: count) { await getAndReturn(pool, count) } }.value
            let main = await onMainActor(pool, count)
            let mutex = nanoseconds(per: count) { baseline_mutex_pool_run(mutexPool, UInt(count)) }
            let full = full63(count / 10)
            if round == 0 { continue }  // warm-up
            report.add("core.floor.ns", floor, "ns")
            report.add("core.clock.ns", clock, "ns")
            report.add("core.uncontended.ns", tryGet, "ns")
            report.add("core.fixed.uncontended.ns", fixed, "ns")
            report.add("core.uncontended.get.ns", get, "ns")
            report.add("core.mainactor.get.ns", main, "ns")
            report.add("core.mutex.ns", mutex, "ns")
            report.add("core.full63.ns", full, "ns")
        }
    }

    static func contended(_ options: Options, into report: inout Report) {
        let count = options.isQuick ? 10_000_000 : 50_000_000
        let pool = LockPool(count: 16, maximumWaiters: 64) { _ in UInt(0) }
        let mutexPool = MutexPool(baseline_mutex_pool_make(16))
        defer { baseline_mutex_pool_free(mutexPool.pointer) }
        // Only rounds count in which the threads ran in parallel.
        func rounds(_ name: String, threads: Int, each count: Int, _ body: @escaping @Sendable (Int) -> Void) {
            var (attempts, valid) = (0, 0)
            while valid < options.rounds, attempts < 4 * options.rounds {
                attempts += 1
                let (wall, parallelism) = onThreads(threads) { _ in body(count) }
                if parallelism < 1.8 { continue }
                valid += 1
                report.add(name, Double(threads * count) / wall * 1_000, "M/s")
            }
            if valid == 0 { print("\(name): in no round did two processors work for this process; not measured") }
        }
        rounds("core.contended2.mops", threads: 2, each: count) { count in tryGetAndReturn(pool, count) }
        rounds("core.contended8.mops", threads: 8, each: count / 4) { count in tryGetAndReturn(pool, count) }
        rounds("core.mutex.contended2.mops", threads: 2, each: count / 10) { count in
            baseline_mutex_pool_run(mutexPool.pointer, UInt(count))
        }
    }

    struct MutexPool: @unchecked Sendable {
        let pointer: OpaquePointer
        init(_ pointer: OpaquePointer) { self.pointer = pointer }
    }

    @inline(never)
    static func tryGetAndReturn(_ pool: LockPool<UInt>, _ count: Int) {
        for _ in 0..<count {
            guard var lease = pool.tryGet() else { fatalError("nothing idle") }
            baseline_use(&lease.element)
        }
    }

    @inline(never)
    static func tryGetAndReturn(_ pool: borrowing FixedLockPool<8, 64, UInt>, _ count: Int) {
        for _ in 0..<count {
            guard var lease = pool.tryGet() else { fatalError("nothing idle") }
            baseline_use(&lease.element)
        }
    }

    @inline(never)
    static func getAndReturn(_ pool: LockPool<UInt>, _ count: Int) async {
        for _ in 0..<count {
            guard var lease = try? await pool.get() else { fatalError("no element") }
            baseline_use(&lease.element)
        }
    }

    @MainActor
    static func onMainActor(_ pool: LockPool<UInt>, _ count: Int) async -> Double {
        let start = nanoseconds()
        for _ in 0..<count {
            guard var lease = try? await pool.get() else { fatalError("no element") }
            baseline_use(&lease.element)
        }
        return Double(nanoseconds() - start) / Double(count)
    }

    /// Measures with 63 of 64 slots leased. The free slot changes at random each turn.
    ///
    /// The measured turn gets the free slot and returns it, as in the other rows. Moving the free
    /// slot is measured separately and subtracted. It simulates other threads, so it leaves this
    /// thread no hint about the free slot.
    static func full63(_ count: Int) -> Double {
        let held = HeldLeases(count: 63, of: LockPool(count: 64, maximumWaiters: 64) { _ in UInt(0) })
        var random = Random()
        var (both, moving) = (0.0, 0.0)
        // Measured alternately, so that slow moments of the machine affect both.
        let chunks = 50
        for _ in 0..<chunks {
            both += nanoseconds(per: count / chunks) {
                for _ in 0..<count / chunks {
                    held.moveFreeSlot(with: &random)
                    guard var lease = held.pool.tryGet() else { fatalError("nothing idle") }
                    baseline_use(&lease.element)
                }
            }
            moving += nanoseconds(per: count / chunks) {
                for _ in 0..<count / chunks { held.moveFreeSlot(with: &random) }
            }
        }
        return (both - moving) / Double(chunks)
    }

    /// Leases that are held while other leases begin and end.
    final class HeldLeases {
        let pool: LockPool<UInt>
        private let leases: UnsafeMutablePointer<LockGuard<UInt>>
        private let count: Int
        private let other = LockPool(count: 1, maximumWaiters: 0) { _ in UInt(0) }

        init(count: Int, of pool: LockPool<UInt>) {
            self.pool = pool
            self.count = count
            leases = .allocate(capacity: count)
            for index in 0..<count { (leases + index).initialize(to: pool.tryGet()!) }
        }

        deinit {
            leases.deinitialize(count: count)
            leases.deallocate()
        }

        /// Leases the free slot and returns another, chosen at random.
        @inline(never)
        func moveFreeSlot(with random: inout Random) {
            forgetHint()
            guard let lease = pool.tryGet() else { fatalError("nothing idle") }
            let index = random.next(below: count)
            let returned = (leases + index).move()
            (leases + index).initialize(to: lease)
            returned.release()
            forgetHint()
        }

        /// A return to another pool's first slot, at which the next search starts.
        private func forgetHint() { other.tryGet()!.release() }
    }

    /// A fast generator: xorshift64.
    struct Random {
        var state: UInt64 = 88_172_645_463_325_252

        mutating func next(below bound: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state >> 33) % bound
        }
    }
}
