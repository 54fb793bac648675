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

/// A thread that waits for the sockets of connections, and resumes the tasks whose answers have come.
///
/// A task sends by itself. It then lends its connection to the reactor until the answer is complete, and is resumed once. When
/// nobody waits for a connection, the reactor uses nothing of it and only notes that something has come.
final class Reactor: Sendable {
    /// The one that pools use. It lasts as long as the process.
    static let shared = Reactor(poller: defaultPoller(), name: "postgres-io")

    let poller: any Poller
    private let links = Locked(Links())

    /// When the thread wakes by itself, in nanoseconds of the monotonic clock; `never` if only for an event.
    private let wakesAt = Atomic<UInt64>(Reactor.never)

    static var never: UInt64 { .max }

    /// How often an answer is looked for before a thread sleeps: for about a tenth of a millisecond. To put a thread to sleep and to wake it
    /// takes as long as a short statement. The reactor's thread does it only where it runs tasks: elsewhere those that wait do it,
    /// and it would be in the way of other threads.
    static var looks: Int { 128 }

    /// How many tasks wait for an answer.
    let waiting = Atomic(0)

    /// Tasks that the thread runs; `nil` if it runs none.
    let jobs: JobQueue?

    /// Whether the thread reads what would keep others from a processor.
    private let isForLongAnswers: Bool

    private let isOver = Atomic(false)

    /// Whether a task looks for its answer itself, before it waits.
    let hasLooker = Atomic(false)

    /// How often tasks wait.
    let waitRate = WaitRate()

    /// Links that tasks have lent after a turn of reading and before the end of what there is to read.
    private let unfinished = Locked([Link]())
    private let hasUnfinished = Atomic(false)

    private struct Links {
        var byToken: [UInt64: Link] = [:]
    }

    convenience init(poller: any Poller, name: String, jobs: JobQueue? = nil) {
        self.init(poller: poller, jobs: jobs)
        precondition(start(name: name), "The thread that waits for PostgreSQL's sockets could not be started.")
    }

    /// Creates a reactor without its thread.
    init(poller: any Poller, jobs: JobQueue? = nil, isForLongAnswers: Bool = false) {
        self.poller = poller
        self.jobs = jobs
        self.isForLongAnswers = isForLongAnswers
    }

    /// Starts the thread.
    ///
    /// - Returns: Whether there is such a thread.
    func start(name: String) -> Bool {
        HelperThread.start(name: name, runsTasks: jobs != nil) { [self] in run() }
    }

    static func defaultPoller() -> any Poller {
        #if os(Linux)
            EpollPoller()
        #else
            PollPoller()
        #endif
    }

    /// Draws the token of a new link, which no link of any reactor has had.
    static func makeToken() -> UInt64 { nextToken.add(1, ordering: .relaxed).newValue }

    private static let nextToken = Atomic<UInt64>(0)

    /// Begins to watch a link's socket.
    ///
    /// - Returns: Whether the system has room for it.
    func add(_ link: Link, descriptor: Int32) -> Bool {
        links.withLock { $0.byToken[link.token] = link }
        if poller.add(descriptor, token: link.token) { return true }
        links.withLock { _ = $0.byToken.removeValue(forKey: link.token) }
        return false
    }

    /// Ends to watch a link.
    ///
    /// - Parameter descriptor: Its socket; negative if libpq has closed it.
    func remove(_ link: Link, descriptor: Int32) {
        if descriptor >= 0 {
            poller.remove(descriptor, token: link.token)
        } else {
            poller.forget(token: link.token)
        }
        links.withLock { _ = $0.byToken.removeValue(forKey: link.token) }
    }

    /// Has the thread take a turn of reading with a link that waits, although the poller does not report it.
    func goOn(reading link: Link) {
        unfinished.withLock { unfinished in
            unfinished.append(link)
            hasUnfinished.store(true, ordering: .relaxed)
        }
        poller.wake()
    }

    /// Sees to it that the thread looks at a deadline that stands in a link.
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

    /// Ends the thread, when no tasks are there that it could run. Nobody may wait for a connection any more.
    func end() {
        isOver.store(true, ordering: .relaxed)
        poller.wake()
    }

    private func run() {
        var tokens: [UInt64] = []
        var ready: [Link] = []
        // Those that take another turn, behind those that have become ready.
        var reading: [Link] = []
        let lookHabit = SpinHabit()
        var looks = 0
        var turnYield = TurnYield()
        jobs?.begin()
        while true {
            let isBusy = jobs?.run() ?? false
            if !isBusy, isOver.load(ordering: .relaxed) { return }
            let isLooking = looks > 0 && !isBusy && waiting.load(ordering: .relaxed) > 0
            if isLooking {
                looks -= 1
                sched_yield()
            }
            let isAwake = isBusy || isLooking || !reading.isEmpty
            poller.wait(milliseconds: isAwake ? 0 : millisecondsToSleep(), into: &tokens)
            if isLooking, !tokens.isEmpty || looks == 0 { _ = lookHabit.noting(!tokens.isEmpty) }
            if jobs != nil, !tokens.isEmpty { looks = lookHabit.shallOmit() ? 0 : Reactor.looks }
            links.withLock { links in
                // One that is closed meanwhile is not known any more.
                for token in tokens { if let link = links.byToken[token] { ready.append(link) } }
            }
            let readyCount = ready.count
            if hasUnfinished.load(ordering: .relaxed) { takeUnfinished(into: &reading) }
            // A link has one turn, though it be reported while there is more to read.
            for link in reading where !ready.contains(where: { $0 === link }) { ready.append(link) }
            reading.removeAll(keepingCapacity: true)
            for index in ready.indices where ready[index].takeTurn(on: self, isReported: index < readyCount) {
                reading.append(ready[index])
                // A turn takes up to a millisecond, and there may be hundreds.
                failWaitersIfDue()
                if isForLongAnswers { turnYield.giveWay() }
            }
            ready.removeAll(keepingCapacity: true)
            failWaitersIfDue()
        }
    }

    private func takeUnfinished(into links: inout [Link]) {
        unfinished.withLock { unfinished in
            links += unfinished
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

    /// Ends the waits whose deadline has come, and sleeps until the earliest of the others.
    ///
    /// The mark is taken away first: whoever comes with a deadline afterwards puts one there itself, whoever came before is seen
    /// by the sweep.
    private func failWaitersThatAreDue() {
        wakesAt.store(Reactor.never, ordering: .sequentiallyConsistent)
        let now = MonotonicClock.now
        var earliest = Reactor.never
        for link in links.withLock({ Array($0.byToken.values) }) {
            earliest = min(earliest, link.endWait(dueAt: now))
        }
        if earliest != Reactor.never { arm(earliest) }
    }
}
