// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CPostgresBaseline
import ConnectionPooling
import Foundation
import PostgresPooling

/// PostgreSQL: selects by primary key on pgbench's tables, beside pgbench, and a long stream of
/// rows, beside libpq. The parts `selects` and `stream`; the other parts are in other files.
enum PostgresSelectRows {
    /// The URL of the server. Scripts/bench starts one with pgbench's tables.
    struct Server {
        let url: String
        let accounts: Int

        static func fromEnvironment() -> Server {
            guard let url = ProcessInfo.processInfo.environment["LOCKPOOL_BENCH_POSTGRES"] else {
                Options.fail("LOCKPOOL_BENCH_POSTGRES is not set; Scripts/bench postgres sets it")
            }
            return Server(url: url, accounts: 1_000_000)
        }

        func pool(
            connections: Int,
            executor: PostgresExecutor? = nil,
            multiplexing: PostgresConfiguration.Multiplexing = .off,
            statementObservers: [any StatementObserver] = []
        ) throws -> PostgresPool {
            var configuration = PostgresConfiguration(url)
            configuration.multiplexing = multiplexing
            configuration.pool.maximumConnections = connections
            configuration.pool.checkoutTimeout = .seconds(60)
            // As for pgbench: the rows measure the round trip to the server.
            configuration.parameters["sslmode"] = "disable"
            return try PostgresPool(configuration, statementObservers: statementObservers, executor: executor)
        }
    }

    static func run(_ options: Options, into report: inout Report) async throws {
        let server = Server.fromEnvironment()
        if options.wants("decoding") { try await PostgresDecodingRows.run(server, options, into: &report) }
        if options.wants("selects") { try await selects(server, options, into: &report) }
        if options.wants("pipeline") { try await PostgresPipelineRows.run(server, options, into: &report) }
        #if os(Linux)
            if options.wants("multiplexing") { try await PostgresMultiplexingRows.run(server, options, into: &report) }
        #endif
        if options.wants("latency") { try await PostgresLatencyRows.run(server, options, into: &report) }
        if options.wants("retry") { try await PostgresRetryRows.run(server, options, into: &report) }
        if options.wants("observed") { try await PostgresObservedRows.run(server, options, into: &report) }
        if options.wants("light") { try await PostgresLightRows.run(server, options, into: &report) }
        if options.wants("stream") { try await streams(server, options, into: &report) }
    }

    private static func selects(_ server: Server, _ options: Options, into report: inout Report) async throws {
        let seconds = options.isQuick ? 0.6 : 5
        for round in 0...options.rounds {
            for connections in [1, 4, 16] {
                let isLast = connections == 16
                let own = try await executorSelects(
                    server,
                    connections: connections,
                    tasks: connections,
                    seconds: seconds
                )
                let crowd =
                    isLast
                    ? try await executorSelects(server, connections: connections, tasks: 256, seconds: seconds) : 0
                let turns = Int(own * seconds) / connections
                let rival = try pgbench(server, connections: connections, turns: turns)
                let elsewhere = try await selects(
                    server,
                    connections: connections,
                    tasks: connections,
                    seconds: seconds
                )
                let crowdElsewhere =
                    isLast ? try await selects(server, connections: connections, tasks: 256, seconds: seconds) : 0
                if round == 0 { continue }  // warm-up
                report.add("postgres.select.c\(connections).tps", own, "1/s")
                report.add("pgbench.select.c\(connections).tps", rival, "1/s")
                report.add("postgres.cooperative.c\(connections).tps", elsewhere, "1/s")
                // Adjacent, because the speed of a machine changes for seconds at a time.
                report.add("postgres.select.c\(connections).perpgbench", own / rival, "× pgbench's")
                report.add("postgres.cooperative.c\(connections).perpgbench", elsewhere / rival, "× pgbench's")
                if !isLast { continue }
                report.add("postgres.select.c16t256.tps", crowd, "1/s")
                report.add("postgres.select.c16t256.perc16", crowd / own, "× c16's")
                report.add("postgres.cooperative.c16t256.tps", crowdElsewhere, "1/s")
                report.add("postgres.cooperative.c16t256.perc16", crowdElsewhere / elsewhere, "× c16's")
                #if os(Linux)
                    for (name, figure) in await PostgresHandOverRows.selects(server, seconds) {
                        report.add("libpq.\(name).c16.perpgbench", figure / rival, "× pgbench's")
                    }
                #endif
            }
            let main = try await mainActorSelects(server, seconds: seconds)
            let detached = try await selects(server, connections: 1, tasks: 1, seconds: seconds)
            if round == 0 { continue }
            report.add("postgres.mainactor.c1.tps", main, "1/s")
            report.add("postgres.mainactor.c1.perc1", main / detached, "× c1's")
            report.add("postgres.connect.ms", try await connect(server), "ms")
        }
    }

    private static func streams(_ server: Server, _ options: Options, into report: inout Report) async throws {
        let count = options.isQuick ? 300_000 : 1_000_000
        for _ in 0..<options.rounds {
            report.add("postgres.stream.rows", try await stream(server, count: count), "rows/s")
            let decoded = try await PostgresDecodingRows.stream(server, count: count)
            report.add("postgres.stream.decodable.rows", decoded, "rows/s")
            let statement = "SELECT n, 'row ' || n FROM generate_series(1, \(count)) AS n"
            var rows = 0
            let elapsed = nanoseconds(per: 1) {
                rows = postgres_baseline_stream(server.url + "?sslmode=disable", statement)
            }
            precondition(rows == count)
            report.add("libpq.stream.rows", Double(count) / elapsed * 1e9, "rows/s")
        }
    }

