// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if MetricsSupport
    internal import CoreMetrics
    public import ConnectionPooling

    // | metric | instrument | unit |
    // | --- | --- | --- |
    // | `postgres.cluster.primary` | `Meter` | `1` |
    // | `postgres.cluster.reachable` | `Meter` | `1` |
    // | `postgres.cluster.lag` | `Meter` | `By` |
    // | `postgres.cluster.lag_time` | `Meter` | `s` |
    // | `postgres.cluster.reads` | `Counter` | `{operation}` |
    // | `postgres.cluster.writes` | `Counter` | `{operation}` |
    // | `postgres.cluster.failures` | `Counter` | `{operation}` |
    // | `postgres.cluster.primary_changes` | `Counter` | `{change}` |
    // | `postgres.cluster.split_brains` | `Counter` | `{change}` |

    extension PoolMetrics: PostgresClusterObserver {
        /// Counts the changes of the primary and the splits, with the dimension
        /// `db.client.connection.pool.name`.
        public func observe(_ event: PostgresCluster.Event, in cluster: String) {
            let instruments = instruments("postgres cluster \(cluster)", of: cluster) { factory, dimensions in
                ClusterInstruments(by: factory, dimensions)
            }
            switch event {
            case .primaryChanged: instruments.primaryChanges.increment()
            case .splitBrain: instruments.splitBrains.increment()
            case .roleChanged, .serverReached, .serverLost, .strangerFound, .serverAdded, .serverRemoved,
                .discoveryFailed:
                break
            }
        }

        /// Sets the meters of a server, and counts what it has answered since, with the dimensions
        /// `db.client.connection.pool.name` and `postgres.server`.
        public func observe(_ server: PostgresCluster.ServerStatus, in cluster: String) {
            let instruments = instruments("postgres cluster \(cluster) \(server.name)", of: cluster) {
                factory,
                dimensions in
                ServerInstruments(of: server.name, by: factory, dimensions)
            }
            instruments.primary.set(server.role == .primary ? 1 : 0)
            instruments.reachable.set(server.isReachable ? 1 : 0)
            if let bytes = server.lagBytes { instruments.lag.set(bytes) }
            if let lag = server.lag { instruments.lagTime.set(lag / .seconds(1)) }
            instruments.count(server)
        }
    }

    private struct ClusterInstruments: Sendable {
        let primaryChanges: Counter
        let splitBrains: Counter

        init(by factory: any MetricsFactory, _ dimensions: (String) -> [(String, String)]) {
            func counter(_ name: String) -> Counter {
                Counter(label: "postgres.cluster.\(name)", dimensions: dimensions("{change}"), factory: factory)
            }
            primaryChanges = counter("primary_changes")
            splitBrains = counter("split_brains")
        }
    }

    private final class ServerInstruments: Sendable {
        private struct Counts {
            var reads = 0
            var writes = 0
            var failures = 0
        }

        let primary: Meter
        let reachable: Meter
        let lag: Meter
        let lagTime: Meter
        private let reads: Counter
        private let writes: Counter
        private let failures: Counter
        private let counted = Locked(Counts())

        init(of server: String, by factory: any MetricsFactory, _ dimensions: (String) -> [(String, String)]) {
            func all(_ unit: String) -> [(String, String)] { dimensions(unit) + [("postgres.server", server)] }
            func meter(_ name: String, _ unit: String) -> Meter {
                Meter(label: "postgres.cluster.\(name)", dimensions: all(unit), factory: factory)
            }
            func counter(_ name: String) -> Counter {
                Counter(label: "postgres.cluster.\(name)", dimensions: all("{operation}"), factory: factory)
            }
            primary = meter("primary", "1")
            reachable = meter("reachable", "1")
            lag = meter("lag", "By")
            lagTime = meter("lag_time", "s")
            reads = counter("reads")
            writes = counter("writes")
            failures = counter("failures")
        }

        func count(_ server: PostgresCluster.ServerStatus) {
            let new = Counts(reads: server.reads, writes: server.writes, failures: server.failures)
            let old = counted.withLock { counted in
                defer { counted = new }
                return counted
            }
            // A server that has been removed and added again begins at zero.
            func add(_ new: Int, _ old: Int, to counter: Counter) {
                let count = new < old ? new : new - old
                if count > 0 { counter.increment(by: count) }
            }
            add(new.reads, old.reads, to: reads)
            add(new.writes, old.writes, to: writes)
            add(new.failures, old.failures, to: failures)
        }
    }
#endif

#if LoggingSupport
    public import ConnectionPooling
    internal import Logging

    extension PoolLogger: PostgresClusterObserver {
        /// Logs the events of a cluster: a lost server, a split and a failed discovery at the
        /// level warning, a stranger at error, a change of the primary at notice, others at info.
        public func observe(_ event: PostgresCluster.Event, in cluster: String) {
            func log(_ level: Logger.Level, _ message: Logger.Message, _ metadata: Logger.Metadata) {
                logger.log(level: level, message, metadata: metadata.merging(["pool": "\(cluster)"]) { old, _ in old })
            }
            switch event {
            case .roleChanged(let server, let old, let new):
                log(
                    .info,
                    "The role of a server has changed.",
                    ["server": "\(server)", "from": "\(old)", "to": "\(new)"]
                )
            case .primaryChanged(let old, let new):
                log(.notice, "The primary has changed.", ["from": "\(old ?? "none")", "to": "\(new ?? "none")"])
            case .splitBrain(let servers):
                log(.warning, "Several servers accept writes.", ["servers": .array(servers.map { "\($0)" })])
            case .serverReached(let server): log(.info, "A server answers.", ["server": "\(server)"])
            case .serverLost(let server): log(.warning, "A server does not answer any more.", ["server": "\(server)"])
            case .strangerFound(let server):
                log(.error, "A server belongs to another cluster.", ["server": "\(server)"])
            case .serverAdded(let server): log(.info, "A server was added.", ["server": "\(server)"])
            case .serverRemoved(let server): log(.info, "A server was removed.", ["server": "\(server)"])
            case .discoveryFailed(let error):
                log(.warning, "The servers could not be listed.", ["error": "\(error)"])
            }
        }
    }
#endif
