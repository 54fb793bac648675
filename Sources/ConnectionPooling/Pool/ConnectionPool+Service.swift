// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if ServiceLifecycleSupport
    public import ServiceLifecycle

    /// With the trait `ServiceLifecycleSupport`.
    extension ConnectionPool: Service {}
#endif

extension ConnectionPool {
    /// Runs the pool as a part of a service, and shuts it down with the configuration's `drainTimeout`.
    ///
    /// Keeps `minimumConnections` from the start. Returns when the pool has been shut down in order, which begins when the task is
    /// cancelled; or, with the trait `ServiceLifecycleSupport`, when the service group that runs it shuts down gracefully. A pool
    /// works without it.
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
    /// A group shuts its services down in the opposite order of the list: name the pool before those that use it, and
    /// ``shutdownNotice`` last, which begins the pool's time at the signal.
    public func run() async { await run(drain: configuration.drainTimeout) }

    /// Runs the pool as a part of a service, as ``run()`` does.
    ///
    /// - Parameter drain: As ``shutdown(drain:)``.
    public func run(drain: Duration) async {
        startUpkeep()
        await untilToldToStop()
        // In another task than this, which may be cancelled.
        await Task.detached { [self] in await shutdown(drain: drain) }.value
    }
}

/// Suspends until the task is cancelled; or, with the trait `ServiceLifecycleSupport`, told to shut down gracefully.
package func untilToldToStop() async {
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
