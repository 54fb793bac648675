// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

#if ServiceLifecycleSupport
    public import ServiceLifecycle

    /// With the trait `ServiceLifecycleSupport`.
    extension SQLitePool: Service {}
#endif

extension SQLitePool {
    /// Ends the pool in order: newcomers are refused; who waits is served, or fails when `drain` is over; and the connections are
    /// closed, the readers first.
    ///
    /// Returns when everything is closed, or `drain` is over and calls still run; their connections are closed when they have ended.
    /// Safe to call again, and from several tasks at once. A cancellation of the calling task changes nothing.
    ///
    /// - Parameter drain: How long calls have to end by themselves; by default the configuration's `drainTimeout`.
    public func shutdown(drain: Duration? = nil) async {
        let drain = drain ?? configuration.drainTimeout
        let began = ContinuousClock.now
        writer.refuseNewcomers()
        await readers.shutdown(drain: drain)
        await writer.shutdown(drain: max(.zero, drain - began.duration(to: .now)))
        await close()
    }

    /// Begins the end of the pool without refusing newcomers yet: for the moment of a signal, when requests in flight still need
    /// connections.
    ///
    /// After `drain` the pool shuts down as ``shutdown(drain:)`` does with zero. A `shutdown` before that has the rest of the time. Returns
    /// at once. Of several calls the earliest deadline counts.
    ///
    /// - Parameter drain: How long calls have to end by themselves; by default the configuration's `drainTimeout`.
    public func beginShutdown(drain: Duration? = nil) {
        let drain = drain ?? configuration.drainTimeout
        writer.beginShutdown(drain: drain) {}
        // Both together, so that the readers are closed before the writer.
        readers.beginShutdown(drain: drain) { [weak self] in await self?.shutdown(drain: .zero) }
    }

    /// A service that begins the pool's shutdown at the moment of a graceful shutdown. Name it last in the service group's list.
    public var shutdownNotice: ShutdownNotice { ShutdownNotice { [weak self] in self?.beginShutdown() } }

    /// Runs the pool as a part of a service, and shuts it down with the configuration's `drainTimeout`.
    ///
    /// Returns when the pool has been shut down in order, which begins when the task is cancelled; or, with the trait
    /// `ServiceLifecycleSupport`, when the service group that runs it shuts down gracefully. A pool works without it.
    public func run() async { await run(drain: configuration.drainTimeout) }

    /// Runs the pool as a part of a service, as ``run()`` does.
    ///
    /// - Parameter drain: As ``shutdown(drain:)``.
    public func run(drain: Duration) async {
        await untilToldToStop()
        // In another task than this, which may be cancelled.
        await Task.detached { [self] in await shutdown(drain: drain) }.value
    }
}
