// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import LockPool
public import Synchronization

/// The part of a pool that the end of a lease needs.
///
/// A lease refers to the context without counting references, because all leases would write to
/// one count. The closure by which the core destroys elements retains the context, and the core's
/// block retains that closure until the last leased slot has been returned. The context thus
/// outlives every lease, even if the pool object does not.
@usableFromInline
final class LeaseContext<Factory: ConnectionFactory>: Sendable {
    @usableFromInline let factory: Factory
    @usableFromInline let time: PoolTime
    /// The state of the pool for callers: a value of ``CheckoutState``.
    @usableFromInline let checkoutState = Atomic<Int>(CheckoutState.accepting)
    /// Nanoseconds of use after which a lease counts as leaked.
    @usableFromInline let leakThreshold: UInt64
    @usableFromInline let policy: LifecyclePolicy
    /// Whether each return runs a hook or an observer.
    @usableFromInline let returnTakesSlowPath: Bool
    /// The pool, until its last reference ends. Set once, before the pool is in use.
    nonisolated(unsafe) weak var pool: ConnectionPool<Factory>?

    init(factory: Factory, time: PoolTime, leakThreshold: UInt64, policy: LifecyclePolicy, returnTakesSlowPath: Bool) {
        self.factory = factory
        self.time = time
        self.leakThreshold = leakThreshold
        self.policy = policy
        self.returnTakesSlowPath = returnTakesSlowPath
    }

    /// Returns a connection that needs more than its release. Without a pool, the release closes
    /// it.
    @usableFromInline
    func releaseOnSlowPath(
        _ lease: consuming LockGuard<PooledConnection<Factory.Connection>>,
        _ health: ConnectionHealth,
        after use: UInt64,
        at now: UInt64
    ) {
        guard let pool = unsafe pool else { return lease.release() }
        pool.releaseOnSlowPath(lease, health, after: use, at: now)
    }
}
