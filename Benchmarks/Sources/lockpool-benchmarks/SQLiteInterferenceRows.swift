// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import SQLitePooling
import Synchronization

/// The effect of a writer on readers.
enum SQLiteInterferenceRows {
    static func run(_ pool: SQLitePool, seconds: Double, into report: inout Report) async throws {
        // Both sides of each comparison are adjacent, because the speed of the machine changes.
        let alone = try await SQLiteRows.reads(pool, tasks: 64, seconds: seconds)
        let accompanied = try await whileWriting(pool, every: 1_000_000) {
            try await SQLiteRows.reads(pool, tasks: 64, seconds: seconds)
        }
        report.add("sqlite.read64.withoutwriter.ops", alone, "1/s")
        report.add("sqlite.read64.withwriter.ops", accompanied.value, "1/s")
        report.add("sqlite.withwriter.commits", accompanied.writes / seconds, "1/s")
        report.add("sqlite.read.p99us", try await waits(pool, seconds: seconds).percentile(0.99) / 1_000, "µs")
        let slow = try await whileWriting(pool, every: 0, eachFor: 10_000_000) {
            try await waits(pool, seconds: seconds)
        }
        report.add("sqlite.read.whilewriting.p99us", slow.value.percentile(0.99) / 1_000, "µs")
    }

    /// Returns the duration of each read of one task that reads every 200 microseconds, as a
    /// client with other work does.
    static func waits(_ pool: SQLitePool, seconds: Double) async throws -> Waits {
        var waits = Waits()
        var random = CoreRows.Random(state: 88_172_645_463_325_252)
        let end = nanoseconds() + UInt64(seconds * 1e9)
        while true {
            let start = nanoseconds()
            if start >= end { return waits }
            let id = random.next(below: SQLiteRows.rowCount) + 1
            _ = try await pool.read { db in
                try db.queryFirst("SELECT name FROM user WHERE id = \(id)", as: String.self)
            }
            waits.add(nanoseconds() - start)
            while nanoseconds() < start + 200_000 { await Task.yield() }
        }
    }

    /// Returns the result of `body` while a thread writes, and the number of its writes.
    ///
    /// - Parameters:
    ///   - interval: The nanoseconds from the beginning of one transaction to that of the next.
    ///   - duration: The minimum duration of each transaction in nanoseconds, in which its thread
    ///     sleeps.
    static func whileWriting<Value>(
        _ pool: SQLitePool,
        every interval: UInt64,
        eachFor duration: UInt64 = 0,
        _ body: () async throws -> Value
    ) async throws -> (value: Value, writes: Double) {
        let writer = Writer()
        Thread.detachNewThread { writer.run(pool, every: interval, eachFor: duration) }
        let value = try await body()
        writer.isOver.store(true, ordering: .relaxed)
        let writes = Double(writer.writes.load(ordering: .relaxed))
        while !writer.hasEnded.load(ordering: .acquiring) { await Task.yield() }
        return (value, writes)
    }

    private final class Writer: Sendable {
        let isOver = Atomic(false)
        let hasEnded = Atomic(false)
        let writes = Atomic(0)

        func run(_ pool: SQLitePool, every interval: UInt64, eachFor duration: UInt64) {
            var random = CoreRows.Random(state: 362_436_069)
            var next = nanoseconds()
            while !isOver.load(ordering: .relaxed) {
                let id = random.next(below: SQLiteRows.rowCount) + 1
                do {
                    try pool.writeBlocking { db in
                        _ = try db.execute("UPDATE user SET visits = visits + 1 WHERE id = \(id)")
                        if duration > 0 { usleep(UInt32(duration / 1_000)) }
                    }
                } catch {
                    fatalError("\(error)")
                }
                writes.add(1, ordering: .relaxed)
                next += interval
                let now = nanoseconds()
                // Later transactions make up for a late one, so that their total number is right.
                if next > now { usleep(UInt32((next - now) / 1_000)) }
            }
            hasEnded.store(true, ordering: .releasing)
        }
    }
}
