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
        if health == .reusable, !returnNeedsCare, use < leakThreshold, now < place.retireAt,
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
        if usesAreObserved {
            for observer in observers where observer.observesUses {
                observer.observe(.used(.nanoseconds(Int64(clamping: use))), in: configuration.name)
            }
        }
        if place.wasReported(now &- use) {
            notify(.recovered(place: "\(place.caller)", age: .nanoseconds(Int64(clamping: use))))
        }
        var health = health
        if health == .reusable, let afterReturn = hooks.afterReturn { health = afterReturn(lease.element.connection) }
        judge(lease, health, at: now)
    }

    /// Passes on, resets, or closes a connection in hand that has been inspected.
    private func judge(
        _ lease: consuming LockGuard<PooledConnection<Factory.Connection>>,
        _ health: ConnectionHealth,
        at now: UInt64
    ) {
        switch health {
        case .broken: discard(lease, .broken)
        case .needsReset: reset(lease)
        case .reusable: pass(lease, at: now)
        }
    }

    /// Passes a connection that is in order on, unless its time has come.
    func pass(_ lease: consuming LockGuard<PooledConnection<Factory.Connection>>, at now: UInt64) {
        let place = lease.element.place
        if place.retireAt == 0 { return discard(lease, .evicted) }
        let isExpired = now >= place.retireAt || place.uses >= configuration.maximumUses ?? .max
        if isExpired, mayRetire(isNeeded: true) { return discard(lease, .expired) }
        release(lease)
    }

    /// Gives a connection to who has waited longest, else it is idle; a suspended pool keeps it.
    func release(_ lease: consuming LockGuard<PooledConnection<Factory.Connection>>) {
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
        treat(lease, .broken) { [factory] connection in await factory.reset(connection) }
    }

    /// Finds out whether an idle connection still works, while nobody has it.
    func test(_ lease: consuming LockGuard<PooledConnection<Factory.Connection>>) {
        treat(lease, .failedTest) { [factory] connection in await factory.ping(connection) }
    }

    /// Does something to a connection that may hang. It keeps its place meanwhile, but is not in it: where the treatment takes
    /// too long, the place is given up, and the connection is closed when the treatment has ended after all.
    private func treat(
        _ lease: consuming LockGuard<PooledConnection<Factory.Connection>>,
        _ end: ConnectionEnd,
        _ treatment: @escaping @Sendable (borrowing Factory.Connection) async -> Bool
    ) {
        lease.takeReserving { pooled, reservation in
            let (patientConnection, vacant) = (Handoff(pooled.connection), Handoff(reservation))
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
                switch consume outcome {
                case .finished(let treated):
                    let isWell = treated.isWell
                    let place = places[reservation.index]
                    if isWell, place.retireAt == 0 {
                        discard(treated.connection, reservation, .evicted)
                    } else if isWell {
                        place.touch(at: time.now)
                        fulfill(reservation, PooledConnection(treated.connection, in: place))
                    } else {
                        discard(treated.connection, reservation, end)
                    }
                case .failed:
                    // A treatment throws nothing.
                    reservation.abandon()
                case .timedOut:
                    notify(.closing(end))
                    closer.set(nil, for: reservation.index)
                    reservation.abandon()
                }
                grow()
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
        notify(.closing(end))
        closer.set(nil, for: reservation.index)
        let place = Handoff(reservation)
        closer.close(connection) { [weak self] in
            place.take().abandon()
            // The core tells of a vacant place; not of one that a lower maximum has taken away, which makes room all the same.
            self?.grow()
        }
    }

    /// Looks at every idle connection as if it had just come back, and so closes those that are broken.
    ///
    /// For factories that learn of a connection that nobody uses: the server has closed it, say. Callers overtake nobody and miss
    /// nothing meanwhile: a connection that somebody waits for is not idle.
    ///
    /// - Complexity: O(connections).
    public func inspectIdle() {
        for index in 0..<lockPool.capacity {
            if let lease = lockPool.tryGet(slot: index) {
                let health = factory.inspect(lease.element.connection)
                judge(lease, health, at: time.now)
            }
        }
    }
}
