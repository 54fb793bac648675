// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import LockPool
public import Synchronization

/// A pool of connections that are made when they are needed, judged when they come back, and handed out in the order of
/// asking.
///
/// ```swift
/// let pool = try ConnectionPool(factory: factory)
/// let answer = try await pool.withConnection { connection in
///     try await connection.ask(question)
/// }
/// ```
///
/// A caller that finds nothing idle gets in line, and the pool starts to connect if it may; whichever comes first, a
/// connection that is returned or a new one, serves who has waited longest. Making a connection does not belong to the
/// caller that caused it: when that gives up, the connection goes to the next, or is idle.
///
/// When the last reference to the pool goes, idle connections are closed, and leased ones when they come back.
public final class ConnectionPool<Factory: ConnectionFactory>: Sendable {
    /// How the pool behaves.
    public let configuration: ConnectionPoolConfiguration

    @usableFromInline let lockPool: LockPool<PooledConnection<Factory.Connection>>
    @usableFromInline let context: LeaseContext<Factory>
    @usableFromInline let factory: Factory
    @usableFromInline let time: PoolTime
    let hooks: ConnectionHooks<Factory.Connection>
    let observers: [any PoolObserver]
    @usableFromInline let isObserved: Bool
    let usesAreObserved: Bool
    let closer: Closer<Factory>
    let growth: Growth
    let places: Places
    let patient: Patient
    let rounds: RoundTimer
    /// Held while maintenance begins, or a shutdown.
    let upkeep = Locked(Upkeep.notStarted)
    let isTended = Atomic(false)
    let waitTimes = Distribution.Counts()
    let waitingTasks = WaitingTasks()
    /// The call sites that have been reported for waits of tasks that hold a connection. Held while a deadlock is decided.
    let nestings = Locked<Set<String>>([])
    /// What a suspended pool keeps from its callers.
    let suspension = Locked(Suspension())
    /// How many places there are. Held while that changes.
    let size: Locked<Int>
    /// Whether connections above a lower maximum may still be leased.
    let sizeIsUnsettled = Atomic(false)
    /// What errors of a large pool share.
    let recentState = Locked<RecentState?>(nil)
    let waitsOfHolders = Atomic(0)
    /// The counts of rare events.
    let counters = Locked(PoolCounters())
    let breaker = BreakerWatch()
    /// The snapshot that the observers were told last.
    let reported = Locked(PoolSnapshot(status: PoolStatus()))

    /// Twice the number of times that all connections were evicted.
    ///
    /// Each connection has the generation from before its connect in its record. A checkout hands it out only if that is still the
    /// pool's. Both loads can be relaxed. The slot's release and acquire carry the record's value from the connect to the checkout.
    /// A checkout that begins after ``evictAll()`` has returned happens after the addition, so coherence alone gives it the new value.
    @usableFromInline let generation = Atomic<UInt>(0)
    /// The latest `idleSince` of a connection whose test has failed.
    let suspectedSince = Atomic<UInt64>(0)
    /// How many new connections the hook `beforeHandOut` has refused in a row.
    let handOutRefusals = Atomic<Int>(0)
    /// How many calls wait for a connection, those among them that have left the line with one that has to be tested first.
    let calls = Atomic(0)
    /// When the pool is shut down, if that has been announced.
    let announcement = Locked(ShutdownAnnouncement())
    /// Nanoseconds that a caller waits who says nothing else.
    let checkoutTimeout: UInt64
    /// Nanoseconds of idleness from which on a connection is tested first.
    @usableFromInline let validateAfter: UInt64
    /// Nanoseconds of use after which a lease counts as leaked.
    let leakThreshold: UInt64
    /// Whether each checkout runs a test or a hook first.
    @usableFromInline let handOutNeedsCare: Bool

    /// A pool without connections yet.
    ///
    /// - Parameters:
    ///   - factory: Makes and closes the connections.
    ///   - configuration: How the pool behaves.
    ///   - hooks: What the program does with connections at the turns of their lives.
    ///   - observers: Are told what happens.
    ///   - clock: What deadlines and ages are measured by.
    /// - Throws: ``PoolError`` with the code `invalidConfiguration`.
    public convenience init(
        factory: Factory,
        configuration: ConnectionPoolConfiguration = .init(),
        hooks: ConnectionHooks<Factory.Connection> = .init(),
        observers: [any PoolObserver] = [],
        clock: some Clock<Duration> = ContinuousClock()
    ) throws(PoolError) {
        try self.init(
            factory: factory,
            configuration: configuration,
            hooks: hooks,
            observers: observers,
            clock: clock,
            random: { .random(in: 0..<1) }
        )
    }

