// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread
internal import ConnectionPooling
internal import Synchronization

/// A short wait that polls before it sleeps: putting a thread to sleep and waking it takes longer
/// than a point read.
///
/// A wait polls for 50 microseconds at most. One thread of the process polls at a time, and only
/// if the process may use two processors. After unsuccessful polls, the next ones are omitted. If
/// other calls are in flight, a poll ends immediately, because their threads need the processor.
final class Polling: Sendable {
    /// Polls of connection threads for their next work item.
    static let forWork = Polling()

    /// Polls of tasks for the outcome of the only call in flight. Such a task occupies its thread
    /// of the cooperative pool as long as any computation of that length does.
    static let forOutcome = Polling()

    private static let isUseful = UsableProcessors.ofThisProcess >= 2

    private let isTaken = Atomic(false)
    private let habit = SpinHabit()

    /// Polls until `isTrue` returns `true`, as long as `mayGoOn` does.
    ///
    /// - Returns: Whether the condition has become true.
    func wait(until isTrue: () -> Bool, while mayGoOn: () -> Bool) -> Bool {
        guard Self.isUseful, mayGoOn(), !habit.shallOmit(), !isTaken.exchange(true, ordering: .relaxed) else {
            return isTrue()
        }
        defer { isTaken.store(false, ordering: .relaxed) }
        var isDone = false
        let start = lockpool_nanoseconds()
        repeat {
            for _ in 0..<16 {
                isDone = isTrue()
                guard !isDone, mayGoOn() else { return habit.noting(isDone) }
                lockpool_spin_hint()
            }
        } while lockpool_nanoseconds() &- start < 50_000
        return habit.noting(false)
    }
}

/// The number of calls of the process whose callers wait, or are resumed and have not continued
/// yet.
enum CallsInFlight {
    // Relaxed: no data depend on it.
    private static let count = Atomic(0)

    static func begin() { count.add(1, ordering: .relaxed) }
    static func end() { count.subtract(1, ordering: .relaxed) }

    /// Whether at most one call is in flight.
    static var areFew: Bool { count.load(ordering: .relaxed) <= 1 }
}
