// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PostgresPooling

/// PostgreSQL: a million rows of an integer and two texts through `COPY`, beside `psql`. The part
/// `copy`.
enum PostgresCopyRows {
    static func run(_ options: Options, into report: inout Report) async throws {
        let server = PostgresSelectRows.Server.fromEnvironment()
        let count = options.isQuick ? 300_000 : 1_000_000
        let file = FileManager.default.temporaryDirectory.appending(path: "lockpool-copy-\(getpid()).txt")
        defer { try? FileManager.default.removeItem(at: file) }
        var data = Data()
        for id in 1...count { data += Data("\(id)\tname \(id)\tnote \(id % 1_000)\n".utf8) }
        try data.write(to: file)
        let pool = try server.pool(connections: 1)
        try await pool.withConnection { db in
            try await db.execute("CREATE UNLOGGED TABLE IF NOT EXISTS copied (id int, name text, note text)")
        }
        let chunks = stride(from: 0, to: data.count, by: 65_536).map {
            [UInt8](data[$0..<min($0 + 65_536, data.count)])
        }
        for round in 0...options.rounds {
            // Adjacent, because the speed of a machine changes for seconds at a time.
            var figures: [(String, Double)] = []
            func measure(_ name: String, _ body: () async throws -> Int) async throws {
                let elapsed = try await nanoseconds(per: 1) {
                    let copied = try await body()
                    precondition(copied == count, "\(name): \(copied)")
                }
                figures.append((name, Double(count) / elapsed * 1e9))
            }
            try await pool.execute("TRUNCATE copied")
            try await measure("psql.copyin.rows") { try psql(server, "\\copy copied FROM '\(file.path)'") }
            try await pool.execute("TRUNCATE copied")
            try await measure("postgres.copyin.rows") {
                try await pool.copy("COPY copied FROM STDIN") { writer in
                    for chunk in chunks { try await writer.write(chunk) }
                }
            }
            try await pool.execute("TRUNCATE copied")
            try await measure("postgres.copyin.typed.rows") {
                try await pool.copy(to: "copied") { writer in
                    for id in 1...count { try await writer.write(Int32(id), "name \(id)", "note \(id % 1_000)") }
                }
            }
            try await measure("psql.copyout.rows") { try psql(server, "\\copy copied TO '/dev/null'") }
            try await measure("postgres.copyout.rows") {
                try await pool.withConnection { db in
                    var bytes = 0
                    for try await chunk in db.copyBytes("COPY copied TO STDOUT") { bytes += chunk.count }
                    precondition(bytes == data.count)
                    return count
                }
            }
            try await measure("postgres.copyout.typed.rows") {
                try await pool.withConnection { db in
                    var (rows, sum) = (0, 0)
                    for try await (id, name, note) in db.copy(from: "TABLE copied", as: (Int32, String, String).self) {
                        sum &+= Int(id) &+ name.utf8.count &+ note.utf8.count
                        rows += 1
                    }
                    precondition(sum > 0)
                    return rows
                }
            }
            if round == 0 { continue }  // warm-up
            for (name, rate) in figures { report.add(name, rate, "rows/s") }
            let rates = Dictionary(uniqueKeysWithValues: figures)
            for direction in ["copyin", "copyout"] {
                for kind in ["", ".typed"] {
                    let ratio = rates["postgres.\(direction)\(kind).rows"]! / rates["psql.\(direction).rows"]!
                    report.add("postgres.\(direction)\(kind).perpsql", ratio, "× psql's")
                }
            }
        }
        try await pool.execute("DROP TABLE copied")
        await pool.close()
    }

    /// Runs a command of `psql`, whose time includes that to start and connect.
    private static func psql(_ server: PostgresSelectRows.Server, _ command: String) throws -> Int {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["psql", "--no-psqlrc", "--command", command, server.url + "?sslmode=disable"]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return text.split(whereSeparator: \.isWhitespace).last.flatMap { Int($0) } ?? 0
    }
}
