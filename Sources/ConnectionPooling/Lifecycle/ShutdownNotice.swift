// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import Synchronization

#if ServiceLifecycleSupport
    public import ServiceLifecycle
#endif

/// When a pool is shut down, as far as that has been announced.
struct ShutdownAnnouncement: Sendable {
    /// By when callers and leases have to end by themselves.
    private(set) var deadline: UInt64?
    /// Waits for the deadline.
    private(set) var timer: Task<Void, Never>?

    /// Returns how long callers and leases have still, in nanoseconds: so long, or until the announced deadline.
    func remaining(of drain: Duration, at now: UInt64) -> UInt64 {
        guard let deadline else { return drain.wholeNanoseconds }
        return min(drain.wholeNanoseconds, deadline > now ? deadline - now : 0)
    }

    /// Announces a deadline. The earliest one counts.
    mutating func announce(_ newDeadline: UInt64, timer makeTimer: () -> Task<Void, Never>) {
        if let deadline, deadline <= newDeadline { return }
        timer?.cancel()
        deadline = newDeadline
        timer = makeTimer()
    }
}

extension ConnectionPool {
    /// Begins the end of the pool without refusing newcomers yet: for the moment of a signal, when requests in flight still need
    /// connections.
    ///
    /// After `drain` the pool shuts down as ``shutdown(drain:)`` does with zero: it refuses newcomers, fails callers that wait, and
    /// interrupts leases. A `shutdown` before that has the rest of the time. Returns at once. Of several calls the earliest deadline
    /// counts.
    ///
    /// - Parameter drain: How long callers and leases have to end by themselves; by default the configuration's `drainTimeout`.
    public func beginShutdown(drain: Duration? = nil) {
        beginShutdown(drain: drain) { [weak self] in await self?.shutdown(drain: .zero) }
    }

    /// As ``beginShutdown(drain:)``, for a pool that is a part of another one.
    ///
    /// - Parameter atDeadline: What is done when `drain` has passed.
    package func beginShutdown(drain: Duration?, atDeadline: @escaping @Sendable () async -> Void) {
        let (now, drain) = (time.now, (drain ?? configuration.drainTimeout).wholeNanoseconds)
        announcement.withLock { announcement in
            if lockPool.isClosed { return }
            announcement.announce(now &+ drain) {
                Task.detached { [time] in
                    do { try await time.sleep(nanoseconds: drain) } catch { return }
                    // In a task that is not cancelled with the timer.
                    Task.detached { await atDeadline() }
                }
            }
        }
    }

    /// A service that begins the pool's shutdown at the moment of a graceful shutdown: see ``ShutdownNotice``.
    public var shutdownNotice: ShutdownNotice { ShutdownNotice { [weak self] in self?.beginShutdown() } }
}

/// A service that has a pool begin its shutdown at the moment of a graceful shutdown.
///
/// A service group shuts its services down in the opposite order of the list, one after the other. The pool comes before its users in the
/// list, and so learns of the shutdown only when they have ended; a request that waits for a lock keeps it from that. Name the notice
/// last, which is told first:
///
/// ```swift
/// let group = ServiceGroup(
///     services: [pool, server, pool.shutdownNotice],
///     gracefulShutdownSignals: [.sigterm],
///     logger: logger
/// )
/// ```
///
/// Requests in flight are served until the pool's `drainTimeout` has passed since the signal. Then the pool interrupts them, so that the
/// server can end, and the pool after it.
public struct ShutdownNotice: Sendable {
    private let begin: @Sendable () -> Void

    package init(_ begin: @escaping @Sendable () -> Void) { self.begin = begin }

    /// Suspends until the task is cancelled, or told to shut down gracefully, and has the pool begin its shutdown then.
    public func run() async {
        await untilToldToStop()
        begin()
    }
}

#if ServiceLifecycleSupport
    /// With the trait `ServiceLifecycleSupport`.
    extension ShutdownNotice: Service {}
#endif
