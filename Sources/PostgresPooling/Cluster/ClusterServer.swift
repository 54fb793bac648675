// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

/// A server of a cluster, with its connections.
final class ClusterServer: Sendable {
    let index: Int

    /// The host and the port.
    let name: String

    private let configuration: PostgresConfiguration
    private let current: Locked<PostgresPool>

    /// The connection that asks for the server's role and position.
    let watcher: PostgresPool

    /// The number of reads that use or wait for a connection.
    let reads = Atomic(0)

    /// The duration of a probe, in nanoseconds: an average of the latest ones.
    let latency = Atomic<UInt64>(1_000_000)

    /// The connections for statements.
    var pool: PostgresPool { current.withLock { $0 } }

    init(index: Int, name: String, _ configuration: PostgresConfiguration, probeTimeout: Duration)
        throws(PostgresError)
    {
        self.index = index
        self.name = name
        self.configuration = configuration
        var watching = configuration
        watching.pool.name += ".watcher"
        watching.pool.maximumConnections = 1
        watching.pool.minimumConnections = 0
        watching.pool.connectTimeout = probeTimeout
        watching.pool.resetTimeout = probeTimeout
        watching.pool.maximumBackoff = probeTimeout
        watching.multiplexing = .off
        watcher = try PostgresPool(watching)
        current = Locked(try PostgresPool(configuration))
    }

    /// Gives the server new connections. The old ones are closed, their statements are ended, and
    /// their waiting callers fail with the code `closed`.
    func replacePool() {
        guard let new = try? PostgresPool(configuration) else { return }
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

    func close() async {
        await watcher.close()
        await pool.close()
    }
}
