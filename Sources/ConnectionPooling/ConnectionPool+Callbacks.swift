// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

package import LockPool

// Waiting for a connection without a task: for pools that bring the work to the connection.

/// When a callback waiter began to wait, and what traces that.
package struct WaitStart: Sendable {
    let instant: UInt64
    let span: PoolSpan
}

extension ConnectionPool {
    /// Gets in line for a connection, as a function and a context for it, for at most `timeout`.
    ///
    /// `onTurn` is called exactly once, unless this throws; by whoever brings it about, on that thread, perhaps before this
    /// returns. It must not block. Tasks, threads and callbacks wait in one line. The caller keeps the pool alive until then.
    ///
    /// - Parameters:
    ///   - context: What `onTurn` is called with.
    ///   - timeout: How long to wait.
    ///   - start: What ``beginWait()`` gave for this wait.
    ///   - onTurn: Takes the context and the raw value of a `Turn`, to be passed to ``lease(_:)`` once.
    /// - Returns: The place in line, for ``cancel(_:)``.
    /// - Throws: ``PoolError`` with the code `closed` or `tooManyWaiters`.
    /// - Complexity: O(connections). Allocates nothing, unless it makes the pool connect.
    @unsafe
    package func wait(
        context: UnsafeMutableRawPointer,
        timeout: Duration,
        since start: WaitStart,
        onTurn: @convention(c) (_ context: UnsafeMutableRawPointer, _ turn: Int) -> Void
    ) throws(PoolError) -> WaiterTicket {
        startUpkeep()
        if let code = refusal(at: start.instant) { throw start.span.ending(error(code, since: start.instant)) }
        do {
            return try unsafe lockPool.wait(context: context, timeout: timeout, onTurn: onTurn)
        } catch let failure {
            throw start.span.ending(error(PoolError.Code(failure.code), since: start.instant))
        }
    }

    /// Takes a callback waiter out of the line, and tells it.
    ///
    /// - Returns: Whether it was still there.
    @discardableResult
    package func cancel(_ waiter: WaiterTicket) -> Bool { lockPool.cancel(waiter) }

    /// Makes a lease of a turn that a callback waiter of this pool was given; once.
    ///
    /// - Throws: ``PoolError`` if the turn brought no connection.
    /// - Parameters:
    ///   - turn: What the waiter was called with.
    ///   - start: What ``beginWait()`` gave for this wait.
    @unsafe
    package func lease(_ turn: Turn, waitedSince start: WaitStart) throws(PoolError) -> ConnectionLease<Factory> {
        defer { tellShutdown() }
        let lease: LockGuard<PooledConnection<Factory.Connection>>
        do {
            lease = try unsafe lockPool.lease(turn)
        } catch let failure {
            throw start.span.ending(error(PoolError.Code(failure.code), since: start.instant))
        }
        let now = time.now
        lease.element.place.begin(at: now, Caller(file: 0, line: 0))
        let slot = lease.detach()
        noteWait(now - start.instant)
        start.span.end()
        return ConnectionLease(slot, of: self)
    }

    /// Notes that a caller begins to wait, in its task if there is one.
    package func beginWait() -> WaitStart {
        WaitStart(instant: time.now, span: .wait(in: configuration.name))
    }

    /// Checks a connection out, and blocks the thread until one is there. For threads that are not the cooperative pool's.
    ///
    /// - Parameter timeout: How long to wait, by the system's monotonic clock.
    /// - Throws: ``PoolError``.
    @available(*, noasync, message: "Blocks the thread; use getOrCreate.")
    package func getOrCreateBlocking(timeout: Duration) throws(PoolError) -> ConnectionLease<Factory> {
        let caller = Caller(file: 0, line: 0)
        if let idle = takeIdle(caller) { return ConnectionLease(idle, of: self) }
        startUpkeep()
        defer { tellShutdown() }
        let began = time.now
        var now = began
        while true {
            if let code = refusal(at: now) { throw error(code, since: began) }
            let lease: LockGuard<PooledConnection<Factory.Connection>>
            do {
                lease = try lockPool.getBlocking(timeout: timeout - .nanoseconds(Int64(now - began)))
            } catch let failure {
                throw error(PoolError.Code(failure.code), since: began)
            }
            now = time.now
            if let slot = take(lease, at: now, caller) {
                noteWait(now - began)
                return ConnectionLease(slot, of: self)
            }
        }
    }
}
