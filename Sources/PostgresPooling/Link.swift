// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import ConnectionPooling
internal import LockPool
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A connection of libpq, and whose turn it is to use it.
///
/// libpq's object is for one thread at a time. It belongs to whoever holds the lease, except from the moment when that task waits
/// for the server until it is resumed: then it belongs to the reactor's thread.
@safe
final class Link: @unchecked Sendable {
    /// libpq's object, a `PGconn`, for its owner.
    let handle: OpaquePointer
    let token: UInt64
    private let reactor: Reactor
    private let wait = Locked(Wait())

    /// Whether the connection is encrypted, whose library may hold back bytes that the socket has given.
    private let isEncrypted: Bool

    private let onNotice: (@Sendable (PostgresError.ServerFields) -> Void)?

    /// Is told, on the reactor's thread, when something has come that nobody waited for.
    private let watcher: PoolWatcher

    /// Whether a task is to look for its answer itself before it waits for it.
    private let lookHabit = SpinHabit()

    /// An answer was not read to its end, because what had come made a result: the poller will not report the rest. For the owner;
    /// atomic because the thread sanitizer does not see each way in which a wait orders the reactor's thread and the task's.
    private let mayHaveMore = Atomic(false)

    /// Something came while nobody waited: the poller will not report it again. Set with `wait` locked.
    private let sawActivity = Atomic(false)

    /// Nobody has used the connection since it was given back.
    let isIdle = Atomic(false)

    private let isInUse = Atomic(false)

    /// The pool does not wait any longer for the holder of the lease.
    let isShutDown = Atomic(false)

    /// Changes with each statement, and with each end of a lease. Only the owner writes it.
    let statements = Atomic(0)

    /// Changes with each end of a lease. Only the owner writes it.
    let leases = Atomic(0)

    /// What it takes to ask the server to end a statement early; `nil` if there was no memory for it.
    let cancelKey: CancelKey?

    /// Why the server has ended the session, or is about to. Set by libpq's calls, for the owner.
    @safe @exclusivity(unchecked) var farewell: PostgresError.ServerFields?

    /// What the owner knows of the session. Only the owner touches it, and nothing that it does with it calls out or suspends: there
    /// is nothing that the runtime would have to check.
    @safe @exclusivity(unchecked) var session: Session

    private struct Wait {
        enum Phase {
            /// The lease's holder owns the connection.
            case held
            /// The reactor owns it, and looks at it when the socket is ready.
            case waiting
            /// The reactor's thread is using it.
            case processing
        }

        var phase = Phase.held
        var goal = Goal.answer
        var waiter: Waiter?
        var deadline = Reactor.never
        /// Whether the wait, or the last one, is the holder's and not for putting the connection in order.
        var isCancellable = false
        /// The end of a wait that has not begun, or that the reactor is just looking at.
        var interruption: Outcome?
    }

    /// A task that waits; it is resumed once, by whoever takes it out of `Wait`.
    @safe
    private struct Waiter {
        private let continuation: UnsafeContinuation<Outcome, Never>

        init(_ continuation: UnsafeContinuation<Outcome, Never>) { unsafe self.continuation = continuation }

        func resume(_ outcome: Outcome) { unsafe continuation.resume(returning: outcome) }
    }

    /// What a wait is for.
    enum Goal {
        /// The next result can be fetched without blocking, or the connection is lost.
        case answer
        /// More can be sent, or something has come.
        case progress
    }

    /// How a wait has ended.
    enum Outcome {
        case ready, timedOut, cancelled, shutDown
    }

    /// Takes over a connection that is established and does not block.
    ///
    /// - Returns: `nil` if the system has no room to watch its socket; the connection is ended then.
    init?(
        _ handle: OpaquePointer,
        statementCacheCapacity: Int,
        reactor: Reactor,
        onNotice: (@Sendable (PostgresError.ServerFields) -> Void)?,
        watcher: PoolWatcher
    ) {
        unsafe self.handle = handle
        session = Session(statements: StatementCache(capacity: statementCacheCapacity))
        unsafe cancelKey = CancelKey(of: handle)
        self.reactor = reactor
        self.watcher = watcher
        token = reactor.makeToken()
        isEncrypted = unsafe (PQsslInUse(handle) != 0 || PQgssEncInUse(handle) != 0)
        self.onNotice = onNotice
        // The link outlives libpq's object, which it ends itself.
        unsafe PQsetNoticeReceiver(handle, Link.receiveNotice, Unmanaged.passUnretained(self).toOpaque())
        guard reactor.add(self, descriptor: unsafe PQsocket(handle)) else {
            unsafe PQfinish(handle)
            return nil
        }
    }

