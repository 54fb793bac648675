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

// How bytes get from the socket into libpq, a bounded number at a time.

extension Link {
    /// What taking in has led to.
    enum Intake {
        /// The next result can be fetched without blocking, or the connection is lost.
        case complete
        /// The socket is empty. The poller reports what comes next.
        case drained
        /// There may be more to read, which the poller does not report again.
        case unfinished
    }

    /// The number of reads in one turn. A read takes at most the free part of libpq's buffer, which has 16 KB at first.
    private static var readsPerTurn: Int { 8 }

    /// The time after which a turn ends, in nanoseconds, where large rows have made libpq's buffer large.
    private static var turnLength: UInt64 { 1_000_000 }

    /// The number of bytes that the server may send unasked between two statements. A configuration that the server reloads makes it
    /// send some hundred.
    static var idleBudget: Int { 65_536 }

    /// Takes in what has come, until that makes a result, there is no more, or the turn is over.
    ///
    /// A turn reads some hundred kilobytes, so that one long answer keeps neither a task's thread nor the other links waiting.
    func consume() -> Intake {
        var end: UInt64 = 0
        for read in 0..<Link.readsPerTurn {
            if take() { return .complete }
            // An encrypted connection may have taken more from the socket than libpq has asked of it, and the socket does not
            // become ready for that again. A record is shorter than what libpq asks for in two calls.
            if isEncrypted, take() { return .complete }
            if !hasMore {
                dropNotifications()
                return .drained
            }
            // The first read is often the only one and costs no look at the clock.
            if read == 0 {
                end = MonotonicClock.now + Link.turnLength
            } else if MonotonicClock.now >= end {
                break
            }
        }
        dropNotifications()
        readingTime.add(MonotonicClock.now - (end - Link.turnLength), ordering: .relaxed)
        return .unfinished
    }

    /// The time in which reading a setting that no server has shows that there are too many, in nanoseconds.
    private static var longestParameterSearch: UInt64 { 100_000 }

    /// Whether the server has sent settings without end, of different names. libpq keeps them all in a list that it searches for each
    /// new one, and does not tell how long the list is.
    var hasTooManyParameters: Bool {
        // The shortest of three, because the thread may have to wait for a processor in the middle.
        for _ in 0..<3 {
            let start = MonotonicClock.now
            _ = unsafe PQparameterStatus(handle, " ")
            if MonotonicClock.now - start < Link.longestParameterSearch { return false }
        }
        return true
    }

    /// Reads once.
    ///
    /// - Returns: Whether a result can be fetched, or the connection is lost.
    private func take() -> Bool { unsafe PQconsumeInput(handle) == 0 || PQisBusy(handle) == 0 }

    /// Whether the socket can be read at once, be it that it has ended.
    var hasMore: Bool {
        var byte: UInt8 = 0
        let descriptor = unsafe PQsocket(handle)
        if descriptor < 0 { return false }
        return unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) >= 0 || errno != EAGAIN
    }

    /// Has libpq parse what it has taken in, of which it keeps settings and notifications, and tells notices.
    ///
    /// Not where the connection is given up: to parse what a server has sent without end takes minutes.
    func parse() {
        if !isGivenUp.load(ordering: .relaxed) { _ = unsafe PQisBusy(handle) }
    }

    /// Takes in what has come between two statements, and gives the connection up if that is more than `idleBudget`.
    ///
    /// libpq parses when the socket is empty and not before: only a message whose length it knows makes its buffer larger than what
    /// has been read.
    func consumeIdle() {
        var unread = 0
        repeat {
            let available = Int(clockpool_unread(unsafe PQsocket(handle)))
            idleBytes += max(1, available - unread)
            if idleBytes > Link.idleBudget { return giveUp() }
            guard unsafe PQconsumeInput(handle) != 0 else { return }
            unread = Int(clockpool_unread(unsafe PQsocket(handle)))
        } while hasMore
        dropNotifications()
    }

    /// Frees the notifications that have come: no part of this library waits for one. To ask for them is to parse.
    func dropNotifications() {
        if isGivenUp.load(ordering: .relaxed) { return }
        while let notification = unsafe PQnotifies(handle) { unsafe PQfreemem(notification) }
    }
}
