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
        for index in records.indices { counters.acquired += records[index].acquired }
        return PoolSnapshot(
            status: status,
            counters: counters,
            waitTimes: waitTimes.histogram,
            useTimes: records.useTimes,
            oldestLease: oldestLease,
            lastConnectFailure: withFailure ? growth.lastFailure.map { "\($0)" } : nil
        )
    }

    /// Passes the pool's current snapshot, and that of the previous report, to the observers.
    ///
    /// One thread reports at a time, so the reports arrive in order. Others leave their reports to
    /// that thread.
    func reportStatus() {
        if !isObserved || !reports.withLock({ $0.request() }) { return }
        repeat {
            // The snapshot is taken under the lock after the request, whose events it contains.
            let (current, previous) = reports.withLock { reports in reports.next(snapshot(withFailure: false)) }
            for observer in observers { observer.observe(current, since: previous, in: configuration.name) }
        } while reports.withLock { $0.continues() }
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

/// The reports of a pool to its observers.
struct StatusReports: Sendable {
    private var last = PoolSnapshot(status: PoolStatus())
    private var isRequested = false
    private var isRunning = false

    /// - Returns: Whether the caller has to report. If not, another thread is going to.
    mutating func request() -> Bool {
        isRequested = true
        defer { isRunning = true }
        return !isRunning
    }

    /// - Returns: The snapshots of this and the previous report.
    mutating func next(_ current: PoolSnapshot) -> (PoolSnapshot, PoolSnapshot) {
        defer { last = current }
        isRequested = false
        return (current, last)
    }

    /// - Returns: Whether another report was requested during the last one.
    mutating func continues() -> Bool {
        isRunning = isRequested
        return isRequested
    }
}

/// A state of a pool that errors within a short time share.
struct RecentState: Sendable {
    /// The instant at which the state was read.
    let instant: UInt64
    let occupancy: Occupancy
    let oldestLease: PoolSnapshot.Lease?
}

extension ConnectionPool {
    /// Returns the state of the pool for an error.
    ///
    /// In a large pool a scan of every slot would be most of the cost of a refusal. Beyond 128
    /// slots, errors share a scan that is younger than 100 ns for each slot: a millisecond with
    /// 10,000 slots. The number of waiters is always current.
    ///
    /// - Complexity: Amortized O(1) for each error.
    func stateForErrors(at now: UInt64) -> (PoolStatus, PoolSnapshot.Lease?) {
        if records.indices.count <= 128 { return (status(lockPool.occupancy), oldestLease) }
        let known = recentState.withLock { $0 }
        if let known, now >= known.instant, now - known.instant < UInt64(records.indices.count) * 100 {
            return (status(known.occupancy), known.oldestLease)
        }
        let state = RecentState(instant: now, occupancy: lockPool.occupancy, oldestLease: oldestLease)
        recentState.withLock { $0 = state }
        return (status(state.occupancy), state.oldestLease)
    }

    func status(_ occupancy: Occupancy) -> PoolStatus {
        // The core counts a retained connection as leased.
        let held = min(suspension.withLock { $0.count }, occupancy.leased)
        return PoolStatus(
            maximum: growth.plan.withLock { $0.maximum },
            minimum: configuration.minimumConnections,
            leased: occupancy.leased - held,
            idle: occupancy.idle + held,
            changing: occupancy.reserved,
            waiting: lockPool.waiters
        )
    }
}