    /// Called by libpq, within a call of the connection's owner. The result is libpq's and goes with the call.
    private static let receiveNotice: PQnoticeReceiver = { context, notice in
        guard let context = unsafe context, let notice = unsafe notice else { return }
        let link = unsafe Unmanaged<Link>.fromOpaque(context).takeUnretainedValue()
        let fields = PostgresError.ServerFields { code in
            unsafe PQresultErrorField(notice, Int32(code.asciiValue!)).map { unsafe String(cString: $0) }
        }
        if fields.explainsEnd { link.farewell = fields }
        link.onNotice?(fields)
    }

    /// Ends the connection, for its owner. Nothing may be done with it afterwards.
    func close() {
        reactor.remove(self, descriptor: unsafe PQsocket(handle))
        unsafe PQfinish(handle)
    }

    // MARK: Waiting, for the owner

    /// Lends the connection to the reactor until it has what is waited for, perhaps. Suspends; whoever waits looks then, and may wait again.
    ///
    /// - Parameters:
    ///   - goal: What is waited for.
    ///   - patience: When to give up, and whether a cancellation of the task, and the pool's end, end the wait.
    func wait(for goal: Goal, _ patience: Patience) async -> Outcome {
        wait.withLock { wait in
            wait.interruption = nil
            wait.isCancellable = patience.isCancellable
        }
        // What comes after this is noted as an interruption, because that takes the lock after the flag is set.
        if patience.isCancellable, isShutDown.load(ordering: .relaxed) { return .shutDown }
        if isReady(for: goal) || goal == .answer && lookBriefly() { return .ready }
        // The socket cannot change its number while the connection is held, and libpq closes it only within a call.
        if unsafe PQsocket(handle) < 0 { return .ready }
        reactor.waiting.add(1, ordering: .relaxed)
        defer { reactor.waiting.subtract(1, ordering: .relaxed) }
        guard patience.isCancellable else {
            return await unsafe withUnsafeContinuation { unsafe lend(to: $0, for: goal, until: patience.deadline) }
        }
        return await unsafe withCancellableContinuation {
            unsafe lend(to: $0, for: goal, until: patience.deadline)
        } onCancel: {
            interrupt(.cancelled)
        }
    }

    /// Takes in what has come, as far as the poller will not report it, and so before each attempt to wait.
    ///
    /// - Returns: Whether that is what is waited for, as far as can be told.
    private func isReady(for goal: Goal) -> Bool {
        while takeActivity() || mayHaveMore.load(ordering: .relaxed) {
            mayHaveMore.store(false, ordering: .relaxed)
            consume()
            if unsafe PQisBusy(handle) == 0 {
                // It has not been read to its end.
                mayHaveMore.store(true, ordering: .relaxed)
                return true
            }
            if goal == .progress { return true }
        }
        return false
    }

    /// Lends the connection to the reactor, unless the wait is over before it has begun.
    private func lend(to continuation: UnsafeContinuation<Outcome, Never>, for goal: Goal, until deadline: UInt64) {
        let waiter = unsafe Waiter(continuation)
        let ended: Outcome? = wait.withLock { wait in
            if let interruption = wait.interruption.take() { return interruption }
            // Something has come since: go round once more.
            if sawActivity.load(ordering: .relaxed) { return .ready }
            wait.phase = .waiting
            wait.goal = goal
            wait.waiter = waiter
            wait.deadline = deadline
            // Under the lock, because an interruption would give the connection back to its owner, who may close it.
            reactor.poller.arm(
                unsafe PQsocket(handle),
                token: token,
                for: goal == .answer ? .reading : .readingAndWriting
            )
            return nil
        }
        if let ended { return waiter.resume(ended) }
        if deadline != Reactor.never { reactor.arm(deadline) }
    }

