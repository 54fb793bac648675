// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import LockPool
public import Synchronization

extension LeaseContext {
    /// Takes back a connection that was leased. Uses nothing of the context after the release, which may end it.
    @inlinable
    @inline(__always)
    func takeBack(_ slot: LeasedSlot) {
        let lease = LockGuard<PooledConnection<Factory.Connection>>(slot)
        let place = lease.element.place
        let health = factory.inspect(lease.element.connection)
        let now = time.now
        let use = place.end(at: now)
        if health == .reusable, !returnNeedsCare, use < leakThreshold, now < place.retireAt, place.uses < maximumUses,
            gate.load(ordering: .relaxed) == Gate.open
        {
            lease.release()
        } else {
            takeBackWithCare(lease, health, after: use, at: now)
        }
    }
}

extension ConnectionPool {
    func takeBackWithCare(
        _ lease: consuming LockGuard<PooledConnection<Factory.Connection>>,
        _ health: ConnectionHealth,
        after use: UInt64,
        at now: UInt64
    ) {
        let place = lease.element.place
        // Read before the next holder writes there.
        let recovered = place.wasReported(now &- use) ? place.caller : nil
        if place.isDiscarded {
            discard(lease, .discarded)
        } else {
            judge(returned: lease, health, at: now)
        }
        // The connection is with its next holder before an observer runs.
        if isObserved { noteUse(use, recovered: recovered) }
    }

    /// Has the hook judge a connection that comes back, where there is one, and passes it on, resets or closes it.
    private func judge(
        returned lease: consuming LockGuard<PooledConnection<Factory.Connection>>,
        _ health: ConnectionHealth,
        at now: UInt64
    ) {
        guard health == .reusable, let afterReturn = hooks.afterReturn else { return judge(lease, health, at: now) }
        let status = status(of: lease.element.place, at: now)
        treat(lease, .hook, .broken) { [factory] connection in
            switch await afterReturn(connection, status) {
            case .reusable: true
            case .needsReset: await factory.reset(connection)
            case .broken, .discarded: false
            }
        }
    }

    /// Passes on, resets, or closes a connection in hand that has been inspected.
    private func judge(
        _ lease: consuming LockGuard<PooledConnection<Factory.Connection>>,
        _ health: ConnectionHealth,
        at now: UInt64
    ) {
        switch health {
        case .broken: discard(lease, .broken)
        case .discarded: discard(lease, .discarded)
        case .needsReset: reset(lease)
        case .reusable: pass(lease, at: now)
        }
    }

    /// Passes a connection that is in order on, unless its time has come.
    func pass(_ lease: consuming LockGuard<PooledConnection<Factory.Connection>>, at now: UInt64) {
        let place = lease.element.place
        if place.retireAt == 0 { return discard(lease, .evicted) }
        let isExpired = now >= place.retireAt || place.uses >= context.maximumUses
        if isExpired, mayRetire(isNeeded: true) { return discard(lease, .expired) }
        release(lease)
    }

    /// Gives a connection to who has waited longest, else it is idle; a suspended pool keeps it.
    func release(_ lease: consuming LockGuard<PooledConnection<Factory.Connection>>) {
        // As on the fast path: no lock in ordinary service, and a suspension that this overtakes may be missed.
        if context.gate.load(ordering: .relaxed) == Gate.open { return lease.release() }
        let slot = lease.detach()
        let isHeld = suspension.withLock { $0.hold(slot) }
        if !isHeld { LockGuard<PooledConnection<Factory.Connection>>(slot).release() }
        // Who gave up in line behind the last that was served is out of it now.
        tellShutdown()
    }

    func mayRetire(isNeeded: Bool) -> Bool {
        let (demand, closing) = (demand, closer.closing)
        let may = growth.plan.withLock { $0.mayRetire(demand, closing: closing, isNeeded: isNeeded) }
        if !may {
            grow()
            scheduleRound()
        }
        return may
    }

    /// Resets a connection, off the way of whoever gave it back.
    private func reset(_ lease: consuming LockGuard<PooledConnection<Factory.Connection>>) {
        treat(lease, .reset, .broken) { [factory] connection in await factory.reset(connection) }
    }

