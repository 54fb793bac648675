// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import ConnectionPooling

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Reports when sockets become ready.
///
/// A ready socket is reported once, and again when more input arrives. Spurious reports are
/// allowed. A user that does not read a socket to its end must read again without a report. Only
/// the owner of a socket changes its registration.
protocol Poller: AnyObject, Sendable {
    /// Registers a socket.
    ///
    /// - Returns: Whether the system can watch it.
    func add(_ descriptor: Int32, token: UInt64) -> Bool

    /// Makes a registered socket be reported if it is ready now, unless that is automatic.
    func arm(_ descriptor: Int32, token: UInt64, for interest: PollerInterest)

    /// Ends the interest in writing to a registered socket.
    func endWriting(_ descriptor: Int32, token: UInt64)

    /// Ends the reports of a registered socket until it is resumed.
    func pause(_ descriptor: Int32, token: UInt64)

    /// Resumes the reports of a socket after a pause. A socket that can be read is reported, unless
    /// the poller needs to be armed.
    func resume(_ descriptor: Int32, token: UInt64)

    /// Removes a registered socket, which is still open.
    func remove(_ descriptor: Int32, token: UInt64)

    /// Removes a registration whose socket libpq has closed.
    func forget(token: UInt64)

    /// Blocks until a socket is ready, `wake()` is called, or the time has passed.
    ///
    /// - Parameters:
    ///   - milliseconds: The maximum time; negative for no limit.
    ///   - tokens: Receives the tokens of the ready sockets, with the bit ``Reactor/peerClosed`` if
    ///     the end of a socket is not reported again.
    func wait(milliseconds: Int32, into tokens: inout [UInt64])

    /// Ends the current `wait`, or the next one.
    func wake()
}

/// The readiness that a wait is for.
enum PollerInterest: Sendable {
    case reading, readingAndWriting
}

/// A poller for any system with `poll`. Each call searches all registrations.
final class PollPoller: Poller {
    private struct Registration {
        var descriptor: Int32
        var events: Int16
    }

    private let registrations = Locked([UInt64: Registration]())
    private let pipeEnds: (read: Int32, write: Int32)

    /// Returns `nil` if the system has no room for a pipe; then `errno` is set.
    init?() {
        var ends: (Int32, Int32) = (-1, -1)
        guard unsafe clockpool_pipe(&ends.0, &ends.1) == 0 else { return nil }
        for end in [ends.0, ends.1] { _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK) }
        pipeEnds = ends
    }

    deinit {
        close(pipeEnds.read)
        close(pipeEnds.write)
    }

    func add(_ descriptor: Int32, token: UInt64) -> Bool {
        registrations.withLock { $0[token] = Registration(descriptor: descriptor, events: Int16(POLLIN)) }
        wake()
        return true
    }

    func arm(_ descriptor: Int32, token: UInt64, for interest: PollerInterest) {
        let events = interest == .reading ? POLLIN : POLLIN | POLLOUT
        registrations.withLock { $0[token] = Registration(descriptor: descriptor, events: Int16(events)) }
        wake()
    }

    /// Does nothing: a report ends the interest, and each wait arms the socket again.
    func endWriting(_ descriptor: Int32, token: UInt64) {}

    func pause(_ descriptor: Int32, token: UInt64) {
        registrations.withLock { $0[token]?.events = 0 }
    }

    /// Does nothing: each wait arms the socket again.
    func resume(_ descriptor: Int32, token: UInt64) {}

    func remove(_ descriptor: Int32, token: UInt64) { forget(token: token) }

    func forget(token: UInt64) {
        registrations.withLock { $0[token] = nil }
    }

    func wait(milliseconds: Int32, into tokens: inout [UInt64]) {
        tokens.removeAll(keepingCapacity: true)
        let armed = registrations.withLock { registrations in registrations.filter { $0.value.events != 0 } }
        var polled = [pollfd(fd: pipeEnds.read, events: Int16(POLLIN), revents: 0)]
        var names: [UInt64] = [0]
        for (token, registration) in armed {
            polled.append(pollfd(fd: registration.descriptor, events: registration.events, revents: 0))
            names.append(token)
        }
        let ready = unsafe poll(&polled, nfds_t(polled.count), milliseconds)
        guard ready > 0 else { return }
        if polled[0].revents != 0 {
            var bytes = [UInt8](repeating: 0, count: 64)
            while unsafe read(pipeEnds.read, &bytes, bytes.count) > 0 {}
        }
        registrations.withLock { registrations in
            for index in 1..<polled.count where polled[index].revents != 0 {
                // If the socket was armed again or removed since, the result is outdated.
                guard registrations[names[index]]?.descriptor == polled[index].fd else { continue }
                registrations[names[index]]?.events = 0
                tokens.append(names[index])
            }
        }
    }

    func wake() {
        var byte: UInt8 = 1
        // A full pipe also wakes the thread.
        _ = unsafe write(pipeEnds.write, &byte, 1)
    }
}
