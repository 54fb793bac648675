// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import Synchronization

/// The state of the pool's connection attempts.
final class Growth: Sendable {
    let plan: Locked<GrowthPlan>
    /// Whether the last attempt failed. Each caller that has to wait reads this flag instead of
    /// the plan.
    private let isFailing = Atomic(false)
    private let failure = Locked<(any Error)?>(nil)
    /// Sleeps until the next attempt.
    let timer = Locked<Task<Void, Never>?>(nil)
    /// Sleeps until the circuit breaker opens.
    let breakerTimer = Locked<Task<Void, Never>?>(nil)
    /// The causes of refusals that waiters have not read yet.
    let causes = RefusalCauses()
    /// The running operations of the pool on its connections.
    let operations = RunningOperations()

    /// Returns a random number from 0 up to 1.
    let random: @Sendable () -> Double

    init(_ configuration: ConnectionPoolConfiguration, random: @escaping @Sendable () -> Double) {
        self.random = random
        var plan = GrowthPlan(
            maximum: configuration.maximumConnections,
            minimum: configuration.minimumConnections,
            concurrent: configuration.maximumConcurrentConnects,
            backoff: Backoff(
                base: configuration.initialBackoff.wholeNanoseconds,
                most: configuration.maximumBackoff.wholeNanoseconds
            ),
            breakerThreshold: configuration.circuitBreakerThreshold.wholeNanoseconds
        )
        plan.minimumIdle = configuration.minimumIdleConnections
        self.plan = Locked(plan)
    }

    /// The error of the last attempt; `nil` if it succeeded, or if there was none.
    var lastFailure: (any Error)? { failure.withLock { $0 } }

    func succeeded(at now: UInt64) {
        plan.withLock { plan in
            plan.connectSucceeded(at: now)
            failure.withLock { $0 = nil }
            isFailing.store(false, ordering: .sequentiallyConsistent)
        }
    }

    func failed(_ error: any Error, at now: UInt64, isPermanent: Bool) -> GrowthPlan.Outage {
        plan.withLock { plan in
            failure.withLock { $0 = error }
            isFailing.store(true, ordering: .sequentiallyConsistent)
            return plan.connectFailed(at: now, isPermanent: isPermanent, random: random())
        }
    }

    /// Opens the circuit breaker if it is due.
    ///
    /// - Returns: Whether it was due.
    func openBreaker(_ demand: @autoclosure () -> GrowthPlan.Demand) -> Bool {
        plan.withLock { plan in
            let isOpen = plan.openBreaker(demand())
            if isOpen { isFailing.store(true, ordering: .sequentiallyConsistent) }
            return isOpen
        }
    }

    /// Resets the outage after a suspension, but keeps the last error.
    func restart(at now: UInt64) {
        plan.withLock { plan in
            plan.restart(at: now)
            isFailing.store(false, ordering: .sequentiallyConsistent)
        }
    }

    /// Whether callers are refused at once, and the error if an attempt has failed since the last
    /// success.
    func refusal(at now: UInt64) -> (isRefused: Bool, failure: (any Error)?) {
        guard isFailing.load(ordering: .sequentiallyConsistent) else { return (false, nil) }
        // Read both under one lock: a success in between would remove the error.
        return plan.withLock { plan in (plan.refuses(at: now), failure.withLock { $0 }) }
    }
}

extension ConnectionPool {
    /// A slot that is reserved for a new connection.
    typealias VacantSlot = Handoff<Reservation<PooledConnection<Factory.Connection>>>

    var demand: GrowthPlan.Demand {
        GrowthPlan.Demand(waiting: lockPool.waiters, occupied: lockPool.occupied, now: time.now)
    }

    /// Counts the leased connections, if others are kept idle in addition. O(connections).
    func countUse() {
        if configuration.minimumIdleConnections == 0 { return }
        let inUse = records.indices.count { records[$0].leasedAt != 0 }
        growth.plan.withLock { $0.inUse = inUse }
    }

    /// Starts the connection attempts that are due. A suspended pool starts none.
    ///
    /// Called when a slot is vacant while a caller waits, and when an attempt or close has ended.
    /// Each of these events precedes the read of the counts under the lock, so the last call sees
    /// all of them.
    func grow() {
        if lockPool.isClosed { return }
        var started: [VacantSlot] = []
        var minimumLacks = false
        let startedAt: UInt64 = growth.plan.withLock { plan in
            // Most calls come from new waiters while the largest number of attempts is already
            // running.
            if plan.isSaturated { return 0 }
            // Read under the lock, which `suspend()` takes after it has changed the state.
            if isSuspended { return 0 }
            let demand = self.demand
            for _ in 0..<plan.connectsToStart(demand) {
                guard let reservation = lockPool.tryReserve() else { break }
                started.append(Handoff(reservation))
            }
            plan.connectsStarted(started.count, demand)
            minimumLacks = plan.lacksMinimum(occupied: demand.occupied + started.count)
            return demand.now
        }
        // The minimum is restored at a limited rate: see `GrowthPlan`.
        if minimumLacks { scheduleMaintenance() }
        if started.isEmpty { return }
        for slot in started { Task.detached { [self] in await connect(for: slot, startedAt: startedAt) } }
        setBreakerTimer()
    }

