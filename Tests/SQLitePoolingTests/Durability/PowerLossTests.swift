// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import SQLitePooling
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct PowerLossTests {
    /// The counts of what power losses interrupted and lost.
    struct Aftermath {
        var problems: [String] = []
        var lost = 0
        var torn = 0
        var acknowledged = 0
        var wasInCheckpoint = false
    }

    /// Cuts the power while three tasks write to two databases and one task reads.
    private func losePower(
        _ synchronous: SQLiteConfiguration.Synchronous,
        seed: UInt64,
        after operations: Int
    ) async throws -> Aftermath {
        let disk = FaultyDisk(seed: seed)
        let folder = try SampleFolder()
        var configuration = SQLiteConfiguration.with(
            maximumReaders: 1,
            synchronous: synchronous,
            checkoutTimeout: .seconds(600),
            setup: ["ATTACH \(folder.file("second.sqlite")) AS second"],
            maximumWritesPerCommit: operations.isMultiple(of: 2) ? 8 : 1
        )
        // Frequent checkpoints, so that the power fails during some of them.
        configuration.checkpoints.interval = 8
        let pool = try SQLitePool(configuration.at(uri: disk.uri(folder)))
        try await makeTables(pool)
        disk.cut(after: operations)
        let acknowledged = await write(to: pool, on: disk)
        await pool.close()

        let remains = try disk.remains(folder)
        var aftermath = Aftermath(acknowledged: acknowledged.reduce(0, +), wasInCheckpoint: disk.wasCutInCheckpoint)
        for name in ["test.sqlite", "second.sqlite"] {
            try await inspect(remains.file(name), acknowledged, into: &aftermath)
        }
        return aftermath
    }

    private func makeTables(_ pool: SQLitePool) async throws {
        try await pool.write { db in
            for database in ["main", "second"] {
                try db.execute("CREATE TABLE \(identifier: database).total (worker INTEGER PRIMARY KEY, count INTEGER)")
                try db.execute("INSERT INTO \(identifier: database).total VALUES (0, 0), (1, 0), (2, 0)")
                try db.execute(
                    """
                    CREATE TABLE \(identifier: database).entry (
                        worker INTEGER REFERENCES total, number INTEGER, filling BLOB, PRIMARY KEY (worker, number)
                    )
                    """
                )
            }
        }
        // The tables are durable in all cases, because the test concerns later writes.
        for checkpoint in try await pool.checkpoint(.truncate) { #expect(checkpoint.isComplete) }
    }

    /// Writes until the power fails.
    ///
    /// - Returns: The number of acknowledged transactions of each task.
    private func write(to pool: SQLitePool, on disk: FaultyDisk) async -> [Int] {
        await withTaskGroup(of: Int.self) { group in
            for worker in 0..<3 {
                group.addTask {
                    for number in 1... {
                        do {
                            try await writeEntry(worker, number, to: pool)
                        } catch {
                            #expect(disk.isCut && error is SQLiteError, "\(error)")
                            return worker << 32 | number - 1
                        }
                    }
                    return 0
                }
            }
            group.addTask {
                while !disk.isCut { _ = try? await pool.query("SELECT count(*) FROM entry", as: Int.self) }
                return -1
            }
            var acknowledged = [0, 0, 0]
            for await result in group where result >= 0 { acknowledged[result >> 32] = result & 0xffff_ffff }
            return acknowledged
        }
    }

    private func writeEntry(_ worker: Int, _ number: Int, to pool: SQLitePool) async throws {
        let filling = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: number % 7 * 700)
        try await pool.write { db in
            for database in ["main", "second"] {
                let schema: SQLiteQuery = "\(identifier: database)"
                try db.withSavepoint { db in
                    _ = try db.execute("INSERT INTO \(sql: schema).entry VALUES (\(worker), \(number), \(filling))")
                }
                // A savepoint that is rolled back leaves no changes.
                struct Refusal: Error {}
                try? db.withSavepoint { db in
                    try db.execute("DELETE FROM \(sql: schema).entry")
                    throw Refusal()
                }
                try db.execute("UPDATE \(sql: schema).total SET count = \(number) WHERE worker = \(worker)")
            }
        }
    }

    /// Compares the contents of a file with the acknowledged transactions.
    private func inspect(_ path: String, _ acknowledged: [Int], into aftermath: inout Aftermath) async throws {
        let after = try SQLitePool(.patient.at(path))
        aftermath.problems += try await integrityProblems(after)
        aftermath.problems += try await after.query("SELECT \"table\" FROM pragma_foreign_key_check", as: String.self)
        for worker in 0..<3 {
            let (count, total, last) = try #require(
                await after.queryFirst(
                    """
                    SELECT (SELECT count(*) FROM entry WHERE worker = \(worker)), count,
                        (SELECT coalesce(max(number), 0) FROM entry WHERE worker = \(worker))
                    FROM total WHERE worker = \(worker)
                    """,
                    as: (Int, Int, Int).self
                )
            )
            if count != total || count != last { aftermath.torn += 1 }
            aftermath.lost += max(0, acknowledged[worker] - count)
        }
        await after.close()
    }

    @Test("With synchronous FULL, a power loss at any operation loses no acknowledged transaction")
    func full() async throws {
        let seed = SeededGenerator.seed("power loss")
        var random = SeededGenerator(seed: seed)
        var (acknowledged, inCheckpoint) = (0, 0)
        let rounds = isSanitized ? 140 : 700
        for round in 0..<rounds {
            let operations = Int.random(in: 1...300, using: &random)
            let aftermath = try await losePower(.full, seed: random.next(), after: operations)
            #expect(aftermath.problems == [], "round \(round) of seed \(seed)")
            #expect(aftermath.lost == 0 && aftermath.torn == 0, "round \(round) of seed \(seed)")
            acknowledged += aftermath.acknowledged
            if aftermath.wasInCheckpoint { inCheckpoint += 1 }
        }
        print("power loss: \(acknowledged) transactions acknowledged, \(inCheckpoint) checkpoints interrupted")
        #expect(acknowledged > rounds && inCheckpoint > rounds / 14)
    }

    @Test("With synchronous NORMAL, a power loss loses only the last transactions and damages nothing")
    func normal() async throws {
        let seed = SeededGenerator.seed("power loss, normal")
        var random = SeededGenerator(seed: seed)
        var (lost, inCheckpoint) = (0, 0)
        let rounds = isSanitized ? 60 : 300
        for round in 0..<rounds {
            let operations = Int.random(in: 50...300, using: &random)
            let aftermath = try await losePower(.normal, seed: random.next(), after: operations)
            #expect(aftermath.problems == [] && aftermath.torn == 0, "round \(round) of seed \(seed)")
            lost += aftermath.lost
            if aftermath.wasInCheckpoint { inCheckpoint += 1 }
        }
        print("power loss, normal: \(lost) transactions lost, \(inCheckpoint) checkpoints interrupted")
        // The losses also prove that the disk forgets.
        #expect(lost > 0 && inCheckpoint > rounds / 15)
    }
}
