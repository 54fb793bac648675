// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if ServiceLifecycleSupport
    public import ServiceLifecycle

    /// Requires the trait `ServiceLifecycleSupport`.
    extension ConnectionPool: Service {}
#endif

extension ConnectionPool {
    /// Runs the pool as a service, and shuts it down with the configuration's `drainTimeout`.
    ///
    /// Keeps `minimumConnections` from the start. The shutdown begins when the task is cancelled,
    /// or with the trait `ServiceLifecycleSupport` when the service group shuts down gracefully.
    /// Returns when the pool has been shut down. A pool also works without `run()`.
    ///
    /// ```swift
    /// let group = ServiceGroup(
    ///     services: [pool, server, pool.shutdownNotice],
    ///     gracefulShutdownSignals: [.sigterm],
    ///     logger: logger
    /// )
    /// try await group.run()
    /// ```
    ///
    /// A group shuts its services down in the reverse order of the list. Put the pool before the
    /// services that use it, and ``shutdownNotice`` last, which starts the pool's drain time at
    /// the signal.
    public func run() async { await run(drain: configuration.drainTimeout) }

    /// Runs the pool as a service, as ``run()``.
    ///
    /// - Parameter drain: As in ``shutdown(drain:)``.
    public func run(drain: Duration) async {
        startMaintenance()
        await waitForShutdownSignal()
        // A task of its own, because the current task may be cancelled.
        await Task.detached { [self] in await shutdown(drain: drain) }.value
    }
}

/// Suspends until the task is cancelled, or with the trait `ServiceLifecycleSupport` until a
/// graceful shutdown begins.
package func waitForShutdownSignal() async {
    let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
    await withTaskCancellationHandler {
        #if ServiceLifecycleSupport
            await withGracefulShutdownHandler {
                for await _ in stream {}
            } onGracefulShutdown: {
                continuation.finish()
            }
        #else
            for await _ in stream {}
        #endif
    } onCancel: {
        continuation.finish()
    }
}