    /// Finds out whether an idle connection still works. A successful test passes it to the caller that waits for the treatment, or else
    /// as if it were returned.
    func test(_ lease: consuming LockGuard<PooledConnection<Factory.Connection>>, for caller: AwaitedTreatment? = nil) {
        treat(lease, .test, .failedTest, for: caller) { [factory] connection in await factory.ping(connection) }
    }

    /// Does something that may hang to a connection in a task of the pool's own, for at most `resetTimeout`.
    ///
    /// The connection's slot is reserved during that. When the time is over, the slot is vacant, and the connection is closed as soon as
    /// the treatment has ended.
    ///
    /// - Parameters:
    ///   - lease: The connection.
    ///   - end: Why the connection is closed if the treatment fails.
    ///   - caller: Waits for the outcome; `nil` if the connection is to be passed on as if it were returned.
    ///   - treatment: Returns whether the connection can be used.
    func treat(
        _ lease: consuming LockGuard<PooledConnection<Factory.Connection>>,
        _ kind: PoolOperation.Kind,
        _ end: ConnectionEnd,
        for caller: AwaitedTreatment? = nil,
        _ treatment: @escaping @Sendable (borrowing Factory.Connection) async -> Bool
    ) {
        lease.takeReserving { pooled, reservation in
            let (patientConnection, vacant) = (Handoff(pooled.connection), Handoff(reservation))
            let operation = growth.operations.begin(kind, at: time.now)
            Task.detached { [self] in
                let timeout = configuration.resetTimeout.wholeNanoseconds
                let outcome = await patient.run(within: timeout) {
                    let connection = patientConnection.take()
                    let isWell = await treatment(connection)
                    return Treated(connection: connection, isWell: isWell)
                } late: { [closer] treated in
                    closer.close(treated.connection)
                }
                let reservation = vacant.take()
                growth.operations.end(operation)
                switch consume outcome {
                case .finished(let treated):
                    let isWell = treated.isWell
                    let place = places[reservation.index]
                    if isWell {
                        let now = time.now
                        if end == .failedTest { place.touch(at: now) }
                        let slot = reservation.lease(PooledConnection(treated.connection, in: place)).detach()
                        if caller?.finish(.succeeded(slot)) != true { pass(LockGuard(slot), at: now) }
                    } else {
                        if end == .failedTest { suspectOthers(than: place) }
                        discard(treated.connection, reservation, end)
                    }
                case .failed:
                    // A treatment throws nothing.
                    reservation.abandon()
                case .timedOut:
                    if end == .failedTest { suspectOthers(than: places[reservation.index]) }
                    noteClosing(end)
                    closer.set(nil, for: reservation.index)
                    reservation.abandon()
                }
                // After a success, a no-op.
                caller?.finish(.failed)
                placeIsVacant()
            }
        }
    }

    private struct Treated: ~Copyable, Sendable {
        let connection: Factory.Connection
        let isWell: Bool
    }

    /// Closes a connection, and frees its place afterwards.
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
        let place = Handoff(reservation)
        let operation = growth.operations.begin(.close, at: time.now)
        closer.close(connection) { [weak self, growth] in
            growth.operations.end(operation)
            place.take().abandon()
            // The core tells of a vacant place; not of one that a lower maximum has taken away, which makes room all the same.
            self?.placeIsVacant()
        }
    }

    /// Looks at every idle connection as if it had just come back, and so closes those that are broken.
    ///
    /// For factories that learn of a connection that nobody uses: the server has closed it, say. Callers overtake nobody and miss
    /// nothing meanwhile: a connection that somebody waits for is not idle.
    ///
    /// - Complexity: O(connections).
    public func inspectIdle() {
        let now = time.now
        for slot in suspension.withLock({ $0.takeHeld() }) {
            let lease = LockGuard<PooledConnection<Factory.Connection>>(slot)
            let health = factory.inspect(lease.element.connection)
            judge(lease, health, at: now)
        }
        for index in 0..<lockPool.capacity {
            if let lease = lockPool.tryGet(slot: index) {
                let health = factory.inspect(lease.element.connection)
                judge(lease, health, at: time.now)
            }
        }
    }
}
