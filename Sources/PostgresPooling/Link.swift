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
    private let answerReader = AnswerReader.shared
    private let wait = Locked(Wait())

    /// libpq's number of UTF-8, which is asked for with each row of a stream.
    let utf8 = ClientEncoding.identifier

    /// Whether the connection is encrypted, whose library may hold back bytes that the socket has given.
    let isEncrypted: Bool

    private let onNotice: (@Sendable (PostgresError.ServerFields) -> Void)?

    /// Is told, on the reactor's thread, when something has come that nobody waited for.
    private let watcher: PoolWatcher

    /// Whether a task is to look for its answer itself before it waits for it.
    private let lookHabit: LookHabit

    /// What has come was not read to its end, because it made a result or a turn was over: the poller will not report the rest. For
    /// the owner; atomic because the thread sanitizer does not see each way in which a wait orders the reactor's thread and the task's.
    private let mayHaveMore = Atomic(false)

    /// Something came while nobody waited: the poller will not report it again. Set with `wait` locked.
    private let sawActivity = Atomic(false)

    /// Nobody has used the connection since it was given back.
    let isIdle = Atomic(false)

    /// How many bytes the server has sent unasked since the last statement. For the owner.
    @safe @exclusivity(unchecked) var idleBytes = 0

    /// The connection is not used any more, because of what the server has sent, or because a statement was sent in part.
    let isGivenUp = Atomic(false)

    /// For how long, in nanoseconds, turns of reading have gone on without an end of what there is to read. For the owner.
    let readingTime = Atomic<UInt64>(0)

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
            /// A thread that sends a large statement is using it.
            case sending
        }

        var phase = Phase.held
        var goal = Goal.answer
        var waiter: Waiter?
        var deadline = Reactor.never
        /// Whether the wait, or the last one, is the holder's and not for putting the connection in order.
        var isCancellable = false
        /// The number of turns of reading that the reactor's thread has taken.
        var turns = 0
        /// Whether ``AnswerReader`` reads in place of the reactor.
        var isLong = false
        /// The end of a wait that has not begun, or that the reactor is just looking at.
        var interruption: Outcome?
        /// The poller reports when more can be sent.
        var watchesWriting = false
        /// While a large statement is sent, another descriptor of the socket, which libpq cannot close.
        var sendingSocket: Int32 = -1
        /// What comes during that.
        var unasked = UnaskedBytes(socket: -1)
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
        /// The connection is not used any more, because of what the server has sent.
        case givenUp
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
        token = Reactor.makeToken()
        isEncrypted = unsafe (PQsslInUse(handle) != 0 || PQgssEncInUse(handle) != 0)
        lookHabit = LookHabit(socket: unsafe PQsocket(handle))
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
        // One that has not begun is of no use any more.
        session.cancelRequest?.withdraw()
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
        if isGivenUp.load(ordering: .relaxed) { return .givenUp }
        // What a server has sent behind an answer was reported before that was read. A connection that is put in order must not wait
        // for it in vain; for a statement it is not worth a call of the system each time.
        if !patience.isCancellable { mayHaveMore.store(true, ordering: .relaxed) }
        var intake = takeUnreported()
        if intake == .drained, goal == .answer { intake = lookBriefly() }
        // What has come is looked at first, but not for longer than the statement may take.
        if intake == .complete || intake == .unfinished && goal == .progress { return patience.outcome }
        // The socket cannot change its number while the connection is held, and libpq closes it only within a call.
        if unsafe PQsocket(handle) < 0 { return .ready }
        let isUnfinished = intake == .unfinished
        reactor.waiting.add(1, ordering: .relaxed)
        defer { reactor.waiting.subtract(1, ordering: .relaxed) }
        guard patience.isCancellable else {
            return await unsafe withUnsafeContinuation {
                unsafe lend(to: $0, for: goal, until: patience.deadline, isUnfinished: isUnfinished)
            }
        }
        return await unsafe withCancellableContinuation {
            unsafe lend(to: $0, for: goal, until: patience.deadline, isUnfinished: isUnfinished)
        } onCancel: {
            interrupt(.cancelled)
        }
    }

    /// Takes in what has come, as far as the poller will not report it, and so before each attempt to wait.
    ///
    /// - Returns: As `consume()`; `drained` if there was nothing.
    private func takeUnreported() -> Intake {
        for _ in 0..<Link.rounds {
            guard takeActivity() || mayHaveMore.load(ordering: .relaxed) else { return .drained }
            mayHaveMore.store(false, ordering: .relaxed)
            let intake = consume()
            if intake == .drained { continue }
            mayHaveMore.store(true, ordering: .relaxed)
            return intake
        }
        // It comes as fast as it is read.
        return .unfinished
    }

    private static var rounds: Int { 4 }

    /// Lends the connection to the reactor, unless the wait is over before it has begun.
    ///
    /// - Parameter isUnfinished: Whether there is more to read, which the reactor is to go on with.
    private func lend(
        to continuation: UnsafeContinuation<Outcome, Never>,
        for goal: Goal,
        until deadline: UInt64,
        isUnfinished: Bool
    ) {
        let waiter = unsafe Waiter(continuation)
        let ended: Outcome? = wait.withLock { wait in
            if let interruption = wait.interruption.take() { return interruption }
            if isUnfinished {
                // The reactor reads that as well.
                sawActivity.store(false, ordering: .relaxed)
            } else if sawActivity.load(ordering: .relaxed) {
                // Something has come since: go round once more.
                return .ready
            }
            wait.phase = .waiting
            wait.goal = goal
            wait.waiter = waiter
            wait.deadline = deadline
            wait.turns = 0
            // Under the lock, because an interruption would give the connection back to its owner, who may close it.
            armPoller(&wait)
            return nil
        }
        if let ended { return waiter.resume(ended) }
        if deadline != Reactor.never { reactor.arm(deadline) }
        if isUnfinished { reactor.goOn(reading: self) }
    }

    private func armPoller(_ wait: inout Wait) {
        let descriptor = unsafe PQsocket(handle)
        if wait.goal == .answer, wait.watchesWriting {
            // All is sent, and the socket would be reported each time that the server reads some of it.
            wait.watchesWriting = false
            reactor.poller.endWriting(descriptor, token: token)
        }
        if wait.goal == .progress { wait.watchesWriting = true }
        let poller = wait.isLong ? answerReader.poller : reactor.poller
        poller.arm(descriptor, token: token, for: wait.goal == .answer ? .reading : .readingAndWriting)
    }

    /// Looks for the answer again and again for about a tenth of a millisecond, giving way to others in between.
    ///
    /// Where few wait, most of the time of a short statement is that of waking two threads, the reactor's and then the task's. To
    /// look first saves both. Where many wait, for answers or for connections, the reactor is awake anyway, and threads are needed
    /// for other tasks. Where statements are rare, a look spends processor time that nothing else needs, and saves none. One task at
    /// a time looks, and none on an executor, whose thread others may need: a `PostgresExecutor` looks by itself.
    ///
    /// - Returns: As `consume()`.
    private func lookBriefly() -> Intake {
        let isRare = reactor.waitRate.noteWait()
        guard
            !isRare, reactor.waiting.load(ordering: .relaxed) < Link.fewWaiters, lookHabit.shallLook(), !isOnExecutor,
            !watcher.isCrowded,
            reactor.hasLooker.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged
        else { return .drained }
        defer { reactor.hasLooker.store(false, ordering: .relaxed) }
        // Threads that `sched_yield` gives way to may take longer than the look, and a long answer may come in the middle of it.
        let end = MonotonicClock.now + Link.longestLook
        for _ in 0..<Reactor.looks {
            sched_yield()
            if unsafe PQconsumeInput(handle) == 0 || PQisBusy(handle) == 0 {
                mayHaveMore.store(true, ordering: .relaxed)
                lookHabit.note(true)
                return .complete
            }
            // Many have come to wait meanwhile.
            if reactor.waiting.load(ordering: .relaxed) > Link.fewWaiters || MonotonicClock.now >= end { break }
        }
        // More of an encrypted answer may have come from the socket, which does not become ready for that.
        mayHaveMore.store(isEncrypted, ordering: .relaxed)
        let intake = takeUnreported()
        lookHabit.note(intake == .complete)
        return intake
    }

    /// In nanoseconds.
    private static var longestLook: UInt64 { 1_000_000 }

    /// Whether the task wants to be on an executor.
    private var isOnExecutor: Bool { unsafe withUnsafeCurrentTask { unsafe $0?.unownedTaskExecutor != nil } }

    private static var fewWaiters: Int { 3 }

    private func interrupt(_ outcome: Outcome) {
        wait.withLock { wait in endWait(&wait, outcome) }?.resume(outcome)
    }

    /// Ends what the holder of the lease waits for, and whatever it would do next. May be called at any time, from any thread.
    func shutDown() {
        isShutDown.store(true, ordering: .relaxed)
        wait.withLock { wait in wait.isCancellable ? endWait(&wait, .shutDown) : nil }?.resume(.shutDown)
    }

    /// Ends a wait, or notes that it is to end when it begins or when another thread has done with the connection.
    private func endWait(_ wait: inout Wait, _ outcome: Outcome) -> Waiter? {
        guard wait.phase == .waiting else {
            wait.interruption = outcome
            // The thread that sends is in the middle of a statement, and ends when nothing more can be sent.
            if wait.phase == .sending { shutdown(wait.sendingSocket, Int32(SHUT_RDWR)) }
            return nil
        }
        return endWait(&wait)
    }

    private func endWait(_ wait: inout Wait) -> Waiter? {
        if wait.isLong { takeFromReader(&wait) }
        wait.phase = .held
        wait.deadline = Reactor.never
        return wait.waiter.take()
    }

    // MARK: For the reactor

    /// The number of turns of reading after which an answer is long.
    private static var turnsOfShortAnswer: Int { 4 }

    /// Takes a turn of reading if the link waits, and ends the wait if that is to end.
    ///
    /// - Parameters:
    ///   - thread: The link's reactor, or the one of ``AnswerReader``.
    ///   - isReported: Whether the socket has become ready, or else an earlier turn has left something.
    /// - Returns: Whether the link is to have another turn.
    func takeTurn(on thread: Reactor, isReported: Bool) -> Bool {
        enum Meaning { case awaited(Goal), noted, idle }
        let meaning: Meaning = wait.withLock { wait in
            // The thread that reads learns by itself of what the other is told.
            if (thread === reactor) == wait.isLong { return .noted }
            guard wait.phase == .waiting else {
                if !isReported { return .noted }
                sawActivity.store(true, ordering: .releasing)
                return isIdle.load(ordering: .relaxed) ? .idle : .noted
            }
            if leaveToReader(&wait) { return .noted }
            wait.phase = .processing
            return .awaited(wait.goal)
        }
        guard case .awaited(let goal) = meaning else {
            if case .idle = meaning { watcher.inspect(self) }
            return false
        }
        let intake = consume()
        let isDone = goal == .progress || intake == .complete
        if !isDone, hasTooManyParameters { giveUp() }
        mayHaveMore.store(isDone || intake == .unfinished, ordering: .relaxed)
        let (waiter, outcome): (Waiter?, Outcome) = wait.withLock { wait in
            let interruption = wait.interruption.take()
            if intake == .unfinished { limitDropping(wait) }
            if isDone || interruption != nil || isLost {
                return (endWait(&wait), isDone ? .ready : interruption ?? .ready)
            }
            wait.phase = .waiting
            armPoller(&wait)
            return (nil, .ready)
        }
        waiter?.resume(outcome)
        return waiter == nil && intake == .unfinished
    }

    /// Leaves the rest of the wait to ``AnswerReader`` if the answer is long.
    ///
    /// - Returns: Whether the reactor has no more to do with it.
    private func leaveToReader(_ wait: inout Wait) -> Bool {
        if wait.isLong || wait.goal != .answer { return false }
        wait.turns += 1
        if wait.turns <= Link.turnsOfShortAnswer { return false }
        wait.turns = 0
        let descriptor = unsafe PQsocket(handle)
        guard descriptor >= 0, answerReader.add(self, descriptor: descriptor) else { return false }
        reactor.poller.pause(descriptor, token: token)
        wait.isLong = true
        return true
    }

    /// Has the reactor watch the socket again.
    private func takeFromReader(_ wait: inout Wait) {
        wait.isLong = false
        let descriptor = unsafe PQsocket(handle)
        answerReader.remove(self, descriptor: descriptor)
        if descriptor >= 0 { reactor.poller.resume(descriptor, token: token) }
    }

    /// Gives the connection up if the server sends without end while it is sent a large statement.
    private func limitSending(_ wait: inout Wait) {
        if wait.unasked.count(on: wait.sendingSocket) > Link.sendingBudget {
            giveUp()
            shutdown(wait.sendingSocket, Int32(SHUT_RDWR))
        }
    }

    /// Gives the connection up if an answer that is to be dropped does not end. The server has been asked to end it, and what is under way is
    /// no more than the buffers of two sockets. A statement that changes data is read to its end instead.
    private func limitDropping(_ wait: borrowing Wait) {
        if wait.isCancellable || session.isStreamingChanges && session.cancelRequest == nil {
            readingTime.store(0, ordering: .relaxed)
        } else if readingTime.load(ordering: .relaxed) > Link.longestDrop {
            giveUp()
        }
    }

    /// In nanoseconds, in which some hundred megabytes are read.
    private static var longestDrop: UInt64 { 250_000_000 }

    /// Ends the wait if its deadline has come, and looks after a large statement that is being sent.
    ///
    /// - Returns: When to do so again; `never` if it need not be.
    func endWait(dueAt now: UInt64) -> UInt64 {
        let (waiter, later): (Waiter?, UInt64) = wait.withLock { wait in
            var waiter: Waiter?
            if wait.deadline <= now {
                wait.deadline = Reactor.never
                waiter = endWait(&wait, .timedOut)
            }
            if wait.phase != .sending { return (waiter, wait.deadline) }
            limitSending(&wait)
            return (waiter, min(wait.deadline, now + Link.sendingInterval))
        }
        waiter?.resume(.timedOut)
        return later
    }

    // MARK: For a thread that sends

    /// Lends the connection to a thread that runs `body`, and suspends until that has returned.
    func lendToThread(_ patience: Patience, _ body: @escaping @Sendable (Link) -> Void) async -> Outcome {
        wait.withLock { wait in
            wait.interruption = nil
            wait.isCancellable = patience.isCancellable
        }
        if patience.isCancellable, isShutDown.load(ordering: .relaxed) { return .shutDown }
        return await unsafe withCancellableContinuation {
            unsafe lendToThread(body, $0, until: patience.deadline)
        } onCancel: {
            if patience.isCancellable { interrupt(.cancelled) }
        }
    }

    private func lendToThread(
        _ body: @escaping @Sendable (Link) -> Void,
        _ continuation: UnsafeContinuation<Outcome, Never>,
        until deadline: UInt64
    ) {
        let waiter = unsafe Waiter(continuation)
        let ended: Outcome? = wait.withLock { wait in
            if let interruption = wait.interruption.take() { return interruption }
            wait.sendingSocket = fcntl(unsafe PQsocket(handle), F_DUPFD_CLOEXEC, 0)
            // Without it nothing is sent, which the caller finds out.
            if wait.sendingSocket < 0 { return .ready }
            wait.phase = .sending
            wait.waiter = waiter
            wait.deadline = deadline
            wait.unasked = UnaskedBytes(socket: wait.sendingSocket)
            return nil
        }
        if let ended { return waiter.resume(ended) }
        reactor.arm(min(deadline, MonotonicClock.now + Link.sendingInterval))
        let isStarted = HelperThread.start(name: "postgres-send") { [self] in
            body(self)
            // What has come since the last look, before it is parsed.
            wait.withLock { limitSending(&$0) }
            parse()
            endSending()
        }
        // Without a thread nothing is sent, which the caller finds out.
        if !isStarted { endSending() }
    }

    private func endSending() {
        let (waiter, interruption, socket) = wait.withLock { wait in
            defer { wait.sendingSocket = -1 }
            return (endWait(&wait), wait.interruption.take(), wait.sendingSocket)
        }
        // The server may have a part of the statement.
        if interruption != nil { giveUp() }
        if socket >= 0 { closeSocket(socket) }
        waiter?.resume(interruption ?? .ready)
    }

    // MARK: For the owner: the lease or the reactor

    /// Takes in what has come while nobody waited.
    ///
    /// - Returns: Whether the connection is still there.
    func watch() -> Bool {
        // With the lock, under which the reactor sets the one and reads the other: one of the two sees what the other has done.
        while wait.withLock({ _ in
            isIdle.store(true, ordering: .relaxed)
            return takeActivity()
        }), !isLost {
            consumeIdle()
        }
        if isLost { return false }
        reactor.poller.arm(unsafe PQsocket(handle), token: token, for: .reading)
        return true
    }

    /// Has the connection replaced.
    func giveUp() { isGivenUp.store(true, ordering: .relaxed) }

    /// Whether the connection has received something since it was returned that was not taken in. For any thread.
    var isUnseen: Bool { isIdle.load(ordering: .relaxed) && sawActivity.load(ordering: .relaxed) }

    /// Whether the connection is given up, or libpq knows that it is lost.
    var isLost: Bool {
        unsafe (PQstatus(handle) == CONNECTION_BAD || PQsocket(handle) < 0) || isGivenUp.load(ordering: .relaxed)
    }

    // MARK: Who uses it

    /// Prepares for the answer to a statement that is about to be sent: takes in what came before it.
    ///
    /// - Throws: `PostgresError` if the connection is given up: then nothing is sent.
    func expectAnswer(sql: String) throws(PostgresError) {
        isIdle.store(false, ordering: .relaxed)
        takeInUnasked()
        idleBytes = 0
        session.wasInTransaction = unsafe PQtransactionStatus(handle) != PQTRANS_IDLE
        session.wasEnded = farewell?.isFatal ?? false
        if isGivenUp.load(ordering: .relaxed) { throw givenUp(sql: sql, isSent: false) }
    }

    /// Takes in what has come while no answer was awaited, such as the end of the session.
    func takeInUnasked() {
        guard takeActivity() else { return }
        consumeIdle()
        parse()
    }

    /// As `takeInUnasked`, and looks at the socket itself: the reactor may not have seen yet what has come.
    func lookForEnd() {
        if hasMore { consumeIdle() }
        parse()
    }

    /// Whether something has come that is still to be taken in. Whoever asks has to do that.
    private func takeActivity() -> Bool {
        // An exchange, so that what came last has come for whoever takes the flag down.
        sawActivity.load(ordering: .relaxed) && sawActivity.exchange(false, ordering: .acquiring)
    }

    /// Notes that an answer has been read to its end. Whatever comes now is reported, and notifications have nobody here.
    func endAnswer() {
        mayHaveMore.store(false, ordering: .relaxed)
        dropNotifications()
        if readingTime.load(ordering: .relaxed) != 0 { readingTime.store(0, ordering: .relaxed) }
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

/// Closes a descriptor; within a link, `close` is the link's.
private func closeSocket(_ descriptor: Int32) { _ = close(descriptor) }
