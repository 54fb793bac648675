// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool

extension ConnectionPool {
    /// The pool's figures now, and its counts and histograms since it was made. O(connections).
    public var snapshot: PoolSnapshot { snapshot(withFailure: true) }

    /// - Parameter withFailure: Whether the last failure is put into words.
    private func snapshot(withFailure: Bool) -> PoolSnapshot {
        var counters = counters.withLock { $0 }
        for index in places.indices { counters.acquired += places[index].acquired }
        return PoolSnapshot(
            status: status,
            counters: counters,
            waitTimes: waitTimes.distribution,
            useTimes: places.useTimes,
            oldestLease: oldestLease,
            lastConnectFailure: withFailure ? growth.lastFailure.map { "\($0)" } : nil
        )
    }

    /// Tells the observers, if there are any, how the pool stands and what it has done since the last report.
    func reportStatus() {
        if !isObserved { return }
        // The snapshot is taken in the lock: concurrent reports have disjoint differences, none of which is negative.
        let (current, previous) = reported.withLock { last in
            let (current, previous) = (snapshot(withFailure: false), last)
            last = current
            return (current, previous)
        }
        for observer in observers { observer.observe(current, since: previous, in: configuration.name) }
    }

    /// Counts a connection that leaves the pool, and tells the observers.
    func noteClosing(_ end: ConnectionEnd) {
        counters.withLock { $0.closed[end, default: 0] += 1 }
        notify(.closing(end))
    }

    /// Counts a caller that gets no connection, and tells the observers.
    func noteRefusal(_ error: PoolError) {
        counters.withLock { $0.refusals[error.code, default: 0] += 1 }
        notify(.refused(error))
    }

    /// Notes whether callers are refused at once because connects fail, and tells the observers of a change.
    func noteBreaker(isOpen: Bool) {
        guard let change = breaker.note(isOpen: isOpen, at: time.now) else { return }
        switch change {
        case .opened: notify(.breakerOpened(cause: growth.lastFailure))
        case .closed(let duration): notify(.breakerClosed(after: .nanoseconds(Int64(clamping: duration))))
        }
    }
}
