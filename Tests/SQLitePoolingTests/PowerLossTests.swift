// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import SQLitePooling
import Testing

@Suite struct PowerLossTests {
    /// What a loss of power has left.
    struct Aftermath {
        var problems: [String]
        var lost: Int
        var torn: Int
        var acknowledged: Int
    }

    /// Has the power fail while three tasks write and one reads.
    private func losePower(
        _ synchronous: SQLiteConfiguration.Synchronous,
        seed: UInt64,
        after operations: Int
    ) async throws -> Aftermath {
        let disk = FaultyDisk(seed: seed)
        let folder = try SampleFolder()
        // Checkpoints come often, so that the power fails in some.
        let configuration = SQLiteConfiguration(
            maximumReaders: 1,
            synchronous: synchronous,
            checkoutTimeout: .seconds(600),
            pragmas: [SQLitePragma("wal_autocheckpoint", 12, on: .writer)],
            maximumWritesPerCommit: operations.isMultiple(of: 2) ? 8 : 1
        )
        let pool = try SQLitePool(uri: disk.uri(folder), configuration: configuration)
        try await pool.write { db in
            try db.executeScript(
                """
                CREATE TABLE entry (worker INTEGER, number INTEGER, filling BLOB, PRIMARY KEY (worker, number));
                CREATE TABLE total (worker INTEGER PRIMARY KEY, count INTEGER);
                INSERT INTO total VALUES (0, 0), (1, 0), (2, 0);
                """
            )
        }
        // The beginning is on the disk in any case: it is what comes after that is asked about.
        try await pool.writeWithoutTransaction { db in _ = try db.execute("PRAGMA wal_checkpoint(TRUNCATE)") }
        disk.cut(after: operations)
        let acknowledged = await withTaskGroup(of: Int.self) { group in
            for worker in 0..<3 {
                group.addTask {
                    for number in 1... {
                        let filling = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: number % 7 * 700)
                        do {
                            try await pool.write { db in
                                try db.execute("INSERT INTO entry VALUES (\(worker), \(number), \(filling))")
                                try db.execute("UPDATE total SET count = \(number) WHERE worker = \(worker)")
                            }
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
        await pool.close()

        let remains = try disk.remains(folder)
        let after = try SQLitePool(path: remains.file(), configuration: .patient)
        var aftermath = Aftermath(problems: [], lost: 0, torn: 0, acknowledged: acknowledged.reduce(0, +))
        aftermath.problems = try await integrityProblems(after)
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
        return aftermath
    }

    @Test("After a loss of power at any moment, the file is sound and has everything that was acknowledged")
    func full() async throws {
        let seed = SeededGenerator.seed("power loss")
        var random = SeededGenerator(seed: seed)
        var acknowledged = 0
        for round in 0..<200 {
            let operations = Int.random(in: 1...300, using: &random)
            let aftermath = try await losePower(.full, seed: random.next(), after: operations)
            #expect(aftermath.problems == [], "round \(round) of seed \(seed)")
            #expect(aftermath.lost == 0 && aftermath.torn == 0, "round \(round) of seed \(seed)")
            acknowledged += aftermath.acknowledged
        }
        #expect(acknowledged > 200)
    }

    @Test("Without a synchronization at each commit, a loss of power takes the last of them and nothing else")
    func normal() async throws {
        let seed = SeededGenerator.seed("power loss, normal")
        var random = SeededGenerator(seed: seed)
        var lost = 0
        for round in 0..<30 {
            let operations = Int.random(in: 50...300, using: &random)
            let aftermath = try await losePower(.normal, seed: random.next(), after: operations)
            #expect(aftermath.problems == [] && aftermath.torn == 0, "round \(round) of seed \(seed)")
            lost += aftermath.lost
        }
        // Which also shows that the disk does forget.
        #expect(lost > 0)
    }
}
