// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import LockPool
import Synchronization

// The preparation of a leased idle connection for a caller: the eviction check, the test of a
// connection that was idle for long, and the hook `beforeHandOut`.

extension ConnectionPool {
    /// Prepares a leased connection for a waiting caller.
    ///
    /// The caller starts one test at a time. It waits for the test while other connections are
    /// idle. If the test takes long, the caller leaves it and tests the next connection. If no
    /// other is idle, the caller gets in line, and the pool connects for it if it has a vacant
    /// slot.
    ///
    /// - Returns: The slot of a connection to hand out; `nil` if the caller has to get in line
    ///   again.
    /// - Throws: ``PoolError`` if the task is cancelled, if the deadline has passed, or if the
    ///   hook rejects the connection in a pool without back-off.
    @usableFromInline
    func prepare(_ slot: LeasedSlot, for wait: inout CheckoutWait) async throws(PoolError) -> LeasedSlot? {
        var slot = slot
        let now = time.now
        switch decision(on: slot, at: handOut(arrival: wait.began), now: now) {
        case .close(let end):
            discard(LockGuard(slot), end)
            return nil
        case .ping:
            if let fresh = leaseFresh(at: now) {
                release(LockGuard(slot))
                slot = fresh
            } else if hasIdle {
                guard let tested = try await testAwaited(slot, for: &wait) else { return nil }
                slot = tested
            } else {
                // In line, the caller gets the first available connection: this one, another
                // returned one, or a new one.
                test(LockGuard(slot))
                return nil
            }
        default: break
        }
        if let beforeHandOut = hooks.beforeHandOut {
            guard let approved = try await approve(slot, beforeHandOut, for: &wait) else { return nil }
            slot = approved
        }
        let prepared = LifecycleEvent.prepared(generation: generation.load(ordering: .relaxed))
        if case .close(let end) = decision(on: slot, at: prepared, now: now) {
            discard(LockGuard(slot), end)
            return nil
        }
        if context.checkoutState.load(ordering: .sequentiallyConsistent) == CheckoutState.suspended {
            release(LockGuard(slot))
            return nil
        }
        return slot
    }

    /// The form of `prepare` that blocks the calling thread.
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

    /// Finds a replacement for a leased connection that cannot be handed out now, for a caller
    /// that does not suspend.
    ///
    /// - Parameter testsOther: Whether the leased connection is tested in the background if there
    ///   is no replacement.
    @usableFromInline
    func takeOther(than slot: LeasedSlot, at now: UInt64, testsOther: Bool) -> LeasedSlot? {
        let fresh = leaseFresh(at: now)
        if case .close(let end) = decision(on: slot, at: handOut(arrival: .max), now: now) {
            discard(LockGuard(slot), end)
        } else if fresh == nil, testsOther {
            test(LockGuard(slot))
        } else {
            release(LockGuard(slot))
        }
        return fresh
    }

    private func decision(on slot: LeasedSlot, at event: LifecycleEvent, now: UInt64) -> LifecycleDecision {
        decision(on: connectionRecord(of: slot), at: event, now: now)
    }

    /// Leases an idle connection that needs no test, if there is one. O(connections).
    private func leaseFresh(at now: UInt64) -> LeasedSlot? {
        for index in records.indices where lockPool.peek(index) == .idle && isFresh(records[index], at: now) {
            guard let lease = lockPool.tryGet(slot: index) else { continue }
            if isFresh(lease.element.record, at: now) { return lease.detach() }
            release(lease)
        }
        return nil
    }

    private var hasIdle: Bool { records.indices.contains { lockPool.peek($0) == .idle } }

    // MARK: Tests

    /// Tests a connection and waits for the result for a limited time: a sixteenth of
    /// `resetTimeout` for the first test, and half of the previous time for each further test. A
    /// caller that meets only hanging connections thus soon has all of them tested.
    private func testAwaited(_ slot: LeasedSlot, for wait: inout CheckoutWait) async throws(PoolError) -> LeasedSlot? {
        let treatment = AwaitedOperation()
        test(LockGuard(slot), for: treatment)
        let limit = (configuration.resetTimeout.wholeNanoseconds / 16) >> UInt64(min(wait.unfinishedTests, 63))
        return try await outcome(of: treatment, within: limit, for: &wait)
    }

    /// Waits for an operation on a connection.
    ///
    /// - Returns: The slot of the connection; `nil` if the operation has failed or lasts longer
    ///   than `limit`.
    private func outcome(
        of treatment: AwaitedOperation,
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

    /// Records the result of a test.
    func noteTest(of record: ConnectionRecord, hasSucceeded: Bool, at now: UInt64) {
        if hasSucceeded { record.noteTest(at: now) } else { suspectOthers(than: record) }
    }

    /// Marks connections to be tested before their next use: those whose last use or test is not
    /// after that of a connection whose test has failed. The cause of that failure may have
    /// broken them, too.
    private func suspectOthers(than failed: ConnectionRecord) {
        let since = failed.idleSince
        // The others are marked already. A connection that becomes idle later has been used
        // later.
        if since <= suspectedSince.load(ordering: .relaxed) { return }
        suspectedSince.store(since, ordering: .relaxed)
        for index in records.indices {
            let record = records[index]
            if record.leasedAt == 0, record.idleSince <= since { record.markSuspect() }
        }
        scheduleMaintenance()
    }

    // MARK: Hooks

    /// Returns the state of a connection, for hooks.
    func status(of record: ConnectionRecord, at now: UInt64) -> ConnectionStatus {
        ConnectionStatus(
            age: .nanoseconds(Int64(clamping: now.elapsed(since: record.bornAt))),
            idleTime: .nanoseconds(Int64(clamping: now.elapsed(since: record.unusedSince))),
            uses: record.uses
        )
    }

    /// Runs the hook that decides whether a caller receives a connection.
    private func approve(
        _ slot: LeasedSlot,
        _ beforeHandOut: @escaping @Sendable (borrowing Factory.Connection, ConnectionStatus) async -> Bool,
        for wait: inout CheckoutWait
    ) async throws(PoolError) -> LeasedSlot? {
        let (treatment, status) = (AwaitedOperation(), status(of: connectionRecord(of: slot), at: time.now))
        perform(.hook, on: LockGuard(slot), for: treatment) { await beforeHandOut($0, status) }
        if let approved = try await outcome(of: treatment, within: .max, for: &wait) {
            if handOutRefusals.load(ordering: .relaxed) != 0 { handOutRefusals.store(0, ordering: .relaxed) }
            return approved
        }
        // The number of used connections is limited. New ones are not, so their rejection needs a
        // pause.
        if status.uses == 0 { try await backOff(for: &wait) }
        return nil
    }

    /// Suspends for as long as after a failed connection attempt, because the hook has rejected a
    /// new connection.
    private func backOff(for wait: inout CheckoutWait) async throws(PoolError) {
        let refusals = handOutRefusals.add(1, ordering: .relaxed).newValue
        let cause = PoolError.HandOutRefused(refusals: refusals)
        wait.cause = cause
        let most = configuration.maximumBackoff.wholeNanoseconds
        if most == 0 {
            // A suspended pool refuses no caller, which gets in line again.
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
