// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import SQLitePooling
import Synchronization

/// SQLite under server loads: the fairness between 64 tasks on 4 connections, the duration of
/// their reads, reads beside writes, and the processor time of a read at a low rate.
enum SQLiteLoadRows {
    static func run(
        _ pool: SQLitePool,
        _ grdb: DatabasePool,
        seconds: Double,
        into report: inout Report
    ) async throws {
        let course = try await race(tasks: 64, seconds: seconds) { try await read(pool, $0) }
        report.add("sqlite.read64.spread", course.spread, "most/fewest")
        report.add("sqlite.read64.p99us", course.waits.percentile(0.99) / 1e3, "µs")
        let mixed = try await race(tasks: 64, seconds: seconds) { id in
            if id % 10 == 0 { try await write(pool, id) } else { try await read(pool, id) }
        }
        report.add("sqlite.mixed64.ops", mixed.operationsPerSecond, "1/s")
        let mixedGRDB = try await race(tasks: 64, seconds: seconds) { id in
            if id % 10 == 0 { try await write(grdb, id) } else { try await read(grdb, id) }
        }
        report.add("grdb.mixed64.ops", mixedGRDB.operationsPerSecond, "1/s")
        let reads = Int(1_000 * seconds)
        report.add("sqlite.read1000ps.cpuus", try await processorTime(reads: reads) { try await read(pool, $0) }, "µs")
        report.add("grdb.read1000ps.cpuus", try await processorTime(reads: reads) { try await read(grdb, $0) }, "µs")
    }

    /// Returns the durations of writes of 16 tasks, including checkpoints.
    static func writes(
        _ pool: SQLitePool,
        _ grdb: DatabasePool,
        seconds: Double,
        into report: inout Report
    ) async throws {
        for (name, course) in [
            ("sqlite", try await race(tasks: 16, seconds: seconds) { try await write(pool, $0) }),
            ("grdb", try await race(tasks: 16, seconds: seconds) { try await write(grdb, $0) }),
        ] {
            report.add("\(name).write16.p99us", course.waits.percentile(0.99) / 1e3, "µs")
            report.add("\(name).write16.p999us", course.waits.percentile(0.999) / 1e3, "µs")
        }
    }

    private static func read(_ pool: SQLitePool, _ id: Int) async throws {
        let name = try await pool.read { db in
            try db.queryFirst("SELECT name FROM user WHERE id = \(id)", as: String.self)
        }
        precondition(name != nil)
    }

    private static func read(_ pool: DatabasePool, _ id: Int) async throws {
        let name = try await pool.read { db in
            try String.fetchOne(db.cachedStatement(sql: "SELECT name FROM user WHERE id = ?"), arguments: [id])
        }
        precondition(name != nil)
    }

    private static func write(_ pool: SQLitePool, _ id: Int) async throws {
        try await pool.write { db in _ = try db.execute("UPDATE user SET visits = visits + 1 WHERE id = \(id)") }
    }

    private static func write(_ pool: DatabasePool, _ id: Int) async throws {
        try await pool.write { db in
            try db.cachedStatement(sql: "UPDATE user SET visits = visits + 1 WHERE id = ?").execute(arguments: [id])
        }
    }

    private struct Course {
        let operationsPerSecond: Double
        /// The most turns of a task divided by the fewest.
        let spread: Double
        let waits: Waits
    }

    /// Runs `operation` with random rows in `tasks` tasks, and records the duration of each.
    private static func race(
        tasks: Int,
        seconds: Double,
        _ operation: @escaping @Sendable (Int) async throws -> Void
    ) async throws -> Course {
        let collected = Mutex(Waits())
        let (turns, elapsed) = await SaturationRows.race(tasks: tasks, seconds: seconds) { task, isOver in
            var random = CoreRows.Random(state: 88_172_645_463_325_252 &+ UInt64(task) &* 7_919)
            var turns = 0
            var waits = Waits()
            while !isOver() {
                let start = nanoseconds()
                do {
                    try await operation(random.next(below: SQLiteRows.rowCount) + 1)
                } catch {
                    fatalError("\(error)")
                }
                waits.add(nanoseconds() - start)
                turns += 1
            }
            collected.withLock { $0.add(waits) }
            return turns
        }
        return Course(
            operationsPerSecond: Double(turns.reduce(0, +)) / elapsed * 1e9,
            spread: Double(turns.max()!) / Double(max(1, turns.min()!)),
            waits: collected.withLock { $0 }
        )
    }

    /// Returns the processor microseconds for each of `reads` reads that one task makes, 1,000 per
    /// second.
    private static func processorTime(reads: Int, _ read: (Int) async throws -> Void) async throws -> Double {
        var random = CoreRows.Random(state: 88_172_645_463_325_252)
        let clock = ContinuousClock()
        let (start, before) = (clock.now, usedMicroseconds())
        for number in 1...reads {
            try await clock.sleep(until: start + .milliseconds(number))
            try await read(random.next(below: SQLiteRows.rowCount) + 1)
        }
        return (usedMicroseconds() - before) / Double(reads)
    }

    /// The processor time of this process.
    private static func usedMicroseconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
    }
}
