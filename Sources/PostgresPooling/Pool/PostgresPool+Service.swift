// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

#if ServiceLifecycleSupport
    public import ServiceLifecycle

    /// With the trait `ServiceLifecycleSupport`.
    extension PostgresPool: Service {}
#endif

extension PostgresPool {
    /// Ends the pool in order: newcomers are refused, and who waits is served, or fails when `drain` is over.
    ///
    /// Bodies that still run then have their statements ended on the server, and their next ones refused: with ``PostgresError``
    /// and the code `connectionLost`, or `outcomeUnknown` for a commit. That is done by requests on connections of their own, as
    /// for a task that is cancelled.
    ///
    /// Suspends until everything is closed, or at the latest for `drain` and twice the pool's `closeTimeout`. Safe to call again,
    /// and from several tasks at once. A cancellation of the calling task changes nothing.
    ///
    /// - Parameter drain: How long callers and bodies have to end by themselves; by default the `drainTimeout` of the configuration's pool.
    public func shutdown(drain: Duration? = nil) async {
        await connections.shutdown(drain: drain)
        await close()
    }

    /// Begins the end of the pool without refusing newcomers yet: for the moment of a signal, when requests in flight still need
    /// connections.
    ///
    /// After `drain` the pool refuses newcomers, fails callers that wait, and ends the statements of bodies. A ``shutdown(drain:)`` before
    /// that has the rest of the time. Returns at once. Of several calls the earliest deadline counts.
    ///
    /// - Parameter drain: How long callers and bodies have to end by themselves; by default the `drainTimeout` of the configuration's pool.
    public func beginShutdown(drain: Duration? = nil) {
        connections.beginShutdown(drain: drain) { [weak self] in await self?.shutdown(drain: .zero) }
    }

    /// A service that begins the pool's shutdown at the moment of a graceful shutdown. Name it last in the service group's list.
    public var shutdownNotice: ShutdownNotice { ShutdownNotice { [weak self] in self?.beginShutdown() } }

    /// Runs the pool as a part of a service, and shuts it down with the configuration's `drainTimeout`.
    ///
    /// Returns when the pool has been shut down in order, which begins when the task is cancelled; or, with the trait
    /// `ServiceLifecycleSupport`, when the service group that runs it shuts down gracefully. A pool works without it.
    public func run() async {
        await connections.run()
        await close()
    }

    /// Runs the pool as a part of a service, as ``run()`` does.
    ///
    /// - Parameter drain: As ``shutdown(drain:)``.
    public func run(drain: Duration) async {
        await connections.run(drain: drain)
        await close()
    }
}
