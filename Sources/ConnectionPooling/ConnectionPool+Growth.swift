// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import LockPool
import Synchronization

/// What the pool remembers of its attempts to connect.
final class Growth: Sendable {
    /// How many are under way.
    let connecting = Atomic(0)
    private let failures = Locked(Failures())

    private struct Failures {
        var last: (any Error)?
        /// Those that waiters were woken for and have not read yet.
        var unread: [any Error] = []
    }

    /// Why the last attempt failed; `nil` if it succeeded, or there was none.
    var lastFailure: (any Error)? { failures.withLock { $0.last } }

    func succeeded() { failures.withLock { $0.last = nil } }

    /// Notes a failure, for the waiter that `tell` wakes if it finds one.
    func failed(_ error: any Error, tell: () -> Bool) {
        failures.withLock {
            $0.last = error
            $0.unread.append(error)
        }
        if !tell() { _ = takeFailure() }
    }

    /// A failure that a waiter was woken for. There is one for each that was.
    func takeFailure() -> (any Error)? {
        failures.withLock { $0.unread.isEmpty ? nil : $0.unread.removeFirst() }
    }
}

extension ConnectionPool {
    /// Starts a connect for each waiter that none is under way for, as far as there are vacant places.
    ///
    /// Called when a place is vacant while somebody waits, and when a connect has ended. Each of these comes before this
    /// reads the two counts, all sequentially consistent: whoever is last sees that there is something to do.
    func grow() {
        while growth.connecting.load(ordering: .sequentiallyConsistent) < lockPool.waiters {
            guard let reservation = lockPool.tryReserve() else { return }
            growth.connecting.add(1, ordering: .sequentiallyConsistent)
            let place = Handoff(reservation)
            Task.detached { [self] in await connect(for: place) }
        }
    }

    private func connect(for place: Handoff<Reservation<PooledConnection<Factory.Connection>>>) async {
        do {
            let connection = try await factory.connect()
            growth.succeeded()
            growth.connecting.subtract(1, ordering: .sequentiallyConsistent)
            place.take().fulfill(PooledConnection(connection))
        } catch {
            growth.connecting.subtract(1, ordering: .sequentiallyConsistent)
            // An honest answer now, to the one that has waited longest; the others cause attempts of their own.
            growth.failed(error) { lockPool.failOldestWaiter() }
            place.take().abandon()
        }
        grow()
    }

    /// Takes back a connection that a lease held.
    @usableFromInline
    func takeBack(_ lease: consuming LockGuard<PooledConnection<Factory.Connection>>) {
        switch factory.inspect(lease.element.connection) {
        case .reusable: lease.release()
        case .needsReset:
            let held = Handoff(lease)
            Task.detached { [self] in await reset(held) }
        case .broken: discard(lease)
        }
    }

    private func reset(_ held: Handoff<LockGuard<PooledConnection<Factory.Connection>>>) async {
        let lease = held.take()
        if await factory.reset(lease.element.connection) {
            lease.release()
        } else {
            discard(lease)
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
            if let lease = lockPool.tryGet(slot: index) { takeBack(lease) }
        }
    }

    /// Closes a connection, and frees its place afterwards.
    private func discard(_ lease: consuming LockGuard<PooledConnection<Factory.Connection>>) {
        lease.takeReserving { pooled, reservation in
            let place = Handoff(reservation)
            closer.close(pooled.connection) { place.take().abandon() }
        }
    }
}
