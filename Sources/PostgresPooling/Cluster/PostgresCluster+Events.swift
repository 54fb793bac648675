// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

extension PostgresCluster {
    /// An event in a ``PostgresCluster``. Servers are named by their host and port.
    ///
    /// A later version may add cases, so a `switch` in another package ends with
    /// `@unknown default`.
    @nonexhaustive
    public enum Event: Sendable {
        /// The use of a server has changed.
        case roleChanged(String, from: ServerStatus.Role, to: ServerStatus.Role)
        /// Writes go to another server; `nil` stands for none.
        case primaryChanged(from: String?, to: String?)
        /// Several servers accept writes. Only the primary receives any.
        case splitBrain([String])
        /// A server answers, for the first time or again.
        case serverReached(String)
        /// A server does not answer any more.
        case serverLost(String)
        /// A server belongs to another database cluster. It is not used.
        case strangerFound(String)
        /// A server is new in the list of ``Configuration/discover``.
        case serverAdded(String)
        /// A server is missing in the list of ``Configuration/discover``.
        case serverRemoved(String)
        /// ``Configuration/discover`` has failed. The servers stay as they are.
        case discoveryFailed(any Error)
    }

    func deliverEvents() {
        state.deliverEvents { event in for observer in clusterObservers { observer.observe(event, in: name) } }
    }

    /// Notifies the observers after a probe.
    func notifyObservers(of server: ClusterServer) {
        deliverEvents()
        if clusterObservers.isEmpty { return }
        let (topology, servers) = state.read { topology, servers, _ in (topology, servers) }
        guard server.index < servers.count, servers[server.index] === server else { return }
        let status = ServerStatus(server, topology, at: MonotonicClock.now)
        for observer in clusterObservers { observer.observe(status, in: name) }
    }
}

/// An observer of a ``PostgresCluster``.
///
/// Pass it to the cluster's `observers`, as any `PoolObserver`. `PoolMetrics` and `PoolLogger` are
/// such observers.
public protocol PostgresClusterObserver: PoolObserver {
    /// Handles an event of the cluster. Called in the order of the events, in the task that has
    /// found it. Must neither block nor use the cluster.
    func observe(_ event: PostgresCluster.Event, in cluster: String)

    /// Handles what is known of a server after a probe.
    func observe(_ server: PostgresCluster.ServerStatus, in cluster: String)
}

extension PostgresClusterObserver {
    /// Does nothing.
    public func observe(_ server: PostgresCluster.ServerStatus, in cluster: String) {}
}
