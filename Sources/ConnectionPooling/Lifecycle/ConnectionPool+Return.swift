// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import LockPool
public import Synchronization

extension LeaseContext {
    /// Releases a leased connection. Does not access the context after the release, which may end
    /// it.
    @inlinable
    @inline(__always)
    func release(_ slot: LeasedSlot) {
        let lease = LockGuard<PooledConnection<Factory.Connection>>(slot)
        let record = lease.element.record
        let health = factory.inspect(lease.element.connection)
        let now = time.now
        let use = record.endLease(at: now)
        let returned = LifecycleEvent.returned(health, runsHook: false)
        if !returnTakesSlowPath, use < leakThreshold, case .keep = policy.decision(for: record, at: returned, now: now),
            checkoutState.load(ordering: .relaxed) == CheckoutState.accepting
        {
            lease.release()
        } else {
            releaseOnSlowPath(lease, health, after: use, at: now)
        }
    }
}

extension ConnectionPool {
    func releaseOnSlowPath(
        _ lease: consuming LockGuard<PooledConnection<Factory.Connection>>,
        _ health: ConnectionHealth,
        after use: UInt64,
        at now: UInt64
    ) {
        let record = lease.element.record
        // Read before the next holder overwrites the record.
        let recovered = record.wasReported(now &- use) ? record.callSite : nil
        let returned = LifecycleEvent.returned(health, runsHook: hooks.afterReturn != nil)
        apply(decision(on: record, at: returned, now: now), to: lease, at: now)
        // The next holder has the connection before an observer runs.
        if isObserved { noteUse(use, recovered: recovered) }
    }

    /// Returns what becomes of a connection.
    func decision(on record: ConnectionRecord, at event: LifecycleEvent, now: UInt64) -> LifecycleDecision {
        context.policy.decision(for: record, at: event, now: now)
    }

    /// Does with a leased connection what the policy has decided.
    ///
    /// - Returns: Whether a caller may receive the connection now.
    @discardableResult
    func apply(
        _ decision: LifecycleDecision,
        to lease: consuming LockGuard<PooledConnection<Factory.Connection>>,
        at now: UInt64
    ) -> Bool {
        switch decision {
        case .keep:
            release(lease)
            return true
        case .replace(let isNeeded):
            if !mayRetire(isNeeded: isNeeded) {
                release(lease)
                return true
            }
            discard(lease, .expired)
        case .close(let end): discard(lease, end)
        case .ping: test(lease)
        case .reset: reset(lease)
        case .runHook: runAfterReturn(on: lease, at: now)
        }
        return false
    }

    /// Passes on a usable connection, unless it is evicted or has expired.
    func pass(_ lease: consuming LockGuard<PooledConnection<Factory.Connection>>, at now: UInt64) {
        let decision = decision(on: lease.element.record, at: .passedOn, now: now)
        apply(decision, to: lease, at: now)
    }

    /// Hands the connection to the longest-waiting caller, or marks it idle. A suspended pool
    /// retains it.
    func release(_ lease: consuming LockGuard<PooledConnection<Factory.Connection>>) {
        // As on the fast path: no lock in ordinary service. A concurrent suspension may be
        // missed.
        if context.checkoutState.load(ordering: .relaxed) == CheckoutState.accepting { return lease.release() }
        let slot = lease.detach()
        let isHeld = suspension.withLock { $0.hold(slot) }
        if !isHeld { LockGuard<PooledConnection<Factory.Connection>>(slot).release() }
        // A waiter that gave up behind the last served waiter is out of the line now.
        notifyShutdown()
    }

    func mayRetire(isNeeded: Bool) -> Bool {
        let (demand, closing) = (demand, closer.closing)
        let may = growth.plan.withLock { $0.mayRetire(demand, closing: closing, isNeeded: isNeeded) }
        if !may {
            grow()
            scheduleMaintenance()
        }
        return may
    }

    /// Runs the hook `afterReturn` on a reusable connection, and then passes it on, resets or
    /// closes it.
    private func runAfterReturn(
        on lease: consuming LockGuard<PooledConnection<Factory.Connection>>,
        at now: UInt64
    ) {
        let status = status(of: lease.element.record, at: now)
        perform(.hook, on: lease) { [factory, hooks] connection in
            switch await hooks.afterReturn?(connection, status) {
            case .reusable, nil: true
            case .needsReset: await factory.reset(connection)
            case .broken, .discarded: false
            }
        }
    }

    /// Resets a connection after the lease has ended.
    private func reset(_ lease: consuming LockGuard<PooledConnection<Factory.Connection>>) {
        perform(.reset, on: lease) { [factory] connection in await factory.reset(connection) }
    }

    /// Tests an idle connection. After success, the caller that waits for the test receives it;
    /// otherwise it is passed on as if it were returned.
    func test(_ lease: consuming LockGuard<PooledConnection<Factory.Connection>>, for waiter: AwaitedOperation? = nil) {
        perform(.test, on: lease, for: waiter) { [factory] connection in await factory.ping(connection) }
    }

