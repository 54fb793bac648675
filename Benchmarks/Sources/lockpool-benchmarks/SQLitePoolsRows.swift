// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import SQLitePooling

/// Pools for many files: the memory of each, the cost of a use, and the throughput of 100 tenants
/// that are active at a time.
enum SQLitePoolsRows {
    private static let tenants = 10_000
    private static let active = 100

    static func run(_ options: Options, into report: inout Report) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lockpool-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let seconds = options.isQuick ? 0.5 : 2.0
        let pools = try SQLitePools(folder: folder.path())
        try await known(pools, into: &report)
        for _ in 0..<options.rounds {
            try await uses(pools, into: &report)
            let hot = try await load(pools, seconds: seconds, strangers: 0)
            let shifting = try await load(pools, seconds: seconds, strangers: 1)
            let cold = try await load(pools, seconds: seconds, strangers: 100)
            report.add("sqlite.pools.active100.ops", hot.operations, "1/s")
            report.add("sqlite.pools.shifting100.ops", shifting.operations, "1/s")
            report.add("sqlite.pools.random10000.ops", cold.operations, "1/s")
            report.add("sqlite.pools.random10000.spread", cold.spread, "")
            report.add("sqlite.pools.descriptors", Double(max(hot.descriptors, cold.descriptors)), "")
            report.add("sqlite.pools.threads", Double(pools.snapshot.threads), "")
        }
        await pools.close()
        try await open(folder, into: &report)
    }

    private static func key(_ number: Int) -> String { "tenant-\(number)" }

    private static func write(_ pool: SQLitePool) async throws {
        try await pool.execute("UPDATE total SET count = count + 1")
    }

    /// Creates all files, one after the other. What stays after 1,000 files is the cost of a key
    /// whose pool is closed.
    private static func known(_ pools: SQLitePools<String>, into report: inout Report) async throws {
        func create(_ numbers: Range<Int>) async throws {
            for number in numbers {
                try await pools.withPool(key(number)) { pool in
                    try await pool.executeScript("CREATE TABLE total (count); INSERT INTO total VALUES (0)")
                    _ = try await pool.query("SELECT count FROM total", as: Int.self)
                }
            }
            // Until the tasks of the timeouts have ended.
            try await Task.sleep(for: .seconds(11))
        }
        try await create(0..<1_000)
        let before = PoolScaleRows.residentBytes()
        try await create(1_000..<tenants)
        let bytes = Double(PoolScaleRows.residentBytes() - before) / Double(tenants - 1_000)
        report.add("sqlite.pools.known.bytes", bytes, "bytes")
    }

    /// The cost of a use of an open pool, and of one that closes another pool and opens its own.
    private static func uses(_ pools: SQLitePools<String>, into report: inout Report) async throws {
        try await pools.withPool(key(0)) { _ in }
        let count = 200_000
        let start = cpuNanoseconds()
        for _ in 0..<count { try await pools.withPool("tenant-0") { _ in } }
        report.add("sqlite.pools.hit.ns", Double(cpuNanoseconds() - start) / Double(count), "ns")
        // As many as keep all of these closed until their turn.
        let misses = 1_000
        let first = Int.random(in: 0..<tenants - misses)
        let miss = try await nanoseconds(per: misses) {
            for number in first..<first + misses { try await pools.withPool(key(number)) { _ in } }
        }
        report.add("sqlite.pools.miss.us", miss / 1_000, "µs")
    }

    /// Writes by as many tasks as tenants are active, each write with the pool of a tenant.
    ///
    /// - Parameter strangers: The percentage of writes for any tenant; the others are for the
    ///   active ones.
    private static func load(
        _ pools: SQLitePools<String>,
        seconds: Double,
        strangers: Int
    ) async throws -> (operations: Double, spread: Double, descriptors: Int) {
        for number in 0..<active { try await pools.withPool(key(number)) { try await write($0) } }
        let end = nanoseconds() + UInt64(seconds * 1e9)
        let counts = try await withThrowingTaskGroup(of: (turns: Int, descriptors: Int).self) { group in
            for task in 0..<active {
                group.addTask {
                    var random = CoreRows.Random(state: 88_172_645_463_325_252 &+ UInt64(task))
                    var (turns, descriptors) = (0, 0)
                    while nanoseconds() < end {
                        let isStranger = random.next(below: 100) < strangers
                        let number = random.next(below: isStranger ? tenants : active)
                        try await pools.withPool(key(number)) { try await write($0) }
                        turns += 1
                        if task == 0, turns.isMultiple(of: 64) {
                            descriptors = max(descriptors, PoolScaleRows.descriptorCount())
                        }
                    }
                    return (turns, descriptors)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let turns = counts.map(\.turns)
        let spread = Double(turns.max()!) / Double(max(1, turns.min()!))
        return (Double(turns.reduce(0, +)) / seconds, spread, counts.map(\.descriptors).max()!)
    }

    /// The memory of open pools, each with a writer and a reader, including SQLite's cache of a
    /// small file.
    private static func open(_ folder: URL, into report: inout Report) async throws {
        var configuration = SQLitePoolsConfiguration()
        let count = 1_000
        guard PoolScaleRows.raiseDescriptorLimit(to: 8 * count) else { return }
        configuration.maximumOpenPools = count
        let pools = try SQLitePools(folder: folder.path(), configuration)
        func use(_ numbers: Range<Int>) async throws {
            for number in numbers {
                try await pools.withPool(key(number)) { pool in
                    try await write(pool)
                    _ = try await pool.query("SELECT count FROM total", as: Int.self)
                }
            }
            try await Task.sleep(for: .seconds(11))
        }
        try await use(0..<100)
        let before = PoolScaleRows.residentBytes()
        try await use(100..<count)
        let bytes = Double(PoolScaleRows.residentBytes() - before) / Double(count - 100)
        report.add("sqlite.pools.open.bytes", bytes, "bytes")
        await pools.close()
    }
}
