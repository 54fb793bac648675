// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SeededBug {
    /// Bugs of the clusters of PostgresPooling.
    static let cluster: [SeededBug] = [
        SeededBug(
            "Writes go to an old primary while the new one is unreachable",
            in: "PostgresPooling/Cluster/ClusterTopology.swift",
            "newestTimeline = max(newestTimeline, claimants.map { servers[$0].report!.timeline }.max() ?? 0)",
            "newestTimeline = claimants.map { servers[$0].report!.timeline }.max() ?? 0",
            foundBy: "PostgresPoolingTests.ClusterWalkTests/walks"
        ),
        SeededBug(
            "An old primary stays the primary after a promotion",
            in: "PostgresPooling/Cluster/ClusterTopology.swift",
            "if let primary, newest.contains(primary) { return changes }",
            "if let primary, claimants.contains(primary) { return changes }",
            foundBy: "PostgresPoolingTests.ClusterWalkTests/walks"
        ),
        SeededBug(
            "A server of another cluster can become the primary",
            in: "PostgresPooling/Cluster/ClusterTopology.swift",
            "report.isPrimary, !isStranger(report) else { return false }",
            "report.isPrimary else { return false }",
            foundBy: "PostgresPoolingTests.ClusterWalkTests/walks"
        ),
        SeededBug(
            "A primary that does not answer is no primary any more",
            in: "PostgresPooling/Cluster/ClusterTopology.swift",
            "return servers[index].isReachable || index == primary",
            "return servers[index].isReachable",
            foundBy: "PostgresPoolingTests.ClusterWalkTests/walks"
        ),
        SeededBug(
            "A standby of an old primary answers reads",
            in: "PostgresPooling/Cluster/ClusterTopology.swift",
            "case .standby: return servers[index].report!.timeline >= newestTimeline || primary == nil",
            "case .standby: return true",
            foundBy: "PostgresPoolingTests.ClusterWalkTests/walks"
        ),
        SeededBug(
            "The age of a position counts from the arrival of the report",
            in: "PostgresPooling/Cluster/ClusterTopology.swift",
            "remember(report.position, at: start)",
            "remember(report.position, at: now)",
            foundBy: "PostgresPoolingTests.ClusterWalkTests/walks"
        ),
        SeededBug(
            "A position that a read has found replaces a later one",
            in: "PostgresPooling/Cluster/ClusterTopology.swift",
            "!report.isPrimary, report.position < position else { return }",
            "!report.isPrimary else { return }",
            foundBy: "PostgresPoolingTests.ClusterWalkTests/walks"
        ),
        SeededBug(
            "A split brain is announced again and again",
            in: "PostgresPooling/Cluster/ClusterTopology.swift",
            "if reachable.count > 1, reachable != splitBrain { changes",
            "if reachable.count > 1 { changes",
            foundBy: "PostgresPoolingTests.ClusterWalkTests/walks"
        ),
        SeededBug(
            "A copy of an old primary keeps the timeline of the standby before it",
            in: "PostgresPooling/Cluster/ClusterTopology.swift",
            "servers[index].isReachable ? report.continuing(servers[index].report) : report",
            "report.continuing(servers[index].report)",
            foundBy: "PostgresPoolingTests.ClusterTopologyTests/copyOfOldPrimary"
        ),
        SeededBug(
            "A standby keeps its timeline although it has lost a part of its log",
            in: "PostgresPooling/Cluster/ClusterTopology.swift",
            "                earlier.position <= position, earlier.system == system",
            "                earlier.system == system",
            foundBy: "PostgresPoolingTests.ClusterTopologyTests/oldTimeline"
        ),
        SeededBug(
            "Reads go to standbys of an old primary",
            in: "PostgresPooling/Cluster/ClusterTopology+Routing.swift",
            "guard servesReads(index) else {",
            "guard servesReads(index) || role == .standby else {",
            foundBy: "PostgresPoolingTests.ClusterWalkTests/walks"
        ),
        SeededBug(
            "A standby whose lag is unknown answers reads with a limit of the lag",
            in: "PostgresPooling/Cluster/ClusterTopology+Routing.swift",
            ".map { $0 <= most.wholeNanoseconds } ?? false",
            ".map { $0 <= most.wholeNanoseconds } ?? true",
            foundBy: "PostgresPoolingTests.ClusterWalkTests/walks"
        ),
        SeededBug(
            "A standby that is behind answers a read with a position",
            in: "PostgresPooling/Cluster/ReaderSearch.swift",
            "return topology.position(of: server.index).map { $0 >= position } ?? false",
            "return true",
            foundBy: "PostgresPoolingTests.ReaderSearchTests/position"
        ),
        SeededBug(
            "Of two standbys, the slower or busier one answers",
            in: "PostgresPooling/Cluster/ReaderSearch.swift",
            "first.cost <= second.cost",
            "first.cost >= second.cost",
            foundBy: "PostgresPoolingTests.ReaderSearchTests/slowStandby"
        ),
        SeededBug(
            "Each read probes a standby that has failed",
            in: "PostgresPooling/Cluster/ReaderSearch.swift",
            "guard server.rotation.admits(at: now), search",
            "guard search",
            foundBy: "PostgresPoolingTests.ReaderSearchTests/excluded"
        ),
        SeededBug(
            "A standby that left the cluster answers reads until the topology changes",
            in: "PostgresPooling/Cluster/ClusterState.swift",
            """
                        state.servers[server.index] = nil
                        return state.takeWaiters()
            """,
            """
                        state.servers[server.index] = nil
                        return Array(state.waiters.values)
            """,
            foundBy: "PostgresPoolingTests.ReaderSearchTests/excluded"
        ),
    ]
}
