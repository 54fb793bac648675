// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PostgresPooling
import Synchronization

/// The latency of selects by primary key that begin at fixed instants, beside pgbench. The part
/// `latency`.
///
/// The load is open: a call begins when it is due, whether or not the calls before it have ended,
/// and its latency counts from that instant. The instants are a Poisson process, as pgbench's.
enum PostgresLatencyRows {
    private static let (rate, connections, selectsPerPipeline) = (5_000, 16, 16)

    private final class Latencies: Sendable {
        private let values = Mutex([Double]())

        /// - Returns: The number of values.
        func add(_ value: Double) -> Int {
            values.withLock { values in
                values.append(value)
                return values.count
            }
        }

        var sorted: [Double] { values.withLock { $0.sorted() } }
    }

    static func run(
        _ server: PostgresSelectRows.Server,
        _ options: Options,
        into report: inout Report
    ) async throws {
        let seconds = options.isQuick ? 1 : 5
        for round in 0...options.rounds {
            let own = try await latencies(server, rate: rate, seconds: seconds) { pool, account in
                await PostgresSelectRows.select(pool, account)
            }
            let rival = try pgbench(server, seconds: seconds)
            let pipelined = try await latencies(server, rate: rate / selectsPerPipeline, seconds: seconds) {
                pool,
                account in
                do {
                    try await pool.withPipeline { pipeline in
                        for _ in 0..<selectsPerPipeline {
                            _ = pipeline.query(
                                "SELECT abalance FROM pgbench_accounts WHERE aid = \(Int32(account))",
                                as: Int32.self
                            )
                        }
                    }
                } catch {
                    fatalError("\(error)")
                }
            }
            if round == 0 { continue }  // warm-up
            for (name, latencies) in [
                ("postgres.latency5000", own), ("pgbench.latency5000", rival),
                ("postgres.pipelinelatency5000", pipelined),
            ] {
                report.add("\(name).p50us", latencies[latencies.count / 2], "µs")
                report.add("\(name).p99us", latencies[latencies.count * 99 / 100], "µs")
            }
        }
    }

    /// Returns the sorted latencies of calls, in microseconds.
    private static func latencies(
        _ server: PostgresSelectRows.Server,
        rate: Int,
        seconds: Int,
        _ call: @escaping @Sendable (PostgresPool, _ account: Int) async -> Void
    ) async throws -> [Double] {
        let pool = try server.pool(connections: connections)
        try await PostgresSelectRows.warmUp(pool, connections: connections)
        let count = rate * seconds
        let latencies = Latencies()
        await withCheckedContinuation { continuation in
            // A thread, because the timers of tasks are less exact.
            Thread.detachNewThread {
                var random = CoreRows.Random(state: 88_172_645_463_325_252)
                var due = nanoseconds()
                for _ in 0..<count {
                    let share = Double(random.next(below: 1_000_000) + 1) / 1_000_000
                    due += UInt64(-log(share) * 1e9 / Double(rate))
                    sleep(until: due)
                    let (start, account) = (due, random.next(below: server.accounts) + 1)
                    Task.detached {
                        await call(pool, account)
                        let latency = Double(nanoseconds() - start) / 1e3
                        if latencies.add(latency) == count { continuation.resume() }
                    }
                }
            }
        }
        await pool.close()
        return latencies.sorted
    }

    private static func sleep(until due: UInt64) {
        let now = nanoseconds()
        guard due > now else { return }
        var time = timespec(tv_sec: Int((due - now) / 1_000_000_000), tv_nsec: Int((due - now) % 1_000_000_000))
        nanosleep(&time, nil)
    }

    /// Returns the sorted latencies of pgbench's selects, in microseconds.
    private static func pgbench(_ server: PostgresSelectRows.Server, seconds: Int) throws -> [Double] {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lockpool-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        _ = try PostgresSelectRows.pgbench(
            server,
            options: [
                "--no-vacuum", "--select-only", "--protocol=prepared", "--jobs=1", "--client=\(connections)",
                "--transactions=\(rate * seconds / connections)", "--rate=\(rate)", "--log",
                "--log-prefix=\(folder.path)/log",
            ]
        )
        // The third column is the latency, which counts from the instant at which the transaction
        // was due.
        return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .flatMap { file in
                try String(contentsOf: file, encoding: .utf8).split(separator: "\n").compactMap { line in
                    Double(line.split(separator: " ")[2])
                }
            }
            .sorted()
    }
}
