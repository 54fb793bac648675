// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if !hasFeature(Embedded)

    internal import CLockPoolThread
    import Synchronization

    /// The clock of the core: ticks since some instant. A tick is never 0, which stands for no
    /// deadline. The system's clock is read directly.
    @usableFromInline
    struct PoolClock: Sendable {
        let now: @Sendable () -> UInt
        let sleep: @Sendable (_ deadline: UInt) async throws -> Void
        /// The shortest interval between two sweeps for deadlines. Two milliseconds for the
        /// system's clock, whose timers are precise to about one.
        let pause: UInt

        @usableFromInline
        init<C: Clock<Duration>>(_ clock: C) {
            if clock is ContinuousClock, UInt.bitWidth == 64 {
                let now: @Sendable () -> UInt = { UInt(truncatingIfNeeded: lockpool_instant()) }
                self.now = now
                pause = 2_000_000
                sleep = { deadline in
                    let left = Int(deadline) - Int(now())
                    if left > 0 { try await clock.sleep(until: clock.now.advanced(by: .ticks(left)), tolerance: nil) }
                }
                return
            }
            let start = clock.now
            pause = 0
            now = { UInt(clamping: start.duration(to: clock.now).ticks) + 1 }
            sleep = { deadline in
                try await clock.sleep(until: start.advanced(by: .ticks(Int(deadline - 1))), tolerance: nil)
            }
        }
    }

    extension Duration {
        /// The unit of deadlines: a nanosecond, or a millisecond on 32 bits, where a pool's
        /// deadlines last for 24 days.
        #if _pointerBitWidth(_64)
            private static var ticksPerSecond: Int { 1_000_000_000 }
        #else
            private static var ticksPerSecond: Int { 1_000 }
        #endif

        fileprivate static func ticks(_ ticks: Int) -> Duration { .seconds(1) * ticks / Duration.ticksPerSecond }

        fileprivate var ticks: Int {
            let (seconds, attoseconds) = components
            let whole = Int(clamping: seconds).multipliedReportingOverflow(by: Duration.ticksPerSecond)
            if whole.overflow { return seconds < 0 ? .min : .max }
            let part = Int(attoseconds / (1_000_000_000_000_000_000 / Int64(Duration.ticksPerSecond)))
            let sum = whole.partialValue.addingReportingOverflow(part)
            return sum.overflow ? (seconds < 0 ? .min : .max) : sum.partialValue
        }
    }

    extension UInt {
        /// Converts a timeout to ticks; 0 for a negative one.
        @usableFromInline
        init(ticksOf timeout: Duration) { self.init(clamping: timeout.ticks) }

        /// Converts nanoseconds to ticks.
        @usableFromInline
        init(ticksOfNanoseconds nanoseconds: UInt64) {
            self.init(clamping: UInt.bitWidth == 64 ? nanoseconds : nanoseconds / 1_000_000)
        }
    }

    extension Duration {
        /// The duration in nanoseconds; 0 for a negative one.
        package var wholeNanoseconds: UInt64 {
            let (seconds, attoseconds) = components
            if seconds < 0 || attoseconds < 0 { return 0 }
            let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
            let (sum, carry) = whole.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
            return overflow || carry ? UInt64(Int64.max) : min(sum, UInt64(Int64.max))
        }
    }

    /// Fails waiters at their deadlines, with one sleeping task for all of them.
    ///
    /// A waiter's deadline is stored in its record. Each leaf stores an instant that is not after
    /// any deadline in its 32 records. The task sleeps until an instant that is not after any
    /// leaf's. It then visits the leaves that are due and their records, and sleeps until the
    /// earliest deadline that it has found. It ends if there is none. A wait that ends in time
    /// thus costs one store and two loads for its deadline, whatever the number of deadlines. A
    /// sweep reads every leaf, and 32 records for each leaf that is due.
    @usableFromInline
    @safe
    final class Deadlines: Sendable {
        private let core: Core
        private let clock: PoolClock
        private let leaves: Leaves

        /// The instant at which the task wakes; `never` if there is no task.
        private let wakesAt = Atomic<UInt>(Deadlines.never)
        private let task = unsafe Atomic<Unmanaged<TaskBox>?>(nil)

        private static var never: UInt { .max }
        private static var stopped: UInt { 0 }

        /// The number of calls of `restart`.
        private let restarts = Atomic<UInt>(0)

        init(core: Core, clock: PoolClock) {
            self.core = core
            self.clock = clock
            leaves = Leaves(for: core.shape.maximumWaiters)
        }

        /// Returns the instant that is `ticks` from now.
        func deadline(after ticks: UInt) -> UInt {
            let (deadline, overflow) = clock.now().addingReportingOverflow(ticks)
            return overflow ? UInt(Int.max) : min(deadline, UInt(Int.max))
        }

        /// Ensures that a sweep checks `deadline`, which is stored in the record of a waiter in
        /// line.
        ///
        /// The waiter has written its progress before. It lowers the leaf first and `wakesAt`
        /// afterwards. A sweep clears `wakesAt` first, then the leaf, and reads the progress
        /// afterwards. All of these are sequentially consistent. At each step, either this
        /// function sees that the word is cleared, and writes it, or the sweep sees the waiter at
        /// its next step.
        func arm(_ deadline: UInt, record: Int) {
            leaves.lower(record / Leaves.size, to: deadline)
            wake(at: deadline)
        }

        /// Ensures that a task wakes at `deadline` or earlier.
        private func wake(at deadline: UInt) {
            while true {
                let current = wakesAt.load(ordering: .sequentiallyConsistent)
                if current <= deadline { return }
                if wakesAt.compareExchange(expected: current, desired: deadline, ordering: .sequentiallyConsistent)
                    .exchanged
                {
                    return restart()
                }
            }
        }

        /// Ends the task, for a pool without present or future waiters. No task starts
        /// afterwards.
        func stop() {
            wakesAt.store(Deadlines.stopped, ordering: .sequentiallyConsistent)
            replaceTask(with: nil)
        }

        deinit { stop() }

        /// Starts a task that sleeps until `wakesAt`, in place of one that sleeps too long.
        ///
        /// Several threads may do so at once. The thread that stores its task last cancels the
        /// others' tasks, whatever they have read. A thread that finds a later call therefore
        /// starts one more task, which reads `wakesAt` again.
        private func restart() {
            restarts.add(1, ordering: .sequentiallyConsistent)
            var seen: UInt
            repeat {
                seen = restarts.load(ordering: .sequentiallyConsistent)
                core.hold()
                replaceTask(
                    with: Task.detached { [self] in
                        await sleepAndSweep()
                        core.releaseHold()
                    }
                )
            } while restarts.load(ordering: .sequentiallyConsistent) != seen
        }

        private func replaceTask(with new: Task<Void, Never>?) {
            let box = unsafe new.map { unsafe Unmanaged.passRetained(TaskBox($0)) }
            let old = unsafe task.exchange(box, ordering: .sequentiallyConsistent)
            unsafe old?.takeRetainedValue().task.cancel()
        }

        /// Boxes a task, because the atomic word needs a reference.
        private final class TaskBox: Sendable {
            let task: Task<Void, Never>
            init(_ task: Task<Void, Never>) { self.task = task }
        }

        @concurrent
        private func sleepAndSweep() async {
            let deadline = wakesAt.load(ordering: .sequentiallyConsistent)
            if deadline == Deadlines.never || deadline == Deadlines.stopped { return }
            // A clock throws when its task is cancelled because another has replaced it. If the
            // clock throws for another reason, the deadline counts as passed, or else no sweep
            // would ever check it.
            do { try await clock.sleep(deadline) } catch { if Task.isCancelled { return } }
            guard
                wakesAt.compareExchange(
                    expected: deadline,
                    desired: Deadlines.never,
                    ordering: .sequentiallyConsistent
                ).exchanged
            else { return }
            let now = max(clock.now(), deadline)
            let next = sweep(at: now)
            if next != Deadlines.never { wake(at: max(next, now + clock.pause)) }
        }

        /// Fails the waiters whose deadline has passed.
        ///
        /// - Returns: An instant that is not after any other deadline; `never` if there is none.
        private func sweep(at now: UInt) -> UInt {
            var earliest = Deadlines.never
            for leaf in 0..<leaves.count {
                if leaves[leaf] <= now {
                    leaves.clear(leaf)
                    let records = leaf * Leaves.size..<min((leaf + 1) * Leaves.size, core.shape.maximumWaiters)
                    if let next = core.failWaiters(records, dueAt: now) { leaves.lower(leaf, to: next) }
                }
                earliest = min(earliest, leaves[leaf])
            }
            return earliest
        }

        /// An instant for each 32 records, not after any of their deadlines.
        @safe
        private final class Leaves: Sendable {
            static var size: Int { 32 }

            let count: Int
            nonisolated(unsafe) private let words: UnsafeMutablePointer<Atomic<UInt>>

            init(for records: Int) {
                count = (records + Leaves.size - 1) / Leaves.size
                unsafe words = .allocate(capacity: count)
                for leaf in 0..<count { unsafe (words + leaf).initialize(to: Atomic(Deadlines.never)) }
            }

            deinit { unsafe words.deallocate() }

            subscript(leaf: Int) -> UInt { unsafe words[leaf].load(ordering: .sequentiallyConsistent) }

            func clear(_ leaf: Int) { unsafe words[leaf].store(Deadlines.never, ordering: .sequentiallyConsistent) }

            /// Ensures that the leaf's instant is not after `deadline`.
            func lower(_ leaf: Int, to deadline: UInt) {
                var current = self[leaf]
                while current > deadline {
                    // Not the atomic `min`: in Swift 6.3.1 that of an unsigned integer does not
                    // lower the largest value.
                    current =
                        unsafe words[leaf].compareExchange(
                            expected: current,
                            desired: deadline,
                            ordering: .sequentiallyConsistent
                        ).exchanged ? deadline : self[leaf]
                }
            }
        }
    }

#endif
