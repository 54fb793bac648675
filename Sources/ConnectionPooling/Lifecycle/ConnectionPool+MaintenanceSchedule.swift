// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import Synchronization

// The schedule of maintenance. ConnectionPool+Maintenance.swift performs it.

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
            case .idle: next = min(next, context.policy.maintenanceDue(for: record, isSurplus: isSurplus))
            case .leased, .reserved: next = min(next, context.policy.maintenanceDue(afterUseOf: record, now: now))
            case .vacant: break
            }
        }
        return next == .max ? nil : max(next, now.saturatingSum(MaintenanceTimer.shortestPause))
    }

    /// Whether maintenance runs each second, whatever the state of the connections.
    ///
    /// Observers receive the status and long leases. Only maintenance counts the connections in
    /// use, to which `minimumIdleConnections` adds.
    var needsPeriodicMaintenance: Bool { isObserved || configuration.minimumIdleConnections > 0 }
}

extension MaintenanceTimer {
    /// The shortest interval between two runs, in nanoseconds.
    static var shortestPause: UInt64 { 1_000_000_000 }
}

/// Whether maintenance of the pool has started.
enum MaintenanceState: Sendable { case notStarted, started }