    /// As pgbench with one thread: the tasks run on the thread that receives the answers.
    static func executorSelects(
        _ server: Server,
        connections: Int,
        tasks: Int,
        seconds: Double,
        multiplexing: PostgresConfiguration.Multiplexing = .off
    ) async throws -> Double {
        let executor = PostgresExecutor()
        return try await withTaskExecutorPreference(executor) {
            let pool = try server.pool(connections: connections, executor: executor, multiplexing: multiplexing)
            return try await selects(server, pool, connections: connections, tasks: tasks, seconds: seconds)
        }
    }

    /// By tasks on the caller's executor.
    static func selects(
        _ server: Server,
        connections: Int,
        tasks: Int,
        seconds: Double,
        multiplexing: PostgresConfiguration.Multiplexing = .off
    ) async throws -> Double {
        let pool = try server.pool(connections: connections, multiplexing: multiplexing)
        return try await selects(server, pool, connections: connections, tasks: tasks, seconds: seconds)
    }

    private static func selects(
        _ server: Server,
        _ pool: PostgresPool,
        connections: Int,
        tasks: Int,
        seconds: Double
    ) async throws -> Double {
        try await warmUp(pool, connections: connections)
        let (turns, elapsed) = await SaturationRows.race(tasks: tasks, seconds: seconds) { task, isOver in
            var random = CoreRows.Random(state: 88_172_645_463_325_252 &+ UInt64(task) &* 7_919)
            var turns = 0
            while !isOver() {
                await select(pool, random.next(below: server.accounts) + 1)
                turns += 1
            }
            return turns
        }
        await pool.close()
        return Double(turns.reduce(0, +)) / elapsed * 1e9
    }

    @MainActor
    static func mainActorSelects(_ server: Server, seconds: Double) async throws -> Double {
        let pool = try server.pool(connections: 1)
        try await warmUp(pool, connections: 1)
        var random = CoreRows.Random(state: 88_172_645_463_325_252)
        var turns = 0
        let start = nanoseconds()
        while Double(nanoseconds() - start) < seconds * 1e9 {
            await select(pool, random.next(below: server.accounts) + 1)
            turns += 1
        }
        let elapsed = Double(nanoseconds() - start)
        await pool.close()
        return Double(turns) / elapsed * 1e9
    }

    static func select(_ pool: PostgresPool, _ account: Int) async {
        do {
            let balances = try await pool.query(
                "SELECT abalance FROM pgbench_accounts WHERE aid = \(Int32(account))",
                as: Int32.self
            )
            precondition(balances.count == 1)
        } catch {
            fatalError("\(error)")
        }
    }

    /// Makes all connections, and prepares the statement on each.
    static func warmUp(_ pool: PostgresPool, connections: Int) async throws {
        try await pool.withConnection { db in
            for _ in 0..<3 {
                _ = try await db.query("SELECT abalance FROM pgbench_accounts WHERE aid = \(Int32(1))", as: Int32.self)
            }
            if connections > 1 { try await warmUp(pool, connections: connections - 1) }
        }
    }

    /// Returns the milliseconds from a new connection to the first row.
    static func connect(_ server: Server) async throws -> Double {
        let pool = try server.pool(connections: 1)
        let elapsed = try await nanoseconds(per: 1) { _ = try await pool.query("SELECT 1", as: Int32.self) }
        await pool.close()
        return elapsed / 1e6
    }

    static func stream(_ server: Server, count: Int) async throws -> Double {
        let pool = try server.pool(connections: 1)
        let elapsed = try await nanoseconds(per: 1) {
            try await pool.withConnection { db in
                var (rows, sum) = (0, 0)
                for try await row in db.stream("SELECT n, 'row ' || n FROM generate_series(1, \(Int32(count))) AS n") {
                    sum &+= try row.decode(Int.self, at: 0)
                    rows += 1
                }
                precondition(rows == count)
            }
        }
        await pool.close()
        return Double(count) / elapsed * 1e9
    }

    /// Runs pgbench. By a number of transactions and not by time, because its alarm signal does
    /// not arrive in a child of a thread that blocks signals, as the runtime's threads do.
    static func pgbench(_ server: Server, connections: Int, turns: Int) throws -> Double {
        try pgbench(
            server,
            options: [
                "--no-vacuum", "--select-only", "--protocol=prepared", "--jobs=1", "--client=\(connections)",
                "--transactions=\(turns)",
            ]
        )
    }

    /// Runs pgbench.
    ///
    /// - Returns: The transactions per second.
    static func pgbench(_ server: Server, options: [String]) throws -> Double {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["pgbench"] + options + [server.url + "?sslmode=disable"]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let line = text.split(separator: "\n").first { $0.hasPrefix("tps = ") }
        guard let figure = line?.split(separator: " ").dropFirst(2).first, let tps = Double(figure) else {
            fatalError("pgbench has not said how fast it was")
        }
        return tps
    }
}
