// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import Synchronization

/// The core with more callers than elements: throughput, waits and fairness.
enum SaturationRows {
    static func run(_ options: Options, into report: inout Report) async {
        await holds(options, into: &report)
        // Measured alternately, because the distance of the two processors changes: each figure is
        // between two measurements of the executor, and is compared with them.
        var yield = await yields()
        report.add("core.yield.ns", yield, "ns")
        /// Adds a row in millions per second, and its ratio to a task that yields twice.
        func add(_ name: String, _ perSecond: Double) async {
            let next = await yields()
            report.add("core.yield.ns", next, "ns")
            report.add("\(name).mops", perSecond / 1e6, "M/s")
            report.add("\(name).pertwoyields", perSecond / 1e6 / (500 / ((yield + next) / 2)), "× 500 ÷ yield")
            yield = next
        }
        for _ in 0..<options.rounds {
            for tasks in [64, 1_000] {
                let result = await saturate(tasks: tasks, seconds: 3, measuresWaits: false)
                await add("core.saturated\(tasks)", result.operationsPerSecond)
                report.add("core.saturated\(tasks).spread", result.spread, "most/fewest")
                await add("core.relay\(tasks)", relay(tasks: tasks, seconds: 0.5, isCancellable: false))
                await add("core.cancellablerelay\(tasks)", relay(tasks: tasks, seconds: 0.5, isCancellable: true))
            }
        }
        for tasks in [64, 1_000] {
            // Two readings of the clock per turn would reduce the throughput, so waits are
            // measured in separate rounds.
            for _ in 0..<max(1, options.rounds / 2) {
                let name = "core.saturated\(tasks)"
                let result = await saturate(tasks: tasks, seconds: 1, measuresWaits: true)
                report.add("\(name).p50us", result.waits.percentile(0.5) / 1e3, "µs")
                report.add("\(name).p99us", result.waits.percentile(0.99) / 1e3, "µs")
                report.add("\(name).maxus", result.waits.percentile(1) / 1e3, "µs")
            }
        }
    }

    /// Returns the cost of the executor: nanoseconds per yield of tasks that only yield.
    static func yields() async -> Double {
        let (turns, elapsed) = await race(tasks: 64, seconds: 0.5) { _, isOver in
            var turns = 0
            while !isOver() {
                await Task.yield()
                turns += 1
            }
            return turns
        }
        return elapsed / Double(turns.reduce(0, +))
    }

    struct Saturation {
        let operationsPerSecond: Double
        let spread: Double
        let waits: Waits
    }

    static func saturate(tasks: Int, seconds: Double, measuresWaits: Bool) async -> Saturation {
        let pool = LockPool(count: 4, maximumWaiters: tasks) { _ in UInt(0) }
        let collected = Mutex(Waits())
        let (turns, elapsed) = await race(tasks: tasks, seconds: seconds) { _, isOver in
            var turns = 0
            if !measuresWaits {
                while !isOver() {
                    guard var lease = try? await pool.get() else { fatalError("no element") }
                    lease.element &+= 1
                    await Task.yield()
                    lease.release()
                    turns += 1
                }
                return turns
            }
            var waits = Waits()
            while !isOver() {
                let start = nanoseconds()
                guard var lease = try? await pool.get() else { fatalError("no element") }
                waits.add(nanoseconds() - start)
                lease.element &+= 1
                await Task.yield()
                lease.release()
                turns += 1
            }
            collected.withLock { $0.add(waits) }
            return turns
        }
        return Saturation(
            operationsPerSecond: Double(turns.reduce(0, +)) / elapsed * 1e9,
            spread: Double(turns.max()!) / Double(turns.min()!),
            waits: collected.withLock { $0 }
        )
    }

    /// Measures the executor's limit for any strict order: the same turns without a search.
    ///
    /// Each task knows the next task and has its own place to wait at, so that handing an element
    /// over is one exchange and one resumption. There is no queue and no limit, and no other
    /// caller can get an element.
    ///
    /// - Parameter isCancellable: Whether a cancellation would end a wait.
    /// - Returns: Turns per second.
    static func relay(tasks: Int, seconds: Double, isCancellable: Bool) async -> Double {
        let stations = (0..<tasks).map { _ in Station() }
        // The first four tasks start with the elements.
        for station in stations.prefix(4) { station.pass() }
        let (turns, elapsed) = await race(tasks: tasks, seconds: seconds) { task, isOver in
            var turns = 0
            let next = stations[(task + 4) % tasks]
            while true {
                if isCancellable {
                    await withTaskCancellationHandler {
                        await stations[task].turn()
                    } onCancel: {
                        stations[task].leave()
                    }
                } else {
                    await stations[task].turn()
                }
                if isOver() { break }
                await Task.yield()
                next.pass()
                turns += 1
            }
            // The end is handed around as well.
            next.pass()
            return turns
        }
        return Double(turns.reduce(0, +)) / elapsed * 1e9
    }

    /// The state of a task's wait for its turn in a relay.
    final class Station: Sendable {
        /// 0, 1 if the turn has come before the task waits, or the task's continuation.
        private let state = Atomic(UInt(0))

        func turn() async {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
                let (isWaiting, found) = state.compareExchange(
                    expected: 0,
                    desired: unsafeBitCast(continuation, to: UInt.self),
                    ordering: .acquiringAndReleasing
                )
                if isWaiting { return }
                precondition(found == 1)
                state.store(0, ordering: .releasing)
                continuation.resume()
            }
        }

