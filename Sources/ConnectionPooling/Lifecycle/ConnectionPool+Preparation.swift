// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import LockPool
import Synchronization

// Between the lease of an idle connection and its hand-out: the eviction check, the test of a connection that was idle for long, and the
// hook `beforeHandOut`.

extension ConnectionPool {
    /// Prepares a leased connection for a caller that waits.
    ///
    /// The caller starts one test at a time. It awaits the test while other connections are idle. If the test takes long, the caller
    /// leaves it, and tests the next or, where no other is idle, gets in line; there the pool connects for it if it has room.
    ///
    /// - Returns: The slot of a connection to hand out; `nil` if the caller has to get in line again.
    /// - Throws: ``PoolError`` if the task is cancelled, the deadline is over, or the hook refuses in a pool without back-off.
    @usableFromInline
    func prepare(_ slot: LeasedSlot, for wait: inout CheckoutWait) async throws(PoolError) -> LeasedSlot? {
        var slot = slot
        let now = time.now
        if discardEvicted(slot) { return nil }
        if needsTest(record(of: slot), at: now, since: wait.began) {
            if let fresh = leaseFresh(at: now) {
                release(LockGuard(slot))
                slot = fresh
            } else if hasIdle {
                guard let tested = try await testAwaited(slot, for: &wait) else { return nil }
                slot = tested
            } else {
                // In line the caller gets whichever is there first: this one, another that is returned, or a new one.
                test(LockGuard(slot))
                return nil
            }
        }
        if let beforeHandOut = hooks.beforeHandOut {
            guard let approved = try await approve(slot, beforeHandOut, for: &wait) else { return nil }
            slot = approved
        }
        if discardEvicted(slot) { return nil }
        if context.gate.load(ordering: .sequentiallyConsistent) == Gate.suspended {
            release(LockGuard(slot))
            return nil
        }
        return slot
    }

    /// As `prepare`, for a thread, which it blocks.
    @available(*, noasync)
    func prepareBlocking(_ slot: LeasedSlot, for wait: inout CheckoutWait) throws(PoolError) -> LeasedSlot? {
        typealias Answer = (slot: Swift.Result<LeasedSlot?, PoolError>, wait: CheckoutWait)
        let mailbox = LockPool<Answer>(capacity: 1, maximumWaiters: 1, onVacancy: { _ in })
        guard let reservation = mailbox.tryReserve() else { preconditionFailure("A new pool has a vacant slot.") }
        let (reply, began) = (Handoff(reservation), wait)
        Task.detached { [self] in
            var wait = began
            let result: Swift.Result<LeasedSlot?, PoolError>
            do throws(PoolError) {
                result = .success(try await prepare(slot, for: &wait))
            } catch {
                result = .failure(error)
            }
            reply.take().fulfill((result, wait))
        }
        let answer: Answer
        do {
            answer = try mailbox.getBlocking().element
        } catch {
            preconditionFailure("A pool that is neither closed nor too small has an element in the end: \(error)")
        }
        wait = answer.wait
        return try answer.slot.get()
    }

    /// Finds another connection than a leased one that cannot be handed out now, for a caller that does not suspend.
    ///
    /// - Parameter testsOther: Whether the leased one is tested in the background if no other is there.
    @usableFromInline
    func takeOther(than slot: LeasedSlot, at now: UInt64, testsOther: Bool) -> LeasedSlot? {
        let fresh = leaseFresh(at: now)
        if discardEvicted(slot) { return fresh }
        if fresh == nil, testsOther { test(LockGuard(slot)) } else { release(LockGuard(slot)) }
        return fresh
    }

    /// Closes a leased connection if it is evicted.
    ///
    /// - Returns: Whether it was.
    private func discardEvicted(_ slot: LeasedSlot) -> Bool {
        let isEvicted = (record(of: slot).generation ^ generation.load(ordering: .relaxed)) > 1
        if isEvicted { discard(LockGuard(slot), .evicted) }
        return isEvicted
    }

    /// Whether a connection has to be tested before a caller gets it.
    ///
    /// A test, or a connect, that has ended since the caller came is not repeated: or else a caller whose connection comes by way of
    /// the line would never get one where each checkout is tested.
    private func needsTest(_ place: Place, at now: UInt64, since began: UInt64) -> Bool {
        if place.isSuspect { return true }
        if place.isTestedSinceUse, place.idleSince >= began { return false }
        return place.idleTime(at: now) >= validateAfter
    }

    /// Leases an idle connection that needs no test, if there is one. O(connections).
    private func leaseFresh(at now: UInt64) -> LeasedSlot? {
        for index in places.indices where lockPool.peek(index) == .idle && isFresh(places[index], at: now) {
            guard let lease = lockPool.tryGet(slot: index) else { continue }
            if isFresh(lease.element.place, at: now) { return lease.detach() }
            release(lease)
        }
        return nil
    }

