// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

#if ServiceLifecycleSupport
    public import ServiceLifecycle

    /// A service of swift-service-lifecycle, with the trait `ServiceLifecycleSupport`.
    extension SQLitePools: Service {}
#endif

extension SQLitePools {
    /// Runs the pools as a service, and shuts them down with the `drainTimeout` of the
    /// configuration's database.
    ///
    /// Returns after the shutdown, which begins when the task is cancelled or, with the trait
    /// `ServiceLifecycleSupport`, when the service group shuts down gracefully. The pools also
    /// work without this method.
    public func run() async {
        await waitForShutdownSignal()
        // In a separate task, because this one may be cancelled.
        await Task.detached { [self] in await shutdown() }.value
    }
}
