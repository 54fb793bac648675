// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CSQLiteBaseline
import Foundation
import GRDB
import SQLitePooling
import Synchronization

/// SQLite: point reads and one-row updates, beside plain C and beside GRDB, on separate files with
/// the same content.
enum SQLiteRows {
    static let rowCount = 100_000

    /// The compared pools, each on its own file, and a file for plain C.
    struct Subjects {
        let pool: SQLitePool
        let grouping: SQLitePool
        let grdb: DatabasePool
        let raw: String
        private let folder: URL

        init() throws {
            folder = FileManager.default.temporaryDirectory.appending(path: "lockpool-bench-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let path = { [folder] (name: String) in folder.appending(path: "\(name).sqlite").path() }
            raw = path("raw")
            // Before the first use of SQLite: this disables its memory statistics for the whole
            // process.
            pool = try SQLitePool(path("pool"))
            for name in ["raw", "pool", "grouped", "grdb"] where sqlite_baseline_make(path(name), Int32(rowCount)) != 0
            {
                fatalError("the database for \(name) cannot be made")
            }
            var sharing = SQLiteConfiguration(path("grouped"))
            sharing.maximumWritesPerCommit = 64
            grouping = try SQLitePool(sharing)
            var configuration = GRDB.Configuration()
            configuration.maximumReaderCount = 4
            configuration.prepareDatabase {
                try $0.execute(sql: "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192")
            }
            grdb = try DatabasePool(path: path("grdb"), configuration: configuration)
        }

        func close() async {
            await pool.close()
            await grouping.close()
            try? FileManager.default.removeItem(at: folder)
        }
    }

    static func run(_ options: Options, into report: inout Report) async throws {
        if options.wants("pools") { try await SQLitePoolsRows.run(options, into: &report) }
        if options.part == "pools" { return }
        let subjects = try Subjects()
        let (pool, grouping, grdb, raw) = (subjects.pool, subjects.grouping, subjects.grdb, subjects.raw)
        let seconds = options.isQuick ? 0.5 : 2.0
        if options.wants("results") { try await SQLiteResultRows.prepare(pool, grdb) }
        if options.wants("changes") { try await SQLiteChangeRows.prepare(pool, grdb) }
        for _ in 0..<options.rounds {
            if options.wants("changes") {
                try await SQLiteChangeRows.run(pool, grdb, seconds: seconds, into: &report)
            }
            if options.wants("results") {
                try await SQLiteResultRows.run(pool, grdb, seconds: seconds, into: &report)
            }
            if options.wants("reads") { try await reads(pool, grdb, raw: raw, seconds: seconds, into: &report) }
            if options.wants("writes") {
                report.add("sqlite.rawwrite.ops", sqlite_baseline_write(raw, Int32(rowCount), 20_000), "1/s")
                for tasks in [1, 16] {
                    report.add(
                        "sqlite.write\(tasks).ops",
                        try await writes(pool, tasks: tasks, seconds: seconds),
                        "1/s"
                    )
                    report.add("grdb.write\(tasks).ops", try await writes(grdb, tasks: tasks, seconds: seconds), "1/s")
                }
                try await SQLiteLoadRows.writes(pool, grdb, seconds: seconds, into: &report)
                // The upper bound for groups of 16, without wake-ups.
                report.add(
                    "sqlite.rawgroupwrite16.ops",
                    sqlite_baseline_group_write(raw, Int32(rowCount), 32_000, 16),
                    "1/s"
                )
                report.add("sqlite.groupwrite16.ops", try await writes(grouping, tasks: 16, seconds: seconds), "1/s")
                report.add(
                    "sqlite.groupexecute16.ops",
                    try await executes(grouping, tasks: 16, seconds: seconds),
                    "1/s"
                )
            }
            if options.wants("script") { try await SQLiteScriptRows.run(pool, raw: raw, into: &report) }
            if options.wants("interference") {
                try await SQLiteInterferenceRows.run(pool, seconds: seconds, into: &report)
            }
        }
        if let folder = options.charts { try await SQLiteCharts.write(to: folder, subjects, report) }
        await subjects.close()
    }