    private func isFresh(_ place: Place, at now: UInt64) -> Bool {
        place.idleTime(at: now) < validateAfter && place.generation == generation.load(ordering: .relaxed)
    }

    private var hasIdle: Bool { places.indices.contains { lockPool.peek($0) == .idle } }

    // MARK: Tests

    /// Tests a connection, and awaits that for a while: the first test for a sixteenth of `resetTimeout`, each further one for half as
    /// long as the one before, so that a caller that meets only connections that hang has them all tested soon.
    private func testAwaited(_ slot: LeasedSlot, for wait: inout CheckoutWait) async throws(PoolError) -> LeasedSlot? {
        let treatment = AwaitedTreatment()
        test(LockGuard(slot), for: treatment)
        let limit = (configuration.resetTimeout.wholeNanoseconds / 16) >> UInt64(min(wait.unfinishedTests, 63))
        return try await outcome(of: treatment, within: limit, for: &wait)
    }

    /// Awaits a treatment.
    ///
    /// - Returns: The treated connection; `nil` if the treatment has failed, or lasts longer than `limit`.
    private func outcome(
        of treatment: AwaitedTreatment,
        within limit: UInt64,
        for wait: inout CheckoutWait
    ) async throws(PoolError) -> LeasedSlot? {
        switch await treatment.outcome(within: min(limit, wait.rest(at: time.now)), time) {
        case .succeeded(let slot): return slot
        case .failed: return nil
        case .left:
            if Task.isCancelled { throw error(.cancelled, since: wait.began) }
            if wait.rest(at: time.now) == 0 { throw error(.timedOut, since: wait.began, cause: wait.cause) }
            wait.unfinishedTests += 1
            return nil
        }
    }

    /// Has each connection tested before its next use that was last used or tested no later than one whose test has failed: what has
    /// ended that one may have ended these.
    func suspectOthers(than failed: Place) {
        let since = failed.idleSince
        // The others are marked already. A connection that becomes idle later has been used later.
        if since <= suspectedSince.load(ordering: .relaxed) { return }
        suspectedSince.store(since, ordering: .relaxed)
        for index in places.indices {
            let place = places[index]
            if place.leasedAt == 0, place.idleSince <= since { place.suspect() }
        }
        scheduleRound()
    }

    // MARK: Hooks

    /// The state of a connection, for hooks.
    func status(of place: Place, at now: UInt64) -> ConnectionStatus {
        let age = now > place.bornAt ? now - place.bornAt : 0
        return ConnectionStatus(
            age: .nanoseconds(Int64(clamping: age)),
            idleTime: .nanoseconds(Int64(clamping: place.unusedTime(at: now))),
            uses: place.uses
        )
    }

    /// Asks the hook whether a caller can have a connection.
    private func approve(
        _ slot: LeasedSlot,
        _ beforeHandOut: @escaping @Sendable (borrowing Factory.Connection, ConnectionStatus) async -> Bool,
        for wait: inout CheckoutWait
    ) async throws(PoolError) -> LeasedSlot? {
        let (treatment, status) = (AwaitedTreatment(), status(of: record(of: slot), at: time.now))
        treat(LockGuard(slot), .hook, .broken, for: treatment) { connection in await beforeHandOut(connection, status) }
        if let approved = try await outcome(of: treatment, within: .max, for: &wait) {
            if handOutRefusals.load(ordering: .relaxed) != 0 { handOutRefusals.store(0, ordering: .relaxed) }
            return approved
        }
        // There are only so many connections that were used before. New ones come without end.
        if status.uses == 0 { try await backOff(for: &wait) }
        return nil
    }

    /// Suspends for as long as after a failed connect, because the hook has refused a new connection.
    private func backOff(for wait: inout CheckoutWait) async throws(PoolError) {
        let refusals = handOutRefusals.add(1, ordering: .relaxed).newValue
        let cause = HandOutRefused(refusals: refusals)
        wait.cause = cause
        let most = configuration.maximumBackoff.wholeNanoseconds
        if most == 0 {
            // A suspended pool refuses no caller: it gets in line again.
            if isSuspended { return }
            throw error(.connectFailed, since: wait.began, cause: cause)
        }
        let least: UInt64 = 1_000_000
        let backoff = Backoff(base: max(configuration.initialBackoff.wholeNanoseconds, least), most: max(most, least))
        let pause = max(backoff.delay(failures: refusals, random: growth.random()), least)
        do {
            try await time.sleep(nanoseconds: min(pause, wait.rest(at: time.now)))
        } catch {
            throw self.error(.cancelled, since: wait.began)
        }
    }
}

/// The hook ``ConnectionHooks/beforeHandOut`` has refused new connections.
public struct HandOutRefused: Error, Hashable, CustomStringConvertible {
    /// The number of new connections that the hook has refused in a row.
    public let refusals: Int

    /// A description of the refusals.
    public var description: String {
        "the hook beforeHandOut has refused \(refusals) new connection\(refusals == 1 ? "" : "s") in a row"
    }
}
