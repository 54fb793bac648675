// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A thread that waits for the sockets of connections, and resumes the tasks whose answers have
/// arrived.
///
/// A task sends by itself. It then lends its connection to the reactor until the answer is
/// complete, and is resumed once. While no task waits for a connection, the reactor does not use
/// the handle; it only records that input has arrived.
final class Reactor: Sendable {
    /// The reactor of all pools without an executor. It lasts as long as the process.
    static let shared = Reactor(poller: requirePoller(), name: "postgres-io")

    let poller: any Poller
    private let sessions = Locked(Sessions())

    /// The time at which the thread wakes by itself, in nanoseconds of the monotonic clock;
    /// `never` if it waits for events only.
    private let wakesAt = Atomic<UInt64>(Reactor.never)

    static var never: UInt64 { .max }

    /// The bit of a reported token whose socket has been closed by its peer. It is no part of the
    /// tokens of sessions.
    static var peerClosed: UInt64 { 1 << 63 }

    /// The number of polls before a thread sleeps, which take about a tenth of a millisecond.
    /// Putting a thread to sleep and waking it takes as long as a short statement. The reactor's
    /// thread spins only where it runs tasks. Elsewhere the waiting tasks spin, and the reactor's
    /// thread would compete with other threads.
    static var spins: Int { 128 }

    /// The number of tasks that wait for an answer.
    let waiting = Atomic(0)

    /// The tasks that the thread runs; `nil` if it runs none.
    let jobs: JobQueue?

    /// Reads the rest of long answers in place of this reactor.
    let answerReader: AnswerReader

    /// Whether the thread reads long answers, which would keep other threads from a processor. No
    /// deadline is armed there: each session's own reactor ends its waits.
    private let isForLongAnswers: Bool

    private let isOver = Atomic(false)

    /// Whether a task spins for its answer before it waits.
    let hasSpinner = Atomic(false)

    /// The rate at which tasks wait.
    let waitRate = WaitRate()

    /// Sessions that tasks have lent after a turn of reading, with input left to read.
    private let unfinished = Locked([Session]())
    private let hasUnfinished = Atomic(false)

    private struct Sessions {
        var byToken: [UInt64: Session] = [:]
    }

    /// Creates a reactor and starts its thread. Traps if the system cannot start a thread.
    ///
    /// - Parameter answerReader: Reads the rest of long answers.
    convenience init(
        poller: any Poller,
        name: String,
        jobs: JobQueue? = nil,
        answerReader: AnswerReader = .shared
    ) {
        self.init(poller: poller, jobs: jobs, answerReader: answerReader)
        precondition(start(name: name), "The thread that waits for PostgreSQL's sockets could not be started.")
    }

    /// Creates a reactor without its thread.
    init(
        poller: any Poller,
        jobs: JobQueue? = nil,
        isForLongAnswers: Bool = false,
        answerReader: AnswerReader = .shared
    ) {
        self.poller = poller
        self.jobs = jobs
        self.answerReader = answerReader
        self.isForLongAnswers = isForLongAnswers
    }

    /// Starts the thread.
    ///
    /// - Returns: Whether the thread has started.
    func start(name: String) -> Bool {
        DetachedThread.start(name: name, runsTasks: jobs != nil) { [self] in run() }
    }

    /// Returns the system's poller. Traps if the system has no room for it.
    static func requirePoller() -> any Poller {
        guard let poller = makePoller() else {
            preconditionFailure("PostgresPooling cannot wait for sockets: the system refuses a descriptor (\(errno)).")
        }
        return poller
    }

    /// Returns the system's poller; `nil` if the system has no room for it.
    @Sendable static func makePoller() -> (any Poller)? {
        #if os(Linux)
            EpollPoller()
        #else
            PollPoller()
        #endif
    }

    /// Returns the token for a new session, unique among all reactors.
    static func makeToken() -> UInt64 { nextToken.add(1, ordering: .relaxed).newValue }

    private static let nextToken = Atomic<UInt64>(0)

    /// Begins to watch a session's socket.
    ///
    /// - Returns: Whether the system can watch it.
    func add(_ session: Session, descriptor: Int32) -> Bool {
        sessions.withLock { $0.byToken[session.token] = session }
        if poller.add(descriptor, token: session.token) { return true }
        sessions.withLock { _ = $0.byToken.removeValue(forKey: session.token) }
        return false
    }

    /// Stops watching a session.
    ///
    /// - Parameter descriptor: Its socket; negative if libpq has closed it.
    func remove(_ session: Session, descriptor: Int32) {
        if descriptor >= 0 {
            poller.remove(descriptor, token: session.token)
        } else {
            poller.forget(token: session.token)
        }
        sessions.withLock { _ = $0.byToken.removeValue(forKey: session.token) }
    }

