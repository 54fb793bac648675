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

// Suspends a task until its answer arrives.

extension Session {
    struct Wait {
        enum Phase {
            /// The lease holder owns the connection.
            case held
            /// The reactor owns the connection, and reads when the socket is ready.
            case waiting
            /// The reactor's thread is using the connection.
            case processing
            /// A thread that sends a large statement is using the connection.
            case sending
        }

        var phase = Phase.held
        var goal = Goal.answer
        var waiter: Waiter?
        var deadline = Reactor.never
        /// Whether the current or last wait belongs to the lease holder, and not to recovery or a
        /// reset.
        var isCancellable = false
        /// Whether `wake()` ends the current wait.
        var isWakeable = false
        /// The number of reads of the answer by the reactor.
        var reads = 0
        /// The reactor of ``AnswerReader`` while it reads in place of the session's own.
        var reader: Reactor?
        /// The outcome for a wait that has not begun, or that the reactor is processing.
        var interruption: Outcome?
        /// Whether the poller reports that the socket is writable.
        var watchesWriting = false
        /// A duplicate of the socket while a large statement is sent. libpq cannot close it.
        var sendingSocket: Int32 = -1
        /// Counts what arrives while a large statement is sent.
        var unsolicited = UnsolicitedBytes(socket: -1)
    }

    /// A waiting task. The code that takes it out of `Wait` resumes it, once.
    @safe
    struct Waiter {
        private let continuation: UnsafeContinuation<Outcome, Never>

        init(_ continuation: UnsafeContinuation<Outcome, Never>) { unsafe self.continuation = continuation }

        func resume(_ outcome: Outcome) { unsafe continuation.resume(returning: outcome) }
    }

    /// The condition that a wait is for.
    enum Goal {
        /// The next result can be fetched without blocking, or the connection is lost.
        case answer
        /// More can be sent, or input has arrived.
        case progress
        /// Input has arrived, or the connection has ended. The task reads it.
        case input
        /// More can be sent, or input has arrived, which the task reads.
        case room

        /// Whether the reactor leaves the input to the task. During a `COPY`, libpq cannot report
        /// that an answer is complete.
        var leavesInput: Bool { self == .input || self == .room }

        var interest: PollerInterest { self == .answer || self == .input ? .reading : .readingAndWriting }
    }

    /// The outcome of a wait.
    enum Outcome {
        case ready, timedOut, cancelled, shutDown
        /// The connection is abandoned.
        case abandoned
    }

    /// Lends the connection to the reactor until the goal may be reached. Suspends. The caller
    /// then checks the goal, and may wait again.
    ///
    /// - Parameters:
    ///   - goal: The condition to wait for.
    ///   - limit: The deadline, and whether task cancellation and pool shutdown end the wait.
    func wait(for goal: Goal, _ limit: WaitLimit) async -> Outcome {
        wait.withLock { wait in
            wait.interruption = nil
            wait.isCancellable = limit.isCancellable
        }
        // A later shutdown is recorded as an interruption, because it takes the lock after it has
        // set the flag.
        if limit.isCancellable, isShutDown.load(ordering: .relaxed) { return .shutDown }
        if isAbandoned.load(ordering: .relaxed) { return .abandoned }
        // The poller reported input that follows an answer before that answer was read. Recovery
        // must not wait for such input in vain. For a statement, checking is not worth a system
        // call each time.
        if !limit.isCancellable { mayHaveMore.store(true, ordering: .relaxed) }
        var intake = goal.leavesInput ? .drained : takeUnreported()
        if intake == .drained, goal == .answer { intake = spinForAnswer() }
        // Available input is processed first, but not beyond the statement's deadline.
        if intake == .complete || intake == .unfinished && goal == .progress { return limit.outcome }
        // The descriptor cannot change while the lease holder owns the connection, and libpq
        // closes it only within a call.
        if unsafe PQsocket(handle) < 0 { return .ready }
        let isUnfinished = intake == .unfinished
        reactor.waiting.add(1, ordering: .relaxed)
        defer { reactor.waiting.subtract(1, ordering: .relaxed) }
        guard limit.isCancellable else {
            return await unsafe withUnsafeContinuation {
                unsafe lend(to: $0, for: goal, until: limit.deadline, isUnfinished: isUnfinished)
            }
        }
        return await unsafe withCancellableContinuation {
            unsafe lend(to: $0, for: goal, until: limit.deadline, isUnfinished: isUnfinished)
        } onCancel: {
            interrupt(.cancelled)
        }
    }

