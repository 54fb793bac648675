// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if os(Linux)

    internal import CLockPoolPQ

    #if canImport(Glibc)
        internal import Glibc
    #elseif canImport(Musl)
        internal import Musl
    #endif

    /// The poller for Linux. Edge-triggered: a statement needs no call to change a registration.
    final class EpollPoller: Poller {
        private let epoll: Int32
        private let event: Int32

        /// Returns `nil` if the system has no room for it; then `errno` is set.
        init?() {
            epoll = clockpool_epoll_create()
            event = epoll < 0 ? -1 : clockpool_epoll_add_event(epoll)
            if event < 0 { return nil }
        }

        deinit {
            if event >= 0 { close(event) }
            if epoll >= 0 { close(epoll) }
        }

        func add(_ descriptor: Int32, token: UInt64) -> Bool { clockpool_epoll_add(epoll, descriptor, token) == 0 }

        /// Reading needs no registration: each change is reported. Writing is registered only
        /// while a task waits for it: a Unix socket becomes writable each time that the server
        /// reads, and would wake the reactor needlessly.
        func arm(_ descriptor: Int32, token: UInt64, for interest: PollerInterest) {
            if interest == .reading { return }
            let code = clockpool_epoll_add_writing(epoll, descriptor, token)
            precondition(code == 0, "epoll rejects a registered socket: \(code).")
        }

        func endWriting(_ descriptor: Int32, token: UInt64) {
            let code = clockpool_epoll_end_writing(epoll, descriptor, token)
            precondition(code == 0, "epoll rejects a registered socket: \(code).")
        }

        func pause(_ descriptor: Int32, token: UInt64) {
            let code = clockpool_epoll_pause(epoll, descriptor, token)
            precondition(code == 0, "epoll refuses a socket that is registered: \(code).")
        }

        /// Sets the registration anew, whereupon what has come is reported.
        func resume(_ descriptor: Int32, token: UInt64) { endWriting(descriptor, token: token) }

        func remove(_ descriptor: Int32, token: UInt64) {
            let code = clockpool_epoll_remove(epoll, descriptor)
            precondition(code == 0, "epoll rejects a registered socket: \(code).")
        }

        /// Does nothing: a closed socket is no longer registered.
        func forget(token: UInt64) {}

        func wait(milliseconds: Int32, into tokens: inout [UInt64]) {
            tokens.removeAll(keepingCapacity: true)
            let capacity = 64
            unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: capacity) { ready in
                let count = unsafe clockpool_epoll_wait(
                    epoll,
                    ready.baseAddress!,
                    Int32(capacity),
                    milliseconds,
                    Reactor.peerClosed
                )
                for index in 0..<Int(max(0, count)) {
                    let token = unsafe ready[index]
                    if token != 0 { tokens.append(token) }
                }
            }
        }

        func wake() { clockpool_epoll_wake(event) }
    }

#endif
