// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool

extension ConnectionPool {
    /// The current state of the pool, and its counts and histograms since its creation.
    /// O(connections).
    public var snapshot: PoolSnapshot { snapshot(withFailure: true) }

    /// - Parameter withFailure: Whether the snapshot describes the last failure.
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

    /// Passes the pool's current snapshot, and that of the previous report, to the observers.
    func reportStatus() {
        if !isObserved { return }
        // The snapshot is taken under the lock, so the differences of concurrent reports are
        // disjoint and never negative.
        let (current, previous) = reported.withLock { last in
            let (current, previous) = (snapshot(withFailure: false), last)
            last = current
            return (current, previous)
        }
        for observer in observers { observer.observe(current, since: previous, in: configuration.name) }
    }

    /// Counts a connection that leaves the pool, and notifies the observers.
    func noteClosing(_ end: ConnectionEnd) {
        counters.withLock { $0.closed[end, default: 0] += 1 }
        notify(.closing(end))
    }

    /// Counts a caller that gets no connection, and notifies the observers.
    func noteRefusal(_ error: PoolError) {
        counters.withLock { $0.refusals[error.code, default: 0] += 1 }
        notify(.refused(error))
    }

    /// Records whether the circuit breaker is open, and notifies the observers of a change.
    func noteBreaker(isOpen: Bool) {
        guard let change = breaker.note(isOpen: isOpen, at: time.now) else { return }
        switch change {
        case .opened: notify(.breakerOpened(cause: growth.lastFailure))
        case .closed(let duration): notify(.breakerClosed(after: .nanoseconds(Int64(clamping: duration))))
        }
    }
}
