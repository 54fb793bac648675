// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import LockPool
internal import Synchronization

/// A call: a body on its way to a connection, and its outcome on the way back.
///
/// The call itself waits in line, not its task. At its turn it goes to the thread of its connection. A thread that gives its connection
/// back therefore finds the next call in its mailbox. The task is resumed once, with the outcome.
///
/// A caller does not wait for a call that is stopped, by a cancellation or at its deadline: it is answered at once, and the call
/// goes on without it. A body that runs keeps the connection until it ends, and its outcome is dropped.
///
/// What is not atomic belongs to the task until the call is in line, then to the thread that brings the turn, then to the
/// connection's thread, and when the call is complete to the task. The task of a call that was stopped touches none of it.
final class Request: Work, @unchecked Sendable {
    typealias Pool = ConnectionPool<SQLiteWorkerFactory>

    let scope: TransactionScope
    let interruption: Interruption

    let pool: Pool
    private var body: Body?
    private var error: (any Error)?
    private var lease: ConnectionLease<SQLiteWorkerFactory>?
    /// In the place of a lease of its own.
    private var held: HeldConnection?

    /// What resumes the caller. Of the thread that ends the progress `awaited`.
    private var completion: Completion?
    private let progress = Atomic(Progress.pending)

    private let group: GroupCommit?
    /// The call site, which the lease names.
    private let caller: Caller
    /// Whether the caller may be answered while the body runs.
    private let mayBeAbandoned: Bool

    private enum Progress: UInt8, AtomicRepresentable {
        case pending
        /// The caller waits, and is to be resumed.
        case awaited
        case complete
        /// Stopped, and without an outcome of its own.
        case cancelled, overdue
    }

    /// Where it stands in line, once that is known.
    private var ticket: WaiterTicket?
    private let place = Atomic(Place.unknown)
    /// When the call got in line. Written before, and read by who serves it.
    private var lineBegan: WaitStart?

    private enum Place {
        static let unknown: UInt8 = 0
        static let known: UInt8 = 1
        static let cancelled: UInt8 = 2
    }

    /// A call of `body`, which runs on another thread.
    ///
    /// - Parameters:
    ///   - mayBeAbandoned: Whether the caller may be answered while the body runs, which then must own all that it
    ///     uses.
    ///   - caller: The call site, which the lease names.
    init(
        on pool: Pool,
        _ scope: TransactionScope,
        deadline: ContinuousClock.Instant?,
        group: GroupCommit?,
        mayBeAbandoned: Bool = true,
        for caller: Caller,
        _ body: @escaping Body
    ) {
        self.pool = pool
        self.scope = scope
        self.group = group
        self.mayBeAbandoned = mayBeAbandoned
        self.caller = caller
        self.body = body
        interruption = Interruption(deadline: deadline, endsWithCommit: scope.isStatement)
        super.init()
        interruption.call = self
    }

    /// When the call has to be over; `nil` for never.
    var deadline: ContinuousClock.Instant? { interruption.deadline }

    /// Runs the call. Suspends until it has an outcome or is stopped.
    ///
    /// - Parameter connection: One that stays the caller's; `nil` for the next that is free.
    /// - Throws: What the body has thrown; `CancellationError`, `SQLiteError` or `PoolError` if it has not run to its end.
    func run(on connection: HeldConnection?, isolation: isolated (any Actor)? = #isolation) async throws {
        CallsInFlight.begin()
        // When the task goes on, and not when there is an outcome: a task that is resumed needs a processor.
        defer { CallsInFlight.end() }
        await withTaskCancellationHandler {
            // Keeps the closure on the caller's actor: it would go to a thread of the cooperative pool, and the caller come back.
            _ = isolation
            let isUnderWay = isPending && (connection.map { start(on: $0) } ?? start())
            if isUnderWay, Polling.forOutcome.wait(until: { !isPending }, while: { CallsInFlight.areFew }) { return }
            await Resumption.wait { notify(.task($0)) }
        } onCancel: {
            stop(.cancelled)
        }
        try checkOutcome()
    }

    /// Throws the error that the call has ended with, if any. To be called when the caller has been resumed.
    func checkOutcome() throws {
        // Acquire: the outcome.
        switch progress.load(ordering: .acquiring) {
        case .complete: if let error { throw error }
        case .cancelled: throw Interruption.Reason.cancelled.error
        case .overdue: throw Interruption.Reason.overdue.error
        case .pending, .awaited: preconditionFailure("A call has an outcome when its caller is resumed.")
        }
    }

    // MARK: In line

    /// Takes an idle connection, or gets in line for one. Once.
    ///
    /// - Returns: Whether the call is on an idle connection whose thread is awake, so that its outcome may come at once.
    @discardableResult
    func start() -> Bool {
        group?.noteCall()
        if let lease = pool.tryGet(for: caller) { return accept(lease) }
        let start = pool.beginWait()
        lineBegan = start
        let context = unsafe Unmanaged.passRetained(self)
        do throws(PoolError) {
            let ticket = try unsafe pool.wait(
                context: context.toOpaque(),
                timeout: pool.patience(until: deadline),
                since: start
            ) { context, turn in
                unsafe Unmanaged<Request>.fromOpaque(context).takeRetainedValue().turn(Turn(rawValue: turn))
            }
            self.ticket = ticket
            // Release: who sees that the place is known sees the ticket. If a cancellation was faster, it is this that acts on it.
            let isCancelled = !place.compareExchange(
                expected: Place.unknown,
                desired: Place.known,
                ordering: .acquiringAndReleasing
            ).exchanged
            if isCancelled { pool.cancel(ticket) }
        } catch {
            unsafe context.release()
            refuse(error)
        }
        return false
    }

