// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolThread
import LockPool
import Synchronization

// A task inside `withConnection` that asks the same pool again may wait for itself. A waiting task notes itself as such, and looks
// whether all holders wait. The look ends at the first holder that does not, which is nearly always the first of all. Where
// connections are handed out, that costs a look at the running task and a store, and a store when they come back. The pool sees only
// what a task itself does, not what its child tasks do, nor leases, which may be given to another task.

extension ConnectionPool {
    /// Notes that the calling task is about to wait.
    ///
    /// - Returns: What ``endWaiting(_:)`` takes after the wait.
    /// - Throws: ``PoolError`` with the code `deadlock` if every connection is held by a task that waits.
    /// - Complexity: O(1), unless most of the holders wait.
    @usableFromInline
    func noteWaiting(_ caller: Caller, since began: UInt64) throws(PoolError) -> WaitingEntry? {
        let task = lockpool_current_task()
        if task == 0 { return nil }
        let waiting = waitingTasks
        let entry = waiting.insert(task)
        if isDeadlocked(waiting) {
            let isDeadlock = nestings.withLock { _ in
                waiting.isFrozen.store(true, ordering: .sequentiallyConsistent)
                defer { waiting.isFrozen.store(false, ordering: .sequentiallyConsistent) }
                // Of tasks that wait for each other, one goes. A task that holds nothing is none of them.
                let isDeadlocked = isDeadlocked(waiting) && places.indices.contains { places[$0].holder == task }
                if isDeadlocked { waiting.remove(task, entry) }
                return isDeadlocked
            }
            if isDeadlock {
                let holders = places.indices.compactMap { lease(places[$0]) }
                throw error(.deadlock, since: began, holders: holders)
            }
        }
        if isObserved { reportNesting(of: task, caller) }
        return WaitingEntry(task: task, entry: entry)
    }

    /// Notes that the calling task does not wait any more, before it does anything with a connection.
    ///
    /// Where a deadlock is being decided, it waits for that: so a task that has been seen to wait changes nothing until the
    /// decision.
    @usableFromInline
    func endWaiting(_ entry: WaitingEntry?) {
        guard let entry else { return }
        waitingTasks.remove(entry.task, entry.entry)
        if waitingTasks.isFrozen.load(ordering: .sequentiallyConsistent) { nestings.withLock { _ in } }
    }

    /// Reports a wait of a task that holds a connection, once for each call site. In a large pool one wait of many is looked at, because
    /// a look at every slot would be most of what a wait costs.
    private func reportNesting(of task: UInt, _ caller: Caller) {
        let pause = places.indices.count / 256 + 1
        if pause > 1, waitsOfHolders.add(1, ordering: .relaxed).newValue % pause != 0 { return }
        guard let held = places.indices.first(where: { places[$0].holder == task }) else { return }
        let isNews = nestings.withLock { $0.insert(caller.description).inserted }
        if isNews { notify(.nested(place: caller.description, holding: places[held].caller.description)) }
    }

    /// Whether there is no connection but in the hands of tasks that wait, and none can come.
    ///
    /// - Complexity: O(1) where one of the first slots shows that one can come.
    private func isDeadlocked(_ waiting: WaitingTasks) -> Bool {
        var vacant = 0
        for index in places.indices {
            switch lockPool.peek(index) {
            case .idle, .reserved: return false
            case .leased:
                let holder = places[index].holder
                if holder == 0 || !waiting.contains(holder) { return false }
            case .vacant:
                vacant += 1
                if vacant > places.indices.count - growth.plan.withLock({ $0.maximum }) { return false }
            }
        }
        return true
    }
}

/// The note of a task that waits.
@usableFromInline
struct WaitingEntry: Sendable {
    let task: UInt
    let entry: WaitingTasks.Entry
}
