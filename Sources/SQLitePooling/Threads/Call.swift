// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
@_spi(Callbacks) internal import LockPool
internal import Synchronization

/// A call of a pool: a body that waits for a connection and runs on its thread, and the outcome
/// for the caller.
///
/// The call itself waits in the pool's queue, not its task. When it gets a connection, it is
/// submitted to the connection's thread. A thread that releases its connection therefore finds the
/// next call in its mailbox. The task is resumed once, with the outcome.
///
/// A caller does not wait for a call that a cancellation or its deadline has stopped: the caller
/// is resumed immediately, and the call is abandoned. A running body keeps the connection until it
/// ends, and its outcome is dropped.
///
/// The properties that are not atomic belong to the task until the call is queued, then to the
/// thread that serves it, then to the connection's thread, and after the call is complete to the
/// task. The task of a stopped call accesses none of them.
final class Call: WorkItem, @unchecked Sendable {
    typealias Pool = ConnectionPool<SQLiteWorkerFactory>

    let scope: TransactionScope
    let interruption: Interruption

    let pool: Pool
    var body: Body?
    var error: (any Error)?
    var lease: ConnectionLease<SQLiteWorkerFactory>?
    /// Whether the connection was evicted, or became suspect, while the call was queued. Its
    /// session is replaced before the body runs.
    private(set) var needsNewSession = false
    /// A connection that the caller holds, instead of a lease of the call.
    var held: HeldConnection?

    /// Resumes the caller. Belongs to the thread that ends the progress `awaited`.
    private var completion: Completion?
    private let progress = Atomic(Progress.pending)

    let group: GroupCommit?
    /// The call site, which the lease records.
    private let caller: CallSite
    /// The record of the call for the observers of statements; `nil` if there are none.
    private(set) var observed: ObservedCall?
    /// The time limit of the wait for a connection; `nil` for the pool's.
    private let checkoutTimeout: Duration?
    /// Whether the caller may be resumed while the body runs.
    let mayBeAbandoned: Bool

    private enum Progress: UInt8, AtomicRepresentable {
        case pending
        /// The caller waits to be resumed.
        case awaited
        case complete
        /// Stopped, without an outcome of the body.
        case cancelled, overdue
    }

    /// The ticket of the call in the pool's queue, once it is known.
    private var ticket: WaiterTicket?
    private let ticketState = Atomic(TicketState.unknown)
    /// When the call was queued. Written before the call is queued, and read by the thread that
    /// serves it.
    private var waitStart: WaitStart?

    private enum TicketState: UInt8, AtomicRepresentable {
        case unknown, known, cancelled
    }

    /// Creates a call of `body`, which runs on another thread.
    ///
    /// - Parameters:
    ///   - checkoutTimeout: The time limit of the wait for a connection; `nil` for the pool's.
    ///   - mayBeAbandoned: Whether the caller may be resumed while the body runs. The body must
    ///     then own everything that it uses.
    ///   - caller: The call site, which the lease records.
    ///   - observed: The record of the call for the observers of statements.
    init(
        on pool: Pool,
        _ scope: TransactionScope,
        deadline: ContinuousClock.Instant?,
        checkoutTimeout: Duration? = nil,
        group: GroupCommit?,
        mayBeAbandoned: Bool = true,
        for caller: CallSite,
        observed: ObservedCall?,
        _ body: @escaping Body
    ) {
        self.pool = pool
        self.scope = scope
        self.group = group
        self.mayBeAbandoned = mayBeAbandoned
        self.caller = caller
        self.observed = observed
        self.checkoutTimeout = checkoutTimeout
        self.body = body
        interruption = Interruption(deadline: deadline, endsWithCommit: scope.isStatement)
        super.init()
        interruption.call = self
    }

    /// The deadline of the call; `nil` for none.
    var deadline: ContinuousClock.Instant? { interruption.deadline }

    /// Runs the call. Suspends until it has an outcome or is stopped.
    ///
    /// - Parameter connection: A connection that the caller holds; `nil` for the next available
    ///   one.
    /// - Throws: The error of the body; `CancellationError`, `SQLiteError` or `PoolError` if the
    ///   body has not run to its end.
    func run(on connection: HeldConnection?, isolation: isolated (any Actor)? = #isolation) async throws {
        CallsInFlight.begin()
        // Counts until the task continues, not until the outcome: a resumed task needs a
        // processor.
        defer { CallsInFlight.end() }
        await withTaskCancellationHandler {
            // Keeps the closure on the caller's actor. Otherwise it would run on a thread of the
            // cooperative pool, and the caller would have to switch back.
            _ = isolation
            let isUnderWay = isPending && (connection.map { start(on: $0) } ?? start())
            if isUnderWay, Polling.forOutcome.wait(until: { !isPending }, while: { CallsInFlight.areFew }) { return }
            await Resumption.wait { notify(.task($0)) }
        } onCancel: {
            stop(.cancelled)
        }
        try checkOutcome()
    }

    /// Throws the error that the call has ended with, if any. Called after the caller has been
    /// resumed.
    func checkOutcome() throws {
        // Acquire: the outcome.
        switch progress.load(ordering: .acquiring) {
        case .complete: if let error { throw error }
        case .cancelled: throw Interruption.Reason.cancelled.error
        case .overdue: throw Interruption.Reason.overdue.error
        case .pending, .awaited: preconditionFailure("A call has an outcome when its caller is resumed.")
        }
    }

