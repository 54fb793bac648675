// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import LockPool
public import Synchronization

/// The part of a pool that the end of a lease needs.
///
/// A lease refers to the context without counting references, because all leases would write to one count. The closure by
/// which the core destroys elements holds the context, and the core's block holds that closure until the last outstanding
/// slot has come back. So the context outlives every lease, also where the pool object does not.
@usableFromInline
final class LeaseContext<Factory: ConnectionFactory>: Sendable {
    @usableFromInline let factory: Factory
    @usableFromInline let time: PoolTime
    /// Whether the pool is in ordinary service: 0, or another state of ``Gate``.
    @usableFromInline let gate = Atomic<Int>(Gate.open)
    /// Nanoseconds of use after which a lease counts as leaked.
    @usableFromInline let leakThreshold: UInt64
    /// The number of uses after which a connection is replaced.
    @usableFromInline let maximumUses: Int
    @usableFromInline let returnNeedsCare: Bool
    /// The pool, until its last reference goes. Set once, before the pool is in use.
    nonisolated(unsafe) weak var pool: ConnectionPool<Factory>?

    init(factory: Factory, time: PoolTime, leakThreshold: UInt64, maximumUses: Int, returnNeedsCare: Bool) {
        self.factory = factory
        self.time = time
        self.leakThreshold = leakThreshold
        self.maximumUses = maximumUses
        self.returnNeedsCare = returnNeedsCare
    }

    /// Returns a connection that needs more than its release. Without a pool, the release closes it.
    @usableFromInline
    func takeBackWithCare(
        _ lease: consuming LockGuard<PooledConnection<Factory.Connection>>,
        _ health: ConnectionHealth,
        after use: UInt64,
        at now: UInt64
    ) {
        guard let pool = unsafe pool else { return lease.release() }
        pool.takeBackWithCare(lease, health, after: use, at: now)
    }
}