    /// Runs an operation that may hang on a connection, in a task of the pool, for at most
    /// `resetTimeout`.
    ///
    /// The connection's slot is reserved during the operation. At the time limit, the slot
    /// becomes vacant, and the connection is closed when the operation has ended.
    ///
    /// - Parameters:
    ///   - kind: The kind of operation.
    ///   - lease: The connection.
    ///   - waiter: Waits for the outcome; `nil` if the connection is passed on as if it were
    ///     returned.
    ///   - operation: Returns whether the connection can be used.
    func perform(
        _ kind: PoolOperation.Kind,
        on lease: consuming LockGuard<PooledConnection<Factory.Connection>>,
        for waiter: AwaitedOperation? = nil,
        _ operation: @escaping @Sendable (borrowing Factory.Connection) async -> Bool
    ) {
        lease.takeReserving { pooled, reservation in
            let (handedConnection, vacant) = (Handoff(pooled.connection), Handoff(reservation))
            let number = growth.operations.begin(kind, at: time.now)
            Task.detached { [self] in
                let timeout = configuration.resetTimeout.wholeNanoseconds
                let outcome = await timeLimiter.run(within: timeout) {
                    let connection = handedConnection.take()
                    let isUsable = await operation(connection)
                    return Processed(connection: connection, isUsable: isUsable)
                } late: { [closer] processed in
                    closer.close(processed.connection)
                }
                let reservation = vacant.take()
                growth.operations.end(number)
                let (record, now) = (records[reservation.index], time.now)
                switch consume outcome {
                case .finished(let processed):
                    let isUsable = processed.isUsable
                    if kind == .test { noteTest(of: record, hasSucceeded: isUsable, at: now) }
                    let decision = decision(on: record, at: .operationEnded(kind, isUsable: isUsable), now: now)
                    if !isUsable, case .close(let end) = decision {
                        discard(processed.connection, reservation, end)
                    } else {
                        let slot = reservation.lease(PooledConnection(processed.connection, in: record)).detach()
                        if waiter?.finish(.succeeded(slot)) != true { apply(decision, to: LockGuard(slot), at: now) }
                    }
                case .failed:
                    // Operations throw no error.
                    reservation.abandon()
                case .timedOut:
                    if kind == .test { noteTest(of: record, hasSucceeded: false, at: now) }
                    let failed = LifecycleEvent.operationEnded(kind, isUsable: false)
                    if case .close(let end) = decision(on: record, at: failed, now: now) { noteClosing(end) }
                    closer.set(nil, for: reservation.index)
                    reservation.abandon()
                }
                // Has no effect after a success.
                waiter?.finish(.failed)
                slotIsVacant()
            }
        }
    }

    private struct Processed: ~Copyable, Sendable {
        let connection: Factory.Connection
        let isUsable: Bool
    }

    /// Closes a connection and then frees its slot.
    func discard(_ lease: consuming LockGuard<PooledConnection<Factory.Connection>>, _ end: ConnectionEnd) {
        lease.takeReserving { pooled, reservation in discard(pooled.connection, reservation, end) }
    }

    func discard(
        _ connection: consuming Factory.Connection,
        _ reservation: consuming Reservation<PooledConnection<Factory.Connection>>,
        _ end: ConnectionEnd
    ) {
        noteClosing(end)
        closer.set(nil, for: reservation.index)
        let slot = Handoff(reservation)
        let number = growth.operations.begin(.close, at: time.now)
        closer.close(connection) { [weak self, growth] in
            growth.operations.end(number)
            slot.take().abandon()
            // The core reports a vacant slot, but not one that a lower maximum has retired, which
            // also makes room.
            self?.slotIsVacant()
        }
    }

    /// Validates every idle connection as if it had just been returned, and closes the broken
    /// ones.
    ///
    /// For factories that learn about the loss of an idle connection, for example because the
    /// server has closed it. Overtakes no caller: a connection for which a caller waits is not
    /// idle.
    ///
    /// - Complexity: O(connections).
    public func inspectIdle() {
        let now = time.now
        for slot in suspension.withLock({ $0.takeHeld() }) {
            let lease = LockGuard<PooledConnection<Factory.Connection>>(slot)
            inspect(lease, at: now)
        }
        for index in 0..<lockPool.capacity {
            if let lease = lockPool.tryGet(slot: index) {
                inspect(lease, at: time.now)
            }
        }
    }

    private func inspect(_ lease: consuming LockGuard<PooledConnection<Factory.Connection>>, at now: UInt64) {
        let health = factory.inspect(lease.element.connection)
        let decision = decision(on: lease.element.record, at: .returned(health, runsHook: false), now: now)
        apply(decision, to: lease, at: now)
    }
}
