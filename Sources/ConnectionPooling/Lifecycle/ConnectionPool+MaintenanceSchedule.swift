// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import Synchronization

// The schedule of maintenance. ConnectionPool+Maintenance.swift performs it.

extension IdleConnection {
    /// Returns the instant at which the decision changes from keeping the connection, if it is
    /// not used before.
    ///
    /// - Parameters:
    ///   - since: The instant of the last use or successful test.
    ///   - unusedSince: The instant of the last use.
    ///   - keepAliveLead: Nanoseconds by which the keepalive precedes the configured interval.
    ///   - isSurplus: Whether there are more connections than the minimum.
    static func due(
        since: UInt64,
        unusedSince: UInt64,
        retireAt: UInt64,
        uses: Int,
        keepAliveLead: UInt64,
        _ configuration: ConnectionPoolConfiguration,
        isSurplus: Bool
    ) -> UInt64 {
        if uses >= configuration.maximumUses ?? .max { return 0 }
        let idle = isSurplus ? configuration.idleTimeout.map { unusedSince.saturatingSum($0.wholeNanoseconds) } : nil
        let keepAlive = configuration.keepAliveInterval(less: keepAliveLead).map { since.saturatingSum($0) }
        return min(retireAt, idle ?? .max, keepAlive ?? .max)
    }
}

extension ConnectionPool {
    /// Schedules maintenance within a second, because a change may have made a connection due.
    ///
    /// - Complexity: O(1).
    func scheduleMaintenance() { scheduleMaintenance(at: time.now.saturatingSum(MaintenanceTimer.shortestPause)) }

    func scheduleMaintenance(at instant: UInt64) {
        maintenanceTimer.wake(at: instant) { [weak self] in self?.runMaintenance() }
    }

    private func runMaintenance() {
        if lockPool.isClosed { return }
        maintainConnections()
        if let next = nextMaintenance(after: time.now) { scheduleMaintenance(at: next) }
    }

    /// Returns the earliest instant at which a connection is or may be due; `nil` if none will be
    /// while the pool does not change. A change that may make a connection due earlier calls
    /// ``scheduleMaintenance()``.
    ///
    /// - Complexity: O(slots).
    func nextMaintenance(after now: UInt64) -> UInt64? {
        var next = needsPeriodicMaintenance || sizeIsUnsettled.load(ordering: .relaxed) ? now : UInt64.max
        let isSurplus = surplus > 0
        for index in records.indices {
            let record = records[index]
            switch lockPool.peek(index) {
            case .idle:
                let due = IdleConnection.due(
                    since: record.idleSince,
                    unusedSince: record.unusedSince,
                    retireAt: record.retireAt,
                    uses: record.uses,
                    keepAliveLead: record.keepAliveLead,
                    configuration,
                    isSurplus: isSurplus
                )
                next = min(next, record.isSuspect ? now : due)
            case .leased, .reserved:
                // The connection may be idle from the next instant on.
                next = min(next, now.saturatingSum(shortestIdleTime(record)))
                if record.retireAt > now { next = min(next, record.retireAt) }
                // A test is not a use, so the idle time continues during a test.
                if let timeout = configuration.idleTimeout {
                    let due = record.unusedSince.saturatingSum(timeout.wholeNanoseconds)
                    if due > now { next = min(next, due) }
                }
            case .vacant: break
            }
        }
        return next == .max ? nil : max(next, now.saturatingSum(MaintenanceTimer.shortestPause))
    }

    /// The shortest idle time after which a connection is due.
    private func shortestIdleTime(_ record: ConnectionRecord) -> UInt64 {
        min(
            configuration.keepAliveInterval(less: record.keepAliveLead) ?? .max,
            configuration.idleTimeout?.wholeNanoseconds ?? .max
        )
    }

    /// Whether maintenance runs each second, whatever the state of the connections.
    ///
    /// Observers receive the status and long leases. Only maintenance counts the connections in
    /// use, to which `minimumIdleConnections` adds.
    var needsPeriodicMaintenance: Bool { isObserved || configuration.minimumIdleConnections > 0 }
}

extension ConnectionPoolConfiguration {
    /// Returns the nanoseconds without use or test after which a connection is tested; `nil` for
    /// none.
    fileprivate func keepAliveInterval(less lead: UInt64) -> UInt64? {
        keepAliveInterval.map { $0.wholeNanoseconds - min(lead, $0.wholeNanoseconds) }
    }
}

extension MaintenanceTimer {
    /// The shortest interval between two runs, in nanoseconds.
    static var shortestPause: UInt64 { 1_000_000_000 }
}

extension UInt64 {
    func saturatingSum(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}

/// Whether maintenance of the pool has started.
enum MaintenanceState: Sendable { case notStarted, started }
