// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import Synchronization

// When the pool looks after its connections. What it does then is in ConnectionPool+Upkeep.swift.

extension IdleConnection {
    /// The instant at which the verdict becomes another than to keep the connection, if nothing uses it before.
    ///
    /// - Parameters:
    ///   - since: When the idle time began.
    ///   - isSurplus: Whether there are more connections than the minimum.
    static func due(
        since: UInt64,
        retireAt: UInt64,
        uses: Int,
        _ configuration: ConnectionPoolConfiguration,
        isSurplus: Bool
    ) -> UInt64 {
        if uses >= configuration.maximumUses ?? .max { return 0 }
        func after(_ interval: Duration?) -> UInt64 {
            interval.map { since.saturatingSum($0.wholeNanoseconds) } ?? .max
        }
        let idle = isSurplus ? after(configuration.idleTimeout) : .max
        return min(retireAt, idle, after(configuration.keepAliveInterval))
    }
}

extension ConnectionPool {
    /// Has a round of maintenance follow within a second, because something has changed that may make a connection due.
    ///
    /// - Complexity: O(1).
    func scheduleRound() { scheduleRound(at: time.now.saturatingSum(RoundTimer.shortestPause)) }

    func scheduleRound(at instant: UInt64) {
        rounds.wake(at: instant) { [weak self] in self?.round() }
    }

    private func round() {
        if lockPool.isClosed { return }
        lookAfterConnections()
        if let next = nextRound(after: time.now) { scheduleRound(at: next) }
    }

    /// The earliest instant at which a connection is due, or may be due by then; `nil` if none will be as long as the pool
    /// does not change. A change that could make one due before calls ``scheduleRound()``.
    ///
    /// - Complexity: O(slots).
    func nextRound(after now: UInt64) -> UInt64? {
        // An observer is told of the status, and of leases that last too long, once a second.
        var next = isObserved || sizeIsUnsettled.load(ordering: .relaxed) ? now : UInt64.max
        let occupancy = lockPool.occupancy
        let isSurplus = occupancy.idle + occupancy.leased > configuration.minimumConnections
        for index in places.indices {
            let place = places[index]
            switch lockPool.peek(index) {
            case .idle:
                next = min(
                    next,
                    IdleConnection.due(
                        since: place.idleSince,
                        retireAt: place.retireAt,
                        uses: place.uses,
                        configuration,
                        isSurplus: isSurplus
                    )
                )
            case .leased, .reserved:
                // It may be idle from the next instant on.
                next = min(next, now.saturatingSum(shortestIdleTime))
                if place.retireAt > now { next = min(next, place.retireAt) }
            case .vacant: break
            }
        }
        return next == .max ? nil : max(next, now.saturatingSum(RoundTimer.shortestPause))
    }

    /// The shortest time for which a connection is idle before it is due.
    private var shortestIdleTime: UInt64 {
        min(
            configuration.keepAliveInterval?.wholeNanoseconds ?? .max,
            configuration.idleTimeout?.wholeNanoseconds ?? .max
        )
    }
}

extension RoundTimer {
    /// Nanoseconds from one round to the next at least.
    static var shortestPause: UInt64 { 1_000_000_000 }
}

extension UInt64 {
    func saturatingSum(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}

/// Whether the pool looks after its connections.
enum Upkeep: Sendable { case notStarted, started }