    /// Looks for the answer again and again for about a tenth of a millisecond, giving way to others in between.
    ///
    /// Where few wait, most of the time of a short statement is that of waking two threads, the reactor's and then the task's. To
    /// look first saves both. Where many wait, for answers or for connections, the reactor is awake anyway, and threads are needed
    /// for other tasks. One task at a time does it, and none on an executor, whose thread others may need: a `PostgresExecutor`
    /// looks by itself.
    ///
    /// - Returns: Whether the answer is there.
    private func lookBriefly() -> Bool {
        guard
            reactor.waiting.load(ordering: .relaxed) < Link.fewWaiters, !isOnExecutor, !watcher.isCrowded,
            !lookHabit.shallOmit(),
            reactor.hasLooker.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged
        else { return false }
        defer { reactor.hasLooker.store(false, ordering: .relaxed) }
        for _ in 0..<Reactor.looks {
            sched_yield()
            if unsafe PQconsumeInput(handle) == 0 || PQisBusy(handle) == 0 {
                mayHaveMore.store(true, ordering: .relaxed)
                return lookHabit.noting(true)
            }
            // Many have come to wait meanwhile.
            if reactor.waiting.load(ordering: .relaxed) > Link.fewWaiters { break }
        }
        // More of an encrypted answer may have come from the socket, which does not become ready for that.
        mayHaveMore.store(isEncrypted, ordering: .relaxed)
        return lookHabit.noting(isReady(for: .answer))
    }

    /// Whether the task wants to be on an executor.
    private var isOnExecutor: Bool { unsafe withUnsafeCurrentTask { unsafe $0?.unownedTaskExecutor != nil } }

    private static var fewWaiters: Int { 3 }

    private func interrupt(_ outcome: Outcome) {
        wait.withLock { wait in Link.endWait(&wait, outcome) }?.resume(outcome)
    }

    /// Ends what the holder of the lease waits for, and whatever it would do next. May be called at any time, from any thread.
    func shutDown() {
        isShutDown.store(true, ordering: .relaxed)
        wait.withLock { wait in wait.isCancellable ? Link.endWait(&wait, .shutDown) : nil }?.resume(.shutDown)
    }

    /// Ends a wait, or notes that it is to end when it begins or when the reactor has looked at it.
    private static func endWait(_ wait: inout Wait, _ outcome: Outcome) -> Waiter? {
        guard wait.phase == .waiting else {
            wait.interruption = outcome
            return nil
        }
        return endWait(&wait)
    }

    private static func endWait(_ wait: inout Wait) -> Waiter? {
        wait.phase = .held
        wait.deadline = Reactor.never
        return wait.waiter.take()
    }

    // MARK: For the reactor

    /// The socket has become ready.
    func becomeReady() {
        enum Meaning { case awaited(Goal), noted, idle }
        let meaning: Meaning = wait.withLock { wait in
            guard wait.phase == .waiting else {
                sawActivity.store(true, ordering: .releasing)
                return isIdle.load(ordering: .relaxed) ? .idle : .noted
            }
            wait.phase = .processing
            return .awaited(wait.goal)
        }
        guard case .awaited(let goal) = meaning else {
            if case .idle = meaning { watcher.inspect() }
            return
        }
        consume()
        let isDone = unsafe (goal == .progress || PQisBusy(handle) == 0)
        let descriptor = unsafe PQsocket(handle)
        // There may be more of a long answer.
        mayHaveMore.store(isDone, ordering: .relaxed)
        let (waiter, outcome): (Waiter?, Outcome) = wait.withLock { wait in
            let interruption = wait.interruption.take()
            if isDone || interruption != nil || descriptor < 0 {
                return (Link.endWait(&wait), isDone ? .ready : interruption ?? .ready)
            }
            wait.phase = .waiting
            reactor.poller.arm(descriptor, token: token, for: .reading)
            return (nil, .ready)
        }
        waiter?.resume(outcome)
    }

    /// Ends the wait if its deadline has come.
    ///
    /// - Returns: The deadline if it has not, `never` if there is none.
    func endWait(dueAt now: UInt64) -> UInt64 {
        let (waiter, later): (Waiter?, UInt64) = wait.withLock { wait in
            if wait.deadline > now { return (nil, wait.deadline) }
            return (Link.endWait(&wait, .timedOut), Reactor.never)
        }
        waiter?.resume(.timedOut)
        return later
    }

