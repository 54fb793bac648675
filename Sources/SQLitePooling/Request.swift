// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import LockPool
internal import Synchronization

/// A call on its way to a connection: it waits in line itself, not its task, and when its turn comes it goes to the
/// connection's thread, whoever's turn it was before.
///
/// So a thread that has done one call and gives its connection back has the next in its mailbox, and goes on with it. The
/// task is resumed once, with the outcome.
///
/// Who has the call touches what is not atomic: the task until it is in line, then whoever brings the turn, then the thread.
class Request: Work, @unchecked Sendable {
    typealias Pool = ConnectionPool<SQLiteWorkerFactory>

    let scope: TransactionScope
    let interruption: Interruption

    let pool: Pool
    private var lease: ConnectionLease<SQLiteWorkerFactory>?
    /// In the place of a lease of its own.
    private var held: HeldConnection?

    /// Who waits, once somebody does.
    private var completion: Completion?
    private let progress = Atomic(Progress.pending)

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

    init(on pool: Pool, _ scope: TransactionScope, deadline: ContinuousClock.Instant?) {
        self.pool = pool
        self.scope = scope
        interruption = Interruption(deadline: deadline)
    }

    /// Runs the body, and keeps its outcome. On the thread that has the session.
    func perform(in session: Session) { preconditionFailure("A call has a body.") }

    /// Runs the body as a part of the transaction that is open, or begins it, and keeps its outcome.
    func performAsMember(in session: Session) { preconditionFailure("A call has a body.") }

    /// Whether the outcome is an error.
    var hasFailed: Bool { preconditionFailure("A call has an outcome.") }

    /// Sets the outcome, also in the place of another.
    func fail(_ error: any Error) { preconditionFailure("A call has an outcome.") }

    // MARK: In line

    /// Takes an idle connection, or gets in line for one. Once.
    ///
    /// - Returns: Whether there was an idle one, so that the call is at work.
    final func start() -> Bool {
        if let lease = pool.tryGet() {
            accept(lease)
            return true
        }
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
        return false
    }

    /// Goes to the thread of a connection that stays the caller's. Once.
    final func start(on connection: HeldConnection) {
        held = connection
        connection.worker.thread.submit(self)
    }

    /// Has `completion` told when the call is complete, at once if it is. Once.
    final func notify(_ completion: Completion) {
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
    final var isComplete: Bool { progress.load(ordering: .acquiring) == Progress.complete }

    /// Cancels the call wherever it is.
    final func cancel() {
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

    override final func run() -> Work? {
        guard let lease = lease.take() else {
            runOnHeldConnection()
            return nil
        }
        let worker = lease.connection
        worker.repair()
        if worker.groupLimit > 1, scope.mayShareCommit { return runInGroup(worker, lease) }
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
    final func takeLease() -> ConnectionLease<SQLiteWorkerFactory>? { lease.take() }

    /// Tells whoever waits that there is an outcome. The last that is done.
    final func complete() {
        // Release: the outcome. Acquire: whom to tell.
        let before = progress.exchange(Progress.complete, ordering: .acquiringAndReleasing)
        precondition(before != Progress.complete, "A call is complete once.")
        if before == Progress.awaited, let completion = completion.take() { completion.resume() }
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
