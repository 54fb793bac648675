// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import Synchronization

/// What the pool remembers of its attempts to connect.
final class Growth: Sendable {
    let plan: Locked<GrowthPlan>
    /// Whether the last attempt to connect failed: what every caller who has to wait looks at, instead of the plan.
    private let isFailing = Atomic(false)
    private let failure = Locked<(any Error)?>(nil)
    /// Waits for the time of the next attempt.
    let timer = Locked<Task<Void, Never>?>(nil)
    /// Waits for the time at which the circuit breaker opens.
    let breakerTimer = Locked<Task<Void, Never>?>(nil)
    /// Why waiters were refused that have not read it yet.
    let causes = RefusalCauses()
    /// What the pool does for its connections.
    let operations = OperationsUnderWay()

    /// From 0 up to 1.
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
            patience: configuration.circuitBreakerThreshold.wholeNanoseconds
        )
        plan.minimumIdle = configuration.minimumIdleConnections
        self.plan = Locked(plan)
    }

    /// Why the last attempt failed; `nil` if it succeeded, or there was none.
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

    /// Opens the circuit breaker if its time has come.
    ///
    /// - Returns: Whether its time has come.
    func openBreaker(_ demand: @autoclosure () -> GrowthPlan.Demand) -> Bool {
        plan.withLock { plan in
            let isOpen = plan.openBreaker(demand())
            if isOpen { isFailing.store(true, ordering: .sequentiallyConsistent) }
            return isOpen
        }
    }

    /// Forgets that attempts have failed, but not why.
    func restart(at now: UInt64) {
        plan.withLock { plan in
            plan.restart(at: now)
            isFailing.store(false, ordering: .sequentiallyConsistent)
        }
    }

    /// Whether callers are to be refused at once, and why if an attempt has failed since the last success.
    func refusal(at now: UInt64) -> (isRefused: Bool, failure: (any Error)?) {
        guard isFailing.load(ordering: .sequentiallyConsistent) else { return (false, nil) }
        // In one lock: a success between the two would take the reason away.
        return plan.withLock { plan in (plan.refuses(at: now), failure.withLock { $0 }) }
    }
}

extension ConnectionPool {
    /// A place for a connection that is being made.
    typealias VacantPlace = Handoff<Reservation<PooledConnection<Factory.Connection>>>

    var demand: GrowthPlan.Demand {
        GrowthPlan.Demand(waiting: lockPool.waiters, occupied: lockPool.occupied, now: time.now)
    }

    /// Counts the connections that callers have, if any are to be kept idle beside them. O(connections).
    func countUse() {
        if configuration.minimumIdleConnections == 0 { return }
        let inUse = places.indices.count { places[$0].leasedAt != 0 }
        growth.plan.withLock { $0.inUse = inUse }
    }

    /// Starts the connects that are due. A suspended pool starts none.
    ///
    /// Called when a place is vacant while a caller waits, and when a connect or close has ended. Each of these comes before
    /// this reads the counts, in the lock: the last of them sees that there is something to do.
    func grow() {
        if lockPool.isClosed { return }
        var started: [VacantPlace] = []
        var minimumLacks = false
        let startedAt: UInt64 = growth.plan.withLock { plan in
            // Most calls come from callers that get in line while as many connects as may are under way.
            if plan.isSaturated { return 0 }
            // In the lock, which `suspend()` takes after it has changed the gate.
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
        // The minimum is made at a limited pace: see `GrowthPlan`.
        if minimumLacks { scheduleRound() }
        if started.isEmpty { return }
        for place in started { Task.detached { [self] in await connect(for: place, startedAt: startedAt) } }
        setBreakerTimer()
    }

    private func connect(for vacant: VacantPlace, startedAt: UInt64) async {
        let reservation = vacant.take()
        let began = time.now
        growth.plan.withLock { $0.connectBegan(at: began, startedAt: startedAt) }
        let generation = self.generation.load(ordering: .sequentiallyConsistent)
        let operation = growth.operations.begin(.connect, at: began)
        let span = PoolSpan.connect(in: configuration.name)
        let outcome = await patient.run(within: configuration.connectTimeout.wholeNanoseconds) { [factory, hooks] in
            // Where the time was over before this began, its place is another's.
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
        // What began before an eviction tells nothing of the server that is there now.
        let isCurrent = self.generation.load(ordering: .sequentiallyConsistent) == generation
        switch consume outcome {
        case .finished(let connection):
            let place = places[reservation.index]
            place.welcome(
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
            if self.generation.load(ordering: .sequentiallyConsistent) == generation {
                fulfill(reservation, PooledConnection(connection, in: place))
            } else {
                discard(connection, reservation, .evicted)
            }
            scheduleRound()
        case .failed(let error):
            span.end(error)
            fail(reservation, error, isCurrent: isCurrent, isPermanent: factory.isPermanent(error), at: now)
        case .timedOut:
            let error = ConnectTimedOut(timeout: configuration.connectTimeout)
            span.end(error)
            fail(reservation, error, isCurrent: isCurrent, isPermanent: false, at: now)
        }
        grow()
        tellShutdown()
    }

    private func fail(
        _ reservation: consuming Reservation<PooledConnection<Factory.Connection>>,
        _ error: any Error,
        isCurrent: Bool,
        isPermanent: Bool,
        at now: UInt64
    ) {
        // Without a back-off an attempt is made for each caller, and told to one: before it counts as over, or another would be
        // made for the same caller.
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

    /// Sees to it that the next attempt is made when its time has come.
    func setTimer() {
        guard let retryAt = growth.plan.withLock({ $0.outage?.retryAt }) else { return }
        if retryAt <= time.now { return grow() }
        growth.timer.withLock { timer in
            // Whoever finds a timer has noted its failure before, and the timer looks when the next attempt is after it has gone.
            if timer != nil || lockPool.isClosed { return }
            timer = Task.detached { [weak self, time, growth] in
                try? await time.sleep(until: retryAt)
                if Task.isCancelled { return }
                growth.timer.withLock { $0 = nil }
                // Where connects have failed side by side, the attempt is due at the time of the last.
                self?.setTimer()
            }
        }
    }

    /// When a connection that is made now is to be replaced.
    private func retirement(from now: UInt64) -> UInt64 {
        guard let lifetime = configuration.maximumLifetime?.wholeNanoseconds else { return .max }
        return now &+ lifetime - UInt64(Double(lifetime) / 4 * growth.random())
    }

    /// How long before the interval a connection's keepalive is due: up to a quarter, so that connections made together are not tested
    /// together.
    private var keepAliveLead: UInt64 {
        guard let interval = configuration.keepAliveInterval?.wholeNanoseconds else { return 0 }
        return UInt64(Double(interval) / 4 * growth.random())
    }

    /// Gives a connection to who has waited longest, else it is idle; a suspended pool keeps it.
    func fulfill(
        _ reservation: consuming Reservation<PooledConnection<Factory.Connection>>,
        _ connection: consuming PooledConnection<Factory.Connection>
    ) {
        release(reservation.lease(connection))
    }
}

/// A connect took longer than the pool allows.
public struct ConnectTimedOut: Error, Hashable, CustomStringConvertible {
    /// How long it may take.
    public let timeout: Duration

    /// What happened.
    public var description: String { "the connect took longer than \(timeout)" }
}