    // MARK: For the owner, whoever that is

    /// Takes in what has come, until that makes a result or there is no more.
    func consume() {
        repeat {
            guard unsafe PQconsumeInput(handle) != 0 else { return }
            if unsafe PQisBusy(handle) == 0 { return }
            // An encrypted connection may have taken more from the socket than libpq has asked of it, and the socket does not
            // become ready for that again. A record is shorter than what libpq asks for in two calls.
            if isEncrypted {
                guard unsafe PQconsumeInput(handle) != 0 else { return }
                if unsafe PQisBusy(handle) == 0 { return }
            }
        } while hasMore
    }

    /// Whether the socket can be read at once, be it that it has ended.
    private var hasMore: Bool {
        var byte: UInt8 = 0
        let descriptor = unsafe PQsocket(handle)
        if descriptor < 0 { return false }
        return unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) >= 0 || errno != EAGAIN
    }

    /// Takes in what has come while nobody waited.
    ///
    /// - Returns: Whether the connection is still there.
    func watch() -> Bool {
        // With the lock, under which the reactor sets the one and reads the other: one of the two sees what the other has done.
        while wait.withLock({ _ in
            isIdle.store(true, ordering: .relaxed)
            return takeActivity()
        }) {
            consumeIdle()
        }
        if isLost { return false }
        reactor.poller.arm(unsafe PQsocket(handle), token: token, for: .reading)
        return true
    }

    /// As `consume`, when no answer is awaited.
    private func consumeIdle() {
        repeat {
            guard unsafe PQconsumeInput(handle) != 0 else { return }
        } while hasMore
    }

    /// Whether libpq knows that the connection is lost.
    var isLost: Bool { unsafe (PQstatus(handle) == CONNECTION_BAD || PQsocket(handle) < 0) }

    // MARK: Who uses it

    /// Prepares for the answer to a statement that is about to be sent: takes in what came before it.
    func expectAnswer() {
        isIdle.store(false, ordering: .relaxed)
        takeInUnasked()
        session.wasInTransaction = unsafe PQtransactionStatus(handle) != PQTRANS_IDLE
        session.wasEnded = farewell?.isFatal ?? false
    }

    /// Takes in what has come while no answer was awaited, such as the end of the session.
    func takeInUnasked() {
        guard takeActivity() else { return }
        consumeIdle()
        // It parses.
        _ = unsafe PQisBusy(handle)
    }

    /// As `takeInUnasked`, and looks at the socket itself: the reactor may not have seen yet what has come.
    func lookForEnd() {
        if hasMore { consumeIdle() }
        _ = unsafe PQisBusy(handle)
    }

    /// Whether something has come that is still to be taken in. Whoever asks has to do that.
    private func takeActivity() -> Bool {
        // An exchange, so that what came last has come for whoever takes the flag down.
        sawActivity.load(ordering: .relaxed) && sawActivity.exchange(false, ordering: .acquiring)
    }

    /// Notes that an answer has been read to its end. Whatever comes now is reported, and notifications have nobody here.
    func endAnswer() {
        mayHaveMore.store(false, ordering: .relaxed)
        while let notification = unsafe PQnotifies(handle) { unsafe PQfreemem(notification) }
    }

    /// Begins a use of the connection. Traps when another is under way: then it is used from two tasks.
    func beginUse() {
        let wasInUse = isInUse.exchange(true, ordering: .acquiring)
        precondition(!wasInUse, "A PostgreSQL connection, or a stream of its rows, is used from two tasks at once.")
    }

    func endUse() { isInUse.store(false, ordering: .releasing) }

    /// Ends the stream of rows that is under way, because another statement is run.
    ///
    /// - Returns: What `statements` is now.
    @discardableResult
    func endStreams() -> Int {
        let number = statements.load(ordering: .relaxed) &+ 1
        statements.store(number, ordering: .relaxed)
        return number
    }

    /// Ends everything that comes from the present lease.
    func endLease() {
        leases.store(leases.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        session.transactions = TransactionRecord()
        endStreams()
    }
}
