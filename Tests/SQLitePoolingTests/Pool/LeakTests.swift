// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import Foundation
import Testing

@testable import SQLitePooling

/// Leaks over many leases. The counts run in a separate process, because SQLite counts for the
/// whole process.
@Suite(.timeLimit(.minutes(10))) struct LeakTests {
    private static let leaseCount = 100_000

    @Test("100,000 leases leak no descriptor, no statement and no memory of SQLite")
    func leases() async {
        await #expect(processExitsWith: .success) {
            #expect(SQLiteLibrary.keepMemoryStatistics())
            // The first use allocates what the library itself needs.
            try await withPool { pool in try await pool.execute("CREATE TABLE t (x)") }
            let before = (descriptorCount(), Int(sqlite3_memory_used()))
            try await withPool(SQLiteConfiguration.with(maximumReaders: 1, statementCacheCapacity: 8)) { pool in
                try await pool.write { db in
                    try db.executeScript("CREATE TABLE t (id INTEGER PRIMARY KEY, x UNIQUE)")
                    for id in 0..<100 { try db.execute("INSERT INTO t VALUES (\(id), \(String(id)))") }
                }
                // The log is so long that the next call finds the connection for checkpoints open.
                try await pool.write { db in
                    try db.executeScript("CREATE TABLE u (x); INSERT INTO u VALUES (zeroblob(40000000)); DELETE FROM u")
                }
                var warm: Footprint?
                for round in 0..<10 {
                    try await lease(pool, LeakTests.leaseCount / 10)
                    let now = try await Footprint(pool)
                    // The first round fills the caches.
                    guard let warm else {
                        warm = now
                        continue
                    }
                    // A running checkpoint needs some thousand bytes. A leak of one byte per lease
                    // would exceed that.
                    let isSame = abs(now.bytes - warm.bytes) < LeakTests.leaseCount / 4
                    #expect(
                        isSame && now.descriptors == warm.descriptors && now.statements == warm.statements,
                        "round \(round): \(now), \(warm)"
                    )
                }
                #expect(pool.statistics.connectionsClosed == 0)
            }
            let after = (descriptorCount(), Int(sqlite3_memory_used()))
            #expect(after == before, "\(after), \(before) before")
        }
    }

    @Test("A replaced connection leaks nothing")
    func replacements() async {
        await #expect(processExitsWith: .success) {
            #expect(SQLiteLibrary.keepMemoryStatistics())
            // The first use allocates what the library itself needs.
            try await withPool { pool in try await pool.execute("CREATE TABLE t (x)") }
            let before = (descriptorCount(), Int(sqlite3_memory_used()))
            try await withPool { pool in
                try await pool.execute("CREATE TABLE t (x)")
                for _ in 0..<500 {
                    try await pool.writeWithoutTransaction { db in _ = try db.execute("CREATE TEMP TABLE u (x)") }
                }
                #expect(pool.statistics.writer.created >= 500)
            }
            let after = (descriptorCount(), Int(sqlite3_memory_used()))
            #expect(after == before, "\(after), \(before) before")
        }
    }
}

/// The resources of an idle pool.
private struct Footprint {
    var descriptors: Int
    var bytes: Int
    var statements: Int

    init(_ pool: SQLitePool) async throws {
        statements = try await pool.writeWithoutTransaction { db in
            // The contents of the page cache depend on the last reads.
            _ = unsafe sqlite3_db_release_memory(db.session.handle)
            return statementCount(db)
        }
        statements += try await pool.read { db in
            _ = unsafe sqlite3_db_release_memory(db.session.handle)
            return statementCount(db)
        }
        descriptors = descriptorCount()
        bytes = Int(sqlite3_memory_used())
    }
}

/// Returns the number of statements of a connection that are not finalized.
private func statementCount(_ db: borrowing SQLiteConnection) -> Int {
    var count = 0
    var next = unsafe sqlite3_next_stmt(db.session.handle, nil)
    while let statement = unsafe next {
        count += 1
        unsafe next = sqlite3_next_stmt(db.session.handle, statement)
    }
    return count
}

/// Uses a pool in each possible way, including those that fail.
private func lease(_ pool: SQLitePool, _ count: Int) async throws {
    struct Enough: Error {}
    for number in 0..<count {
        let id = number % 100
        switch number % 10 {
        case 0:
            try await pool.write { db in _ = try db.execute("UPDATE t SET x = \(String(id)) WHERE id = \(id)") }
        case 1:
            // More statements than the capacity of the cache.
            _ = try await pool.query(SQLiteQuery(unsafe: "SELECT x FROM t WHERE id = \(id)"), as: String.self)
        case 2:
            _ = try? await pool.query("SELECT x FROM t", as: Int.self)
        case 3:
            _ = try? await pool.execute("INSERT INTO t VALUES (\(id), 0)")
        case 4:
            _ = try? await pool.read { db in try db.withCursor("SELECT x FROM t") { _ in throw Enough() } }
        case 5:
            let task = Task { try await pool.query("SELECT count(*) FROM t, t, t", as: Int.self) }
            task.cancel()
            _ = try? await task.value
        case 6:
            _ = try? await pool.execute("SELEC 1")
        case 7:
            try await pool.read { db in try db.forEachRow("SELECT id, x FROM t LIMIT 3") { _ in } }
        default:
            _ = try await pool.queryFirst("SELECT x FROM t WHERE id = \(id)", as: String.self)
        }
    }
}

private func descriptorCount() -> Int {
    #if os(Linux)
        let folder = "/proc/self/fd"
    #else
        let folder = "/dev/fd"
    #endif
    return (try? FileManager.default.contentsOfDirectory(atPath: folder).count) ?? -1
}
