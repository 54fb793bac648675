// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import GRDB
import SQLitePooling
import Synchronization

/// SQLite: commits per second of one row each that reach an observer, and observed queries per
/// second, beside GRDB.
///
/// A commit follows the delivery of the previous one, so that none are merged.
enum SQLiteChangeRows {
    static func prepare(_ pool: SQLitePool, _ grdb: DatabasePool) async throws {
        try await pool.execute("CREATE TABLE IF NOT EXISTS observed (id INTEGER PRIMARY KEY, value INTEGER)")
        try await pool.execute("INSERT OR IGNORE INTO observed VALUES (1, 0)")
        try await grdb.write { db in
            try db.execute(sql: "CREATE TABLE IF NOT EXISTS observed (id INTEGER PRIMARY KEY, value INTEGER)")
            try db.execute(sql: "INSERT OR IGNORE INTO observed VALUES (1, 0)")
        }
    }

    static func run(_ pool: SQLitePool, _ grdb: DatabasePool, seconds: Double, into report: inout Report) async throws {
        report.add("sqlite.observe.changes.persec", try await changes(pool, seconds: seconds), "1/s")
        report.add("grdb.observe.changes.persec", try await changes(grdb, seconds: seconds), "1/s")
        report.add("sqlite.observe.values.persec", try await values(pool, seconds: seconds), "1/s")
        report.add("grdb.observe.values.persec", try await values(grdb, seconds: seconds), "1/s")
    }

    /// Repeats an operation for some seconds, and returns how often per second it ran.
    private static func rate(_ seconds: Double, _ operation: () async throws -> Void) async throws -> Double {
        let clock = ContinuousClock()
        let start = clock.now
        var count = 0
        while start.duration(to: clock.now) < .seconds(seconds) {
            try await operation()
            count += 1
        }
        return Double(count) / (start.duration(to: clock.now) / .seconds(1))
    }

    private static func increment(_ pool: SQLitePool) async throws {
        try await pool.execute("UPDATE observed SET value = value + 1 WHERE id = 1")
    }

    private static func increment(_ grdb: DatabasePool) async throws {
        try await grdb.write { db in
            try db.cachedStatement(sql: "UPDATE observed SET value = value + 1 WHERE id = 1").execute()
        }
    }

    private static func changes(_ pool: SQLitePool, seconds: Double) async throws -> Double {
        var iterator = try await pool.changes(in: "observed").makeAsyncIterator()
        return try await rate(seconds) {
            try await increment(pool)
            let batch = await iterator.next()
            precondition(batch?.rows(of: "observed") == .rows([1]))
        }
    }

    private static func changes(_ grdb: DatabasePool, seconds: Double) async throws -> Double {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        let observation = DatabaseRegionObservation(tracking: Table("observed"))
        let cancellable = observation.start(in: grdb) { error in
            fatalError("\(error)")
        } onChange: { _ in
            continuation.yield()
        }
        defer { cancellable.cancel() }
        // Only this task uses it.
        nonisolated(unsafe) var iterator = stream.makeAsyncIterator()
        return try await rate(seconds) {
            try await increment(grdb)
            await iterator.next()
        }
    }

    private static func values(_ pool: SQLitePool, seconds: Double) async throws -> Double {
        var iterator = pool.observe("SELECT value FROM observed WHERE id = 1", as: Int.self).makeAsyncIterator()
        var last = try await iterator.next()?.first ?? 0
        return try await rate(seconds) {
            try await increment(pool)
            let value = try await iterator.next()?.first ?? 0
            precondition(value == last + 1)
            last = value
        }
    }

    private static func values(_ grdb: DatabasePool, seconds: Double) async throws -> Double {
        let observation = ValueObservation.tracking { db in
            try Int.fetchOne(db, sql: "SELECT value FROM observed WHERE id = 1") ?? 0
        }
        // Only this task uses it.
        nonisolated(unsafe) var iterator = observation.values(in: grdb, bufferingPolicy: .unbounded).makeAsyncIterator()
        var last = try await iterator.next() ?? 0
        return try await rate(seconds) {
            try await increment(grdb)
            // The first value may come twice.
            while let value = try await iterator.next() {
                defer { last = value }
                if value > last { break }
            }
        }
    }
}
