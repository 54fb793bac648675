// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool

/// A state of a pool that errors within a short time share.
struct RecentState: Sendable {
    /// The instant at which the state was read.
    let instant: UInt64
    let occupancy: Occupancy
    let oldestLease: PoolSnapshot.Lease?
}

extension ConnectionPool {
    /// Returns the state of the pool for an error.
    ///
    /// In a large pool a scan of every slot would be most of the cost of a refusal. Beyond 128
    /// slots, errors share a scan that is younger than 100 ns for each slot: a millisecond with
    /// 10,000 slots. The number of waiters is always current.
    ///
    /// - Complexity: Amortized O(1) for each error.
    func stateForErrors(at now: UInt64) -> (PoolStatus, PoolSnapshot.Lease?) {
        if places.indices.count <= 128 { return (status(lockPool.occupancy), oldestLease) }
        let known = recentState.withLock { $0 }
        if let known, now >= known.instant, now - known.instant < UInt64(places.indices.count) * 100 {
            return (status(known.occupancy), known.oldestLease)
        }
        let state = RecentState(instant: now, occupancy: lockPool.occupancy, oldestLease: oldestLease)
        recentState.withLock { $0 = state }
        return (status(state.occupancy), state.oldestLease)
    }

    func status(_ occupancy: Occupancy) -> PoolStatus {
        // The core counts a retained connection as leased.
        let held = min(suspension.withLock { $0.count }, occupancy.leased)
        return PoolStatus(
            maximum: growth.plan.withLock { $0.maximum },
            minimum: configuration.minimumConnections,
            leased: occupancy.leased - held,
            idle: occupancy.idle + held,
            changing: occupancy.reserved,
            waiting: lockPool.waiters
        )
    }
}
