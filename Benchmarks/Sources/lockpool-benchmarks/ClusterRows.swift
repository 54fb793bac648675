// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
@_spi(Benchmarks) import PostgresPooling

/// A cluster of a primary and two standbys, one of them synchronous: reads of 64 tasks beside one
/// pool on one server, and failovers.
enum ClusterRows {
    private static let (tasks, connections, accounts) = (64, 16, 100_000)

    private struct Cluster {
        let url: String
        let script: String
        let folder: String

        static func fromEnvironment() -> Cluster {
            let environment = ProcessInfo.processInfo.environment
            guard let url = environment["LOCKPOOL_BENCH_CLUSTER"],
                let script = environment["LOCKPOOL_BENCH_CLUSTER_SCRIPT"],
                let folder = environment["LOCKPOOL_BENCH_CLUSTER_FOLDER"]
            else { Options.fail("LOCKPOOL_BENCH_CLUSTER is not set; Scripts/bench cluster sets it") }
            return Cluster(url: url, script: script, folder: folder)
        }

        /// The URLs of the servers, each alone.
        var urls: [String] {
            let hosts = url.split(separator: "@")[1].split(separator: "/")[0]
            return hosts.split(separator: ",").map { url.replacingOccurrences(of: hosts, with: $0) }
        }

        func pools(connections: Int) throws -> PostgresCluster {
            var configuration = PostgresCluster.Configuration(url)
            configuration.servers.pool.maximumConnections = connections
            configuration.servers.pool.checkoutTimeout = .seconds(60)
            return try PostgresCluster(configuration)
        }

        /// Runs a command of Scripts/cluster.
        func run(_ arguments: String...) async throws {
            let process = Process()
            process.executableURL = URL(filePath: script)
            process.arguments = arguments + ["--folder", folder]
            process.standardOutput = FileHandle.nullDevice
            let status = try await withCheckedThrowingContinuation { continuation in
                process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
                do { try process.run() } catch { continuation.resume(throwing: error) }
            }
            precondition(status == 0, "Scripts/cluster \(arguments) has failed")
        }
    }

    static func run(_ options: Options, into report: inout Report) async throws {
        let cluster = Cluster.fromEnvironment()
        let pools = try cluster.pools(connections: connections / 2)
        try await pools.execute("DROP TABLE IF EXISTS bench_cluster")
        try await pools.execute("CREATE TABLE bench_cluster (id int PRIMARY KEY, value int NOT NULL)")
        let session = pools.session()
        try await session.execute("INSERT INTO bench_cluster SELECT id, id FROM generate_series(1, \(accounts)) AS id")
        while !pools.status.allSatisfy({ $0.position.map { $0 >= session.position! } ?? false }) {
            try await Task.sleep(for: .milliseconds(10))
        }
        if options.wants("reads") { try await reads(cluster, pools, options, into: &report) }
        if options.wants("routing") { try await routing(pools, options, into: &report) }
        await pools.close()
        if options.wants("failover") { try await failovers(cluster, options, into: &report) }
    }

    /// Reads through the cluster, by a pool for each of its standbys, and by one pool: the
    /// difference between the first two is that of the cluster, and the difference between the
    /// last two that of two servers on the same processors, which pgbench has, too.
    private static func reads(
        _ cluster: Cluster,
        _ pools: PostgresCluster,
        _ options: Options,
        into report: inout Report
    ) async throws {
        func pool(_ url: String, connections: Int) throws -> PostgresPool {
            var configuration = PostgresConfiguration(url)
            configuration.pool.maximumConnections = connections
            configuration.pool.checkoutTimeout = .seconds(60)
            return try PostgresPool(configuration)
        }
        let one = try pool(cluster.urls[0], connections: connections)
        let two = try cluster.urls.dropFirst().map { try pool($0, connections: connections / 2) }
        let seconds = options.isQuick ? 1.0 : 5
        for round in 0...options.rounds {
            let spread = await selects(seconds) { id in
                try await pools.query(select(id), from: .preferReplica, as: Int.self).count
            }
            let apart = await selects(seconds) { id in
                try await two[id % two.count].query(select(id), as: Int.self).count
            }
            let single = await selects(seconds) { id in try await one.query(select(id), as: Int.self).count }
            let standbys = Array(cluster.urls.dropFirst())
            let split = try await pgbench(on: standbys, options)
            let joint = try await pgbench(on: standbys.map { _ in standbys[0] }, options)
            if round == 0 { continue }  // warm-up
            report.add("cluster.read64.tps", spread, "1/s")
            report.add("cluster.twopools64.tps", apart, "1/s")
            report.add("cluster.onepool64.tps", single, "1/s")
            report.add("cluster.read64.pertwopools", spread / apart, "× two pools'")
            report.add("cluster.read64.perpool", spread / single, "× one pool's")
            report.add("pgbench.twoservers.perone", split / joint, "× one server's")
        }
        await one.close()
        for pool in two { await pool.close() }
    }

