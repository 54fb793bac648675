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

/// A thread that reads long answers in place of the reactors' threads.
///
/// The scheduler gives a processor at once to a thread that mostly sleeps, and lets a thread that
/// computes without a pause wait for some milliseconds. A reactor's thread therefore reads only the
/// beginning of an answer: short answers do not wait behind long ones. The thread starts with the
/// first long answer and lasts as long as the process.
final class AnswerReader: Sendable {
    static let shared = AnswerReader(makePoller: Reactor.makePoller)

    private let makePoller: @Sendable () -> (any Poller)?
    private let reactor = Locked<Reactor?>(nil)

    /// The number of answers that the thread has taken over.
    let takeovers = Atomic(0)

    init(makePoller: @escaping @Sendable () -> (any Poller)?) { self.makePoller = makePoller }

    /// Makes the thread read for a waiting session and watch its socket. The first call starts the
    /// thread.
    ///
    /// - Returns: The reactor that now reads; `nil` if the system has no room for the thread, its
    ///   poller or the socket.
    func add(_ session: Session, descriptor: Int32) -> Reactor? {
        let reactor = reactor.withLock { reactor in
            if reactor == nil, let poller = makePoller() {
                let new = Reactor(poller: poller, isForLongAnswers: true)
                if new.start(name: "postgres-read") { reactor = new }
            }
            return reactor
        }
        guard let reactor, reactor.add(session, descriptor: descriptor) else { return nil }
        takeovers.add(1, ordering: .relaxed)
        // The socket is not reported for input that the TLS library has buffered.
        reactor.continueReading(session)
        return reactor
    }
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
