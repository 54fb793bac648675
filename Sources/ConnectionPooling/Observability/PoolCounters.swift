// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The counts of a ``ConnectionPool``'s events since its creation.
public struct PoolCounters: Hashable, Sendable {
    /// The number of checkouts that received a connection.
    public var acquired: Int

    /// The number of connections that were made.
    public var created: Int

    /// The number of connection attempts that failed or took too long.
    public var connectFailures: Int

    /// The number of connections that have left the pool, by reason. A reason without a
    /// connection is absent.
    public var closed: [ConnectionEnd: Int]

    /// The number of callers that got no connection, by the code of their error. A code without a
    /// caller is absent.
    public var refusals: [PoolError.Code: Int]

    /// The number of callers whose timeout passed before they received a connection.
    public var timedOut: Int { refusals[.timedOut] ?? 0 }

    /// The number of callers whose tasks were cancelled while they waited.
    public var cancelled: Int { refusals[.cancelled] ?? 0 }

    /// The number of callers that the pool refused: all of ``refusals`` except ``timedOut`` and
    /// ``cancelled``.
    public var refused: Int { refusals.values.reduce(0, +) - timedOut - cancelled }

    /// The number of connections that failed a test.
    public var validationFailures: Int { closed[.failedTest] ?? 0 }

    /// Creates counts; by default zero.
    public init(
        acquired: Int = 0,
        created: Int = 0,
        connectFailures: Int = 0,
        closed: [ConnectionEnd: Int] = [:],
        refusals: [PoolError.Code: Int] = [:]
    ) {
        self.acquired = acquired
        self.created = created
        self.connectFailures = connectFailures
        self.closed = closed
        self.refusals = refusals
    }

    /// Returns the events between two snapshots of one pool.
    ///
    /// - Parameters:
    ///   - later: The counts of the later snapshot.
    ///   - earlier: The counts of the earlier snapshot.
    public static func - (later: PoolCounters, earlier: PoolCounters) -> PoolCounters {
        PoolCounters(
            acquired: later.acquired - earlier.acquired,
            created: later.created - earlier.created,
            connectFailures: later.connectFailures - earlier.connectFailures,
            closed: difference(later.closed, earlier.closed),
            refusals: difference(later.refusals, earlier.refusals)
        )
    }

    private static func difference<Key>(_ later: [Key: Int], _ earlier: [Key: Int]) -> [Key: Int] {
        later.merging(earlier.mapValues(-)) { $0 + $1 }.filter { $0.value != 0 }
    }
}
