// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

@_spi(Callbacks) package import LockPool
internal import Synchronization

// Waiting for a connection without a task, for pools that run work on the connection's thread.

/// The start of a callback waiter's wait, and its span.
package struct WaitStart: Sendable {
    let instant: UInt64
    let span: PoolSpan
}

extension ConnectionPool {
    /// Puts a callback waiter, a function and its context, in line for at most `timeout`.
    ///
    /// `onTurn` is called exactly once unless this method throws. The thread that causes the call
    /// makes it, perhaps before this method returns. `onTurn` must not block. Tasks, threads and
    /// callbacks wait in one line. The caller must keep the pool alive until the call.
    ///
    /// - Parameters:
    ///   - context: The argument of `onTurn`.
    ///   - timeout: The longest wait.
    ///   - start: The result of ``beginWait()`` for this wait.
    ///   - onTurn: Receives the context and the raw value of a `Turn`, to be passed to
    ///     ``lease(_:for:waitedSince:)`` once.
    /// - Returns: The position in line, for ``cancel(_:)``.
    /// - Throws: ``PoolError`` with the code `closed` or `tooManyWaiters`.
    /// - Complexity: O(connections). Allocates nothing, unless it makes the pool connect.
    @unsafe
    package func wait(
        context: UnsafeMutableRawPointer,
        timeout: Duration,
        since start: WaitStart,
        onTurn: @convention(c) (_ context: UnsafeMutableRawPointer, _ turn: Int) -> Void
    ) throws(PoolError) -> WaiterTicket {
        startMaintenance()
        if let refusal = refusal(at: start.instant) { throw start.span.ending(error(refusal, since: start.instant)) }
        do {
            return try unsafe lockPool.wait(context: context, timeout: timeout, onTurn: onTurn)
        } catch let failure {
            throw start.span.ending(error(failure, since: start.instant))
        }
    }

    /// Takes a callback waiter out of the line and calls its function.
    ///
    /// - Returns: Whether the waiter was still in line.
    @discardableResult
    package func cancel(_ waiter: WaiterTicket) -> Bool { lockPool.cancel(waiter) }

    /// Converts the turn of a callback waiter of this pool to a lease. Call it once for each
    /// turn.
    ///
    /// - Parameters:
    ///   - turn: The argument of the waiter's function.
    ///   - callSite: The call site of the lease.
    ///   - start: The result of ``beginWait()`` for this wait.
    /// - Returns: A lease, which may be stale; see ``isStale(_:)``.
    /// - Throws: ``PoolError`` if the turn brought no connection.
    @unsafe
    package func lease(
        _ turn: Turn,
        for callSite: CallSite,
        waitedSince start: WaitStart
    ) throws(PoolError) -> ConnectionLease<Factory> {
        defer { notifyShutdown() }
        let lease: LockGuard<PooledConnection<Factory.Connection>>
        do {
            lease = try unsafe lockPool.lease(turn)
        } catch let failure {
            throw start.span.ending(error(failure, since: start.instant))
        }
        let now = time.now
        lease.element.record.beginLease(at: now, callSite)
        let slot = lease.detach()
        noteWait(now.elapsed(since: start.instant))
        start.span.end()
        return ConnectionLease(slot, of: self)
    }

    /// Whether a connection was evicted, or became suspect, before its lease came from the line.
    ///
    /// A checkout of a task discards or tests such a connection. A callback cannot suspend: its
    /// caller must replace what the connection refers to before it uses it; see ``generation``.
    package func isStale(_ lease: borrowing ConnectionLease<Factory>) -> Bool {
        guard let slot = lease.slot else { return false }
        let record = connectionRecord(of: slot)
        let event = LifecycleEvent.prepared(generation: generation.load(ordering: .relaxed))
        return record.isSuspect || context.policy.decision(for: record, at: event, now: 0) != .keep
    }

    /// Records the start of a caller's wait, within its task if there is one.
    package func beginWait() -> WaitStart {
        WaitStart(instant: time.now, span: .wait(in: configuration.name))
    }

    /// Checks out a connection, and blocks the thread while none is idle.
    ///
    /// For threads of the program's own. Asynchronous code must not block its threads and cannot
    /// call this method. Blocked threads and suspended tasks wait in one line.
    ///
    /// - Parameters:
    ///   - timeout: The longest wait for a connection, by the system's monotonic clock and not by
    ///     the pool's; by default the configuration's `checkoutTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: A lease, whose end returns the connection.
    /// - Throws: ``PoolError``. A thread that holds the only connection and waits for another
    ///   fails at the end of `timeout`, with the code `timedOut`: a lease belongs to no thread.
    /// - Complexity: O(1) if a connection is idle.
    @available(*, noasync, message: "Blocks the thread; use getOrCreate.")
    public func getOrCreateBlocking(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) throws(PoolError) -> ConnectionLease<Factory> {
        try getOrCreateBlocking(timeout: timeout, for: CallSite(file, line))
    }

    /// Checks out a connection for a call site, and blocks the thread while none is idle.
    @available(*, noasync, message: "Blocks the thread; use getOrCreate.")
    package func getOrCreateBlocking(
        timeout: Duration?,
        for callSite: CallSite
    ) throws(PoolError) -> ConnectionLease<Factory> {
        if let idle = takeIdle(callSite) { return ConnectionLease(idle, of: self) }
        startMaintenance()
        beginCall()
        defer { endCall() }
        let began = time.now
        var wait = CheckoutWait(began: began, timeout: timeoutNanoseconds(timeout))
        var now = began
        var isNewcomer = true
        while true {
            if let refusal = refusal(at: now, isNewcomer: isNewcomer) { throw error(refusal, since: began) }
            isNewcomer = false
            let lease: LockGuard<PooledConnection<Factory.Connection>>
            do {
                lease = try lockPool.getBlocking(timeout: .nanoseconds(Int64(clamping: wait.rest(at: now))))
            } catch let failure {
                throw error(failure, since: began, cause: wait.cause)
            }
            now = time.now
            var slot: LeasedSlot?
            if isReady(lease.element.record, at: now) {
                slot = lease.detach()
            } else {
                slot = try prepareBlocking(lease.detach(), for: &wait)
                now = time.now
            }
            if let slot {
                connectionRecord(of: slot).beginLease(at: now, callSite)
                noteWait(now.elapsed(since: began))
                return ConnectionLease(slot, of: self)
            }
        }
    }
}
