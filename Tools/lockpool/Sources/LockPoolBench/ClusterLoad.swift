// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import PostgresPooling
internal import Synchronization

/// Reads and writes of many clients on a PostgreSQL cluster, for a demonstration of failovers.
public struct ClusterLoad: Sendable {
    private let cluster: PostgresCluster
    private let clients: Int
    private let duration: Duration
    private let meter: ProgressMeter

    private struct Figures {
        var reads = 0
        var failures: [String: Int] = [:]
        var acknowledged: [Int] = []
        var unknown: [Int] = []
        var longestRead = Duration.zero
        var longestWrite = Duration.zero
        var nextID = 0
    }

    /// Creates a load.
    ///
    /// - Parameters:
    ///   - url: The URL of the cluster, with all its hosts.
    ///   - clients: The number of clients, a fifth of which write.
    ///   - seconds: The duration of the load.
    ///   - meter: Shows a line each second.
    /// - Throws: ``CommandFailure`` if the URL is invalid.
    public init(_ url: String, clients: Int, seconds: Double, meter: ProgressMeter) throws(CommandFailure) {
        var configuration = PostgresCluster.Configuration(url)
        configuration.servers.applicationName = "lockpool"
        configuration.servers.pool.checkoutTimeout = .seconds(60)
        configuration.servers.pool.maximumBackoff = .milliseconds(500)
        configuration.probeInterval = .milliseconds(250)
        do {
            cluster = try PostgresCluster(configuration)
        } catch {
            throw CommandFailure.usage(error.message)
        }
        self.clients = clients
        self.duration = .seconds(seconds)
        self.meter = meter
    }

    /// Runs the clients.
    ///
    /// - Returns: What they saw, and whether each acknowledged row is there, and once.
    ///
    /// - Throws: ``CommandFailure`` if the cluster cannot be used.
    public func run() async throws(CommandFailure) -> (summary: String, isCorrect: Bool) {
        let result: Result<(String, Bool), any Error>
        do {
            result = .success(try await measure())
        } catch {
            result = .failure(error)
        }
        await cluster.close()
        do {
            return try result.get()
        } catch {
            throw CommandFailure.runtime("\(error)")
        }
    }

    private func measure() async throws -> (String, Bool) {
        try await cluster.execute("CREATE TABLE IF NOT EXISTS lockpool_failover (id bigint)")
        try await cluster.execute("TRUNCATE lockpool_failover")
        let figures = Shared()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<clients {
                group.addTask {
                    while !figures.isOver.load(ordering: .relaxed) { await call(writes: number % 5 == 0, figures) }
                }
            }
            await watch(figures)
            figures.isOver.store(true, ordering: .relaxed)
        }
        let stored = try await cluster.query("SELECT id FROM lockpool_failover", as: Int.self)
        try await cluster.execute("DROP TABLE lockpool_failover")
        return summary(figures.values.withLock { $0 }, stored)
    }

    private final class Shared: Sendable {
        let values = Mutex(Figures())
        let isOver = Atomic(false)
    }

    private func call(writes: Bool, _ figures: Shared) async {
        let start = ContinuousClock.now
        do {
            if writes { try await write(figures) } else { try await read(figures) }
        } catch {
            figures.values.withLock { $0.failures["\(error)", default: 0] += 1 }
        }
        let duration = start.duration(to: .now)
        figures.values.withLock { figures in
            if writes {
                figures.longestWrite = max(figures.longestWrite, duration)
            } else {
                figures.longestRead = max(figures.longestRead, duration)
            }
        }
    }

    private func write(_ figures: Shared) async throws {
        let id = figures.values.withLock { figures in
            figures.nextID += 1
            return figures.nextID
        }
        do {
            try await cluster.execute("INSERT INTO lockpool_failover VALUES (\(id))")
            figures.values.withLock { $0.acknowledged.append(id) }
        } catch let error as PostgresError where error.outcome == .unknown {
            figures.values.withLock { $0.unknown.append(id) }
        }
    }

    private func read(_ figures: Shared) async throws {
        _ = try await cluster.query("SELECT id FROM lockpool_failover LIMIT 1", from: .preferReplica, as: Int.self)
        figures.values.withLock { $0.reads += 1 }
    }

    /// Shows a line each second.
    private func watch(_ figures: Shared) async {
        let (clock, start) = (ContinuousClock(), ContinuousClock.now)
        var (second, before) = (0, (reads: 0, writes: 0))
        while clock.now < start + duration {
            second += 1
            guard (try? await clock.sleep(until: start + .seconds(second))) != nil else { return }
            let now = figures.values.withLock { ($0.reads, $0.acknowledged.count) }
            let primary = cluster.status.first { $0.role == .primary }
            let state = primary.map { $0.isReachable ? $0.name : "\($0.name), which does not answer" } ?? "none"
            meter.say(
                "\(second) s: \((now.0 - before.reads).grouped) reads, \((now.1 - before.writes).grouped) writes; primary: \(state)"
            )
            before = now
        }
    }

    private func summary(_ figures: Figures, _ stored: [Int]) -> (String, Bool) {
        let (acknowledged, present) = (Set(figures.acknowledged), Set(stored))
        let made = figures.unknown.count { present.contains($0) }
        let (lost, doubled) = (acknowledged.subtracting(present).count, stored.count - present.count)
        let failures = figures.failures.map { "\($0.value.grouped) × \($0.key)" }.sorted()
        let summary = """
            reads                    \(figures.reads.grouped), the longest took \(milliseconds(figures.longestRead)) ms
            writes                   \(acknowledged.count.grouped), the longest took \(milliseconds(figures.longestWrite)) ms
            writes that were lost    \(lost.grouped)
            writes made twice        \(doubled.grouped)
            outcome unknown          \(figures.unknown.count.grouped) writes, of which \(made.grouped) were made
            errors                   \(failures.isEmpty ? "0" : failures.joined(separator: "\n                         "))

            """
        return (summary, lost == 0 && doubled == 0)
    }

    private func milliseconds(_ duration: Duration) -> String { Int(duration / .milliseconds(1)).grouped }
}