    /// Lends the connection to the reactor until the goal may be reached or another task has
    /// called `wake()`. Suspends.
    ///
    /// The cancellation of the task does not end the wait.
    ///
    /// - Returns: `ready`, perhaps without a reason; `timedOut`, `shutDown` or `abandoned`.
    func waitOrWake(for goal: Goal, until deadline: UInt64 = Reactor.never) async -> Outcome {
        wait.withLock { wait in
            wait.interruption = nil
            wait.isCancellable = true
            wait.isWakeable = true
        }
        // `wake()` must not end the wait of another statement.
        defer { wait.withLock { $0.isWakeable = false } }
        // A later change of these flags is recorded as an interruption.
        if isShutDown.load(ordering: .relaxed) { return .shutDown }
        if isAbandoned.load(ordering: .relaxed) { return .abandoned }
        if isWoken.exchange(false, ordering: .relaxed) { return .ready }
        let intake = goal.leavesInput ? .drained : takeUnreported()
        if intake == .complete || intake == .unfinished && goal == .progress { return .ready }
        if unsafe PQsocket(handle) < 0 { return .ready }
        return await unsafe withUnsafeContinuation {
            unsafe lend(to: $0, for: goal, until: deadline, isUnfinished: intake == .unfinished)
        }
    }

    /// Ends the current or next wait of an owner that can be woken. Any thread may call this at
    /// any time.
    func wake() {
        isWoken.store(true, ordering: .relaxed)
        wait.withLock { wait in wait.isWakeable ? endWait(&wait, .ready) : nil }?.resume(.ready)
    }

    /// Consumes input that the poller does not report again. Called before each wait.
    ///
    /// - Returns: The outcome as from `consume()`; `drained` if there was no input.
    private func takeUnreported() -> Intake {
        for _ in 0..<Session.maximumIntakes {
            guard takeActivity() || mayHaveMore.load(ordering: .relaxed) else { return .drained }
            mayHaveMore.store(false, ordering: .relaxed)
            let intake = consume()
            if intake == .drained { continue }
            mayHaveMore.store(true, ordering: .relaxed)
            return intake
        }
        // The input arrives as fast as it is read.
        return .unfinished
    }

    private static var maximumIntakes: Int { 4 }

    /// Lends the connection to the reactor, unless the wait has ended before it began.
    ///
    /// - Parameter isUnfinished: Whether more input is left, which the reactor continues to read.
    func lend(
        to continuation: UnsafeContinuation<Outcome, Never>,
        for goal: Goal,
        until deadline: UInt64,
        isUnfinished: Bool
    ) {
        let waiter = unsafe Waiter(continuation)
        let ended: Outcome? = wait.withLock { wait in
            if let interruption = wait.interruption.take() { return interruption }
            if isUnfinished {
                // The reactor reads that input as well.
                sawActivity.store(false, ordering: .relaxed)
            } else if sawActivity.load(ordering: .relaxed) {
                // More input has arrived since: try again.
                return .ready
            }
            wait.phase = .waiting
            wait.goal = goal
            wait.waiter = waiter
            wait.deadline = deadline
            wait.reads = 0
            // Under the lock, because an interruption returns the connection to its owner, which
            // may close it.
            armPoller(&wait)
            return nil
        }
        if let ended { return waiter.resume(ended) }
        if deadline != Reactor.never { reactor.arm(deadline) }
        if isUnfinished { reactor.continueReading(self) }
    }

