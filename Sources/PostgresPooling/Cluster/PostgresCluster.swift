// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling
internal import LockPool
internal import Synchronization

/// Pools of connections to the servers of a PostgreSQL cluster: one primary and its standbys.
///
/// ```swift
/// let cluster = try PostgresCluster("postgres://app@db1.example.com,db2.example.com/app")
/// try await cluster.execute("INSERT INTO users (name) VALUES (\(name))")
/// let names: PostgresQuery = "SELECT name FROM users"
/// let users = try await cluster.query(names, from: .preferReplica, as: String.self)
/// ```
///
/// A connection of its own asks each server for its role and its position in the log. Writes go to
/// the primary of the newest timeline. While there is none, they wait; when another server has
/// been promoted, they go on there.
///
/// The calls are those of a ``PostgresPool``. Without `from:` they go to the primary, and may
/// write. With `from:` they read, on a server that the policy allows.
public final class PostgresCluster: PostgresRouter {
    /// The configuration of the cluster.
    public let configuration: Configuration

    /// The name of the cluster, in events, metrics and logs.
    public let name: String

    /// The time for which a call without a time limit waits for a server, in nanoseconds.
    let checkoutTimeout: UInt64

    let state = ClusterState()
    let defaultPort: String?
    let observers: [any PoolObserver]
    let clusterObservers: [any PostgresClusterObserver]
    private let statementObservers: [any StatementObserver]
    private let random: @Sendable () -> Double

    /// The random numbers that choose servers for reads.
    let choices = RandomNumbers()

    /// The number of writes that wait for a primary.
    let waitingWrites = Atomic(0)

    /// The servers that are being removed.
    let removals = Locked<[Int: Task<Void, Never>]>([:])

    let discovery = Discovery()

    /// Creates the pools of a cluster, and begins to watch its servers.
    ///
    /// - Parameters:
    ///   - configuration: The servers, and the settings of their pools.
    ///   - observers: The observers of the pools of all servers. Those that are a
    ///     ``PostgresClusterObserver`` also receive the events of the cluster.
    ///   - statementObservers: The observers of statements on all servers.
    /// - Throws: ``PostgresError`` with the code `invalidConfiguration`.
    public convenience init(
        _ configuration: Configuration,
        observers: [any PoolObserver] = [],
        statementObservers: [any StatementObserver] = []
    ) throws(PostgresError) {
        try self.init(configuration, observers: observers, statementObservers: statementObservers) {
            Double.random(in: 0..<1)
        }
    }

    /// Creates the pools of a cluster with default settings, and begins to watch its servers.
    ///
    /// - Parameters:
    ///   - server: A URL with several hosts, or keywords.
    ///   - observers: The observers of the pools and of the cluster.
    /// - Throws: ``PostgresError`` with the code `invalidConfiguration`.
    public convenience init(_ server: String, observers: [any PoolObserver] = []) throws(PostgresError) {
        try self.init(Configuration(server), observers: observers)
    }

    /// - Parameter random: Returns a random number from 0 up to 1, for pauses.
    init(
        _ configuration: Configuration,
        observers: [any PoolObserver] = [],
        statementObservers: [any StatementObserver] = [],
        random: @escaping @Sendable () -> Double
    ) throws(PostgresError) {
        self.configuration = configuration
        checkoutTimeout = min(configuration.servers.pool.checkoutTimeout.wholeNanoseconds, .max / 4)
        self.observers = observers
        self.statementObservers = statementObservers
        self.random = random
        clusterObservers = observers.compactMap { $0 as? any PostgresClusterObserver }
        let hosts: [ClusterHost]
        (hosts, defaultPort, name) = try configuration.validated()
        for host in hosts { try add(host) }
        // Without one of its own, a wrong setting would only be found by a probe.
        if hosts.isEmpty { _ = try makeServer(ClusterHost("localhost", defaultPort: nil)) }
        beginDiscovery()
    }

    deinit {
        for server in state.servers { server.watching.withLock { $0 }?.cancel() }
        discovery.task.withLock { $0 }?.cancel()
    }

    /// Closes all connections. Waiting and later callers fail.
    public func close() async { await close(drain: nil) }

    /// Shuts the pools of all servers down, as ``PostgresPool/shutdown(drain:)`` does: later
    /// callers fail, those that wait for a connection or use one can end in time.
    ///
    /// - Parameter drain: The time for callers and bodies to end by themselves; by default the
    ///   `drainTimeout` of the pools.
    public func shutdown(drain: Duration? = nil) async {
        await close(drain: drain ?? configuration.servers.pool.drainTimeout)
    }

    private func close(drain: Duration?) async {
        state.close()
        discovery.task.withLock { $0 }?.cancel()
        await withTaskGroup(of: Void.self) { group in
            for server in state.servers { group.addTask { await server.close(drain: drain) } }
        }
        await discovery.task.withLock { $0 }?.value
        for removal in removals.withLock({ Array($0.values) }) { await removal.value }
    }

    // MARK: Servers

    private func makeServer(_ host: ClusterHost) throws(PostgresError) -> ClusterServer {
        try ClusterServer(
            index: state.vacantIndex,
            host,
            configuration,
            name: name,
            observers: observers,
            statementObservers: statementObservers,
            random: random
        )
    }

    /// Adds a server, and begins to watch it. Only one is added at a time.
    ///
    /// - Throws: ``PostgresError`` with the code `invalidConfiguration`.
    func add(_ host: ClusterHost) throws(PostgresError) {
        let server = try makeServer(host)
        guard state.add(server) else { return }
        let task = Task.detached { [weak self] in
            while !Task.isCancelled, let wait = await self?.probe(server) { await server.probe.wait(for: wait) }
        }
        server.watching.withLock { $0 = task }
    }

    /// Removes a server, and closes its connections when they are not used any more.
    func remove(_ server: ClusterServer) {
        state.remove(server)
        let drain = configuration.servers.pool.drainTimeout
        removals.withLock { removals in
            let number = (removals.keys.max() ?? 0) + 1
            removals[number] = Task.detached { [weak self] in
                await server.close(drain: drain)
                self?.removals.withLock { _ = $0.removeValue(forKey: number) }
            }
        }
    }

    /// Asks all servers soon, because a call has failed.
    func probeAll() {
        for server in state.servers { server.probe.signal() }
        discovery.signal.signal()
    }
}
