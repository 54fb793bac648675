// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What a ``ConnectionPool`` has done so far, and how it stands.
public struct PoolSnapshot: Hashable, Sendable {
    /// How the places are used now.
    public let status: PoolStatus

    /// How often each kind of event has happened.
    public let counters: PoolCounters

    /// How long callers waited that had to.
    public let waitTimes: Distribution

    /// How long connections were used.
    public let useTimes: Distribution

    /// The oldest lease that is out: where it was checked out, and how old it is.
    public let oldestLease: Lease?

    /// Why the last connect failed; `nil` if it succeeded, or there was none.
    public let lastConnectFailure: String?

    /// A snapshot, for tests of code that reads snapshots.
    public init(
        status: PoolStatus,
        counters: PoolCounters = PoolCounters(),
        waitTimes: Distribution = Distribution(),
        useTimes: Distribution = Distribution(),
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

    /// A lease that is out.
    public struct Lease: Hashable, Sendable {
        /// The file and line of the checkout.
        public let place: String

        /// How long it has been out.
        public let age: Duration

        /// A lease, for tests of code that reads snapshots and errors.
        ///
        /// - Parameters:
        ///   - place: The file and line of the checkout.
        ///   - age: How long it has been out.
        public init(place: String, age: Duration) {
            self.place = place
            self.age = age
        }
    }
}