    private static func reads(
        _ pool: SQLitePool,
        _ grdb: DatabasePool,
        raw path: String,
        seconds: Double,
        into report: inout Report
    ) async throws {
        let raw = sqlite_baseline_read(path, Int32(rowCount), 200_000, false)
        report.add("sqlite.raw.ns", raw, "ns")
        let withSnapshot = sqlite_baseline_read(path, Int32(rowCount), 200_000, true)
        report.add("sqlite.snapshot.ns", withSnapshot - raw, "ns")
        report.add("sqlite.sync.ns", await onThread { synchronous(pool, turns: 200_000) }, "ns")
        for tasks in [1, 4, 64] {
            report.add("sqlite.read\(tasks).ops", try await reads(pool, tasks: tasks, seconds: seconds), "1/s")
            report.add("grdb.read\(tasks).ops", try await reads(grdb, tasks: tasks, seconds: seconds), "1/s")
        }
        let executor = try SQLiteExecutor()
        for tasks in [1, 4, 64] {
            let own = try await withTaskExecutorPreference(executor) {
                try await Self.reads(pool, tasks: tasks, seconds: seconds)
            }
            let queries = try await withTaskExecutorPreference(executor) {
                try await Self.queries(pool, tasks: tasks, seconds: seconds)
            }
            report.add("sqlite.executor.read\(tasks).ops", own, "1/s")
            report.add("sqlite.executor.query\(tasks).ops", queries, "1/s")
            let limit = Double(ProcessInfo.processInfo.activeProcessorCount) * 1e9 / raw
            report.add("sqlite.executor.query\(tasks).perc", queries / limit, "× C on all processors")
        }
        try await SQLiteLoadRows.run(pool, grdb, seconds: seconds, into: &report)
    }

    /// Returns the nanoseconds of a synchronous point read, including its snapshot.
    static func synchronous(_ pool: SQLitePool, turns: Int) -> Double {
        var random = CoreRows.Random(state: 88_172_645_463_325_252)
        func read() throws {
            let id = random.next(below: rowCount) + 1
            let name = try pool.readBlocking { db in
                try db.queryFirst("SELECT name FROM user WHERE id = \(id)", as: String.self)
            }
            precondition(name != nil)
        }
        do {
            // The first iterations fill the cache.
            for _ in 0..<turns / 4 { try read() }
            return try nanoseconds(per: turns) { for _ in 0..<turns { try read() } }
        } catch {
            fatalError("\(error)")
        }
    }

    static func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: body()) }
        }
    }

    static func reads(_ pool: SQLitePool, tasks: Int, seconds: Double) async throws -> Double {
        try await operations(tasks: tasks, seconds: seconds) { id in
            let name = try await pool.read { db in
                try db.queryFirst("SELECT name FROM user WHERE id = \(id)", as: String.self)
            }
            precondition(name != nil)
        }
    }

    static func queries(_ pool: SQLitePool, tasks: Int, seconds: Double) async throws -> Double {
        try await operations(tasks: tasks, seconds: seconds) { id in
            let name = try await pool.queryFirst("SELECT name FROM user WHERE id = \(id)", as: String.self)
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

    static func executes(_ pool: SQLitePool, tasks: Int, seconds: Double) async throws -> Double {
        try await operations(tasks: tasks, seconds: seconds) { id in
            try await pool.execute("UPDATE user SET visits = visits + 1 WHERE id = \(id)")
        }
    }

    static func writes(_ pool: DatabasePool, tasks: Int, seconds: Double) async throws -> Double {
        try await operations(tasks: tasks, seconds: seconds) { id in
            try await pool.write { db in
                try db.cachedStatement(sql: "UPDATE user SET visits = visits + 1 WHERE id = ?").execute(arguments: [id])
            }
        }
    }

    /// Returns how many times per second `tasks` tasks together run `operation` with a random row.
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
