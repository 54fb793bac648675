// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

#if ServiceLifecycleSupport
    public import ServiceLifecycle

    /// Conformance with the trait `ServiceLifecycleSupport`.
    extension PostgresCluster: Service {}
#endif

extension PostgresCluster {
    /// Runs the cluster as part of a service, and shuts its pools down with their `drainTimeout`.
    ///
    /// Returns after the shutdown. It begins when the task is cancelled or, with the trait
    /// `ServiceLifecycleSupport`, when the service group shuts down gracefully. A cluster does not
    /// need this method to work.
    public func run() async {
        await waitForShutdownSignal()
        // A task of its own, because the current task may be cancelled.
        await Task.detached { [self] in await shutdown() }.value
    }

    /// Holds the writes while `promote` makes another server the primary, so that none fails.
    ///
    /// Waits until the writes in progress have ended, then for `promote`, then until the new
    /// primary has been found. Writes that come in the meantime wait in line under their own time
    /// limits, at most `maximumWaiters` of the pools. Reads continue.
    ///
    /// - Parameters:
    ///   - drain: The time for the writes in progress to end.
    ///   - timeout: The time after `promote` for the new primary to be found.
    ///   - promote: A closure that promotes a standby, by Patroni's interface for example.
    /// - Throws: The error of `promote`; ``PostgresError`` with the code `timedOut` if the writes
    ///   do not end, in which case `promote` is not called, or `connectFailed` if no new primary
    ///   is found. The writes go on in any case.
    public func switchOver(
        drain: Duration = .seconds(10),
        timeout: Duration = .seconds(30),
        _ promote: () async throws -> Void
    ) async throws {
        state.holdWrites()
        defer { state.releaseWrites() }
        let drained = MonotonicClock.deadline(after: drain)
        while true {
            let (count, version) = state.writes
            if count == 0 { break }
            if MonotonicClock.now >= drained {
                throw PostgresError(
                    .timedOut,
                    "\(count) writes have not ended in time for the switch-over",
                    outcome: .notExecuted
                )
            }
            await state.waitForChange(since: version, until: drained)
            try Task.checkCancellation()
        }
        let old = state.primary
        try await promote()
        let deadline = MonotonicClock.deadline(after: timeout)
        while true {
            let (primary, version) = state.read { topology, servers, version in
                (topology.primary.flatMap { servers[$0] }, version)
            }
            if let primary, primary !== old { return }
            if MonotonicClock.now >= deadline || state.isClosed {
                throw PostgresError(
                    .connectFailed,
                    "no server has become the primary in time",
                    outcome: .unknown
                )
            }
            probeAll()
            await state.waitForChange(
                since: version,
                until: min(deadline, MonotonicClock.deadline(after: .milliseconds(50)))
            )
            try Task.checkCancellation()
        }
    }
}
