// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling

@testable import PostgresPooling

/// Provides the pools of a cluster, which notice changes soon, and closes them afterwards.
///
/// - Parameters:
///   - cluster: The cluster.
///   - url: The hosts; by default all of the cluster.
///   - observers: The observers of the cluster.
///   - configure: Changes the configuration.
///   - body: A closure that uses the pools.
func withPools(
    _ cluster: TestCluster,
    url: String? = nil,
    observers: [any PoolObserver] = [],
    _ configure: (inout PostgresCluster.Configuration) -> Void = { _ in },
    _ body: (PostgresCluster) async throws -> Void
) async throws {
    var configuration = PostgresCluster.Configuration(url ?? cluster.url)
    configuration.servers.pool.checkoutTimeout = .seconds(300)
    configuration.servers.pool.maximumBackoff = .milliseconds(200)
    configuration.probeInterval = .milliseconds(100)
    // A busy machine is no lost server.
    configuration.probeTimeout = .seconds(60)
    configure(&configuration)
    let pools = try PostgresCluster(configuration, observers: observers)
    do {
        try await body(pools)
    } catch {
        await pools.close()
        throw error
    }
    await pools.close()
}

extension PostgresCluster {
    /// Returns what is known of the server at a place in the URL.
    func role(_ index: Int) -> ServerStatus.Role { status[index].role }

    /// Suspends until all servers have the roles that they start with.
    func untilKnown() async {
        await until {
            let roles = status.map(\.role)
            return roles.first == .primary && roles.dropFirst().allSatisfy { $0 == .standby }
        }
    }
}

/// Collects the events of a cluster.
final class ClusterRecorder: PostgresClusterObserver {
    let events = Counted<String>()

    func observe(_ event: PostgresCluster.Event, in cluster: String) { events.add("\(event)") }
    func observe(_ event: PoolEvent, in pool: String) {}

    /// Suspends until an event has a text in its description.
    func untilSeen(_ text: String) async { await until { events.values.contains { $0.contains(text) } } }
}
