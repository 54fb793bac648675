// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import CLockPoolThread
public import LockPool
public import Synchronization

extension ConnectionPool {
    /// Lends a connection to `body`.
    ///
    /// `body` runs in the caller's task, on its actor. Suspends only if no connection is idle, or somebody waits.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait for a connection; by default the configuration's `checkoutTimeout`.
    ///   - file: Where the call is, for reports of leases that last too long.
    ///   - line: The line of the call.
    ///   - body: Uses the connection.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, unchanged. If there was no connection: `CancellationError` if the task was cancelled
    ///   while it waited, else ``PoolError``.
    @inlinable
    public func withConnection<Result: ~Copyable>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing Factory.Connection) async throws -> sending Result
    ) async throws -> sending Result {
        let slot = try await slot(within: timeout, Caller(file, line, task: lockpool_current_task()))
        defer { context.takeBack(slot) }
        return try await body(
            unsafe slot.element(PooledConnection<Factory.Connection>.self).pointee.connection
        )
    }

    /// Lends a connection to `body`, which does not suspend.
    ///
    /// As the other `withConnection`, and chosen by the compiler where `body` has no `await`: only to call an asynchronous body, the
    /// runtime makes sure of the executor before and behind it, and takes longer for that than the pool for the checkout.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait for a connection; by default the configuration's `checkoutTimeout`.
    ///   - file: Where the call is, for reports of leases that last too long.
    ///   - line: The line of the call.
    ///   - body: Uses the connection.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, unchanged. If there was no connection: `CancellationError` if the task was cancelled
    ///   while it waited, else ``PoolError``.
    @inlinable
    public func withConnection<Result: ~Copyable>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing Factory.Connection) throws -> sending Result
    ) async throws -> sending Result {
        let slot = try await slot(within: timeout, Caller(file, line, task: lockpool_current_task()))
        defer { context.takeBack(slot) }
        return try body(unsafe slot.element(PooledConnection<Factory.Connection>.self).pointee.connection)
    }

    /// Checks a connection out for `withConnection`. Not a lease: the caller keeps the pool alive as long as it has the slot, so
    /// nothing has to be counted.
    @inlinable
    @inline(__always)
    func slot(within timeout: Duration?, _ caller: Caller) async throws -> LeasedSlot {
        if let idle = takeIdle(caller) { return idle }
        do {
            return try await waitForConnection(timeout: timeout, caller)
        } catch {
            throw error.code == .cancelled ? CancellationError() : error as any Error
        }
    }

    /// Checks a connection out, for a use that does not fit into one closure.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait for a connection; by default the configuration's `checkoutTimeout`.
    ///   - file: Where the call is, for reports of leases that last too long.
    ///   - line: The line of the call.
    /// - Returns: A lease, which gives the connection back when it ends.
    /// - Throws: ``PoolError``, with the code `cancelled` if the task was cancelled while it waited.
    @inlinable
    public func getOrCreate(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws(PoolError) -> ConnectionLease<Factory> {
        let caller = Caller(file, line)
        if let idle = takeIdle(caller) { return ConnectionLease(idle, of: self) }
        return ConnectionLease(try await waitForConnection(timeout: timeout, caller), of: self)
    }

    /// Checks out a connection if one is idle and nobody waits. Makes none, and tests none: where the one that is found has
    /// been idle for longer than `validateAfterIdle`, that is tested in the background and this gives `nil`.
    ///
    /// - Returns: A lease, or `nil`.
    @inlinable
    public func tryGet(file: StaticString = #fileID, line: UInt = #line) -> ConnectionLease<Factory>? {
        guard let idle = takeIdle(Caller(file, line)) else { return nil }
        return ConnectionLease(idle, of: self)
    }

    /// Leases an idle connection, if it needs no care first.
    @inlinable
    @inline(__always)
    func takeIdle(_ caller: Caller) -> LeasedSlot? {
        // Before the slot is taken, whose atomic operation nothing overtakes: the arithmetic of the clock is done during it.
        let now = time.now
        guard context.gate.load(ordering: .relaxed) == Gate.open, let lease = lockPool.tryGet() else { return nil }
        return take(lease, at: now, caller)
    }

    /// Leases a connection that is in hand, unless it needs care first.
    @inlinable
    @inline(__always)
    func take(
        _ lease: consuming LockGuard<PooledConnection<Factory.Connection>>,
        at now: UInt64,
        _ caller: Caller
    ) -> LeasedSlot? {
        let place = lease.element.place
        if handOutNeedsCare || place.idleTime(at: now) > validateAfter {
            return takeWithCare(lease, at: now, caller)
        }
        place.begin(at: now, caller)
        return lease.detach()
    }

    /// Leases a connection that is in hand, if it is fit for that.
    @usableFromInline
    func takeWithCare(
        _ lease: consuming LockGuard<PooledConnection<Factory.Connection>>,
        at now: UInt64,
        _ caller: Caller
    ) -> LeasedSlot? {
        let place = lease.element.place
        if place.idleTime(at: now) > validateAfter {
            test(lease)
            return nil
        }
        if let beforeHandOut = hooks.beforeHandOut, !beforeHandOut(lease.element.connection) {
            discard(lease, .broken)
            return nil
        }
        place.begin(at: now, caller)
        return lease.detach()
    }

    /// Waits in line for a connection.
    @inlinable
    func waitForConnection(timeout: Duration?, _ caller: Caller) async throws(PoolError) -> LeasedSlot {
        startUpkeep()
        let began = time.now
        let patience = patience(timeout)
        defer { tellShutdown() }
        let span = PoolSpan.wait(in: configuration.name)
        var now = began
        while true {
            let lease: LockGuard<PooledConnection<Factory.Connection>>
            do {
                let entry: WaitingEntry?
                do { entry = try noteWaiting(caller, since: began) } catch { throw span.ending(error) }
                // Before the task begins the lease, or it would look like one that waits while it holds the new connection.
                defer { endWaiting(entry) }
                if let code = refusal(at: now) { throw span.ending(error(code, since: began)) }
                do {
                    let waited = now - began
                    lease = try await lockPool.getInLine(nanoseconds: patience > waited ? patience - waited : 0)
                } catch let failure {
                    throw span.ending(error(PoolError.Code(failure.code), since: began))
                }
            }
            now = time.now
            if let slot = take(lease, at: now, caller) {
                noteWait(now - began)
                span.end()
                return slot
            }
        }
    }

    /// How long a caller waits, in nanoseconds.
    @usableFromInline
    func patience(_ timeout: Duration?) -> UInt64 { timeout.map(\.wholeNanoseconds) ?? checkoutTimeout }

    /// Something has changed that a shutdown may wait for: a caller has a connection or has given up, a connect has ended.
    @inlinable
    func tellShutdown() {
        if context.gate.load(ordering: .sequentiallyConsistent) == Gate.draining { shutdownMayGoOn() }
    }

    @usableFromInline
    func shutdownMayGoOn() { closer.changed() }

    /// Why nobody can get in line now; `nil` if anybody can.
    @usableFromInline
    func refusal(at now: UInt64) -> PoolError.Code? {
        let gate = context.gate.load(ordering: .sequentiallyConsistent)
        if gate == Gate.draining { return .closed }
        if gate == Gate.suspended { holdIdle() }
        if growth.refuses(at: now), !hasConnections { return .connectFailed }
        return nil
    }

    /// Notes how long the holder of a connection has waited for it.
    @usableFromInline
    func noteWait(_ nanoseconds: UInt64) {
        waitTimes.add(nanoseconds)
        if isObserved { notifyWait(nanoseconds) }
    }

    func notifyWait(_ nanoseconds: UInt64) { notify(.waited(.nanoseconds(Int64(clamping: nanoseconds)))) }

    @usableFromInline
    func error(
        _ code: PoolError.Code,
        since began: UInt64,
        holders: [PoolSnapshot.Lease] = []
    ) -> PoolError {
        let (status, oldestLease) = stateForErrors(at: time.now)
        let error = PoolError(
            code,
            pool: configuration.name,
            status: status,
            waited: .nanoseconds(Int64(clamping: time.now - began)),
            oldestLease: oldestLease,
            holders: holders,
            underlying: code == .cancelled || code == .closed ? nil : growth.lastFailure
        )
        notify(.refused(error))
        return error
    }

    /// Whether there is a connection that may be served to somebody.
    var hasConnections: Bool {
        lockPool.occupancy.occupied > growth.plan.withLock { $0.connecting }
    }
}

extension PoolError.Code {
    @usableFromInline
    init(_ code: LockPoolError.Code) {
        self =
            switch code {
            case .timedOut: .timedOut
            case .tooManyWaiters: .tooManyWaiters
            case .cancelled: .cancelled
            case .closed: .closed
            default: .connectFailed
            }
    }
}
