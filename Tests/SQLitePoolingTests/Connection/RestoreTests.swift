// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import SQLitePooling
import Testing

/// Databases that are replaced while they are in use.
@Suite(.timeLimit(.minutes(10))) struct RestoreTests {
    struct Oops: Error {}

    private func fill(_ pool: SQLitePool, _ value: Int, rows: Int = 1_000) async throws {
        try await pool.write { db in
            try db.executeScript("DROP TABLE IF EXISTS a; CREATE TABLE a (x INTEGER, filling BLOB)")
            for _ in 0..<rows { try db.execute("INSERT INTO a VALUES (\(value), randomblob(500))") }
        }
    }

    private func values(_ pool: SQLitePool) async throws -> [Int] {
        try await pool.query("SELECT DISTINCT x FROM a", as: Int.self)
    }

    @Test("A backup is restored into a database that is in use, and readers keep their snapshots")
    func restore() async throws {
        let folder = try SampleFolder()
        try await withPool(in: folder) { pool in
            try await fill(pool, 1)
            try await pool.backUp(to: folder.file("backup.sqlite"))
            try await fill(pool, 2, rows: 50)
            let meeting = Rendezvous()
            let reading = Task {
                try await pool.read { db in
                    let before = try db.query("SELECT DISTINCT x FROM a", as: Int.self)
                    meeting.arrive()
                    meeting.wait()
                    return before + (try db.query("SELECT DISTINCT x FROM a", as: Int.self))
                }
            }
            await meeting.arrived()
            let fractions = Locked([Double]())
            try await pool.restore(from: folder.file("backup.sqlite"), pagesPerStep: 20) { progress in
                fractions.withLock { $0.append(progress.fraction) }
            }
            try await #expect(values(pool) == [1])
            meeting.release()
            try await #expect(reading.value == [2, 2])
            let reported = fractions.withLock { $0 }
            #expect(reported.count > 2 && reported == reported.sorted() && reported.last == 1)
            try await #expect(integrityProblems(pool).isEmpty)
            try await #expect(pool.queryOne("PRAGMA journal_mode", as: String.self) == "wal")
            try await pool.execute("INSERT INTO a VALUES (3, NULL)")
            try await #expect(values(pool).sorted() == [1, 3])
        }
        // The file is whole after it was closed.
        try await withPool(in: folder) { pool in try await #expect(values(pool).sorted() == [1, 3]) }
    }

    @Test("A restore that fails leaves the database as it was")
    func failures() async throws {
        let folder = try SampleFolder()
        try Data(
            "not a database, but longer than a header of one hundred bytes: \(String(repeating: "x", count: 600))".utf8
        )
        .write(to: URL(filePath: folder.file("text")))
        try await withPool(in: folder) { pool in
            try await fill(pool, 1)
            try await pool.backUp(to: folder.file("backup.sqlite"))
            try await fill(pool, 2)
            for (name, code) in [
                ("missing", SQLiteError.Code.cannotOpen), ("text", .notADatabase), ("test.sqlite", .misuse),
                ("a\0", .nulCharacter),
            ] {
                let error = try await sqliteError { try await pool.restore(from: folder.file(name)) }
                #expect(error.code.primary == code)
            }
            await #expect(throws: Oops.self) {
                try await pool.restore(from: folder.file("backup.sqlite"), pagesPerStep: 5) { progress in
                    if progress.fraction > 0.5 { throw Oops() }
                }
            }
            let meeting = Rendezvous()
            let task = Task {
                try await pool.restore(from: folder.file("backup.sqlite"), pagesPerStep: 5) { progress in
                    guard progress.fraction > 0.5 else { return }
                    meeting.arrive()
                    meeting.wait()
                }
            }
            await meeting.arrived()
            task.cancel()
            meeting.release()
            await #expect(throws: CancellationError.self) { try await task.value }
            try await #expect(values(pool) == [2])
            try await #expect(integrityProblems(pool).isEmpty)
            try await pool.execute("INSERT INTO a VALUES (2, NULL)")
        }
        let large = try OutsideConnection(folder.file("large.sqlite"))
        try large.run("PRAGMA page_size = 8192; CREATE TABLE a (x INTEGER)")
        try await withPool { pool in
            try await fill(pool, 5)
            let error = try await sqliteError { try await pool.restore(from: folder.file("large.sqlite")) }
            #expect(error.code == .readOnly)
            try await #expect(values(pool) == [5])
        }
    }

    @Test("A database is serialized into the bytes of a file, and deserialized into a database in use")
    func serialized() async throws {
        let folder = try SampleFolder()
        try await withPool(in: folder) { pool in
            try await fill(pool, 1)
            let bytes = try await pool.serialize()
            try Data(bytes).write(to: URL(filePath: folder.file("copy.sqlite")))
            try await fill(pool, 2, rows: 3)
            try await pool.deserialize(bytes)
            try await #expect(values(pool) == [1])
            try await #expect(integrityProblems(pool).isEmpty)
            for bad in [[], [UInt8](repeating: 7, count: 100), [UInt8](repeating: 7, count: 8_192)] {
                let error = try await sqliteError { try await pool.deserialize(bad) }
                #expect(error.code.primary == .notADatabase)
            }
            try await #expect(values(pool) == [1])
        }
        let copy = try SQLitePool(folder.file("copy.sqlite"))
        try await #expect(values(copy) == [1])
        await copy.close()
    }

    @Test("An incremental vacuum returns free pages in several writes, and needs a database that allows it")
    func vacuum() async throws {
        try await withPool { pool in
            let error = try await sqliteError { try await pool.incrementalVacuum() }
            #expect(error.code == .misuse)
            try await pool.writeWithoutTransaction { db in
                try db.execute("PRAGMA auto_vacuum = INCREMENTAL")
                try db.execute("VACUUM")
            }
            try await fill(pool, 1)
            try await pool.execute("DELETE FROM a")
            let free = try await pool.queryOne("PRAGMA freelist_count", as: Int.self)
            #expect(free > 100)
            try await #expect(pool.incrementalVacuum(maximumPages: 10, pagesPerStep: 3) == 10)
            try await #expect(pool.queryOne("PRAGMA freelist_count", as: Int.self) == free - 10)
            try await #expect(pool.incrementalVacuum(pagesPerStep: 7) == free - 10)
            try await #expect(pool.incrementalVacuum() == 0)
        }
    }
}
