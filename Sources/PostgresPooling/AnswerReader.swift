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
/// The scheduler gives a processor at once to a thread that mostly sleeps, and lets a thread that computes without a pause wait
/// for some milliseconds. A reactor's thread therefore reads only the beginning of an answer: short answers do not wait behind
/// long ones. The thread starts with the first long answer and lasts as long as the process.
final class AnswerReader: Sendable {
    static let shared = AnswerReader()

    private let reactor = Reactor(poller: Reactor.defaultPoller(), isForLongAnswers: true)
    private let isRunning = Locked(false)

    var poller: any Poller { reactor.poller }

    /// Has the thread read with a link that waits, and watch its socket.
    ///
    /// - Returns: Whether it does. It does not if the system has no room for the thread or the socket.
    func add(_ link: Link, descriptor: Int32) -> Bool {
        let isRunning = isRunning.withLock { isRunning in
            if !isRunning { isRunning = reactor.start(name: "postgres-read") }
            return isRunning
        }
        guard isRunning, reactor.add(link, descriptor: descriptor) else { return false }
        // The socket is not reported for what the TLS library holds back.
        reactor.goOn(reading: link)
        return true
    }

    /// Ends to watch the socket of a link, whose wait ends.
    ///
    /// - Parameter descriptor: Its socket; negative if libpq has closed it.
    func remove(_ link: Link, descriptor: Int32) { reactor.remove(link, descriptor: descriptor) }
}

/// Gives the processor to other threads between turns of reading.
///
/// The scheduler of Linux changes between threads that compute at its ticks, which are up to 4 ms apart. A statement whose thread
/// waits for the end of a turn, and not for a tick, takes some tens of microseconds more and not some milliseconds.
struct TurnYield {
    private var next: UInt64 = 0

    /// Gives way, unless that would leave this thread less than half of the time.
    ///
    /// A thread that computes keeps the processor to the tick. This one then reads for as long before it gives way again.
    mutating func giveWay() {
        let start = MonotonicClock.now
        if start < next { return }
        sched_yield()
        let end = MonotonicClock.now
        next = end + (end - start)
    }
}
