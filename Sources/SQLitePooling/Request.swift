// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import LockPool
internal import Synchronization

/// A body on its way to a connection, and its outcome on the way back: it waits in line itself, not its task, and when its
/// turn comes it goes to the connection's thread, whoever's turn it was before.
///
/// So a thread that has done one call and gives its connection back has the next in its mailbox, and goes on with it. The
/// task is resumed once, with the outcome.
///
/// Who has the call touches what is not atomic: the task until it is in line, then whoever brings the turn, then the thread, and
/// when it is complete the task. Nothing of the body's is seen by one of them after it was handed over.
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

    /// Who waits, once somebody does.
    private var completion: Completion?
    private let progress = Atomic(Progress.pending)

    private let group: GroupCommit?

    private enum Progress {
        static let pending: UInt8 = 0
        /// Somebody is to be told.
        static let awaited: UInt8 = 1
        static let complete: UInt8 = 2
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

    /// A call of `body`, of which nothing may be touched by anybody else until the call is complete.
    init(
        on pool: Pool,
        _ scope: TransactionScope,
        deadline: ContinuousClock.Instant?,
        group: GroupCommit?,
        _ body: @escaping Body
    ) {
        self.pool = pool
        self.scope = scope
        self.group = group
        self.body = body
        interruption = Interruption(deadline: deadline)
    }

    /// Runs the call. Suspends until it has an outcome; when the task is cancelled, it leaves the line, or its statement is
    /// interrupted.
    ///
    /// - Parameter connection: One that stays the caller's; `nil` for the next that is free.
    /// - Throws: What the body has thrown; `CancellationError`, `SQLiteError` or `PoolError` if it has not run to its end.
    func run(on connection: HeldConnection?, isolation: isolated (any Actor)? = #isolation) async throws {
        await withTaskCancellationHandler {
            // Keeps the closure on the caller's actor: it would go to a thread of the cooperative pool, and the caller come back.
            _ = isolation
            if let connection { start(on: connection) } else { start() }
            await Resumption.wait { notify(.task($0)) }
        } onCancel: {
            cancel()
        }
        try checkOutcome()
    }

    /// Throws the error that the call has ended with, if it has. To be called when it is complete.
    func checkOutcome() throws {
        precondition(isComplete, "A call has an outcome when it has run.")
        if let error { throw error }
    }

    // MARK: In line

    /// Takes an idle connection, or gets in line for one. Once.
    func start() {
        CallsInFlight.begin()
        group?.noteCall()
        if let lease = pool.tryGet() { return accept(lease) }
        let start = pool.beginWait()
        lineBegan = start
        let context = unsafe Unmanaged.passRetained(self)
        do throws(PoolError) {
            let ticket = try unsafe pool.wait(
                context: context.toOpaque(),
                timeout: pool.patience(until: interruption.deadline),
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
    }

    /// Goes to the thread of a connection that stays the caller's. Once.
    func start(on connection: HeldConnection) {
        CallsInFlight.begin()
        held = connection
        connection.worker.thread.submit(self)
    }

    /// Has `completion` told when the call is complete, at once if it is. Once.
    func notify(_ completion: Completion) {
        self.completion = completion
        // Release: whoever completes the call sees whom to tell.
        let isPending = progress.compareExchange(
            expected: Progress.pending,
            desired: Progress.awaited,
            ordering: .acquiringAndReleasing
        ).exchanged
        if !isPending { completion.resume() }
    }

    /// Whether there is an outcome. Acquire: and it can be read then.
    var isComplete: Bool { progress.load(ordering: .acquiring) == Progress.complete }

    /// Cancels the call wherever it is.
    func cancel() {
        interruption.cancel()
        let known = place.exchange(Place.cancelled, ordering: .acquiringAndReleasing) == Place.known
        if known, let ticket { pool.cancel(ticket) }
    }

    private func turn(_ turn: Turn) {
        guard let lineBegan = lineBegan.take() else {
            preconditionFailure("A call gets in line before it has its turn.")
        }
        do throws(PoolError) {
            accept(try unsafe pool.lease(turn, waitedSince: lineBegan))
        } catch {
            refuse(error)
        }
    }

    private func accept(_ lease: consuming ConnectionLease<SQLiteWorkerFactory>) {
        let worker = lease.connection
        self.lease = consume lease
        worker.thread.submit(self)
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
        var isCheckpointDue = false
        do {
            try worker.withSession { session in
                perform(in: session)
                isCheckpointDue = session.isCheckpointDue
            }
        } catch {
            fail(error)
        }
        if isCheckpointDue {
            complete()
            worker.checkpoint()
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
        // Let go of here, so that what it has captured ends on no later day than its call.
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

    /// Resumes the caller with the outcome. The thread does this last.
    func complete() {
        CallsInFlight.end()
        // Release: the outcome. Acquire: whom to tell.
        let before = progress.exchange(Progress.complete, ordering: .acquiringAndReleasing)
        precondition(before != Progress.complete, "A call is complete once.")
        if before == Progress.awaited { completion.take()?.resume() }
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