    func armPoller(_ wait: inout Wait) {
        let descriptor = unsafe PQsocket(handle)
        let interest = wait.goal.interest
        if interest == .reading, wait.watchesWriting {
            // Everything is sent, and the poller would report each time that the server reads some
            // of it.
            wait.watchesWriting = false
            reactor.poller.endWriting(descriptor, token: token)
        }
        if interest != .reading { wait.watchesWriting = true }
        let reader = wait.reader ?? reactor
        reader.poller.arm(descriptor, token: token, for: interest)
    }

    /// Spins for the answer for about a tenth of a millisecond, and yields in between.
    ///
    /// With few waiting tasks, most of a short statement's time is the time to wake two threads:
    /// the reactor's, then the task's. Spinning saves both. With many tasks that wait for answers
    /// or connections, the reactor is awake anyway, and other tasks need the threads. If
    /// statements are rare, spinning uses processor time that nothing else needs, and saves none.
    /// One task at a time spins. A task on an executor does not, because other tasks may need its
    /// thread: a `PostgresExecutor` spins by itself.
    ///
    /// - Returns: The outcome as from `consume()`.
    private func spinForAnswer() -> Intake {
        let isRare = reactor.waitRate.recordWait()
        guard
            !isRare, reactor.waiting.load(ordering: .relaxed) < Session.spinWaiterLimit, spinPolicy.shouldSpin(),
            !isOnExecutor,
            !watcher.hasWaiters,
            reactor.hasSpinner.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged
        else { return .drained }
        defer { reactor.hasSpinner.store(false, ordering: .relaxed) }
        // Threads that `sched_yield` yields to may run longer than the spin, and a long answer may
        // begin to arrive during it.
        let end = MonotonicClock.now + Session.longestSpin
        for _ in 0..<Reactor.spins {
            sched_yield()
            if unsafe PQconsumeInput(handle) == 0 || PQisBusy(handle) == 0 {
                mayHaveMore.store(true, ordering: .relaxed)
                spinPolicy.record(true)
                return .complete
            }
            // Many tasks have begun to wait since.
            if reactor.waiting.load(ordering: .relaxed) > Session.spinWaiterLimit || MonotonicClock.now >= end { break }
        }
        // The TLS library may hold more of the answer, for which the socket does not become
        // readable.
        mayHaveMore.store(isEncrypted, ordering: .relaxed)
        let intake = takeUnreported()
        spinPolicy.record(intake == .complete)
        return intake
    }

    /// In nanoseconds.
    private static var longestSpin: UInt64 { 1_000_000 }

    /// Whether the task prefers an executor.
    private var isOnExecutor: Bool { unsafe withUnsafeCurrentTask { unsafe $0?.unownedTaskExecutor != nil } }

    private static var spinWaiterLimit: Int { 3 }

    func interrupt(_ outcome: Outcome) {
        wait.withLock { wait in endWait(&wait, outcome) }?.resume(outcome)
    }

    /// Ends the lease holder's wait, and each wait that it begins later. Any thread may call this
    /// at any time.
    func shutDown() {
        isShutDown.store(true, ordering: .relaxed)
        wait.withLock { wait in wait.isCancellable ? endWait(&wait, .shutDown) : nil }?.resume(.shutDown)
    }

    /// Ends a wait, or records that it ends when it begins or when another thread returns the
    /// connection.
    func endWait(_ wait: inout Wait, _ outcome: Outcome) -> Waiter? {
        guard wait.phase == .waiting else {
            wait.interruption = outcome
            // The sending thread is in the middle of a statement. It ends when nothing more can be
            // sent.
            if wait.phase == .sending { shutdown(wait.sendingSocket, Int32(SHUT_RDWR)) }
            return nil
        }
        return endWait(&wait)
    }

    func endWait(_ wait: inout Wait) -> Waiter? {
        if let reader = wait.reader { takeBack(&wait, from: reader) }
        wait.phase = .held
        wait.deadline = Reactor.never
        return wait.waiter.take()
    }
}
