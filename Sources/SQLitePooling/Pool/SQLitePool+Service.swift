// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

#if ServiceLifecycleSupport
    public import ServiceLifecycle

    /// A service of swift-service-lifecycle, with the trait `ServiceLifecycleSupport`.
    extension SQLitePool: Service {}
#endif

extension SQLitePool {
    /// Shuts the pool down in order: new calls are refused, waiting calls are served until `drain`
    /// ends, and the connections are closed, the readers first.
    ///
    /// Returns when all connections are closed, or when `drain` ends and calls still run; their
    /// connections are closed when these calls end. Safe to call repeatedly, and from several
    /// tasks at once. Cancellation of the calling task has no effect.
    ///
    /// - Parameter drain: The time that running and waiting calls have; by default the
    ///   pool configuration's `drainTimeout`.
    public func shutdown(drain: Duration? = nil) async {
        let drain = drain ?? configuration.pool.drainTimeout
        let began = ContinuousClock.now
        writer.refuseNewcomers()
        await readers.shutdown(drain: drain)
        await writer.shutdown(drain: max(.zero, drain - began.duration(to: .now)))
        await close()
    }

    /// Begins a shutdown that still accepts calls: for the moment of a signal, when requests in
    /// flight still need connections.
    ///
    /// After `drain` the pool shuts down as ``shutdown(drain:)`` with zero. An earlier `shutdown`
    /// has the rest of the time. Returns immediately. If several calls overlap, the earliest
    /// deadline applies.
    ///
    /// - Parameter drain: The time until the shutdown; by default the configuration's
    ///   `drainTimeout`.
    public func beginShutdown(drain: Duration? = nil) {
        let drain = drain ?? configuration.pool.drainTimeout
        writer.beginShutdown(drain: drain) {}
        // Only the readers' pool calls `shutdown`, so that the readers close before the writer.
        readers.beginShutdown(drain: drain) { [weak self] in await self?.shutdown(drain: .zero) }
    }

    /// A service that begins the pool's shutdown when a graceful shutdown begins. Put it last in
    /// the service group's list.
    public var shutdownNotice: ShutdownNotice { ShutdownNotice { [weak self] in self?.beginShutdown() } }

    /// Runs the pool as a service, and shuts it down with the configuration's `drainTimeout`.
    ///
    /// Keeps `minimumConnections` from the start. Returns after the shutdown, which begins when
    /// the task is cancelled or, with the trait `ServiceLifecycleSupport`, when the service group
    /// shuts down gracefully. A pool also works without this method.
    public func run() async { await run(drain: configuration.pool.drainTimeout) }

    /// Runs the pool as a service, as ``run()`` does.
    ///
    /// - Parameter drain: As ``shutdown(drain:)``.
    public func run(drain: Duration) async {
        prewarm()
        await waitForShutdownSignal()
        // In a separate task, because this one may be cancelled.
        await Task.detached { [self] in await shutdown(drain: drain) }.value
    }
}
