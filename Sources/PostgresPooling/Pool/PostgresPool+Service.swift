// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

#if ServiceLifecycleSupport
    public import ServiceLifecycle

    /// Conformance with the trait `ServiceLifecycleSupport`.
    extension PostgresPool: Service {}
#endif

extension PostgresPool {
    /// Shuts the pool down gracefully: new callers are rejected, and waiting callers are served
    /// until `drain` has passed, then fail.
    ///
    /// Statements of bodies that still run then are cancelled on the server, and their next
    /// statements fail: with ``PostgresError`` and the code `connectionLost`, or `outcomeUnknown`
    /// for a commit. Cancellation uses requests on separate connections, as for a cancelled task.
    /// Subscriptions to notifications end at once, so that their consumers can end in that time.
    ///
    /// Suspends until everything is closed, at most for `drain` and twice the pool's
    /// `closeTimeout`. Can be called repeatedly and concurrently. Cancelling the calling task has
    /// no effect.
    ///
    /// - Parameter drain: The time for callers and bodies to end by themselves; by default the
    ///   `drainTimeout` of the configuration's pool.
    public func shutdown(drain: Duration? = nil) async {
        listener.end()
        await connections.shutdown(drain: drain)
        await close()
    }

    /// Announces the shutdown of the pool without rejecting new callers yet: for the arrival of a
    /// signal, when requests in flight still need connections.
    ///
    /// After `drain` the pool rejects new callers, fails waiting callers, and cancels the
    /// statements of bodies. A ``shutdown(drain:)`` before that has the rest of the time. Returns
    /// at once. Of several calls, the earliest deadline applies.
    ///
    /// - Parameter drain: The time for callers and bodies to end by themselves; by default the
    ///   `drainTimeout` of the configuration's pool.
    public func beginShutdown(drain: Duration? = nil) {
        connections.beginShutdown(drain: drain) { [weak self] in await self?.shutdown(drain: .zero) }
    }

    /// A service that announces the pool's shutdown when a graceful shutdown begins. List it last
    /// in the service group.
    public var shutdownNotice: ShutdownNotice { ShutdownNotice { [weak self] in self?.beginShutdown() } }

    /// Runs the pool as part of a service, and shuts it down with the configuration's
    /// `drainTimeout`.
    ///
    /// Returns after the pool has been shut down. The shutdown begins when the task is cancelled
    /// or, with the trait `ServiceLifecycleSupport`, when the service group shuts down gracefully.
    /// A pool does not need this method to work.
    public func run() async {
        await run(drain: configuration.pool.drainTimeout)
    }

    /// Runs the pool as part of a service, as ``run()`` does.
    ///
    /// - Parameter drain: As in ``shutdown(drain:)``.
    public func run(drain: Duration) async {
        connections.startMaintenance()
        await waitForShutdownSignal()
        // A task of its own, because the current task may be cancelled.
        await Task.detached { [self] in await shutdown(drain: drain) }.value
    }
}
