// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolThread
import LockPool

// A task inside `withConnection` that asks the same pool again may wait for itself. Whoever waits looks for its own task among the
// holders: one load for each place. Where connections are handed out, that costs a look at who runs and a store, and a store when they
// come back. Only what a task itself does is seen, not what its child tasks do, nor leases, which may be given to another task.

extension ConnectionPool {
    /// Looks whether the caller, who is about to wait, holds a connection.
    ///
    /// - Returns: Whether it does. Then `endNesting` has to be called after the wait.
    /// - Throws: ``PoolError`` with the code `deadlock` if everybody else who holds one waits already.
    @usableFromInline
    func noteNesting(_ caller: Caller, since began: UInt64) throws(PoolError) -> Bool {
        let task = lockpool_current_task()
        guard task != 0, let held = places.indices.first(where: { places[$0].holder == task }) else { return false }
        let (isDeadlock, isNews) = nestings.withLock { reported in
            mark(task, waits: true)
            if isDeadlocked {
                mark(task, waits: false)
                return (true, false)
            }
            return (false, isObserved && reported.insert(caller.description).inserted)
        }
        if isDeadlock {
            let holders = places.indices.compactMap { lease(places[$0]) }
            throw error(.deadlock, since: began, holders: holders)
        }
        if isNews { notify(.nested(place: caller.description, holding: places[held].caller.description)) }
        return true
    }

    @usableFromInline
    func endNesting() {
        let task = lockpool_current_task()
        nestings.withLock { _ in mark(task, waits: false) }
    }

    private func mark(_ task: UInt, waits: Bool) {
        for index in places.indices where places[index].holder == task { places[index].holderWaits = waits }
    }

    /// Whether there is no connection but in the hands of tasks that wait, and none can come.
    private var isDeadlocked: Bool {
        let blocked = places.indices.count { places[$0].holder != 0 && places[$0].holderWaits }
        return blocked == lockPool.occupied && blocked >= growth.plan.withLock { $0.maximum }
    }
}
