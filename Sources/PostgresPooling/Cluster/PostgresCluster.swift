// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

/// Pools of connections to the servers of a PostgreSQL cluster: one primary and its standbys.
///
/// ```swift
/// let cluster = try PostgresCluster("postgres://app@db1.example.com,db2.example.com,db3.example.com/app")
/// try await cluster.execute("INSERT INTO users (name) VALUES (\(name))")
/// let names = try await cluster.query("SELECT name FROM users", from: .preferReplica, as: String.self)
/// ```
///
/// A connection of its own asks each server for its role and its position in the log. Writes go to
/// the primary of the newest timeline. While there is none, they wait; when another server has
/// been promoted, they go on there.
public final class PostgresCluster: Sendable {
    /// The servers of a cluster, and how a ``PostgresCluster`` uses them.
    public struct Configuration: Sendable {
        /// The hosts of all servers, and the settings of the pool of each. `target_session_attrs`
        /// has no effect.
        public var servers: PostgresConfiguration

        /// The interval at which each server is asked for its role and position. The default is a
        /// second. Errors of statements cause a probe at once.
        public var probeInterval = Duration.seconds(1)

        /// The time after which a server that does not answer a probe is unreachable. The default
        /// is a second.
        public var probeTimeout = Duration.seconds(1)

        /// Creates a configuration with default values.
        ///
        /// - Parameter server: A URL with several hosts, or keywords; see
        ///   ``PostgresConfiguration/server``.
        public init(_ server: String) { servers = PostgresConfiguration(server) }
    }

    /// The configuration of the cluster.
    public let configuration: Configuration

    let servers: [ClusterServer]
    let state: ClusterState
    private let watchers: Locked<[Task<Void, Never>]>
    let probes: [ProbeSignal]

    /// Creates the pools of a cluster, and begins to watch its servers.
    ///
    /// - Parameter configuration: The servers, and the settings of their pools.
    /// - Throws: ``PostgresError`` with the code `invalidConfiguration`.
    public init(_ configuration: Configuration) throws(PostgresError) {
        self.configuration = configuration
        let servers = try ClusterServer.servers(configuration)
        self.servers = servers
        let state = ClusterState(count: servers.count)
        self.state = state
        let probes = servers.map { _ in ProbeSignal() }
        self.probes = probes
        watchers = Locked([])
        let tasks = zip(servers, probes).map { server, probe in
            Task.detached { [weak self] in
                while !Task.isCancelled, let wait = await self?.probe(server) {
                    await probe.wait(for: wait)
                }
            }
        }
        watchers.withLock { $0 = tasks }
    }

    /// Creates the pools of a cluster with default settings, and begins to watch its servers.
    ///
    /// - Parameter server: A URL with several hosts, or keywords.
    /// - Throws: ``PostgresError`` with the code `invalidConfiguration`.
    public convenience init(_ server: String) throws(PostgresError) { try self.init(Configuration(server)) }

    deinit { for task in watchers.withLock({ $0 }) { task.cancel() } }

    /// Closes all connections. Waiting and later callers fail.
    public func close() async {
        state.close()
        for task in watchers.withLock({ $0 }) { task.cancel() }
        for probe in probes { probe.signal() }
        for server in servers { await server.close() }
        for task in watchers.withLock({ $0 }) { await task.value }
    }

    // MARK: Watching

    /// The row that a probe reads: the role, the position, the timeline, the identifier of the
    /// database cluster, and the sizes of the log's pages and segments.
    private static var question: PostgresQuery {
        """
        SELECT pg_is_in_recovery(),
            CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END::text,
            CASE WHEN pg_is_in_recovery() THEN
                greatest((SELECT received_tli FROM pg_stat_wal_receiver), (SELECT timeline_id FROM pg_control_checkpoint()))
            ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END,
            (SELECT system_identifier FROM pg_control_system())::text,
            current_setting('wal_block_size')::int8, pg_size_bytes(current_setting('wal_segment_size'))
        """
    }

    /// Asks a server, and draws the conclusions.
    ///
    /// - Returns: The time until the next probe.
    private func probe(_ server: ClusterServer) async -> Duration {
        let start = MonotonicClock.now
        let report: ClusterTopology.Report?
        do {
            let row = try await server.watcher.queryOne(
                Self.question,
                as: (Bool, String?, Int32, String, Int64, Int64).self,
                timeout: configuration.probeTimeout
            )
            let format = LogFormat(blockSize: UInt64(clamping: row.4), segmentSize: UInt64(clamping: row.5))
            state.logFormat.withLock { $0 = format }
            let position = row.1.flatMap { PostgresPosition($0) } ?? PostgresPosition(rawValue: 0)
            report = ClusterTopology.Report(
                isPrimary: !row.0,
                timeline: UInt32(bitPattern: row.2),
                position: row.0 ? position : format.endOfRecord(position),
                system: row.3
            )
        } catch {
            report = nil
        }
        let now = MonotonicClock.now
        let before = state.primary
        let changes = state.update { topology in
            guard let report else { return topology.recordFailure(of: server.index) }
            return topology.record(report, from: server.index, start: start, now: now)
        }
        if report != nil { server.record(latency: now - start) } else { server.watcher.evictAll() }
        apply(changes, before)
        // A server that does not answer is asked more often, each at another time.
        let interval = report == nil ? configuration.probeInterval / 4 : configuration.probeInterval
        return interval * Double.random(in: 0.8...1.2)
    }

    private func apply(_ changes: [ClusterTopology.Change], _ before: Int?) {
        for change in changes {
            switch change {
            // The connections of a primary that another one has replaced, or that is one no more.
            case .primary: if let before { servers[before].replacePool() }
            // Its reads go to another server. A primary may come back, and its writes cannot be
            // repeated.
            case .unreachable(let index): if index != before { servers[index].replacePool() }
            case .reachable, .splitBrain, .stranger: break
            }
        }
    }

    /// Asks all servers soon, because a call has failed.
    func probeAll() { for probe in probes { probe.signal() } }
}

/// Ends the wait before a probe.
final class ProbeSignal: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    func signal() { continuation.yield() }

    /// Suspends for a time, or until ``signal()``.
    func wait(for duration: Duration) async {
        let timer = Task.detached { [continuation] in
            try? await Task.sleep(for: duration)
            if !Task.isCancelled { continuation.yield() }
        }
        var iterator = stream.makeAsyncIterator()
        _ = await iterator.next()
        timer.cancel()
    }
}
