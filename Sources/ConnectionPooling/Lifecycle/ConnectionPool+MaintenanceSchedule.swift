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
    ///   - since: When the connection was last used, or found to work.
    ///   - unusedSince: When it was last used.
    ///   - keepAliveLead: Nanoseconds by which the keepalive comes before the configuration's interval.
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
        var next = needsEachRound || sizeIsUnsettled.load(ordering: .relaxed) ? now : UInt64.max
        let isSurplus = surplus > 0
        for index in places.indices {
            let place = places[index]
            switch lockPool.peek(index) {
            case .idle:
                let due = IdleConnection.due(
                    since: place.idleSince,
                    unusedSince: place.unusedSince,
                    retireAt: place.retireAt,
                    uses: place.uses,
                    keepAliveLead: place.keepAliveLead,
                    configuration,
                    isSurplus: isSurplus
                )
                next = min(next, place.isSuspect ? now : due)
            case .leased, .reserved:
                // It may be idle from the next instant on.
                next = min(next, now.saturatingSum(shortestIdleTime(place)))
                if place.retireAt > now { next = min(next, place.retireAt) }
                // A test is no use: the idle time of a connection that is being tested goes on.
                if let timeout = configuration.idleTimeout {
                    let due = place.unusedSince.saturatingSum(timeout.wholeNanoseconds)
                    if due > now { next = min(next, due) }
                }
            case .vacant: break
            }
        }
        return next == .max ? nil : max(next, now.saturatingSum(RoundTimer.shortestPause))
    }

    /// The shortest time for which a connection is idle before it is due.
    private func shortestIdleTime(_ place: Place) -> UInt64 {
        min(
            configuration.keepAliveInterval(less: place.keepAliveLead) ?? .max,
            configuration.idleTimeout?.wholeNanoseconds ?? .max
        )
    }

    /// Whether a round is due each second, whatever the state of the connections.
    ///
    /// An observer is told of the status, and of leases that last too long. Nothing but a round counts the connections in use beside which
    /// others are to be idle.
    var needsEachRound: Bool { isObserved || configuration.minimumIdleConnections > 0 }
}

extension ConnectionPoolConfiguration {
    /// Nanoseconds without a use or test after which a connection is tested; `nil` for none.
    fileprivate func keepAliveInterval(less lead: UInt64) -> UInt64? {
        keepAliveInterval.map { $0.wholeNanoseconds - min(lead, $0.wholeNanoseconds) }
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
