// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import LockPool
public import Synchronization

/// A pool of connections that are made on demand, validated on return and handed out in FIFO
/// order.
///
/// ```swift
/// let pool = try ConnectionPool(factory: factory)
/// let answer = try await pool.withConnection { connection in
///     try await connection.ask(question)
/// }
/// ```
///
/// A caller that finds no idle connection gets in line, and the pool starts to connect if it has
/// a vacant slot. The first available connection, returned or new, goes to the longest-waiting
/// caller. Cancelling a waiter does not cancel a connection attempt: the new connection goes to
/// the next caller, or becomes idle.
///
/// When the last reference to the pool ends, idle connections are closed, and leased ones on
/// their return.
public final class ConnectionPool<Factory: ConnectionFactory>: Sendable {
    /// The settings of the pool.
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
    let records: ConnectionRecords
    let timeLimiter: TimeLimiter
    let maintenanceTimer: MaintenanceTimer
    /// Locked while maintenance starts, or a shutdown.
    let maintenanceState = Locked(MaintenanceState.notStarted)
    let isMaintained = Atomic(false)
    let waitTimes = DurationHistogram.Counts()
    let waitingTasks = WaitingTasks()
    /// The call sites that have been reported for waits of tasks that hold a connection. Locked
    /// while a deadlock is decided.
    let nestedCheckouts = Locked<Set<String>>([])
    /// The connections that a suspended pool retains.
    let suspension = Locked(Suspension())
    /// The largest number of connections. Locked while it changes.
    let size: Locked<Int>
    /// Whether connections above a lower maximum may still be leased.
    let sizeIsUnsettled = Atomic(false)
    /// The state that errors of a large pool share.
    let recentState = Locked<RecentState?>(nil)
    let waitsOfHolders = Atomic(0)
    /// The counts of rare events.
    let counters = Locked(PoolCounters())
    let breaker = CircuitBreakerMonitor()
    /// The reports to the observers.
    let reports = Locked(StatusReports())

    /// Twice the number of evictions of all connections.
    ///
    /// The record of each connection has the generation from before its connection attempt. A
    /// checkout hands the connection out only if the pool's generation is still the same. Both
    /// loads can be relaxed. The slot's release and acquire carry the record's value from the
    /// attempt to the checkout. A checkout that begins after ``evictAll()`` has returned happens
    /// after the addition, so coherence alone ensures that it reads the new value.
    @usableFromInline let generation = Atomic<UInt>(0)
    /// The latest `idleSince` of a connection whose test has failed.
    let suspectedSince = Atomic<UInt64>(0)
    /// The number of new connections that the hook `beforeHandOut` has rejected in a row.
    let handOutRefusals = Atomic<Int>(0)
    /// The number of calls that wait for a connection, including those that have left the line
    /// with one that must be tested first.
    let calls = Atomic(0)
    /// The announced shutdown, if there is one.
    let announcement = Locked(ShutdownAnnouncement())
    /// The timeout of a caller without one of its own, in nanoseconds.
    let checkoutTimeout: UInt64
    /// Nanoseconds of use after which a lease counts as leaked.
    let leakThreshold: UInt64
    /// Whether each checkout runs a test or a hook first.
    @usableFromInline let preparesEachCheckout: Bool

    /// Creates a pool without connections.
    ///
    /// - Parameters:
    ///   - factory: Makes and closes the connections.
    ///   - configuration: The settings of the pool.
    ///   - hooks: Callbacks for connection lifecycle events.
    ///   - observers: Receive the pool's events and reports.
    ///   - clock: The clock of deadlines and ages.
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

    /// Creates a pool with a source of random numbers from 0 up to 1.
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
        let timeLimiter = TimeLimiter(time: time)
        let growth = Growth(configuration, random: random)
        let closer = Closer(
            factory: factory,
            timeLimiter: timeLimiter,
            timeout: configuration.closeTimeout.wholeNanoseconds
        )
        let counters = counters
        self.configuration = configuration.named()
        self.factory = factory
        self.hooks = hooks
        self.observers = observers
        isObserved = !observers.isEmpty
        usesAreObserved = observers.contains { $0.observesUses }
        self.time = time
        maintenanceTimer = MaintenanceTimer(time: time)
        self.timeLimiter = timeLimiter
        self.growth = growth
        self.closer = closer
        let records = ConnectionRecords(count: configuration.maximumConnections)
        self.records = records
        checkoutTimeout = configuration.checkoutTimeout.wholeNanoseconds
        leakThreshold = configuration.leakDetectionThreshold?.wholeNanoseconds ?? .max
        preparesEachCheckout = hooks.beforeHandOut != nil || configuration.validateAfterIdle == .zero
        let context = LeaseContext<Factory>(
            factory: factory,
            time: time,
            leakThreshold: leakThreshold,
            policy: LifecyclePolicy(configuration),
            returnTakesSlowPath: hooks.afterReturn != nil || usesAreObserved
        )
        self.context = context
        lockPool = LockPool(
            capacity: configuration.maximumConnections,
            maximumWaiters: configuration.maximumWaiters,
            callersCreate: false,
            clock: clock,
            // The pool is closed, dropped or shrunk. The slot is retired before the connection is
            // closed. The closure retains the context as long as a slot is leased.
            destroyElement: { element in
                growth.plan.withLock { $0.slotlessCloseBegan() }
                closer.set(nil, for: records.index(of: element.record))
                if let pool = unsafe context.pool {
                    pool.noteClosing(pool.lockPool.isClosed ? .closed : .surplus)
                } else {
                    counters.withLock { $0.closed[.closed, default: 0] += 1 }
                }
                closer.close(element.connection) {
                    growth.plan.withLock { $0.slotlessCloseEnded() }
                    unsafe context.pool?.slotIsVacant()
                }
            },
            onVacancy: { _ in unsafe context.pool?.grow() }
        )
        // No other thread can call the pool before this initializer has returned.
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
        // Closes the connections that a suspended pool retains, as it closes idle ones.
        for slot in suspension.withLock({ $0.end() }) {
            LockGuard<PooledConnection<Factory.Connection>>(slot).release()
        }
    }

    /// The current use of the pool's slots. O(connections).
    public var status: PoolStatus { status(lockPool.occupancy) }

    /// The number of waiters. O(1).
    package var waiters: Int { lockPool.waiters }

    /// The oldest current lease.
    var oldestLease: PoolSnapshot.Lease? {
        var oldest: (record: ConnectionRecord, leasedAt: UInt64)?
        for index in records.indices {
            let leasedAt = records[index].leasedAt
            if leasedAt != 0, leasedAt < oldest?.leasedAt ?? .max { oldest = (records[index], leasedAt) }
        }
        return oldest.flatMap { lease($0.record) }
    }

    /// Returns the lease of the connection in a slot; `nil` if it is not leased.
    func lease(_ record: ConnectionRecord) -> PoolSnapshot.Lease? {
        let (leasedAt, now) = (record.leasedAt, time.now)
        if leasedAt == 0 { return nil }
        let age = now > leasedAt ? now - leasedAt : 0
        return .init(callSite: record.callSite.description, age: .nanoseconds(Int64(clamping: age)))
    }
}

/// The element of a slot: a connection and the reference to its record.
@frozen
@usableFromInline
struct PooledConnection<Connection: ~Copyable & Sendable>: ~Copyable, Sendable {
    @usableFromInline let connection: Connection
    @usableFromInline let record: ConnectionRecord

    init(_ connection: consuming Connection, in record: ConnectionRecord) {
        self.connection = connection
        self.record = record
    }
}