    /// Goes to the thread of a connection that stays the caller's. Once.
    ///
    /// - Returns: Whether the thread is awake, so that the outcome may come at once.
    func start(on connection: HeldConnection) -> Bool {
        held = connection
        watchDeadline()
        return connection.worker.thread.submit(self)
    }

    /// Has `completion` resumed when the call is complete or stopped, at once if it is. Once.
    func notify(_ completion: Completion) {
        self.completion = completion
        // Release: the thread that completes the call sees whom to resume.
        let isPending = progress.compareExchange(
            expected: .pending,
            desired: .awaited,
            ordering: .acquiringAndReleasing
        ).exchanged
        if !isPending { completion.resume() }
    }

    /// Whether there is no outcome yet, and the caller has not begun to wait.
    private var isPending: Bool { progress.load(ordering: .relaxed) == .pending }

    /// Stops the call wherever it is: takes it out of the line, has its statement interrupted, and answers the caller, unless its end
    /// or its commit has begun.
    func stop(_ reason: Interruption.Reason) {
        let isStopped = interruption.stop(reason)
        let known = place.exchange(Place.cancelled, ordering: .acquiringAndReleasing) == Place.known
        if known, let ticket { pool.cancel(ticket) }
        if isStopped { abandon(reason) }
    }

    /// Answers the caller without the outcome.
    func abandon(_ reason: Interruption.Reason) {
        guard mayBeAbandoned else { return }
        settle(reason == .cancelled ? .cancelled : .overdue)
    }

    /// Has the call stopped at its deadline, if it has one. From the time on when it has a connection: in line, the pool keeps
    /// the time.
    private func watchDeadline() {
        guard mayBeAbandoned, let deadline else { return }
        CallDeadlines.shared.insert(self, deadline)
    }

    private func turn(_ turn: Turn) {
        guard let lineBegan = lineBegan.take() else {
            preconditionFailure("A call gets in line before it has its turn.")
        }
        do throws(PoolError) {
            _ = accept(try unsafe pool.lease(turn, for: caller, waitedSince: lineBegan))
        } catch {
            refuse(error)
        }
    }

    /// - Returns: Whether the connection's thread is awake.
    private func accept(_ lease: consuming ConnectionLease<SQLiteWorkerFactory>) -> Bool {
        let worker = lease.connection
        self.lease = consume lease
        watchDeadline()
        return worker.thread.submit(self)
    }

    private func refuse(_ error: PoolError) {
        fail(error.cause)
        complete()
    }

    // MARK: On the connection's thread

    override func run() -> Work? {
        guard let lease = lease.take() else {
            runOnHeldConnection()
            return nil
        }
        let worker = lease.connection
        worker.repair()
        if let group { return runInGroup(group, worker, lease) }
        var isMaintenanceDue = false
        do {
            try worker.withSession { session in
                perform(in: session)
                isMaintenanceDue = session.isMaintenanceDue
            }
        } catch {
            fail(error)
        }
        if isMaintenanceDue {
            complete()
            worker.maintain()
            lease.release()
        } else {
            // Before the task goes on, which may want a connection again at once. The next call, if one waits, is in the mailbox
            // then.
            lease.release()
            complete()
        }
        return nil
    }

    /// Runs the body, and keeps what it throws.
    private func perform(in session: Session) {
        keepError { body in try session.perform(interruption, in: scope, body) }
    }

    /// Runs the body as a part of the transaction that is open, or begins it, and keeps what it throws.
    func performAsMember(in session: Session) {
        keepError { body in try session.performAsMember(interruption, body) }
    }

    private func keepError(_ run: (Body) throws -> Void) {
        // Released here, so that what it has captured ends with it.
        guard let body = body.take() else { return }
        do { try run(body) } catch { self.error = error }
    }

    /// Whether the outcome is an error.
    var hasFailed: Bool { error != nil }

    /// Sets the outcome, also in the place of another.
    func fail(_ error: any Error) {
        body = nil
        self.error = error
    }

    private func runOnHeldConnection() {
        guard let held = held.take() else { preconditionFailure("A call has a connection when it runs.") }
        // The caller may have let go of it.
        defer { withExtendedLifetime(held) {} }
        held.noteUse()
        held.worker.repair()
        do {
            try held.worker.withSession { perform(in: $0) }
        } catch {
            fail(error)
        }
        complete()
    }

    /// Lets go of the connection while the call is not complete, so that the next may come.
    func takeLease() -> ConnectionLease<SQLiteWorkerFactory>? { lease.take() }

    /// Resumes the caller with the outcome, unless it has been answered. The thread does this last.
    func complete() {
        if mayBeAbandoned, deadline != nil { CallDeadlines.shared.remove(self) }
        settle(.complete)
    }

    /// Gives the caller its answer, if it has none.
    private func settle(_ answer: Progress) {
        var current = progress.load(ordering: .relaxed)
        while current == .pending || current == .awaited {
            // Release: the outcome. Acquire: whom to resume.
            let (isExchanged, original) = progress.compareExchange(
                expected: current,
                desired: answer,
                ordering: .acquiringAndReleasing
            )
            if isExchanged {
                if current == .awaited { completion.take()?.resume() }
                return
            }
            current = original
        }
    }
}

extension PoolError {
    /// The error as a caller sees it: what the file is like says more than that there was no connection.
    var cause: any Error {
        if code == .cancelled { return CancellationError() }
        if code == .connectFailed, let reason = underlying as? SQLiteError { return reason }
        return self
    }
}