    /// Returns the selects per second of concurrent runs of pgbench with 8 connections each.
    private static func pgbench(on urls: [String], _ options: Options) async throws -> Double {
        let script = FileManager.default.temporaryDirectory.appending(path: "lockpool-\(UUID().uuidString).sql")
        defer { try? FileManager.default.removeItem(at: script) }
        try """
        \\set id random(1, \(accounts))
        SELECT value FROM bench_cluster WHERE id = :id;
        """.write(to: script, atomically: true, encoding: .utf8)
        let turns = (options.isQuick ? 20_000 : 100_000) / (connections / 2)
        return try await withThrowingTaskGroup(of: Double.self) { group in
            for url in urls {
                group.addTask {
                    try PostgresSelectRows.pgbench(
                        PostgresSelectRows.Server(url: url, accounts: accounts),
                        options: [
                            "--no-vacuum", "--file=\(script.path)", "--protocol=prepared", "--jobs=1",
                            "--client=\(connections / 2)", "--transactions=\(turns)",
                        ]
                    )
                }
            }
            return try await group.reduce(0, +)
        }
    }

    /// What a cluster adds to a read of a pool.
    private static func routing(_ pools: PostgresCluster, _ options: Options, into report: inout Report) async throws {
        let turns = options.isQuick ? 100_000 : 1_000_000
        for round in 0...options.rounds {
            let start = ContinuousClock.now
            for _ in 0..<turns { try await pools.route(from: .preferReplica) }
            let time = (ContinuousClock.now - start) / turns
            if round > 0 { report.add("cluster.route.ns", Double(time.attoseconds) / 1e9, "ns") }
        }
    }

    private static func select(_ id: Int) -> PostgresQuery { "SELECT value FROM bench_cluster WHERE id = \(id)" }

    private static func selects(_ seconds: Double, _ body: @escaping @Sendable (Int) async throws -> Int) async
        -> Double
    {
        let (turns, elapsed) = await SaturationRows.race(tasks: tasks, seconds: seconds) { task, isOver in
            var random = CoreRows.Random(state: 88_172_645_463_325_252 &+ UInt64(task) &* 7_919)
            var turns = 0
            while !isOver() {
                do {
                    let rows = try await body(random.next(below: accounts) + 1)
                    precondition(rows == 1)
                } catch {
                    fatalError("\(error)")
                }
                turns += 1
            }
            return turns
        }
        return Double(turns.reduce(0, +)) / elapsed * 1e9
    }

    /// Kills the primary while a task writes, promotes a standby, and measures the time from the
    /// end of the promotion until the first acknowledged write.
    private static func failovers(_ cluster: Cluster, _ options: Options, into report: inout Report) async throws {
        let pools = try cluster.pools(connections: connections)
        for round in 0..<options.rounds {
            try await pools.execute(insert)
            let names = pools.status.map(\.role)
            guard let primary = names.firstIndex(of: .primary) else { fatalError("there is no primary") }
            try await cluster.run("kill", "node\(primary + 1)")
            let first = Task { try await firstWrite(pools) }
            let promotion = Task {
                var urls = cluster.urls
                urls.remove(at: primary)
                return try await instantOfPromotion(urls)
            }
            try await cluster.run("promote")
            let promoted = try await promotion.value
            let written = try await first.value
            report.add("cluster.failover.ms", Double(written > promoted ? written - promoted : 0) / 1e6, "ms")
            if round < options.rounds - 1 { try await cluster.run("follow", "node\(primary + 1)") }
        }
        await pools.close()
    }

    private static let insert: PostgresQuery =
        "INSERT INTO bench_cluster SELECT max(id) + 1, 0 FROM bench_cluster"

    /// Returns the instant from which on a standby accepts writes.
    private static func instantOfPromotion(_ urls: [String]) async throws -> UInt64 {
        let pools = try urls.map { try PostgresPool($0) }
        while true {
            for pool in pools where try await pool.query("SELECT pg_is_in_recovery()", as: Bool.self) == [false] {
                let now = nanoseconds()
                for pool in pools { await pool.close() }
                return now
            }
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    /// Returns the instant at which a write was acknowledged after the primary's death.
    private static func firstWrite(_ pools: PostgresCluster) async throws -> UInt64 {
        while true {
            do {
                try await pools.execute(insert)
                return nanoseconds()
            } catch let error as PostgresError where error.outcome == .unknown {
                continue
            }
        }
    }
}
