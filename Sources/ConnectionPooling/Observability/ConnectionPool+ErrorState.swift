// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool

/// The state of a pool that errors of the same moment share.
struct RecentState: Sendable {
    /// When the state was read.
    let instant: UInt64
    let occupancy: Occupancy
    let oldestLease: PoolSnapshot.Lease?
}

extension ConnectionPool {
    /// The state that an error describes.
    ///
    /// A look at every slot would be most of what a refusal costs in a large pool. Beyond 128 slots, errors share a look
    /// that is younger than 100 ns for each slot: a millisecond with 10,000. The number of waiters is always current.
    ///
    /// - Complexity: O(1) for each error on average.
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
        // The core takes a held connection for a leased one.
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
