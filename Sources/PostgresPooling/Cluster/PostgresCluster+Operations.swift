// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling
internal import Synchronization

extension PostgresCluster {
    /// What is known of a server of a cluster.
    public struct ServerStatus: Sendable {
        /// The use of a server.
        public enum Role: Hashable, Sendable {
            /// Writes go there.
            case primary
            /// Reads go there, if it is within their lag.
            case standby
            /// A primary of an older timeline, or one beside the primary. It is not used.
            case stalePrimary
            /// A server of another database cluster. It is not used.
            case stranger
            /// It has not answered yet, or does not any more.
            case unknown
        }

        /// The host and the port.
        public let name: String

        public let role: Role

        /// Whether the server has answered the latest probe.
        public let isReachable: Bool

        /// The number of the history of its log; a promotion begins a new one.
        public let timeline: Int?

        /// The end of the log on a primary; what a standby is known to have replayed.
        public let position: PostgresPosition?

        /// The number of bytes behind the latest known position of the primary.
        public let lagBytes: Int?

        /// The time for which the standby may lack a change of the primary.
        public let lag: Duration?

        /// The average duration of the latest probes.
        public let latency: Duration

        /// The use of its connections.
        public let connections: PoolStatus
    }

    /// What is known of each server, in the order of the configuration. O(connections).
    public var status: [ServerStatus] {
        let now = MonotonicClock.now
        let topology = state.read { topology, _ in topology }
        return servers.map { server in
            let index = server.index
            let report = topology.servers[index].report
            let role: ServerStatus.Role =
                switch topology.role(of: index) {
                case .primary: .primary
                case .standby: .standby
                case .stalePrimary: .stalePrimary
                case .stranger: .stranger
                case .unknown: .unknown
                }
            return ServerStatus(
                name: server.name,
                role: role,
                isReachable: topology.servers[index].isReachable,
                timeline: report.map { Int($0.timeline) },
                position: report?.position,
                lagBytes: topology.lagBytes(of: index).map { Int(clamping: $0) },
                lag: topology.lagTime(of: index, at: now).map { .nanoseconds(Int64(clamping: $0)) },
                latency: .nanoseconds(Int64(clamping: server.latency.load(ordering: .relaxed))),
                connections: server.pool.status
            )
        }
    }

    /// Holds the writes while `promote` makes another server the primary, so that none fails.
    ///
    /// Waits until the writes in progress have ended, then for `promote`, then until the new
    /// primary has been found. Writes that come in the meantime wait in line under their own time
    /// limits. Reads continue.
    ///
    /// - Parameters:
    ///   - drain: The time for the writes in progress to end.
    ///   - timeout: The time after `promote` for the new primary to be found.
    ///   - promote: A closure that promotes a standby, by Patroni's interface for example.
    /// - Throws: The error of `promote`; ``PostgresError`` with the code `timedOut` if the writes do
    ///   not end, in which case `promote` is not called, or `connectFailed` if no new primary is
    ///   found. The writes go on in any case.
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
                throw PostgresError(.timedOut, "\(count) writes have not ended in time for the switch-over")
            }
            await state.waitForChange(since: version, until: drained)
            try Task.checkCancellation()
        }
        let old = state.primary
        try await promote()
        let deadline = MonotonicClock.deadline(after: timeout)
        while true {
            let (primary, version) = state.read { ($0.primary, $1) }
            if let primary, primary != old { return }
            if MonotonicClock.now >= deadline || state.isClosed {
                throw PostgresError(.connectFailed, "no server has become the primary in time")
            }
            probeAll()
            await state.waitForChange(since: version, until: min(deadline, MonotonicClock.deadline(after: .milliseconds(50))))
            try Task.checkCancellation()
        }
    }
}