    private func connect(for vacant: VacantSlot, startedAt: UInt64) async {
        let reservation = vacant.take()
        let began = time.now
        growth.plan.withLock { $0.connectBegan(at: began, startedAt: startedAt) }
        let generation = self.generation.load(ordering: .sequentiallyConsistent)
        let operation = growth.operations.begin(.connect, at: began)
        let span = PoolSpan.connect(in: configuration.name)
        let outcome = await timeLimiter.run(within: configuration.connectTimeout.wholeNanoseconds) { [factory, hooks] in
            // If the time limit has passed before this task started, the slot belongs to another
            // attempt.
            try Task.checkCancellation()
            let connection = try await span.scope { try await factory.connect() }
            guard let afterConnect = hooks.afterConnect else { return connection }
            do {
                try await span.scope { try await afterConnect(connection) }
                return connection
            } catch {
                await factory.close(connection)
                throw error
            }
        } late: { [closer] connection in
            closer.close(connection, isCounted: false)
        }
        let now = time.now
        growth.operations.end(operation)
        // An attempt from before an eviction says nothing about the current server.
        let isCurrent = self.generation.load(ordering: .sequentiallyConsistent) == generation
        switch consume outcome {
        case .finished(let connection):
            let record = records[reservation.index]
            record.connectionMade(
                at: now,
                retireAt: retirement(from: now),
                generation: generation,
                keepAliveLead: keepAliveLead
            )
            closer.opened()
            closer.set(factory.interruption(of: connection), for: reservation.index)
            growth.succeeded(at: now)
            span.end()
            counters.withLock { $0.created += 1 }
            notify(.connected(after: .nanoseconds(Int64(clamping: now.elapsed(since: began)))))
            noteBreaker(isOpen: false)
            let current = self.generation.load(ordering: .sequentiallyConsistent)
            if case .close(let end) = decision(on: record, at: .connected(generation: current), now: now) {
                discard(connection, reservation, end)
            } else {
                fulfill(reservation, PooledConnection(connection, in: record))
            }
            scheduleMaintenance()
        case .failed(let error):
            span.end(error)
            fail(reservation, error, isCurrent: isCurrent, isPermanent: factory.isPermanent(error), at: now)
        case .timedOut:
            let error = PoolError.ConnectTimedOut(timeout: configuration.connectTimeout)
            span.end(error)
            fail(reservation, error, isCurrent: isCurrent, isPermanent: false, at: now)
        }
        grow()
        notifyShutdown()
    }

    private func fail(
        _ reservation: consuming Reservation<PooledConnection<Factory.Connection>>,
        _ error: any Error,
        isCurrent: Bool,
        isPermanent: Bool,
        at now: UInt64
    ) {
        // Without a back-off, each caller causes an attempt, and each failed attempt fails one
        // caller. This happens before the attempt counts as ended, or else another attempt would
        // start for the same caller.
        let isRetried = configuration.maximumBackoff > .zero
        if !isRetried, isCurrent, !isSuspended { refuseWaiters(error, atMost: 1) }
        let outage = growth.failed(error, at: now, isPermanent: isPermanent && isCurrent)
        reservation.abandon()
        counters.withLock { $0.connectFailures += 1 }
        notify(.connectFailed(error, failures: outage.failures))
        if !isRetried { return }
        if outage.isOpen {
            noteBreaker(isOpen: true)
            refuseWaitersWithoutConnection(error)
        }
        setTimer()
    }

    /// Ensures that the next attempt starts when it is due.
    func setTimer() {
        guard let retryAt = growth.plan.withLock({ $0.outage?.retryAt }) else { return }
        if retryAt <= time.now { return grow() }
        growth.timer.withLock { timer in
            // A failure is recorded before this check. A running timer checks for the next
            // attempt after it has cleared itself.
            if timer != nil || lockPool.isClosed { return }
            timer = Task.detached { [weak self, time, growth] in
                try? await time.sleep(until: retryAt)
                if Task.isCancelled { return }
                growth.timer.withLock { $0 = nil }
                // After concurrent failures, the next attempt is due at the time of the last
                // failure's.
                self?.setTimer()
            }
        }
    }

    /// Returns the instant at which a connection that is made now is replaced.
    private func retirement(from now: UInt64) -> UInt64 {
        guard let lifetime = configuration.maximumLifetime?.wholeNanoseconds else { return .max }
        return now &+ lifetime - UInt64(Double(lifetime) / 4 * growth.random())
    }

    /// A random time by which a connection's keepalive precedes the interval: up to a quarter, so
    /// that connections created together are not tested together.
    private var keepAliveLead: UInt64 {
        guard let interval = configuration.keepAliveInterval?.wholeNanoseconds else { return 0 }
        return UInt64(Double(interval) / 4 * growth.random())
    }

    /// Hands the connection to the longest-waiting caller, or marks it idle. A suspended pool
    /// retains it.
    func fulfill(
        _ reservation: consuming Reservation<PooledConnection<Factory.Connection>>,
        _ connection: consuming PooledConnection<Factory.Connection>
    ) {
        release(reservation.lease(connection))
    }
}
