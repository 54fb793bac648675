// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import Synchronization

/// The connections that a suspended pool retains.
struct Suspension: Sendable {
    private(set) var isSuspended = false
    private var held: [LeasedSlot] = []

    /// The number of retained connections.
    var count: Int { held.count }

    mutating func begin() { isSuspended = true }

    /// Removes all retained connections. `hold(_:)` retains them again.
    mutating func takeHeld() -> [LeasedSlot] {
        defer { held = [] }
        return held
    }

    /// Retains a leased connection if the pool is suspended.
    mutating func hold(_ slot: LeasedSlot) -> Bool {
        if isSuspended { held.append(slot) }
        return isSuspended
    }

    mutating func end() -> [LeasedSlot] {
        isSuspended = false
        defer { held = [] }
        return held
    }
}

extension ConnectionPool {
    /// Changes the largest number of connections at run time.
    ///
    /// A lower maximum closes connections: idle ones now, leased ones on their return. If other
    /// connections are idle by then, those are closed within a second instead.
    ///
    /// - Parameter maximum: From 1 to 100,000. The memory of the largest maximum stays allocated,
    ///   and what costs O(connections) follows that maximum.
    /// - Throws: ``PoolError`` with the code `invalidConfiguration` for another number.
    /// - Complexity: O(connections).
    public func resize(to maximum: Int) throws(PoolError) {
        guard ConnectionPoolConfiguration.maximumRange ~= maximum else {
            throw PoolError(
                invalid: "maximumConnections",
                "must be from 1 to 100,000, not \(maximum)",
                in: configuration.name
            )
        }
        size.withLock { size in
            size = maximum
            lockPool.addSlots(until: maximum)
            // Before a slot can be reserved.
            records.grow(to: lockPool.capacity)
            growth.plan.withLock { $0.maximum = maximum }
            lockPool.resize(to: maximum)
            sizeIsUnsettled.store(lockPool.hasGoingSlots, ordering: .relaxed)
        }
        grow()
        scheduleMaintenance()
    }

    /// Closes idle connections in place of leased ones that were to be closed.
    func closeSurplus() {
        size.withLock { size in
            if !sizeIsUnsettled.load(ordering: .relaxed) { return }
            lockPool.resize(to: size)
            sizeIsUnsettled.store(lockPool.hasGoingSlots, ordering: .relaxed)
        }
    }

    /// Suspends the pool: hands out no connection until ``resume()``, for example during a
    /// failover.
    ///
    /// Callers wait in line until ``resume()``, or until their timeouts. Current leases continue.
    /// The pool starts no connection attempt. A running attempt continues, and its failure fails
    /// no caller. ``evictAll()`` also closes the connections that the pool retains. A concurrent
    /// caller may still receive a connection.
    public func suspend() {
        suspension.withLock { suspension in
            guard
                context.checkoutState.compareExchange(
                    expected: CheckoutState.accepting,
                    desired: CheckoutState.suspended,
                    ordering: .sequentiallyConsistent
                ).exchanged
            else { return }
            suspension.begin()
        }
        // No connection attempt starts after this: see `grow()`.
        growth.plan.withLock { _ in }
        holdIdle()
    }

    /// Hands out connections again, in FIFO order.
    ///
    /// The pool connects at once for callers without a connection, whatever failed before the
    /// suspension.
    public func resume() {
        if isSuspended { growth.restart(at: time.now) }
        let held = suspension.withLock { suspension in
            _ = context.checkoutState.compareExchange(
                expected: CheckoutState.suspended,
                desired: CheckoutState.accepting,
                ordering: .sequentiallyConsistent
            )
            return suspension.end()
        }
        pass(held)
        grow()
        setTimer()
        setBreakerTimer()
        scheduleMaintenance()
    }

    /// Retains the idle connections while the pool is suspended.
    func holdIdle() {
        for index in records.indices {
            if let lease = lockPool.tryGet(slot: index) { release(lease) }
        }
    }

    /// Replaces all connections: closes idle ones now, leased ones on their return, and new ones
    /// when their attempts end. A checkout that begins after this method has returned gets none
    /// of them. For changed credentials, or another server behind the same name. O(connections).
    public func evictAll() {
        generation.add(2, ordering: .sequentiallyConsistent)
        for index in records.indices { records[index].evict() }
        for index in records.indices {
            if let lease = lockPool.tryGet(slot: index) { pass(lease, at: time.now) }
        }
        pass(suspension.withLock { $0.takeHeld() })
        grow()
        scheduleMaintenance()
    }

    /// Starts to make the connections that `minimumConnections` and `minimumIdleConnections`
    /// require. Returns at once.
    ///
    /// ``prewarm(timeout:file:line:)`` waits until they exist.
    public func prewarm() { startMaintenance() }

