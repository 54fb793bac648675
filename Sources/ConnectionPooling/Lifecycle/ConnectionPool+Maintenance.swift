// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import Synchronization

extension ConnectionPool {
    /// Starts maintenance once, unless the pool is shutting down. Maintenance ends with the pool.
    @usableFromInline
    package func startMaintenance() {
        if isMaintained.load(ordering: .relaxed) { return }
        let hasStarted = maintenanceState.withLock { maintenanceState in
            if maintenanceState == .started
                || context.checkoutState.load(ordering: .sequentiallyConsistent) == CheckoutState.draining
            {
                return false
            }
            maintenanceState = .started
            isMaintained.store(true, ordering: .relaxed)
            growth.plan.withLock { $0.isWarm = true }
            return true
        }
        if !hasStarted { return }
        if configuration.minimumConnections > 0 || configuration.minimumIdleConnections > 0 {
            Task.detached { [weak self] in self?.grow() }
        }
        if needsPeriodicMaintenance { scheduleMaintenance() }
    }

    /// Cancels all timers of the pool. Called after the pool has been closed, or at its end.
    func stopTimers() {
        maintenanceTimer.stop()
        growth.timer.withLock { $0 }?.cancel()
        growth.breakerTimer.withLock { $0 }?.cancel()
        announcement.withLock { $0.timer }?.cancel()
    }

    /// Closes, replaces and tests idle connections that are due, and reports leases that last too
    /// long. O(connections).
    func maintainConnections() {
        countUse()
        let now = time.now
        // Decremented for each connection that this pass removes from the pool.
        var surplus = surplus
        for index in records.indices {
            let record = records[index]
            report(record, at: now)
            let maintenance = LifecycleEvent.maintenance(isSurplus: surplus > 0)
            if lockPool.peek(index) != .idle || decision(on: record, at: maintenance, now: now) == .keep { continue }
            guard let lease = lockPool.tryGet(slot: index) else { continue }
            // The connection is leased now, so no caller changes its record.
            if !apply(decision(on: record, at: maintenance, now: now), to: lease, at: now) { surplus -= 1 }
        }
        closeSurplus()
        grow()
        reportStatus()
    }

    /// The number of connections above the configured minimums. Requires a prior call of
    /// `countUse()`.
    var surplus: Int {
        let occupancy = lockPool.occupancy
        let count = occupancy.idle + occupancy.leased
        let minimumIdle = configuration.minimumIdleConnections
        let kept = minimumIdle == 0 ? 0 : growth.plan.withLock { $0.inUse } + minimumIdle
        return count - max(configuration.minimumConnections, kept)
    }

    private func report(_ record: ConnectionRecord, at now: UInt64) {
        let leasedAt = record.leasedAt
        guard leasedAt != 0, now > leasedAt, now - leasedAt >= leakThreshold else { return }
        if record.claimReport(of: leasedAt) {
            notify(.leaked(callSite: "\(record.callSite)", age: .nanoseconds(Int64(clamping: now - leasedAt))))
        }
    }
}
