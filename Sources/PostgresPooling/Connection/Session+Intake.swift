// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

// Moves bytes from the socket into libpq, a bounded number at a time.

extension Session {
    /// The outcome of consuming input.
    enum Intake {
        /// The next result can be fetched without blocking, or the connection is lost.
        case complete
        /// The socket is empty. The poller reports later input.
        case drained
        /// More input may be left, which the poller does not report again.
        case unfinished
    }

    /// The number of reads in one turn. A read fills at most the free part of libpq's buffer,
    /// which initially has 16 KB.
    static var readsPerTurn: Int { 8 }

    /// The time after which a turn ends, in nanoseconds. It matters where large rows have enlarged
    /// libpq's buffer.
    private static var turnLength: UInt64 { 1_000_000 }

    /// The number of bytes that the server may send unsolicited between two statements. A
    /// configuration reload makes a server send a few hundred.
    static var idleBudget: Int { 65_536 }

    /// Consumes input until a result is complete, the input ends, or the turn is over.
    ///
    /// A turn reads a few hundred kilobytes, so that a long answer delays neither a task's thread
    /// nor the other sessions.
    func consume() -> Intake {
        var end: UInt64 = 0
        for read in 0..<Session.readsPerTurn {
            lastReads.store(read + 1, ordering: .relaxed)
            if take() { return .complete }
            // The TLS library may have read more from the socket than libpq has taken from it, and
            // the socket does not become readable for that again. A TLS record is shorter than
            // what libpq requests in two calls.
            if isEncrypted, take() { return .complete }
            if !hasMore {
                takeNotifications()
                return .drained
            }
            // The first read is often the only one and does not read the clock.
            if read == 0 {
                end = MonotonicClock.now + Session.turnLength
            } else if MonotonicClock.now >= end {
                break
            }
        }
        takeNotifications()
        return .unfinished
    }

    /// The time, in nanoseconds, in which the lookup of an unknown parameter shows that there are
    /// too many.
    private static var longestParameterSearch: UInt64 { 100_000 }

    /// Whether the server has sent an excessive number of parameters with different names. libpq
    /// keeps them in a list that it searches for each new one, and does not report the length of
    /// the list.
    var hasTooManyParameters: Bool {
        // The shortest of three, because the thread may be preempted during a lookup.
        for _ in 0..<3 {
            let start = MonotonicClock.now
            _ = unsafe PQparameterStatus(handle, " ")
            if MonotonicClock.now - start < Session.longestParameterSearch { return false }
        }
        return true
    }

    /// Reads once.
    ///
    /// - Returns: Whether a result can be fetched, or the connection is lost.
    private func take() -> Bool { unsafe PQconsumeInput(handle) == 0 || PQisBusy(handle) == 0 }

    /// Whether a read from the socket would return at once, with bytes or at its end.
    var hasMore: Bool {
        var byte: UInt8 = 0
        let descriptor = unsafe PQsocket(handle)
        if descriptor < 0 { return false }
        return unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) >= 0 || errno != EAGAIN
    }

    /// Makes libpq parse its input. It stores parameters and notifications, and reports notices.
    ///
    /// Does nothing on an abandoned connection: parsing what a server sends without end takes
    /// minutes.
    func parse() {
        if !isAbandoned.load(ordering: .relaxed) { _ = unsafe PQisBusy(handle) }
    }

    /// Consumes what arrived between two statements, and abandons the connection if that exceeds
    /// `idleBudget`.
    ///
    /// libpq parses only when the socket is empty. Only a message of known length enlarges its
    /// buffer beyond what has been read.
    func consumeIdle() {
        var unread = 0
        repeat {
            let available = Int(clockpool_unread(unsafe PQsocket(handle)))
            idleBytes += max(1, available - unread)
            if idleBytes > Session.idleBudget { return abandon() }
            guard unsafe PQconsumeInput(handle) != 0 else { return }
            unread = Int(clockpool_unread(unsafe PQsocket(handle)))
        } while hasMore
        takeNotifications()
    }
}
