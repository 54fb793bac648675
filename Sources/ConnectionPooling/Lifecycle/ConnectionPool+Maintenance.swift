// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import Synchronization

/// The state of an idle connection, from which the pool decides what to do with it.
struct IdleConnection {
    /// Nanoseconds since the last use.
    var idleFor: UInt64
    /// Nanoseconds since the last use or successful test; `nil` if there was no test since the
    /// last use.
    var untestedFor: UInt64?
    var retireAt: UInt64
    var uses: Int
    /// Nanoseconds by which the keepalive precedes the configured interval.
    var keepAliveLead: UInt64 = 0
    /// Whether another connection that had been idle for as long has failed its test.
    var isSuspect = false

    enum Decision: Hashable {
        case keep, close(ConnectionEnd), test
        /// The connection is too old, and is closed when the plan permits it.
        case replace
    }

    /// Decides what to do with the connection.
    ///
    /// - Parameter isSurplus: Whether there are more connections than the minimum. Evaluated only
    ///   if the idle timeout has passed, because it costs a scan.
    func decision(
        _ configuration: ConnectionPoolConfiguration,
        at now: UInt64,
        isSurplus: @autoclosure () -> Bool
    ) -> Decision {
        if retireAt == 0 { return .close(.evicted) }
        if idleFor >= configuration.idleTimeout?.wholeNanoseconds ?? .max, isSurplus() { return .close(.idle) }
        if now >= retireAt || uses >= configuration.maximumUses ?? .max { return .replace }
        if isSuspect { return .test }
        guard let interval = configuration.keepAliveInterval?.wholeNanoseconds else { return .keep }
        return (untestedFor ?? idleFor) >= interval - min(keepAliveLead, interval) ? .test : .keep
    }
}

extension ConnectionPool {
    /// Starts maintenance once, unless the pool is shutting down. Maintenance ends with the pool.
    @usableFromInline
    func startMaintenance() {
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
            if lockPool.peek(index) != .idle || decision(on: record, at: now, surplus) == .keep { continue }
            guard let lease = lockPool.tryGet(slot: index) else { continue }
            // The connection is leased now, so no other thread changes its record.
            switch decision(on: record, at: now, surplus) {
            case .keep: pass(lease, at: now)
            case .test:
                surplus -= 1
                test(lease)
            case .close(let end):
                surplus -= 1
                discard(lease, end)
            case .replace:
                let isNeeded = record.unusedTime(at: now) < 60_000_000_000 || surplus <= 0
                if mayRetire(isNeeded: isNeeded) {
                    surplus -= 1
                    discard(lease, .expired)
                } else {
                    lease.release()
                }
            }
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

    private func decision(on record: ConnectionRecord, at now: UInt64, _ surplus: Int) -> IdleConnection.Decision {
        IdleConnection(
            idleFor: record.unusedTime(at: now),
            untestedFor: record.idleTime(at: now),
            retireAt: record.retireAt,
            uses: record.uses,
            keepAliveLead: record.keepAliveLead,
            isSuspect: record.isSuspect
        )
        .decision(configuration, at: now, isSurplus: surplus > 0)
    }

    private func report(_ record: ConnectionRecord, at now: UInt64) {
        let leasedAt = record.leasedAt
        guard leasedAt != 0, now > leasedAt, now - leasedAt >= leakThreshold else { return }
        if record.claimReport(of: leasedAt) {
            notify(.leaked(callSite: "\(record.callSite)", age: .nanoseconds(Int64(clamping: now - leasedAt))))
        }
    }
}
