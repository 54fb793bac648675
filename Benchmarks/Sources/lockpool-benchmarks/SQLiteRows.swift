// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CSQLiteBaseline
import Foundation
import GRDB
import SQLitePooling
import Synchronization

/// SQLite: point reads and one-row updates, beside plain C and beside GRDB, on files of their own with the same contents.
enum SQLiteRows {
    static let rowCount = 100_000

    static func run(_ options: Options, into report: inout Report) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lockpool-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = { (name: String) in folder.appending(path: "\(name).sqlite").path() }
        for name in ["raw", "pool", "grdb"] where sqlite_baseline_make(path(name), Int32(rowCount)) != 0 {
            fatalError("the database for \(name) cannot be made")
        }
        let pool = try SQLitePool(path: path("pool"), configuration: .init(maximumReaders: 4))
        var configuration = GRDB.Configuration()
        configuration.maximumReaderCount = 4
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192") }
        let grdb = try DatabasePool(path: path("grdb"), configuration: configuration)
        let seconds = options.isQuick ? 0.5 : 2.0
        for _ in 0..<options.rounds {
            report.add("sqlite.raw.ns", sqlite_baseline_read(path("raw"), Int32(rowCount), 200_000), "ns")
            for tasks in [1, 4, 64] {
                report.add("sqlite.read\(tasks).ops", try await reads(pool, tasks: tasks, seconds: seconds), "1/s")
                report.add("grdb.read\(tasks).ops", try await reads(grdb, tasks: tasks, seconds: seconds), "1/s")
            }
            report.add("sqlite.rawwrite.ops", sqlite_baseline_write(path("raw"), Int32(rowCount), 20_000), "1/s")
            for tasks in [1, 16] {
                report.add("sqlite.write\(tasks).ops", try await writes(pool, tasks: tasks, seconds: seconds), "1/s")
                report.add("grdb.write\(tasks).ops", try await writes(grdb, tasks: tasks, seconds: seconds), "1/s")
            }
        }
        await pool.close()
    }

    static func reads(_ pool: SQLitePool, tasks: Int, seconds: Double) async throws -> Double {
        try await operations(tasks: tasks, seconds: seconds) { id in
            let name = try await pool.read { db in
                try db.queryFirst("SELECT name FROM user WHERE id = \(id)", as: String.self)
            }
            precondition(name != nil)
        }
    }

    static func reads(_ pool: DatabasePool, tasks: Int, seconds: Double) async throws -> Double {
        try await operations(tasks: tasks, seconds: seconds) { id in
            let name = try await pool.read { db in
                try String.fetchOne(db.cachedStatement(sql: "SELECT name FROM user WHERE id = ?"), arguments: [id])
            }
            precondition(name != nil)
        }
    }

    static func writes(_ pool: SQLitePool, tasks: Int, seconds: Double) async throws -> Double {
        try await operations(tasks: tasks, seconds: seconds) { id in
            try await pool.write { db in
                _ = try db.execute("UPDATE user SET visits = visits + 1 WHERE id = \(id)")
            }
        }
    }

    static func writes(_ pool: DatabasePool, tasks: Int, seconds: Double) async throws -> Double {
        try await operations(tasks: tasks, seconds: seconds) { id in
            try await pool.write { db in
                try db.cachedStatement(sql: "UPDATE user SET visits = visits + 1 WHERE id = ?").execute(arguments: [id])
            }
        }
    }

    /// How often per second `tasks` tasks together carry out `operation` with a random row.
    static func operations(
        tasks: Int,
        seconds: Double,
        _ operation: @escaping @Sendable (Int) async throws -> Void
    ) async throws -> Double {
        let (turns, elapsed) = await SaturationRows.race(tasks: tasks, seconds: seconds) { task, isOver in
            var random = CoreRows.Random(state: 88_172_645_463_325_252 &+ UInt64(task) &* 7_919)
            var turns = 0
            while !isOver() {
                do {
                    try await operation(random.next(below: rowCount) + 1)
                } catch {
                    fatalError("\(error)")
                }
                turns += 1
            }
            return turns
        }
        return Double(turns.reduce(0, +)) / elapsed * 1e9
    }
}
