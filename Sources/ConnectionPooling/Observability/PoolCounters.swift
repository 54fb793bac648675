// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The counts of what a ``ConnectionPool`` has done since it was made.
public struct PoolCounters: Hashable, Sendable {
    /// The checkouts that have got a connection.
    public var acquired: Int

    /// The connections that were made.
    public var created: Int

    /// The connection attempts that failed or took too long.
    public var connectFailures: Int

    /// The connections that have left the pool, by reason. A reason without a connection is absent.
    public var closed: [ConnectionEnd: Int]

    /// The callers that got no connection, by the code of their error. A code without a caller is absent.
    public var refusals: [PoolError.Code: Int]

    /// The callers whose time was over before a connection came.
    public var timedOut: Int { refusals[.timedOut] ?? 0 }

    /// The callers whose tasks were cancelled while they waited.
    public var cancelled: Int { refusals[.cancelled] ?? 0 }

    /// The callers that the pool refused: all of ``refusals`` except ``timedOut`` and ``cancelled``.
    public var refused: Int { refusals.values.reduce(0, +) - timedOut - cancelled }

    /// The connections that failed a test.
    public var validationFailures: Int { closed[.failedTest] ?? 0 }

    /// Counts; by default zero.
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

    /// Returns what has happened between two snapshots of one pool.
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
