// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread
internal import ConnectionPooling
internal import Synchronization

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

// Short waits that keep the processor, because to be put to sleep and woken costs more: on a virtual machine five times as much
// as a point read. They are bounded by time; one thread of the process at a time waits for work in this way, and one for
// an outcome; and where it did not pay the next ones are left out.

/// How a connection's thread waits for work.
enum ThreadSpin {
    private static let isTaken = Atomic(false)
    private static let habit = SpinHabit()

    /// - Returns: Whether the condition has come true.
    static func wait(until isTrue: () -> Bool) -> Bool {
        guard Spinning.isUseful, !habit.shallOmit(), !isTaken.exchange(true, ordering: .relaxed) else {
            return isTrue()
        }
        defer { isTaken.store(false, ordering: .relaxed) }
        return habit.noting(Spinning.wait(50_000, until: isTrue))
    }
}

/// How a task waits for a call that is at work, before it suspends.
///
/// Only as long as no other call begins: then there is something else to do for the thread. It is not blocked by that: it goes on
/// after 50 microseconds, or 200 for a whole group of writes, whatever happens, as after any short computation, and nothing that it
/// waits for needs it. One thread of the process spins at a time.
///
/// On two processors, in three pairs of runs, 4 tasks that read were 9, 23 and 31 % faster with it; with one or 64 it made no
/// difference that could be told. Beside two tasks that computed all the time, 4 that read were 1 to 35 % slower with it, and
/// those two 7 to 37 %.
enum TaskSpin {
    private static let state = Atomic(State.free)
    private static let habit = SpinHabit()

    private enum State {
        static let free: UInt8 = 0
        static let taken: UInt8 = 1
        /// Another call has begun meanwhile.
        static let disturbed: UInt8 = 2
    }

    /// - Parameter nanoseconds: For how long at most.
    /// - Returns: Whether the condition has come true.
    static func wait(upTo nanoseconds: UInt64, until isTrue: () -> Bool) -> Bool {
        guard Spinning.isUseful, !habit.shallOmit() else { return isTrue() }
        guard exchange(State.free, State.taken) else {
            _ = exchange(State.taken, State.disturbed)
            return isTrue()
        }
        var isDone = false
        _ = Spinning.wait(nanoseconds) {
            isDone = isTrue()
            return isDone || state.load(ordering: .relaxed) == State.disturbed
        }
        state.store(State.free, ordering: .relaxed)
        return habit.noting(isDone)
    }

    // Relaxed, all of it: no data depend on who spins.
    private static func exchange(_ old: UInt8, _ new: UInt8) -> Bool {
        state.load(ordering: .relaxed) == old
            && state.compareExchange(expected: old, desired: new, ordering: .relaxed).exchanged
    }
}

private enum Spinning {
    /// Whether there is another processor, on which the other side can run.
    static let isUseful = sysconf(CInt(_SC_NPROCESSORS_ONLN)) > 1

    static func wait(_ nanoseconds: UInt64, until isTrue: () -> Bool) -> Bool {
        let start = lockpool_nanoseconds()
        repeat {
            for _ in 0..<16 {
                if isTrue() { return true }
                lockpool_spin_hint()
            }
        } while lockpool_nanoseconds() - start < nanoseconds
        return false
    }
}