    /// Makes the thread take a turn with a waiting session that the poller does not report.
    func continueReading(_ session: Session) {
        unfinished.withLock { unfinished in
            unfinished.append(session)
            hasUnfinished.store(true, ordering: .relaxed)
        }
        poller.wake()
    }

    /// Makes the thread wake for a deadline that is set in a session.
    func arm(_ deadline: UInt64) {
        while true {
            let current = wakesAt.load(ordering: .sequentiallyConsistent)
            if current <= deadline { return }
            if wakesAt.compareExchange(expected: current, desired: deadline, ordering: .sequentiallyConsistent)
                .exchanged
            {
                return poller.wake()
            }
        }
    }

    /// Ends the thread when it has no tasks to run. No task may wait for a connection any more.
    func end() {
        isOver.store(true, ordering: .relaxed)
        poller.wake()
    }

    private func run() {
        var tokens: [UInt64] = []
        var ready: [Session] = []
        // The sessions that take another turn, after those that have become ready.
        var reading: [Session] = []
        let spinPolicy = SpinHabit()
        var spins = 0
        var turnYield = TurnYield()
        jobs?.begin()
        while true {
            let isBusy = jobs?.run() ?? false
            if !isBusy, isOver.load(ordering: .relaxed) { return }
            let isSpinning = spins > 0 && !isBusy && waiting.load(ordering: .relaxed) > 0
            if isSpinning {
                spins -= 1
                sched_yield()
            }
            let isAwake = isBusy || isSpinning || !reading.isEmpty
            poller.wait(milliseconds: isAwake ? 0 : millisecondsToSleep(), into: &tokens)
            if isSpinning, !tokens.isEmpty || spins == 0 { _ = spinPolicy.noting(!tokens.isEmpty) }
            if jobs != nil, !tokens.isEmpty { spins = spinPolicy.shallOmit() ? 0 : Reactor.spins }
            sessions.withLock { sessions in
                // A session that has been closed since is no longer in the table.
                for token in tokens {
                    guard let session = sessions.byToken[token & ~Reactor.peerClosed] else { continue }
                    if token & Reactor.peerClosed != 0 { session.isPeerClosed.store(true, ordering: .relaxed) }
                    ready.append(session)
                }
            }
            let readyCount = ready.count
            if hasUnfinished.load(ordering: .relaxed) { takeUnfinished(into: &reading) }
            // A session takes one turn, even if it is reported while it has input left.
            for session in reading where !ready.contains(where: { $0 === session }) { ready.append(session) }
            reading.removeAll(keepingCapacity: true)
            for index in ready.indices where ready[index].takeTurn(on: self, isReported: index < readyCount) {
                reading.append(ready[index])
                // A turn takes up to a millisecond, and there may be hundreds.
                failWaitersIfDue()
                if isForLongAnswers { turnYield.yieldIfFair() }
            }
            ready.removeAll(keepingCapacity: true)
            failWaitersIfDue()
        }
    }

    private func takeUnfinished(into sessions: inout [Session]) {
        unfinished.withLock { unfinished in
            sessions += unfinished
            unfinished.removeAll(keepingCapacity: true)
            hasUnfinished.store(false, ordering: .relaxed)
        }
    }

    private func failWaitersIfDue() {
        let deadline = wakesAt.load(ordering: .sequentiallyConsistent)
        if deadline != Reactor.never, MonotonicClock.now >= deadline { failWaitersThatAreDue() }
    }

    private func millisecondsToSleep() -> Int32 {
        let deadline = wakesAt.load(ordering: .sequentiallyConsistent)
        if deadline == Reactor.never { return -1 }
        let now = MonotonicClock.now
        if deadline <= now { return 0 }
        return Int32(clamping: (deadline - now) / 1_000_000 + 1)
    }

    /// Ends the waits whose deadline has passed, and arms the earliest of the others.
    ///
    /// Resets `wakesAt` first. A task that sets a deadline afterwards arms the reactor itself. The
    /// sweep sees each deadline that was set before.
    private func failWaitersThatAreDue() {
        wakesAt.store(Reactor.never, ordering: .sequentiallyConsistent)
        let now = MonotonicClock.now
        var earliest = Reactor.never
        for session in sessions.withLock({ Array($0.byToken.values) }) {
            earliest = min(earliest, session.endWait(dueAt: now))
        }
        if earliest != Reactor.never { arm(earliest) }
    }
}
