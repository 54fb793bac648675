// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLiteLog
import Testing

@testable import SQLitePooling

/// What is between SQLite and the write-ahead log.
@Suite struct LogWriteTests {
    private struct Refusal: Error {}

    @Test("A commit writes its pages into the log at once", arguments: [(1, 1), (16, 1), (40, 2)])
    func oneWrite(pages: Int, writes: Int) async throws {
        let disk = FaultyDisk(seed: 1)
        let folder = try SampleFolder()
        let pool = try SQLitePool(uri: disk.uri(folder), configuration: .patient)
        try await pool.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB)")
        try await pool.write { db in
            // A row for each page.
            for id in 0..<pages { try db.execute("INSERT INTO t VALUES (\(id), zeroblob(3000))") }
        }
        let before = disk.operations
        try await pool.execute("UPDATE t SET x = zeroblob(3001)")
        #expect(disk.operations - before == writes)
        await pool.close()
    }

    @Test("What a transaction has written before it was rolled back does not come upon what others have written since")
    func rolledBack() async throws {
        let folder = try SampleFolder()
        let intruder = try Intruder(folder.file())
        try intruder.run("PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB)")
        var configuration = SQLiteConfiguration.patient
        configuration.cacheSizeKiB = 40
        try await withPool(configuration, in: folder) { pool in
            for round in 0..<10 {
                // So that the rollback reads nothing from the log.
                try intruder.run("PRAGMA wal_checkpoint(TRUNCATE)")
                await #expect(throws: Refusal.self) {
                    try await pool.write { db in
                        // More pages than there is memory for, and less than are gathered at a time.
                        for _ in 0..<10 + round { try db.execute("INSERT INTO t (x) VALUES (zeroblob(3000))") }
                        throw Refusal()
                    }
                }
                let row = "INSERT INTO t (x) VALUES (zeroblob(3000));"
                try intruder.run("BEGIN; \(String(repeating: row, count: 50)) COMMIT")
                let found = try await pool.write { db in try db.queryFirst("SELECT count(*) FROM t", as: Int.self) }
                #expect(found == 50 * (round + 1))
                #expect(try await integrityProblems(pool) == [])
            }
        }
    }

    @Test("Nor does what was written in exclusive mode, after others may write again")
    func exclusiveMode() async throws {
        let folder = try SampleFolder()
        var configuration = SQLiteConfiguration.patient
        configuration.cacheSizeKiB = 40
        try await withPool(configuration, in: folder) { pool in
            try await pool.writeWithoutTransaction { db in
                try db.executeScript(
                    """
                    CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB);
                    PRAGMA wal_checkpoint(TRUNCATE);
                    PRAGMA locking_mode = EXCLUSIVE;
                    BEGIN IMMEDIATE;
                    """
                )
                for _ in 0..<15 { try db.execute("INSERT INTO t (x) VALUES (zeroblob(3000))") }
                try db.executeScript("ROLLBACK; PRAGMA locking_mode = NORMAL; SELECT count(*) FROM t")
                let intruder = try Intruder(folder.file())
                let row = "INSERT INTO t (x) VALUES (zeroblob(3000));"
                try intruder.run("BEGIN; \(String(repeating: row, count: 50)) COMMIT")
                #expect(try db.queryFirst("SELECT count(*) FROM t", as: Int.self) == 50)
                #expect(try db.query("PRAGMA integrity_check", as: String.self) == ["ok"])
            }
        }
    }

    @Test("A connection's writes are gathered once, however often that is asked for")
    func twice() async throws {
        try await withPool(.patient) { pool in
            try await pool.write { db in
                #expect(unsafe lockpool_sqlite_gather_log_writes(db.session.handle) == 0)
                _ = try db.execute("CREATE TABLE t AS SELECT 1 AS x")
            }
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1])
        }
    }

    @Test(
        "A transaction whose pages could not be written is not committed, also if a body goes on after it has been told"
    )
    func failure() async throws {
        let disk = FaultyDisk(seed: 1)
        let folder = try SampleFolder()
        var configuration = SQLiteConfiguration.patient
        configuration.cacheSizeKiB = 40
        let pool = try SQLitePool(uri: disk.uri(folder), configuration: configuration)
        try await pool.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, u INTEGER UNIQUE, x BLOB)")
        try await pool.write { db in
            for u in 0..<100 { try db.execute("INSERT INTO t (u, x) VALUES (\(u), zeroblob(3000))") }
        }
        for rows in 10..<30 {
            await #expect(throws: SQLiteError.self) {
                try await pool.write { db in
                    for id in 1...rows { try db.execute("UPDATE t SET x = zeroblob(3001) WHERE id = \(id)") }
                    disk.limit(0)
                    // Reads what has been changed, which is to be written into the log before. A statement that may have to be undone by
                    // itself does not take the transaction with it when the disk is full.
                    #expect(throws: SQLiteError.self) {
                        try db.execute("UPDATE t SET u = u + 1000, x = zeroblob(3002)")
                    }
                    disk.limit(nil)
                    for id in 50...80 { _ = try? db.execute("UPDATE t SET x = zeroblob(3001) WHERE id = \(id)") }
                }
            }
            let lengths = try await pool.query("SELECT DISTINCT length(x) FROM t", as: Int.self)
            #expect(lengths == [3_000], "\(rows) rows")
            #expect(try await integrityProblems(pool) == [])
        }
        await pool.close()
    }

    @Test(
        "Whatever is committed, rolled back and written by others is as SQLite has it alone",
        arguments: [512, 4_096, 65_536]
    )
    func model(pageSize: Int) async throws {
        let seed = SeededGenerator.seed("log writes")
        var random = SeededGenerator(seed: seed)
        let folder = try SampleFolder()
        let intruder = try Intruder(folder.file())
        try intruder.run(
            "PRAGMA page_size = \(pageSize); PRAGMA journal_mode = WAL; CREATE TABLE t (x INTEGER, y BLOB)"
        )
        // So few pages that most transactions write some before they are committed, and some twice.
        var configuration = SQLiteConfiguration.patient
        configuration.cacheSizeKiB = 10 * pageSize / 1_024
        if pageSize == 512 { configuration.maximumWritesPerCommit = 8 }
        try await withPool(configuration, in: folder) { pool in
            var sum = 0
            for round in 1...(pageSize == 65_536 ? 20 : 100) {
                let (rows, size) = (
                    Int.random(in: 1...40, using: &random), Int.random(in: 1...2 * pageSize, using: &random)
                )
                func fill(_ db: borrowing SQLiteConnection) throws {
                    for _ in 0..<rows { try db.execute("INSERT INTO t VALUES (\(round), zeroblob(\(size)))") }
                    try db.execute("UPDATE t SET y = zeroblob(\(size + 1)) WHERE x = \(round)")
                }
                switch Int.random(in: 0..<8, using: &random) {
                case 0, 1, 2:
                    try await pool.write { db in try fill(db) }
                    sum += rows * round
                case 3, 4:
                    await #expect(throws: Refusal.self) {
                        try await pool.write { db in
                            try fill(db)
                            throw Refusal()
                        }
                    }
                case 5:
                    try await pool.write { db in
                        try fill(db)
                        try? db.savepoint { db in
                            try fill(db)
                            throw Refusal()
                        }
                        try fill(db)
                    }
                    sum += 2 * rows * round
                case 6:
                    try intruder.run("PRAGMA wal_checkpoint(\(round.isMultiple(of: 2) ? "TRUNCATE" : "PASSIVE"))")
                default:
                    let row = "INSERT INTO t VALUES (\(round), zeroblob(\(size)));"
                    try intruder.run("BEGIN; \(String(repeating: row, count: rows)) COMMIT")
                    sum += rows * round
                }
                // What a process that ends now leaves behind, whose log is read by its checksums.
                let remains = try folder.remains()
                let after = try SQLitePool(path: remains.file(), configuration: .patient)
                let left = try await after.queryFirst("SELECT coalesce(sum(x), 0) FROM t", as: Int.self)
                await after.close()
                try #require(left == sum, "round \(round) of seed \(seed)")
                let found = try await pool.write { db in
                    try db.queryFirst("SELECT coalesce(sum(x), 0) FROM t", as: Int.self)
                }
                try #require(found == sum, "round \(round) of seed \(seed)")
            }
            #expect(try await integrityProblems(pool) == [])
        }
    }
}