        /// No task is cancelled here.
        func leave() { fatalError("a relay has no gaps") }

        func pass() {
            let found = state.exchange(1, ordering: .acquiringAndReleasing)
            if found == 0 { return }
            state.store(0, ordering: .releasing)
            unsafeBitCast(found, to: UnsafeContinuation<Void, Never>.self).resume()
        }
    }

    /// 64 tasks on 4 slots, each of which holds for a sleep of one millisecond.
    static func holds(_ options: Options, into report: inout Report) async {
        for _ in 0..<options.rounds {
            let pool = LockPool(count: 4, maximumWaiters: 64) { _ in UInt(0) }
            let collected = Mutex((waits: Waits(), held: 0.0))
            let (turns, _) = await race(tasks: 64, seconds: 2) { _, isOver in
                var (turns, held) = (0, 0.0)
                var waits = Waits()
                while !isOver() {
                    let start = nanoseconds()
                    guard let lease = try? await pool.get() else { fatalError("no element") }
                    let got = nanoseconds()
                    try? await Task.sleep(for: .milliseconds(1))
                    let end = nanoseconds()
                    lease.release()
                    // The first turns find an empty queue.
                    if turns > 0 { waits.add(got - start) }
                    held += Double(end - got)
                    turns += 1
                }
                collected.withLock {
                    $0.waits.add(waits)
                    $0.held += held
                }
                return turns
            }
            collected.withLock { result in
                report.add("core.hold1ms.p99us", result.waits.percentile(0.99) / 1e3, "µs")
                report.add("core.hold1ms.maxus", result.waits.percentile(1) / 1e3, "µs")
                report.add("core.hold1ms.idealus", 15 * result.held / Double(turns.reduce(0, +)) / 1e3, "µs")
            }
            report.add("core.hold1ms.sleepsp99us", await sleeps().percentile(0.99) / 1e3, "µs")
        }
    }

    /// Measures a perfect wait on this machine: 4 tasks without a pool, and the duration of 15
    /// sleeps in succession.
    static func sleeps() async -> Waits {
        let collected = Mutex(Waits())
        _ = await race(tasks: 4, seconds: 2) { _, isOver in
            var ends: [UInt64] = []
            var waits = Waits()
            while !isOver() {
                try? await Task.sleep(for: .milliseconds(1))
                ends.append(nanoseconds())
                if ends.count > 15 { waits.add(ends[ends.count - 1] - ends[ends.count - 16]) }
            }
            collected.withLock { $0.add(waits) }
            return ends.count
        }
        return collected.withLock { $0 }
    }

    /// Starts `tasks` tasks together and runs them until `seconds` have passed.
    ///
    /// - Returns: The number of turns of each task, and the nanoseconds from the start to the end
    ///   of the window.
    static func race(
        tasks: Int,
        seconds: Double,
        _ body: @escaping @Sendable (_ task: Int, _ isOver: () -> Bool) async -> Int
    ) async -> (turns: [Int], elapsed: Double) {
        let signals = Signals()
        return await withTaskGroup(of: Int.self) { group in
            for task in 0..<tasks {
                group.addTask {
                    signals.ready.add(1, ordering: .relaxed)
                    while !signals.started.load(ordering: .acquiring) { await Task.yield() }
                    return await body(task) { signals.isOver.load(ordering: .relaxed) }
                }
            }
            while signals.ready.load(ordering: .relaxed) < tasks { await Task.yield() }
            let start = nanoseconds()
            signals.started.store(true, ordering: .releasing)
            try? await Task.sleep(for: .seconds(seconds))
            signals.isOver.store(true, ordering: .relaxed)
            let elapsed = Double(nanoseconds() - start)
            var turns: [Int] = []
            for await count in group { turns.append(count) }
            return (turns, elapsed)
        }
    }

    final class Signals: Sendable {
        let ready = Atomic(0)
        let started = Atomic(false)
        let isOver = Atomic(false)
    }
}

/// A histogram of nanoseconds, with 64 buckets for each power of two: a percentile deviates by at
/// most 1.6 %.
struct Waits: Sendable {
    private var counts = [Int](repeating: 0, count: 64 * 58)
    private var total = 0
    private var most: UInt64 = 0

    mutating func add(_ value: UInt64) {
        counts[Waits.index(value)] += 1
        total += 1
        most = max(most, value)
    }

    mutating func add(_ other: Waits) {
        for index in counts.indices { counts[index] += other.counts[index] }
        total += other.total
        most = max(most, other.most)
    }

    /// Returns the quantile `share` of the values; for 1 the exact maximum.
    func percentile(_ share: Double) -> Double {
        if share >= 1 { return Double(most) }
        var rest = Int((Double(total) * share).rounded(.up))
        for (index, count) in counts.enumerated() {
            rest -= count
            if rest <= 0 { return Double(min(most, Waits.upperBound(index))) }
        }
        return Double(most)
    }

    private static func index(_ value: UInt64) -> Int {
        if value < 64 { return Int(value) }
        let exponent = 63 - value.leadingZeroBitCount
        return (exponent - 5) * 64 + Int(value >> (exponent - 6)) - 64
    }

    private static func upperBound(_ index: Int) -> UInt64 {
        if index < 64 { return UInt64(index) }
        let exponent = index / 64 + 5
        return (UInt64(index % 64 + 65) << (exponent - 6)) - 1
    }
}
