// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolThread
import LockPool
import Synchronization

// A task that checks out a connection inside `withConnection` of the same pool may deadlock. A
// waiting task registers itself, and checks whether all holders wait. The check ends at the first
// holder that does not wait, which nearly always is the first of all. A checkout costs a read of
// the current task and a store, and a return a store. The pool sees only a task's own checkouts.
// It does not see those of its child tasks, nor leases, which may move to another task.

extension ConnectionPool {
    /// Registers the calling task as waiting.
    ///
    /// - Returns: The argument of ``endWaiting(_:)`` after the wait.
    /// - Throws: ``PoolError`` with the code `deadlock` if every connection is held by a waiting
    ///   task.
    /// - Complexity: O(1), unless most of the holders wait.
    @usableFromInline
    func beginWaiting(_ callSite: CallSite, since began: UInt64) throws(PoolError) -> WaitingEntry? {
        let task = lockpool_current_task()
        if task == 0 { return nil }
        let waiting = waitingTasks
        let entry = waiting.insert(task)
        if isDeadlocked(waiting) {
            let isDeadlock = nestedCheckouts.withLock { _ in
                waiting.isFrozen.store(true, ordering: .sequentiallyConsistent)
                defer { waiting.isFrozen.store(false, ordering: .sequentiallyConsistent) }
                // Only one of the tasks that wait for each other is refused. A task without a
                // connection is not one of them.
                let isDeadlocked = isDeadlocked(waiting) && records.indices.contains { records[$0].holder == task }
                if isDeadlocked { waiting.remove(task, entry) }
                return isDeadlocked
            }
            if isDeadlock {
                let holders = records.indices.compactMap { lease(records[$0]) }
                throw error(.deadlock, since: began, holders: holders)
            }
        }
        if isObserved { reportNestedCheckout(of: task, callSite) }
        return WaitingEntry(task: task, entry: entry)
    }

    /// Ends the registration of the calling task, before it uses a connection.
    ///
    /// While a deadlock is decided, this method waits for the decision. A task that the decision
    /// has counted as waiting thus changes nothing before the decision.
    @usableFromInline
    func endWaiting(_ entry: WaitingEntry?) {
        guard let entry else { return }
        waitingTasks.remove(entry.task, entry.entry)
        if waitingTasks.isFrozen.load(ordering: .sequentiallyConsistent) { nestedCheckouts.withLock { _ in } }
    }

    /// Reports the wait of a task that holds a connection, once for each call site. In a large
    /// pool only one wait of many is checked, because a scan of every slot would be most of the
    /// cost of a wait.
    private func reportNestedCheckout(of task: UInt, _ callSite: CallSite) {
        let pause = records.indices.count / 256 + 1
        if pause > 1, waitsOfHolders.add(1, ordering: .relaxed).newValue % pause != 0 { return }
        guard let held = records.indices.first(where: { records[$0].holder == task }) else { return }
        let isNews = nestedCheckouts.withLock { $0.insert(callSite.description).inserted }
        if isNews { notify(.nested(callSite: callSite.description, holding: records[held].callSite.description)) }
    }

    /// Whether waiting tasks hold all connections, and no other connection can become available.
    ///
    /// - Complexity: O(1) if one of the first slots shows that a connection can become available.
    private func isDeadlocked(_ waiting: WaitingTasks) -> Bool {
        // Read once: slots may be added at the same time, and a pool that was larger has many.
        let indices = records.indices
        var unusable: Int?
        var vacant = 0
        for index in indices {
            switch lockPool.peek(index) {
            case .idle, .reserved: return false
            case .leased:
                let holder = records[index].holder
                if holder == 0 || !waiting.contains(holder) { return false }
            case .vacant:
                vacant += 1
                let limit = unusable ?? indices.count - growth.plan.withLock { $0.maximum }
                unusable = limit
                if vacant > limit { return false }
            }
        }
        return true
    }
}

/// The registration of a waiting task.
@usableFromInline
struct WaitingEntry: Sendable {
    let task: UInt
    let entry: WaitingTasks.Entry
}
