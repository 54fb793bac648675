// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A thread that reads long answers in place of the reactors' threads.
///
/// The scheduler gives a processor at once to a thread that mostly sleeps, and lets a thread that
/// computes without a pause wait for some milliseconds. A reactor's thread therefore reads only the
/// beginning of an answer: short answers do not wait behind long ones. The thread starts with the
/// first long answer and lasts as long as the process.
final class AnswerReader: Sendable {
    static let shared = AnswerReader()

    private let reactor = Reactor(poller: Reactor.defaultPoller(), isForLongAnswers: true)
    private let isRunning = Locked(false)

    var poller: any Poller { reactor.poller }

    /// Makes the thread read for a waiting session and watch its socket.
    ///
    /// - Returns: Whether it does. It does not if the system has no room for the thread or the socket.
    func add(_ session: Session, descriptor: Int32) -> Bool {
        let isRunning = isRunning.withLock { isRunning in
            if !isRunning { isRunning = reactor.start(name: "postgres-read") }
            return isRunning
        }
        guard isRunning, reactor.add(session, descriptor: descriptor) else { return false }
        // The socket is not reported for input that the TLS library has buffered.
        reactor.continueReading(session)
        return true
    }

    /// Stops watching the socket of a session whose wait ends.
    ///
    /// - Parameter descriptor: Its socket; negative if libpq has closed it.
    func remove(_ session: Session, descriptor: Int32) { reactor.remove(session, descriptor: descriptor) }
}

/// Yields the processor to other threads between turns of reading.
///
/// The scheduler of Linux switches between computing threads at its ticks, which are up to 4 ms
/// apart. A statement whose thread waits for the end of a turn instead of a tick takes some tens of
/// microseconds longer, not some milliseconds.
struct TurnYield {
    private var next: UInt64 = 0

    /// Yields, unless that would leave this thread less than half of the time.
    ///
    /// A computing thread keeps the processor until the tick. This thread then reads for as long
    /// before it yields again.
    mutating func yieldIfFair() {
        let start = MonotonicClock.now
        if start < next { return }
        sched_yield()
        let end = MonotonicClock.now
        next = end + (end - start)
    }
}
