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

    /// Checks out a connection if one is idle that needs no test, and no caller waits.
    ///
    /// Makes no connection. Where all that are idle have been so for `validateAfterIdle`, one of them is tested in the background and this
    /// gives `nil`. Always `nil` in a pool whose checkouts each run a test (`validateAfterIdle` is zero) or the hook `beforeHandOut`,
    /// both of which suspend.
    ///
    /// - Returns: A lease, or `nil`.
    @inlinable
    public func tryGet(file: StaticString = #fileID, line: UInt = #line) -> ConnectionLease<Factory>? {
        guard let idle = takeIdle(Caller(file, line), testsOther: true) else { return nil }
        return ConnectionLease(idle, of: self)
    }

    /// Leases an idle connection that needs neither a test nor a hook first.
    ///
    /// - Parameter testsOther: Whether a connection that needs a test has it now, in the background. Else it stays idle, and the
    ///   caller's wait begins with it.
    @inlinable
    @inline(__always)
    func takeIdle(_ caller: Caller, testsOther: Bool = false) -> LeasedSlot? {
        // Before the slot is taken, whose atomic operation nothing overtakes: the arithmetic of the clock is done during it.
        let now = time.now
        guard context.gate.load(ordering: .relaxed) == Gate.open, !handOutNeedsCare, let lease = lockPool.tryGet()
        else {
            return nil
        }
        let place = lease.element.place
        if isReady(place, at: now) {
            place.begin(at: now, caller)
            return lease.detach()
        }
        guard let fresh = takeOther(than: lease.detach(), at: now, testsOther: testsOther) else { return nil }
        record(of: fresh).begin(at: now, caller)
        return fresh
    }

    /// Whether a leased connection can be handed out without a test or a hook, and is not evicted; see ``generation``.
    @inlinable
    @inline(__always)
    func isReady(_ place: Place, at now: UInt64) -> Bool {
        !handOutNeedsCare && place.idleTime(at: now) < validateAfter
            && place.generation == generation.load(ordering: .relaxed)
    }

    /// The record of the connection in a leased slot.
    @inlinable
    @inline(__always)
    func record(of slot: LeasedSlot) -> Place {
        unsafe slot.element(PooledConnection<Factory.Connection>.self).pointee.place
    }

    /// Waits in line for a connection.
    @inlinable
    func waitForConnection(timeout: Duration?, _ caller: Caller) async throws(PoolError) -> LeasedSlot {
        startUpkeep()
        let began = time.now
        var wait = CheckoutWait(began: began, timeout: patience(timeout))
        beginCall()
        defer { endCall() }
        let span = PoolSpan.wait(in: configuration.name)
        var now = began
        var isNewcomer = true
        while true {
            let lease: LockGuard<PooledConnection<Factory.Connection>>
            do {
                let entry: WaitingEntry?
                do { entry = try noteWaiting(caller, since: began) } catch { throw span.ending(error) }
                // Before the task begins the lease, or it would look like one that waits while it holds the new connection.
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
            if isReady(lease.element.place, at: now) {
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
                record(of: slot).begin(at: now, caller)
                noteWait(now.elapsed(since: began))
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

    /// Whether there is a connection that may be served to somebody.
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