    // MARK: Waiting for a connection

    /// Takes an idle connection, or queues the call for one. Called once.
    ///
    /// - Returns: Whether the call was submitted to a thread that is awake, so that its outcome
    ///   may follow immediately.
    @discardableResult
    func start() -> Bool {
        group?.noteCall()
        if let lease = pool.tryGet(for: caller) { return submit(lease) }
        let start = pool.beginWait()
        waitStart = start
        let context = unsafe Unmanaged.passRetained(self)
        do throws(PoolError) {
            let ticket = try unsafe pool.wait(
                context: context.toOpaque(),
                timeout: pool.waitLimit(until: deadline, checkoutTimeout),
                since: start
            ) { context, turn in
                unsafe Unmanaged<Call>.fromOpaque(context).takeRetainedValue().receive(Turn(rawValue: turn))
            }
            self.ticket = ticket
            // Release: a thread that reads `known` also sees the ticket. If a cancellation came
            // first, this thread performs it.
            let isCancelled = !ticketState.compareExchange(
                expected: .unknown,
                desired: .known,
                ordering: .acquiringAndReleasing
            ).exchanged
            if isCancelled { pool.cancel(ticket) }
        } catch {
            unsafe context.release()
            refuse(error)
        }
        return false
    }

    /// Submits the call to the thread of a connection that the caller holds. Called once.
    ///
    /// - Returns: Whether the thread is awake, so that the outcome may follow immediately.
    func start(on connection: HeldConnection) -> Bool {
        held = connection
        noteConnection()
        return connection.worker.thread.submit(self)
    }

    /// Resumes `completion` when the call is complete or stopped; immediately if it already is.
    /// Called once.
    func notify(_ completion: Completion) {
        self.completion = completion
        // Release: the thread that completes the call sees the completion.
        let isPending = progress.compareExchange(
            expected: .pending,
            desired: .awaited,
            ordering: .acquiringAndReleasing
        ).exchanged
        if !isPending { completion.resume() }
    }

    /// Whether the call has no outcome and its caller does not wait yet.
    private var isPending: Bool { progress.load(ordering: .relaxed) == .pending }

    /// Stops the call in any state: removes it from the queue, interrupts its statement, and
    /// resumes the caller, unless its end or its commit has begun.
    func stop(_ reason: Interruption.Reason) {
        let isStopped = interruption.stop(reason)
        let isQueued = ticketState.exchange(.cancelled, ordering: .acquiringAndReleasing) == .known
        if isQueued, let ticket { pool.cancel(ticket) }
        if isStopped { abandon(reason) }
    }

    /// Resumes the caller without the outcome of the body.
    func abandon(_ reason: Interruption.Reason) {
        guard mayBeAbandoned else { return }
        settle(reason == .cancelled ? .cancelled : .overdue)
    }

    /// Ends the wait for a connection. From now on, the call stops at its deadline, if it has one;
    /// the pool limits the wait before.
    private func noteConnection() {
        if observed != nil { observed = observed?.withConnection() }
        guard mayBeAbandoned, let deadline else { return }
        CallDeadlines.shared.insert(self, deadline)
    }

    /// Takes the connection, or the error, with which the pool ends the wait.
    private func receive(_ turn: Turn) {
        guard let waitStart = waitStart.take() else {
            preconditionFailure("A call is queued before it receives its turn.")
        }
        do throws(PoolError) {
            let lease = try unsafe pool.lease(turn, for: caller, waitedSince: waitStart)
            needsNewSession = pool.isStale(lease)
            _ = submit(lease)
        } catch {
            refuse(error)
        }
    }

    /// Submits the call to the thread of a leased connection.
    ///
    /// - Returns: Whether the thread is awake.
    private func submit(_ lease: consuming ConnectionLease<SQLiteWorkerFactory>) -> Bool {
        let worker = lease.connection
        self.lease = consume lease
        noteConnection()
        return worker.thread.submit(self)
    }

    private func refuse(_ error: PoolError) {
        fail(error.cause)
        complete()
    }

    // MARK: Outcome

    /// Whether the outcome is an error.
    var hasFailed: Bool { error != nil }

    /// Sets an error as the outcome. It replaces an earlier outcome.
    func fail(_ error: any Error) {
        body = nil
        self.error = error
    }

    /// Resumes the caller with the outcome, unless it has been resumed. The last access of the
    /// thread to the call.
    func complete() {
        if mayBeAbandoned, deadline != nil { CallDeadlines.shared.remove(self) }
        settle(.complete)
    }

    /// Ends the call with `outcome`, unless it has ended.
    private func settle(_ outcome: Progress) {
        var current = progress.load(ordering: .relaxed)
        while current == .pending || current == .awaited {
            // Release: the outcome. Acquire: the completion.
            let (isExchanged, original) = progress.compareExchange(
                expected: current,
                desired: outcome,
                ordering: .acquiringAndReleasing
            )
            if isExchanged {
                if current == .awaited { completion.take()?.resume() }
                return
            }
            current = original
        }
    }

    override func run() -> WorkItem? { runOnThread() }
}

extension PoolError {
    /// The error that the caller sees. The reason for which the file cannot be opened replaces the
    /// pool's own error.
    var cause: any Error {
        if code == .cancelled { return CancellationError() }
        if code == .connectFailed, let reason = underlying as? SQLiteError { return reason }
        return self
    }
}
