// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import CLockPoolThread
public import LockPool
public import Synchronization

extension ConnectionPool {
    /// Calls `body` with a connection.
    ///
    /// `body` runs in the caller's task, on its actor. Suspends only if no connection is idle, or
    /// if callers wait.
    ///
    /// - Parameters:
    ///   - timeout: The longest wait for a connection; by default the configuration's
    ///     `checkoutTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Uses the connection.
    /// - Returns: The result of `body`.
    /// - Throws: The error that `body` throws, unchanged. Without a connection:
    ///   `CancellationError` if the task was cancelled while it waited, otherwise ``PoolError``.
    @inlinable
    public func withConnection<Result: ~Copyable>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing Factory.Connection) async throws -> sending Result
    ) async throws -> sending Result {
        let slot = try await slot(within: timeout, CallSite(file, line, task: lockpool_current_task()))
        defer { context.release(slot) }
        return try await body(
            unsafe slot.element(PooledConnection<Factory.Connection>.self).pointee.connection
        )
    }

    /// Calls `body`, which does not suspend, with a connection.
    ///
    /// The compiler selects this form if `body` contains no `await`. The runtime checks the
    /// executor before and after the call of an asynchronous body, which takes longer than the
    /// pool's checkout.
    ///
    /// - Parameters:
    ///   - timeout: The longest wait for a connection; by default the configuration's
    ///     `checkoutTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Uses the connection.
    /// - Returns: The result of `body`.
    /// - Throws: The error that `body` throws, unchanged. Without a connection:
    ///   `CancellationError` if the task was cancelled while it waited, otherwise ``PoolError``.
    @inlinable
    public func withConnection<Result: ~Copyable>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing Factory.Connection) throws -> sending Result
    ) async throws -> sending Result {
        let slot = try await slot(within: timeout, CallSite(file, line, task: lockpool_current_task()))
        defer { context.release(slot) }
        return try body(unsafe slot.element(PooledConnection<Factory.Connection>.self).pointee.connection)
    }

    /// Checks out a connection for `withConnection`. Returns no lease: the caller keeps the pool
    /// alive while it has the slot, so no references are counted.
    @inlinable
    @inline(__always)
    func slot(within timeout: Duration?, _ callSite: CallSite) async throws -> LeasedSlot {
        if let idle = takeIdle(callSite) { return idle }
        do {
            return try await waitForConnection(timeout: timeout, callSite)
        } catch {
            throw error.code == .cancelled ? CancellationError() : error as any Error
        }
    }

    /// Checks out a connection, for a use that does not fit into one closure.
    ///
    /// - Parameters:
    ///   - timeout: The longest wait for a connection; by default the configuration's
    ///     `checkoutTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: A lease, whose end returns the connection.
    /// - Throws: ``PoolError``, with the code `cancelled` if the task was cancelled while it
    ///   waited.
    @inlinable
    public func getOrCreate(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws(PoolError) -> ConnectionLease<Factory> {
        let callSite = CallSite(file, line)
        if let idle = takeIdle(callSite) { return ConnectionLease(idle, of: self) }
        return ConnectionLease(try await waitForConnection(timeout: timeout, callSite), of: self)
    }

    /// Checks out an idle connection that needs no test, if no caller waits.
    ///
    /// Makes no connection. If all idle connections have been idle for `validateAfterIdle`, the
    /// pool tests one of them in the background, and this method returns `nil`. Always returns
    /// `nil` in a pool whose checkouts each run a test (`validateAfterIdle` is zero) or the hook
    /// `beforeHandOut`, because both suspend.
    ///
    /// - Returns: A lease; `nil` if there is no such connection.
    @inlinable
    public func tryGet(file: StaticString = #fileID, line: UInt = #line) -> ConnectionLease<Factory>? {
        guard let idle = takeIdle(CallSite(file, line), testsOther: true) else { return nil }
        return ConnectionLease(idle, of: self)
    }

    /// Leases an idle connection that needs neither a test nor a hook.
    ///
    /// - Parameter testsOther: Whether a connection that needs a test is tested now, in the
    ///   background. If not, it stays idle, and the caller's wait begins with it.
    @inlinable
    @inline(__always)
    func takeIdle(_ callSite: CallSite, testsOther: Bool = false) -> LeasedSlot? {
        // Before the slot's atomic operation, which no other instruction overtakes: the clock's
        // arithmetic runs during it.
        let now = time.now
        guard context.checkoutState.load(ordering: .relaxed) == CheckoutState.accepting, !preparesEachCheckout,
            let lease = lockPool.tryGet()
        else {
            return nil
        }
        let record = lease.element.record
        if isReady(record, at: now) {
            record.beginLease(at: now, callSite)
            return lease.detach()
        }
        guard let fresh = takeOther(than: lease.detach(), at: now, testsOther: testsOther) else { return nil }
        connectionRecord(of: fresh).beginLease(at: now, callSite)
        return fresh
    }

    /// Whether a leased connection can be handed out without a test or hook.
    @inlinable
    @inline(__always)
    func isReady(_ record: ConnectionRecord, at now: UInt64) -> Bool {
        !preparesEachCheckout && isFresh(record, at: now)
    }

    /// Whether a connection is not evicted and needs no test; see ``generation``.
    @inlinable
    @inline(__always)
    func isFresh(_ record: ConnectionRecord, at now: UInt64) -> Bool {
        if case .keep = context.policy.decision(for: record, at: handOut(arrival: .max), now: now) { return true }
        return false
    }

    /// The hand-out of a connection to a caller; see ``generation``.
    @inlinable
    @inline(__always)
    func handOut(arrival: UInt64) -> LifecycleEvent {
        .handOut(arrival: arrival, generation: generation.load(ordering: .relaxed))
    }

    /// Returns the record of the connection in a leased slot.
    @inlinable
    @inline(__always)
    func connectionRecord(of slot: LeasedSlot) -> ConnectionRecord {
        unsafe slot.element(PooledConnection<Factory.Connection>.self).pointee.record
    }

    /// Waits in line for a connection.
    ///
    /// - Parameter isFirst: Whether this is the caller's first wait, which a shutdown refuses.
    @inlinable
    func waitForConnection(
        timeout: Duration?,
        _ callSite: CallSite,
        isFirst: Bool = true
    ) async throws(PoolError) -> LeasedSlot {
        startMaintenance()
        let began = time.now
        var wait = CheckoutWait(began: began, timeout: timeoutNanoseconds(timeout))
        beginCall()
        defer { endCall() }
        let span = PoolSpan.wait(in: configuration.name)
        var now = began
        var isNewcomer = isFirst
        while true {
            let lease: LockGuard<PooledConnection<Factory.Connection>>
            do {
                let entry: WaitingEntry?
                do { entry = try beginWaiting(callSite, since: began) } catch { throw span.ending(error) }
                // Before the task begins the lease. Otherwise it would appear to wait while it
                // holds the new connection.
                defer { endWaiting(entry) }
                if let refusal = refusal(at: now, isNewcomer: isNewcomer) {
                    throw span.ending(error(refusal, since: began))
                }
                isNewcomer = false
                do {
                    lease = try await lockPool.getInLine(nanoseconds: wait.rest(at: now))
                } catch let failure {
                    throw span.ending(error(failure, since: began, cause: wait.cause))
                }
            }
            now = time.now
            var slot: LeasedSlot?
            if isReady(lease.element.record, at: now) {
                slot = lease.detach()
            } else {
                do {
                    slot = try await prepare(lease.detach(), for: &wait)
                } catch {
                    throw span.ending(error)
                }
                now = time.now
            }
            if let slot {
                connectionRecord(of: slot).beginLease(at: now, callSite)
                noteWait(now.elapsed(since: began))
                span.end()
                return slot
            }
        }
    }

    /// Returns a caller's timeout in nanoseconds.
    @usableFromInline
    func timeoutNanoseconds(_ timeout: Duration?) -> UInt64 { timeout.map(\.wholeNanoseconds) ?? checkoutTimeout }

    /// Wakes a shutdown that waits for a change: a caller has received a connection or given up,
    /// or an attempt has ended.
    @inlinable
    func notifyShutdown() {
        if context.checkoutState.load(ordering: .sequentiallyConsistent) == CheckoutState.draining {
            shutdownProgressed()
        }
    }

    @usableFromInline
    func shutdownProgressed() { closer.changed() }

    /// Records the wait of a lease holder.
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
        holders: [PoolSnapshot.Lease] = [],
        cause: (any Error)? = nil
    ) -> PoolError {
        let now = time.now
        let (status, oldestLease) = stateForErrors(at: now)
        let error = PoolError(
            code,
            pool: configuration.name,
            status: status,
            state: state,
            operation: growth.operations.longest(at: now, target: factory.target),
            waited: .nanoseconds(Int64(clamping: now.elapsed(since: began))),
            oldestLease: oldestLease,
            holders: holders,
            underlying: code == .cancelled || code == .closed ? nil : cause ?? growth.lastFailure
        )
        noteRefusal(error)
        return error
    }

    /// Whether there is a connection that a waiting caller may receive.
    var hasConnections: Bool {
        lockPool.occupied > growth.plan.withLock { $0.connecting }
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