    /// As the public one, with a source of random numbers from 0 up to 1.
    package init(
        factory: Factory,
        configuration: ConnectionPoolConfiguration,
        hooks: ConnectionHooks<Factory.Connection> = .init(),
        observers: [any PoolObserver] = [],
        clock: some Clock<Duration>,
        random: @escaping @Sendable () -> Double
    ) throws(PoolError) {
        try configuration.validate()
        size = Locked(configuration.maximumConnections)
        let time = PoolTime(clock)
        let patient = Patient(time: time)
        let growth = Growth(configuration, random: random)
        let closer = Closer(factory: factory, patient: patient, timeout: configuration.closeTimeout.wholeNanoseconds)
        let counters = counters
        self.configuration = configuration.named()
        self.factory = factory
        self.hooks = hooks
        self.observers = observers
        isObserved = !observers.isEmpty
        usesAreObserved = observers.contains { $0.observesUses }
        self.time = time
        rounds = RoundTimer(time: time)
        self.patient = patient
        self.growth = growth
        self.closer = closer
        let places = Places(count: configuration.maximumConnections)
        self.places = places
        checkoutTimeout = configuration.checkoutTimeout.wholeNanoseconds
        validateAfter = configuration.validateAfterIdle?.wholeNanoseconds ?? .max
        leakThreshold = configuration.leakDetectionThreshold?.wholeNanoseconds ?? .max
        handOutNeedsCare = hooks.beforeHandOut != nil || configuration.validateAfterIdle == .zero
        let context = LeaseContext<Factory>(
            factory: factory,
            time: time,
            leakThreshold: leakThreshold,
            maximumUses: configuration.maximumUses ?? .max,
            returnNeedsCare: hooks.afterReturn != nil || usesAreObserved
        )
        self.context = context
        lockPool = LockPool(
            capacity: configuration.maximumConnections,
            maximumWaiters: configuration.maximumWaiters,
            callersCreate: false,
            clock: clock,
            // The pool is closed, dropped or shrunk. The place is gone before the connection is closed. Holds the context for as
            // long as a slot is out.
            destroyElement: { element in
                growth.plan.withLock { $0.becameHomeless() }
                closer.set(nil, for: places.index(of: element.place))
                if let pool = unsafe context.pool {
                    pool.noteClosing(pool.lockPool.isClosed ? .closed : .surplus)
                } else {
                    counters.withLock { $0.closed[.closed, default: 0] += 1 }
                }
                closer.close(element.connection) {
                    growth.plan.withLock { $0.homelessClosed() }
                    unsafe context.pool?.placeIsVacant()
                }
            },
            onVacancy: { _ in unsafe context.pool?.grow() }
        )
        // Nobody can call the pool before this initialiser has ended.
        unsafe context.pool = self
    }

    deinit {
        stopTimers()
        defer {
            if isObserved, !lockPool.isClosed {
                lockPool.close()
                reportStatus()
            }
        }
        // What a suspended pool keeps is closed as what is idle.
        for slot in suspension.withLock({ $0.end() }) {
            LockGuard<PooledConnection<Factory.Connection>>(slot).release()
        }
    }

    /// How the pool's places are used now. O(connections).
    public var status: PoolStatus { status(lockPool.occupancy) }

    /// How many wait for a connection. O(1).
    package var waiters: Int { lockPool.waiters }

    /// The lease that has been out for longest.
    var oldestLease: PoolSnapshot.Lease? {
        var oldest: (place: Place, leasedAt: UInt64)?
        for index in places.indices {
            let leasedAt = places[index].leasedAt
            if leasedAt != 0, leasedAt < oldest?.leasedAt ?? .max { oldest = (places[index], leasedAt) }
        }
        return oldest.flatMap { lease($0.place) }
    }

    /// Where and how long ago the connection in a place was checked out; `nil` if it is not.
    func lease(_ place: Place) -> PoolSnapshot.Lease? {
        let (leasedAt, now) = (place.leasedAt, time.now)
        if leasedAt == 0 { return nil }
        let age = now > leasedAt ? now - leasedAt : 0
        return .init(place: place.caller.description, age: .nanoseconds(Int64(clamping: age)))
    }
}

/// The states of a pool's door.
@usableFromInline
enum Gate {
    @usableFromInline static let open = 0
    /// Callers wait, whatever is idle.
    static let suspended = 1
    /// Newcomers are refused.
    @usableFromInline static let draining = 2
}

/// What is in a slot: a connection, and where it is written what is known of it.
@frozen
@usableFromInline
struct PooledConnection<Connection: ~Copyable & Sendable>: ~Copyable, Sendable {
    @usableFromInline let connection: Connection
    @usableFromInline let place: Place

    init(_ connection: consuming Connection, in place: Place) {
        self.connection = connection
        self.place = place
    }
}
