// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PostgresPooling

/// PostgreSQL: statements that are sent together, beside pgbench. The part `pipeline`.
enum PostgresPipelineRows {
    private static let selectsPerPipeline = 16
    private static let insertsPerBatch = 1_000

    static func run(
        _ server: PostgresSelectRows.Server,
        _ options: Options,
        into report: inout Report
    ) async throws {
        let seconds = options.isQuick ? 0.6 : 5
        for round in 0...options.rounds {
            let own = try await selects(server, seconds: seconds)
            let rival = try pgbench(server, selectScript, clients: 4, of: selectsPerPipeline, as: own * seconds)
            let inserts = try await inserts(server, seconds: seconds)
            let rivalInserts = try pgbench(
                server,
                insertScript,
                clients: 1,
                of: insertsPerBatch,
                as: inserts * seconds
            )
            if round == 0 { continue }  // warm-up
            report.add("postgres.explicitpipeline.c4.tps", own, "1/s")
            report.add("pgbench.pipelined.c4.tps", rival, "1/s")
            report.add("postgres.explicitpipeline.c4.perpgbench", own / rival, "× pgbench's")
            report.add("postgres.batch1000.rows", inserts, "rows/s")
            report.add("pgbench.batch1000.rows", rivalInserts, "rows/s")
            report.add("postgres.batch1000.perpgbench", inserts / rivalInserts, "× pgbench's")
        }
    }

    /// Four tasks on four connections, on the thread that receives the answers.
    private static func selects(_ server: PostgresSelectRows.Server, seconds: Double) async throws -> Double {
        let executor = PostgresExecutor()
        return try await withTaskExecutorPreference(executor) {
            let pool = try server.pool(connections: 4, executor: executor)
            try await PostgresSelectRows.warmUp(pool, connections: 4)
            let (turns, elapsed) = await SaturationRows.race(tasks: 4, seconds: seconds) { task, isOver in
                var random = CoreRows.Random(state: 88_172_645_463_325_252 &+ UInt64(task) &* 7_919)
                var turns = 0
                while !isOver() {
                    await select(pool, &random, server.accounts)
                    turns += selectsPerPipeline
                }
                return turns
            }
            await pool.close()
            return Double(turns.reduce(0, +)) / elapsed * 1e9
        }
    }

    private static func select(_ pool: PostgresPool, _ random: inout CoreRows.Random, _ accounts: Int) async {
        do {
            let results = try await pool.withPipeline { pipeline in
                (0..<selectsPerPipeline).map { _ in
                    let account = Int32(random.next(below: accounts) + 1)
                    return pipeline.query(
                        "SELECT abalance FROM pgbench_accounts WHERE aid = \(account)",
                        as: Int32.self
                    )
                }
            }
            for result in results {
                let balances = try result.get()
                precondition(balances.count == 1)
            }
        } catch {
            fatalError("\(error)")
        }
    }

    private static func inserts(_ server: PostgresSelectRows.Server, seconds: Double) async throws -> Double {
        let pool = try server.pool(connections: 1)
        try await emptyTable(pool)
        try await pool.executeMany(0..<10, statement)
        let start = nanoseconds()
        var rows = 0
        while Double(nanoseconds() - start) < seconds * 1e9 {
            rows += try await pool.executeMany(0..<insertsPerBatch, statement)
        }
        let elapsed = Double(nanoseconds() - start)
        try await emptyTable(pool)
        await pool.close()
        return Double(rows) / elapsed * 1e9
    }

    private static func emptyTable(_ pool: PostgresPool) async throws {
        try await pool.executeScript(
            "CREATE UNLOGGED TABLE IF NOT EXISTS bench_batch (id int, name text); TRUNCATE bench_batch"
        )
    }

    private static func statement(_ number: Int) -> PostgresQuery {
        "INSERT INTO bench_batch VALUES (\(number), \("a name"))"
    }

    private static let selectScript =
        "\\startpipeline\n"
        + String(
            repeating: "\\set aid random(1, 1000000)\nSELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n",
            count: selectsPerPipeline
        ) + "\\endpipeline\n"

    private static let insertScript =
        "\\set id 1\n\\startpipeline\n"
        + String(repeating: "INSERT INTO bench_batch VALUES (:id, 'a name');\n", count: insertsPerBatch)
        + "\\endpipeline\n"

    /// Runs a script of pgbench in one thread.
    ///
    /// - Parameters:
    ///   - size: The number of statements in the script.
    ///   - total: The number of statements to run.
    /// - Returns: The statements per second.
    private static func pgbench(
        _ server: PostgresSelectRows.Server,
        _ script: String,
        clients: Int,
        of size: Int,
        as total: Double
    ) throws -> Double {
        let file = FileManager.default.temporaryDirectory.appending(path: "lockpool-\(UUID().uuidString).sql")
        try script.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let runs = try PostgresSelectRows.pgbench(
            server,
            options: [
                "--no-vacuum", "--protocol=prepared", "--jobs=1", "--client=\(clients)", "--file=\(file.path)",
                "--transactions=\(max(1, Int(total) / size / clients))",
            ]
        )
        return runs * Double(size)
    }
}
