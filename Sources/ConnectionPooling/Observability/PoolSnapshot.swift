// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The current state of a ``ConnectionPool``, and its counts and histograms since its creation.
public struct PoolSnapshot: Hashable, Sendable {
    /// The current use of the slots.
    public let status: PoolStatus

    /// The counts of events.
    public let counters: PoolCounters

    /// The durations of waits, of callers that had to wait.
    public let waitTimes: DurationHistogram

    /// The durations of leases.
    public let useTimes: DurationHistogram

    /// The oldest current lease: its call site and its age.
    public let oldestLease: Lease?

    /// The error of the last connection attempt as text; `nil` if it succeeded, or if there was
    /// none.
    public let lastConnectFailure: String?

    /// Creates a snapshot, for tests of code that reads snapshots.
    public init(
        status: PoolStatus,
        counters: PoolCounters = PoolCounters(),
        waitTimes: DurationHistogram = DurationHistogram(),
        useTimes: DurationHistogram = DurationHistogram(),
        oldestLease: Lease? = nil,
        lastConnectFailure: String? = nil
    ) {
        self.status = status
        self.counters = counters
        self.waitTimes = waitTimes
        self.useTimes = useTimes
        self.oldestLease = oldestLease
        self.lastConnectFailure = lastConnectFailure
    }

    /// A current lease.
    public struct Lease: Hashable, Sendable {
        /// The file and line of the checkout.
        public let callSite: String

        /// The time since the checkout.
        public let age: Duration

        /// Creates a lease, for tests of code that reads snapshots and errors.
        ///
        /// - Parameters:
        ///   - callSite: The file and line of the checkout.
        ///   - age: The time since the checkout.
        public init(callSite: String, age: Duration) {
            self.callSite = callSite
            self.age = age
        }
    }
}
