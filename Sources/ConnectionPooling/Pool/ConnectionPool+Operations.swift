// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import Synchronization

/// The connections that a suspended pool keeps from its callers.
struct Suspension: Sendable {
    private(set) var isSuspended = false
    private var held: [LeasedSlot] = []

    /// How many connections it keeps.
    var count: Int { held.count }

    mutating func begin() { isSuspended = true }

    /// Takes all connections out. They come back by `hold(_:)`.
    mutating func takeHeld() -> [LeasedSlot] {
        defer { held = [] }
        return held
    }

    /// Keeps a connection in hand, if the pool is suspended.
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
    /// Changes how many connections there may be, at run time.
    ///
    /// Connections above a lower maximum are closed: idle ones now, leased ones when they come back or, where others are idle by
    /// then, those within a second.
    ///
    /// - Parameter maximum: From 1 to 100,000. The memory of a larger maximum stays with the pool.
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
            places.grow(to: lockPool.capacity)
            growth.plan.withLock { $0.maximum = maximum }
            lockPool.resize(to: maximum)
            sizeIsUnsettled.store(true, ordering: .relaxed)
        }
        grow()
        scheduleRound()
    }

    /// Closes idle connections where others that are leased were to go.
    func closeSurplus() {
        size.withLock { size in
            if !sizeIsUnsettled.load(ordering: .relaxed) { return }
            lockPool.resize(to: size)
            if lockPool.occupancy.leased == 0 { sizeIsUnsettled.store(false, ordering: .relaxed) }
        }
    }

    /// Hands out no connection until ``resume()``: for a failover, say.
    ///
    /// Callers wait in line until ``resume()``, or until their own timeouts. Leases that are out go on. The pool starts no connection
    /// attempt. An attempt that is under way ends, and no caller is refused if it fails. ``evictAll()`` closes also the connections that
    /// the pool keeps from its callers. A caller that asks at the same time may still be served.
    public func suspend() {
        suspension.withLock { suspension in
            guard
                context.gate.compareExchange(
                    expected: Gate.open,
                    desired: Gate.suspended,
                    ordering: .sequentiallyConsistent
                ).exchanged
            else { return }
            suspension.begin()
        }
        // After this no connection attempt starts: see `grow()`.
        growth.plan.withLock { _ in }
        holdIdle()
    }

    /// Hands out connections again, to the longest-waiting callers first.
    ///
    /// The pool connects at once for callers that find no connection, whatever failed before it was suspended.
    public func resume() {
        if isSuspended { growth.restart(at: time.now) }
        let held = suspension.withLock { suspension in
            _ = context.gate.compareExchange(
                expected: Gate.suspended,
                desired: Gate.open,
                ordering: .sequentiallyConsistent
            )
            return suspension.end()
        }
        pass(held)
        grow()
        setTimer()
        setBreakerTimer()
        scheduleRound()
    }

    /// Takes idle connections out of the callers' reach while the pool is suspended.
    func holdIdle() {
        for index in places.indices {
            if let lease = lockPool.tryGet(slot: index) { release(lease) }
        }
    }

    /// Replaces all connections: idle ones are closed now, leased ones when they come back, those that are being made when
    /// they are there. A checkout that begins when this has returned gets none of them. For credentials that have changed, or another
    /// server behind the same name. O(connections).
    public func evictAll() {
        generation.add(2, ordering: .sequentiallyConsistent)
        for index in places.indices { places[index].expire() }
        for index in places.indices {
            if let lease = lockPool.tryGet(slot: index) { pass(lease, at: time.now) }
        }
        pass(suspension.withLock { $0.takeHeld() })
        grow()
        scheduleRound()
    }

    /// Starts to make the connections that `minimumConnections` and `minimumIdleConnections` ask for. Returns at once.
    ///
    /// ``prewarm(timeout:file:line:)`` waits until they are there.
    public func prewarm() { startUpkeep() }

    /// Gives out no connection any more, fails everyone who waits, and closes what is idle now and the rest when it comes
    /// back.
    ///
    /// Returns when no connection is being closed any more; leased ones may still be out, and one that is being made is closed
    /// when it is there. Safe to call again, and from several tasks at once.
    public func close() async {
        context.gate.store(Gate.draining, ordering: .sequentiallyConsistent)
        lockPool.close()
        releaseHeld()
        stopTimers()
        await closer.waitUntilClosed()
        reportStatus()
    }

    /// Ends the pool in order: newcomers are refused; who waits is served, or fails when `drain` is over; what is idle is
    /// closed; leases that are still out then are interrupted, as far as the factory has means; and everything is closed.
    ///
    /// Returns when everything is closed, also what is still being made, or at the latest `drain` and twice the configuration's
    /// `closeTimeout` later: with the defaults after 18 seconds. After ``beginShutdown(drain:)`` the time counts from that call. Safe to
    /// call again, and from several tasks at once. A cancellation of the calling task changes nothing.
    ///
    /// - Parameter drain: How long callers and leases have to end by themselves; by default the configuration's `drainTimeout`.
    public func shutdown(drain: Duration? = nil) async {
        refuseNewcomers()
        let began = time.now
        let patience = announcement.withLock { $0.remaining(of: drain ?? configuration.drainTimeout, at: began) }
        _ = await patient.run(within: patience) { [self] in
            await closer.wait { [self] in lockPool.waiters == 0 && calls.load(ordering: .sequentiallyConsistent) == 0 }
        } late: { _ in
        }
        lockPool.close()
        stopTimers()
        let spent = time.now.elapsed(since: began)
        _ = await patient.run(within: patience > spent ? patience - spent : 0) { [closer, growth] in
            await closer.wait { closer.isAllClosed && growth.plan.withLock { $0.connecting } == 0 }
        } late: { _ in
        }
        if !closer.isAllClosed {
            for index in places.indices where lockPool.peek(index) == .leased { closer.interrupt(index) }
            _ = await patient.run(within: configuration.closeTimeout.wholeNanoseconds) { [closer] in
                await closer.wait { closer.isAllClosed }
            } late: { _ in
            }
        }
        await closer.waitUntilClosed()
        reportStatus()
    }

    /// Lets nobody get in line any more, as the beginning of a shutdown.
    package func refuseNewcomers() {
        context.gate.store(Gate.draining, ordering: .sequentiallyConsistent)
        // Who waits still gets a connection, but nothing is made for later. Who is just about to start the upkeep has looked at the
        // gate in this lock.
        upkeep.withLock { _ in growth.plan.withLock { $0.isWarm = false } }
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