    /// Closes the pool: hands out no further connection, fails all waiters, and closes idle
    /// connections now and leased ones on their return.
    ///
    /// Returns when no connection is being closed. Connections may still be leased then, and a
    /// connection that is being made is closed after its attempt. Safe to call repeatedly and
    /// concurrently.
    public func close() async {
        context.checkoutState.store(CheckoutState.draining, ordering: .sequentiallyConsistent)
        lockPool.close()
        releaseHeld()
        stopTimers()
        await closer.waitUntilClosed()
        reportStatus()
    }

    /// Closes the pool as ``close()``, and suspends until no connection is left, also none that is
    /// leased or being made.
    package func closeAll() async {
        await close()
        await closer.wait { [closer, growth] in
            closer.isAllClosed && growth.plan.withLock { $0.connecting } == 0
        }
    }

    /// Shuts the pool down in order.
    ///
    /// New callers are refused. Waiting callers are served, or fail after `drain`. Idle
    /// connections are closed. Leases that still exist after `drain` are interrupted if the
    /// factory supports it. Then all connections are closed.
    ///
    /// Returns when all connections are closed, including those that are still being made, or at
    /// the latest `drain` plus twice the configuration's `closeTimeout` later: 18 seconds with
    /// the defaults. After ``beginShutdown(drain:)`` the time counts from that call. Safe to call
    /// repeatedly and concurrently. Ignores cancellation of the calling task.
    ///
    /// - Parameter drain: The time that callers and leases have to end; by default the
    ///   configuration's `drainTimeout`.
    public func shutdown(drain: Duration? = nil) async {
        refuseNewcomers()
        let began = time.now
        let drainTime = announcement.withLock { $0.remaining(of: drain ?? configuration.drainTimeout, at: began) }
        _ = await timeLimiter.run(within: drainTime) { [self] in
            await closer.wait { [self] in lockPool.waiters == 0 && calls.load(ordering: .sequentiallyConsistent) == 0 }
        } late: { _ in
        }
        lockPool.close()
        stopTimers()
        let spent = time.now.elapsed(since: began)
        _ = await timeLimiter.run(within: drainTime > spent ? drainTime - spent : 0) { [closer, growth] in
            await closer.wait { closer.isAllClosed && growth.plan.withLock { $0.connecting } == 0 }
        } late: { _ in
        }
        if !closer.isAllClosed {
            for index in records.indices where lockPool.peek(index) == .leased { closer.interrupt(index) }
            _ = await timeLimiter.run(within: configuration.closeTimeout.wholeNanoseconds) { [closer] in
                await closer.wait { closer.isAllClosed }
            } late: { _ in
            }
        }
        await closer.waitUntilClosed()
        reportStatus()
    }

    /// Refuses new callers, as the beginning of a shutdown.
    package func refuseNewcomers() {
        context.checkoutState.store(CheckoutState.draining, ordering: .sequentiallyConsistent)
        // Waiting callers still get connections, but none are made in advance. A concurrent start
        // of maintenance reads the state under this lock.
        maintenanceState.withLock { _ in growth.plan.withLock { $0.isWarm = false } }
        releaseHeld()
        // For callers that have waited in a suspended pool.
        grow()
        setTimer()
    }

    private func releaseHeld() { pass(suspension.withLock { $0.end() }) }

    private func pass(_ held: [LeasedSlot]) {
        let now = time.now
        for slot in held { pass(LockGuard(slot), at: now) }
    }
}

extension ConnectionPool {
    /// Makes `minimumConnections` connections, at least one, and suspends until they exist. A
    /// program with a wrong configuration thus fails at its start.
    ///
    /// A failed attempt is repeated as for a waiting caller, until `timeout` or
    /// `circuitBreakerThreshold` has passed, whichever is earlier. A permanent failure is not
    /// repeated. An idle connection is tested first if a caller's would be.
    ///
    /// - Parameters:
    ///   - timeout: The longest wait for all connections.
    ///   - file: The file of the call site, for errors of concurrent callers.
    ///   - line: The line of the call site.
    /// - Throws: ``PoolError``, as ``getOrCreate(timeout:file:line:)``.
    /// - Complexity: Holds the connections until all exist; other callers wait for them.
    public func prewarm(
        timeout: Duration,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws(PoolError) {
        startMaintenance()
        let (began, limit) = (time.now, timeout.wholeNanoseconds)
        let callSite = CallSite(file, line)
        var held: [LeasedSlot] = []
        defer { for slot in held { context.release(slot) } }
        repeat {
            if let idle = takeIdle(callSite) {
                held.append(idle)
                continue
            }
            let now = time.now
            let waited = now > began ? now - began : 0
            let rest = Duration.nanoseconds(Int64(limit > waited ? limit - waited : 0))
            held.append(try await waitForConnection(timeout: rest, callSite))
        } while held.count < configuration.minimumConnections && connectionCount < configuration.minimumConnections
    }

    /// The number of idle and leased connections.
    private var connectionCount: Int {
        let occupancy = lockPool.occupancy
        return occupancy.idle + occupancy.leased
    }
}
