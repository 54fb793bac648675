// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import LockPool
internal import Synchronization

/// A server of a cluster, with its connections.
final class ClusterServer: Sendable {
    /// The place of the server in the topology, while it is a member.
    let index: Int

    let host: ClusterHost

    private let makePool: @Sendable () throws(PostgresError) -> PostgresPool
    private let current: Locked<PostgresPool>

    /// The connection that asks for the server's role and position.
    let watcher: PostgresPool

    /// Ends the wait before the next probe.
    let probe = ProbeSignal()

    /// The task that asks for the server's role and position.
    let watching = Locked<Task<Void, Never>?>(nil)

    /// Whether the watcher's role may read all that a probe asks for.
    let answersAll = Atomic(true)

    /// Whether the latest probe was not let in, for a reason that does not pass by itself.
    let isRefusing = Atomic(false)

    /// The error of the latest probe.
    let lastFailure = Locked<String?>(nil)

    /// Whether the server takes part in reads.
    let rotation: ReadRotation

    /// The number of reads that use or wait for a connection.
    let readsInProgress = Atomic(0)

    /// The duration of a probe, in nanoseconds: an average of the latest ones.
    let latency = Atomic<UInt64>(1_000_000)

    /// The number of reads that the server has answered.
    let reads = Atomic(0)

    /// The number of writes that the server has answered.
    let writes = Atomic(0)

    /// The number of reads and writes for which the server has failed, also if another one has
    /// answered them.
    let failures = Atomic(0)

    /// The host and the port.
    var name: String { host.name }

    /// The connections for statements.
    var pool: PostgresPool { current.withLock { $0 } }

    /// - Throws: ``PostgresError`` with the code `invalidConfiguration`.
    init(
        index: Int,
        _ host: ClusterHost,
        _ cluster: PostgresCluster.Configuration,
        name: String,
        observers: [any PoolObserver],
        statementObservers: [any StatementObserver],
        random: @escaping @Sendable () -> Double
    ) throws(PostgresError) {
        self.index = index
        self.host = host
        let configuration = cluster.servers.of(host, cluster: name)
        var watching = configuration
        watching.pool.name += ".watcher"
        watching.pool.maximumConnections = 1
        watching.pool.minimumConnections = 0
        watching.pool.minimumIdleConnections = 0
        watching.pool.checkoutTimeout = cluster.probeTimeout
        watching.pool.connectTimeout = cluster.probeTimeout
        watching.pool.resetTimeout = cluster.probeTimeout
        watching.pool.maximumBackoff = min(watching.pool.maximumBackoff, cluster.probeTimeout)
        watching.pool.initialBackoff = min(watching.pool.initialBackoff, watching.pool.maximumBackoff)
        watching.multiplexing = .off
        watching.countsNotificationConnection = false
        watcher = try PostgresPool(watching)
        makePool = { () throws(PostgresError) in
            try PostgresPool(configuration, observers: observers, statementObservers: statementObservers)
        }
        current = Locked(try makePool())
        rotation = ReadRotation(
            Backoff(
                base: configuration.pool.initialBackoff.wholeNanoseconds,
                most: configuration.pool.maximumBackoff.wholeNanoseconds
            ),
            random: random
        )
    }

    /// Gives the server new connections. The old ones are closed, their statements are ended, and
    /// their waiting callers fail with the code `closed`.
    func replacePool() {
        guard let new = try? makePool() else { return }
        let old = current.withLock { pool in
            defer { pool = new }
            return pool
        }
        Task.detached { await old.shutdown(drain: .zero) }
    }

    func record(latency duration: UInt64) {
        let average = latency.load(ordering: .relaxed)
        latency.store(max(1, (average &* 7 &+ duration) / 8), ordering: .relaxed)
    }

    /// Ends the task that asks for the server's role.
    func stopWatching() {
        watching.withLock { $0 }?.cancel()
        probe.signal()
    }

    /// Closes all connections.
    ///
    /// - Parameter drain: The time for callers and bodies to end by themselves; `nil` for no end.
    func close(drain: Duration?) async {
        stopWatching()
        await watcher.close()
        if let drain { await pool.shutdown(drain: drain) } else { await pool.close() }
        await watching.withLock { $0 }?.value
    }
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

extension Duration {
    /// The duration, which a sleep accepts: at most a year.
    var bounded: Duration { min(self, .seconds(365 * 86_400)) }

    /// About the duration, so that not all sleeps end together.
    var jittered: Duration { bounded * Double.random(in: 0.8...1.2) }
}
