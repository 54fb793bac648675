// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import Synchronization

#if ServiceLifecycleSupport
    public import ServiceLifecycle
#endif

/// The announced shutdown of a pool.
struct ShutdownAnnouncement: Sendable {
    /// The instant by which callers and leases have to end.
    private(set) var deadline: UInt64?
    /// Sleeps until the deadline.
    private(set) var timer: Task<Void, Never>?

    /// Returns the nanoseconds that callers and leases have left: `drain`, or the time until the
    /// announced deadline if that is shorter.
    func remaining(of drain: Duration, at now: UInt64) -> UInt64 {
        guard let deadline else { return drain.wholeNanoseconds }
        return min(drain.wholeNanoseconds, deadline > now ? deadline - now : 0)
    }

    /// Announces a deadline. The earliest deadline applies.
    mutating func announce(_ newDeadline: UInt64, timer makeTimer: () -> Task<Void, Never>) {
        if let deadline, deadline <= newDeadline { return }
        timer?.cancel()
        deadline = newDeadline
        timer = makeTimer()
    }
}

extension ConnectionPool {
    /// Announces the shutdown, and still accepts new callers: for the time after a signal, in
    /// which requests in flight need connections.
    ///
    /// After `drain` the pool shuts down as ``shutdown(drain:)`` does with zero: it refuses new
    /// callers, fails waiting callers, and interrupts leases. An earlier `shutdown` has the
    /// remaining time. Returns at once. Of several calls the earliest deadline applies.
    ///
    /// - Parameter drain: The time that callers and leases have to end; by default the
    ///   configuration's `drainTimeout`.
    public func beginShutdown(drain: Duration? = nil) {
        beginShutdown(drain: drain) { [weak self] in await self?.shutdown(drain: .zero) }
    }

    /// Announces the shutdown of a pool that is a part of another pool, as
    /// ``beginShutdown(drain:)``.
    ///
    /// - Parameter atDeadline: Called after `drain`.
    package func beginShutdown(drain: Duration?, atDeadline: @escaping @Sendable () async -> Void) {
        let (now, drain) = (time.now, (drain ?? configuration.drainTimeout).wholeNanoseconds)
        announcement.withLock { announcement in
            if lockPool.isClosed { return }
            announcement.announce(now &+ drain) {
                Task.detached { [time] in
                    do { try await time.sleep(nanoseconds: drain) } catch { return }
                    // A task of its own, which is not cancelled with the timer.
                    Task.detached { await atDeadline() }
                }
            }
        }
    }

    /// A service that announces the pool's shutdown at the start of a graceful shutdown: see
    /// ``ShutdownNotice``.
    public var shutdownNotice: ShutdownNotice { ShutdownNotice { [weak self] in self?.beginShutdown() } }
}

/// A service that announces the shutdown of a pool at the start of a graceful shutdown.
///
/// A service group shuts its services down one after the other, in the reverse order of the list.
/// A pool precedes its users in the list. It thus learns of the shutdown only after they have
/// ended, and a request that waits for a lock delays them. Put the notice last, which is shut
/// down first:
///
/// ```swift
/// let group = ServiceGroup(
///     services: [pool, server, pool.shutdownNotice],
///     gracefulShutdownSignals: [.sigterm],
///     logger: logger
/// )
/// ```
///
/// Requests in flight are served until the pool's `drainTimeout` has passed since the signal.
/// Then the pool interrupts them, so that first the server can end and then the pool.
public struct ShutdownNotice: Sendable {
    private let begin: @Sendable () -> Void

    package init(_ begin: @escaping @Sendable () -> Void) { self.begin = begin }

    /// Suspends until the task is cancelled or a graceful shutdown begins, and then announces the
    /// pool's shutdown.
    public func run() async {
        await waitForShutdownSignal()
        begin()
    }
}

#if ServiceLifecycleSupport
    /// Requires the trait `ServiceLifecycleSupport`.
    extension ShutdownNotice: Service {}
#endif
