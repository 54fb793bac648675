// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import ConnectionPooling
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

// The part of a session that runs on the reactor's thread.

extension Session {
    /// Reads for one turn if a task waits, and ends the wait if its goal is reached.
    ///
    /// - Parameters:
    ///   - thread: The session's reactor, or that of ``AnswerReader``.
    ///   - isReported: Whether the poller has reported the socket. Otherwise an earlier turn has
    ///     left input.
    /// - Returns: Whether the session needs another turn.
    func takeTurn(on thread: Reactor, isReported: Bool) -> Bool {
        enum Meaning { case awaited(Goal, isDiscarding: Bool), noted, idle }
        let meaning: Meaning = wait.withLock { wait in
            // The thread that reads gets its own reports.
            if thread !== wait.reader ?? reactor { return .noted }
            guard wait.phase == .waiting else {
                if !isReported { return .noted }
                sawActivity.store(true, ordering: .releasing)
                return isIdle.load(ordering: .relaxed) ? .idle : .noted
            }
            if leaveToReader(&wait) { return .noted }
            wait.phase = .processing
            return .awaited(wait.goal, isDiscarding: isDiscarding(wait))
        }
        guard case .awaited(let goal, let isDiscarding) = meaning else {
            if case .idle = meaning { watcher.inspect(self) }
            return false
        }
        let start = isDiscarding ? MonotonicClock.threadTime : 0
        let intake = goal.leavesInput ? .drained : consume()
        if isDiscarding { limitDiscarding(for: MonotonicClock.threadTime - start) }
        let isDone = goal != .answer || intake == .complete
        if !isDone, hasTooManyParameters { abandon() }
        mayHaveMore.store(isDone || intake == .unfinished, ordering: .relaxed)
        let (waiter, outcome): (Waiter?, Outcome) = wait.withLock { wait in
            let interruption = wait.interruption.take()
            wait.reads += lastReads.load(ordering: .relaxed)
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
    /// - Returns: Whether the reactor is done with the wait.
    private func leaveToReader(_ wait: inout Wait) -> Bool {
        if wait.reader != nil || wait.goal != .answer || wait.reads < Session.readsOfShortAnswer { return false }
        // Tried again after as many reads if the reader has no room.
        wait.reads = 0
        let descriptor = unsafe PQsocket(handle)
        guard descriptor >= 0, let reader = reactor.answerReader.add(self, descriptor: descriptor) else { return false }
        reactor.poller.pause(descriptor, token: token)
        wait.reader = reader
        return true
    }

    /// The number of reads after which an answer is long. Reads and not turns, because an answer
    /// that arrives in small pieces takes as many turns as a long one.
    private static var readsOfShortAnswer: Int { 4 * readsPerTurn }

    /// Makes the session's own reactor watch the socket again.
    func takeBack(_ wait: inout Wait, from reader: Reactor) {
        wait.reader = nil
        let descriptor = unsafe PQsocket(handle)
        reader.remove(self, descriptor: descriptor)
        if descriptor >= 0 { reactor.poller.resume(descriptor, token: token) }
    }

    /// Abandons the connection if the server sends too much during a large statement.
    func limitSending(_ wait: inout Wait) {
        if wait.unsolicited.count(on: wait.sendingSocket) > Session.sendingBudget {
            abandon()
            shutdown(wait.sendingSocket, Int32(SHUT_RDWR))
        }
    }

    /// Returns whether the answer is to be discarded. A statement that changes data is read to its
    /// end instead.
    private func isDiscarding(_ wait: borrowing Wait) -> Bool {
        !wait.isCancellable && !(state.isStreamingChanges && state.cancelRequest == nil)
    }

    /// Abandons the connection if an answer that is being discarded does not end. The server has
    /// received a cancel request, and at most the buffers of two sockets are under way.
    ///
    /// - Parameter turn: The processor time of the latest turn, in nanoseconds. One turn may take
    ///   a second: libpq reads for as long as the socket is readable once its buffer is large.
    private func limitDiscarding(for turn: UInt64) {
        let time = discardingTime.load(ordering: .relaxed) + turn
        discardingTime.store(time, ordering: .relaxed)
        if time > Session.longestDiscard { abandon() }
    }

    /// In nanoseconds. A few hundred megabytes can be read in this time.
    private static var longestDiscard: UInt64 { 250_000_000 }

    /// Ends the wait if its deadline has passed, and checks a large statement that is being sent.
    ///
    /// - Returns: The time of the next check; `never` if none is needed.
    func endWait(dueAt now: UInt64) -> UInt64 {
        let (waiter, later): (Waiter?, UInt64) = wait.withLock { wait in
            var waiter: Waiter?
            if wait.deadline <= now {
                wait.deadline = Reactor.never
                waiter = endWait(&wait, .timedOut)
            }
            if wait.phase != .sending { return (waiter, wait.deadline) }
            limitSending(&wait)
            return (waiter, min(wait.deadline, now + Session.sendingInterval))
        }
        waiter?.resume(.timedOut)
        return later
    }
}
