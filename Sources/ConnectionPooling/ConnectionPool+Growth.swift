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
    /// How often all connections were evicted.
    let generation = Atomic(0)
    private let failure = Locked<(any Error)?>(nil)
    /// Waits for the time of the next attempt.
    let timer = Locked<Task<Void, Never>?>(nil)

    /// From 0 up to 1.
    let random: @Sendable () -> Double

    init(_ configuration: ConnectionPoolConfiguration, random: @escaping @Sendable () -> Double) {
        self.random = random
        plan = Locked(
            GrowthPlan(
                maximum: configuration.maximumConnections,
                minimum: configuration.minimumConnections,
                concurrent: configuration.maximumConcurrentConnects,
                backoff: Backoff(
                    base: configuration.initialBackoff.wholeNanoseconds,
                    most: configuration.maximumBackoff.wholeNanoseconds
                ),
                patience: configuration.circuitBreakerThreshold.wholeNanoseconds
            )
        )
    }

    /// Why the last attempt failed; `nil` if it succeeded, or there was none.
    var lastFailure: (any Error)? { failure.withLock { $0 } }

    /// Notes why an attempt failed, for those who are told of it.
    func note(_ error: any Error) { failure.withLock { $0 = error } }

    func succeeded() {
        plan.withLock { plan in
            plan.connectSucceeded()
            failure.withLock { $0 = nil }
            isFailing.store(false, ordering: .sequentiallyConsistent)
        }
    }

    func failed(at now: UInt64, isPermanent: Bool) -> GrowthPlan.Outage {
        plan.withLock { plan in
            isFailing.store(true, ordering: .sequentiallyConsistent)
            return plan.connectFailed(at: now, isPermanent: isPermanent, random: random())
        }
    }

    /// Whether callers are to be refused at once.
    func refuses(at now: UInt64) -> Bool {
        isFailing.load(ordering: .sequentiallyConsistent) && plan.withLock { $0.refuses(at: now) }
    }
}

extension ConnectionPool {
    /// A place for a connection that is being made.
    typealias VacantPlace = Handoff<Reservation<PooledConnection<Factory.Connection>>>

    var demand: GrowthPlan.Demand {
        GrowthPlan.Demand(waiting: lockPool.waiters, occupied: lockPool.occupancy.occupied, now: time.now)
    }

    /// Starts the connects that are due.
    ///
    /// Called when a place is vacant while somebody waits, and when a connect or close has ended. Each of these comes before
    /// this reads the counts, in the lock: whoever is last sees that there is something to do.
    func grow() {
        if lockPool.isClosed { return }
        var started: [VacantPlace] = []
        growth.plan.withLock { plan in
            // Most calls come from callers that get in line while as many connects as may are under way.
            if plan.isSaturated { return }
            for _ in 0..<plan.connectsToStart(demand) {
                guard let reservation = lockPool.tryReserve() else { break }
                plan.connectStarted()
                started.append(Handoff(reservation))
            }
        }
        for place in started { Task.detached { [self] in await connect(for: place) } }
    }

    private func connect(for vacant: VacantPlace) async {
        let reservation = vacant.take()
        let began = time.now
        let generation = growth.generation.load(ordering: .sequentiallyConsistent)
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
        switch consume outcome {
        case .finished(let connection):
            let place = places[reservation.index]
            place.welcome(at: now, retireAt: retirement(from: now))
            closer.opened()
            closer.set(factory.interruption(of: connection), for: reservation.index)
            growth.succeeded()
            span.end()
            notify(.connected(after: .nanoseconds(Int64(now - began))))
            if growth.generation.load(ordering: .sequentiallyConsistent) == generation {
                fulfill(reservation, PooledConnection(connection, in: place))
            } else {
                discard(connection, reservation, .evicted)
            }
            scheduleRound()
        case .failed(let error):
            span.end(error)
            fail(reservation, error, isPermanent: factory.isPermanent(error), at: now)
        case .timedOut:
            let error = ConnectTimedOut(timeout: configuration.connectTimeout)
            span.end(error)
            fail(reservation, error, isPermanent: false, at: now)
        }
        grow()
        tellShutdown()
    }

    private func fail(
        _ reservation: consuming Reservation<PooledConnection<Factory.Connection>>,
        _ error: any Error,
        isPermanent: Bool,
        at now: UInt64
    ) {
        growth.note(error)
        // Without a back-off an attempt is made for each caller, and told to one: before it counts as over, or another would be
        // made for the same caller.
        let isRetried = configuration.maximumBackoff > .zero
        if !isRetried { _ = lockPool.failOldestWaiter() }
        let outage = growth.failed(at: now, isPermanent: isPermanent)
        reservation.abandon()
        notify(.connectFailed(error, failures: outage.failures))
        if !isRetried { return }
        // Where there is a connection, whoever waits gets that in turn. Nobody is to wait for what is not there.
        if outage.isOpen, !hasConnections { while lockPool.failOldestWaiter() {} }
        setTimer()
    }

    /// Sees to it that the next attempt is made when its time has come.
    private func setTimer() {
        let now = time.now
        guard let retryAt = growth.plan.withLock({ $0.outage?.retryAt }) else { return }
        if retryAt <= now { return grow() }
        growth.timer.withLock { timer in
            // Whoever finds a timer has noted its failure before, and the timer looks when the next attempt is after it has gone.
            if timer != nil || lockPool.isClosed { return }
            timer = Task.detached { [weak self, time, growth] in
                try? await time.sleep(nanoseconds: retryAt - now)
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
