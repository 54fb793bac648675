// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PostgresPooling

/// PostgreSQL: the effect of a large answer on other statements, and the time to send a large
/// value.
enum PostgresLargeRows {
    private static let megabytes = 300
    private static var largeStatement: String {
        "SELECT repeat('x', 1000) FROM generate_series(1, \(megabytes * 1_000))"
    }

    static func run(_ options: Options, into report: inout Report) async throws {
        let server = PostgresSelectRows.Server.fromEnvironment()
        for round in 0...(options.isQuick ? 2 : 5) {
            // Adjacent, because the speed of a machine changes for seconds at a time.
            let rival = try await selects(server, beside: psql(server))
            let pool = try server.pool(connections: 1)
            let own = try await selects(server) {
                let rows = try await pool.query(PostgresQuery(unsafe: largeStatement))
                precondition(rows.count == megabytes * 1_000)
            }
            await pool.close()
            let sending = try await send(server, megabytes: 200)
            if round == 0 { continue }  // warm-up
            report.add("postgres.beside300mb.p99", own / 1e6, "ms")
            report.add("psql.beside300mb.p99", rival / 1e6, "ms")
            report.add("postgres.beside300mb.p99ratio", own / rival, "× psql's")
            report.add("postgres.send200mb.unix.s", sending, "s")
        }
    }

    /// Runs `psql`, which reads the large answer and discards it.
    private static func psql(_ server: PostgresSelectRows.Server) -> @Sendable () async throws -> Void {
        {
            await withCheckedContinuation { continuation in
                Thread.detachNewThread {
                    let process = Process()
                    process.executableURL = URL(filePath: "/usr/bin/env")
                    let url = server.url + "?sslmode=disable"
                    // Unaligned: to align the rows, psql computes for eight seconds without
                    // reading.
                    process.arguments =
                        ["psql", "--no-psqlrc", "--no-align", "--tuples-only", "--output=/dev/null"]
                        + ["--command", largeStatement, url]
                    do {
                        try process.run()
                    } catch {
                        fatalError("psql cannot be started: \(error)")
                    }
                    process.waitUntilExit()
                    precondition(process.terminationStatus == 0, "psql has failed")
                    continuation.resume()
                }
            }
        }
    }

    /// Returns the 99th percentile of the time of selects by two tasks during another operation,
    /// in nanoseconds.
    private static func selects(
        _ server: PostgresSelectRows.Server,
        beside work: @escaping @Sendable () async throws -> Void
    ) async throws -> Double {
        let pool = try server.pool(connections: 2)
        try await PostgresSelectRows.warmUp(pool, connections: 2)
        let times = try await withThrowingTaskGroup(of: [Double].self) { group in
            let (isOver, continuation) = AsyncStream.makeStream(of: Never.self)
            let over = Task { for await _ in isOver {} }
            for task in 0..<2 {
                group.addTask {
                    var times: [Double] = []
                    var random = CoreRows.Random(state: 88_172_645_463_325_252 &+ UInt64(task) &* 7_919)
                    while !over.isCancelled {
                        let start = nanoseconds()
                        await PostgresSelectRows.select(pool, random.next(below: server.accounts) + 1)
                        times.append(Double(nanoseconds() - start))
                    }
                    return times
                }
            }
            try await work()
            over.cancel()
            continuation.finish()
            return try await group.reduce(into: []) { $0 += $1 }
        }
        await pool.close()
        return times.sorted()[times.count * 99 / 100]
    }

    /// Returns the seconds to send one value through a Unix socket.
    private static func send(_ server: PostgresSelectRows.Server, megabytes: Int) async throws -> Double {
        let known = try server.pool(connections: 1)
        let folders = try await known.query("SHOW unix_socket_directories", as: String.self)
        await known.close()
        var configuration = PostgresConfiguration(server.url)
        configuration.pool.maximumConnections = 1
        // The server keeps the quotes that the script writes around the name of the folder.
        configuration.parameters["host"] = folders[0].trimmingCharacters(in: ["\""])
        configuration.parameters["sslmode"] = "disable"
        let pool = try PostgresPool(configuration)
        _ = try await pool.query("SELECT 1")
        let bytes = [UInt8](repeating: 0x78, count: megabytes << 20)
        let elapsed = try await nanoseconds(per: 1) {
            let count = try await pool.query("SELECT length(\(bytes))", as: Int32.self)
            precondition(count == [Int32(bytes.count)])
        }
        await pool.close()
        return elapsed / 1e9
    }
}
