// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling
internal import Synchronization

extension PostgresCluster {
    /// What is known of a server of a cluster.
    public struct ServerStatus: Sendable {
        /// The use of a server.
        public enum Role: Hashable, Sendable, CaseIterable {
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

        /// The use of the server.
        public let role: Role

        /// Whether the server has answered the latest probe.
        public let isReachable: Bool

        /// Whether the server receives no reads for a while, because it has failed some.
        public let isPaused: Bool

        /// The number of the history of its log; a promotion begins a new one.
        public let timeline: Int?

        /// The end of the log on a primary; what a standby is known to have replayed.
        public let position: PostgresLSN?

        /// The number of bytes behind the latest known position of the primary.
        public let lagBytes: Int?

        /// The time for which the standby may lack a change of the primary.
        public let lag: Duration?

        /// The average duration of the latest probes.
        public let latency: Duration

        /// The number of reads that the server has answered.
        public let reads: Int

        /// The number of writes that the server has answered.
        public let writes: Int

        /// The number of reads and writes that have failed because the server did, also if another
        /// one has answered them.
        public let failures: Int

        /// The error of the latest probe as text; `nil` if the server has answered it.
        public let lastFailure: String?

        /// The use of its connections.
        public let connections: PoolStatus

        init(_ server: ClusterServer, _ topology: ClusterTopology, at now: UInt64) {
            let known = topology.servers[server.index]
            name = server.name
            role = topology.role(of: server.index)
            isReachable = known.isReachable
            isPaused = !server.rotation.admits(at: now)
            timeline = known.report.flatMap { $0.timeline == 0 ? nil : Int($0.timeline) }
            position = known.report?.position
            lagBytes = topology.lagBytes(of: server.index).map { Int(clamping: $0) }
            lag = topology.lagTime(of: server.index, at: now).map { .nanoseconds(Int64(clamping: $0)) }
            latency = .nanoseconds(Int64(clamping: server.latency.load(ordering: .relaxed)))
            reads = server.reads.load(ordering: .relaxed)
            writes = server.writes.load(ordering: .relaxed)
            failures = server.failures.load(ordering: .relaxed)
            lastFailure = server.lastFailure.withLock { $0 }
            connections = server.pool.status
        }
    }

    /// What is known of each server, in the order of the configuration or in which they joined.
    /// O(connections).
    public var status: [ServerStatus] {
        let (topology, servers) = state.read { topology, servers, _ in (topology, servers) }
        let now = MonotonicClock.now
        return servers.compactMap { $0.map { ServerStatus($0, topology, at: now) } }
    }

    /// The state of a ``PostgresCluster`` at one moment.
    public struct Snapshot: Sendable {
        /// A server of the cluster.
        public struct Server: Sendable {
            /// What is known of the server, and what it has answered.
            public let status: ServerStatus

            /// The state and the statistics of its pool.
            public let pool: PoolSnapshot

            /// Its share of the reads that all servers have answered, from 0 to 1.
            public let shareOfReads: Double

            /// Its share of the writes that all servers have answered, from 0 to 1.
            public let shareOfWrites: Double
        }

        /// The servers, in the order of ``PostgresCluster/status``.
        public let servers: [Server]

        /// The host and the port of the primary; `nil` if there is none.
        public var primary: String? { servers.first { $0.status.role == .primary }?.status.name }
    }

    /// The state of the cluster: the role, the lag, the pool and the share of each server.
    /// O(connections).
    public var snapshot: Snapshot {
        let (topology, members) = state.read { topology, servers, _ in (topology, servers) }
        let now = MonotonicClock.now
        let servers = members.compactMap { server in
            server.map { (status: ServerStatus($0, topology, at: now), pool: $0.pool.snapshot) }
        }
        let reads = servers.reduce(0) { $0 + $1.status.reads }
        let writes = servers.reduce(0) { $0 + $1.status.writes }
        return Snapshot(
            servers: servers.map { server in
                Snapshot.Server(
                    status: server.status,
                    pool: server.pool,
                    shareOfReads: reads == 0 ? 0 : Double(server.status.reads) / Double(reads),
                    shareOfWrites: writes == 0 ? 0 : Double(server.status.writes) / Double(writes)
                )
            }
        )
    }
}
