// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import SQLitePooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct BackupTests {
    private func withCursor(_ count: Int, _ body: (SQLitePool, SampleFolder) async throws -> Void) async throws {
        let folder = try SampleFolder()
        try await withPool(in: folder) { pool in
            try await pool.write { db in
                try db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)")
                try db.execute("CREATE INDEX i ON t (x)")
                for id in 1...count { try db.execute("INSERT INTO t VALUES (\(id), \(String(id)))") }
            }
            try await body(pool, folder)
        }
    }

    private func count(_ path: String) async throws -> Int {
        let pool = try SQLitePool(SQLiteConfiguration.with(mode: .readWrite).at(path))
        #expect(try await pool.integrityCheck() == [])
        let count = try await pool.query("SELECT count(*) FROM t", as: Int.self)[0]
        await pool.close()
        return count
    }

    // MARK: Backup

    @Test("A backup is a sound copy, reports its progress, and replaces the target")
    func backup() async throws {
        try await withCursor(2_000) { pool, folder in
            let steps = Locked<[SQLiteConnection.BackupProgress]>([])
            let path = folder.file("backup.sqlite")
            try await pool.backUp(to: path, pagesPerStep: 5) { progress in steps.withLock { $0.append(progress) } }
            let told = steps.withLock { $0 }
            #expect(told.count > 3 && told.last?.fraction == 1 && told.last?.remainingPages == 0)
            #expect(told.map(\.fraction) == told.map(\.fraction).sorted())
            #expect(try await count(path) == 2_000)
            try await pool.execute("DELETE FROM t WHERE id > 10")
            try await pool.backUp(to: path)
            #expect(try await count(path) == 10)
        }
    }

    @Test("A backup is one snapshot and does not restart when other calls write between its steps")
    func backupUnderWrites() async throws {
        try await withCursor(2_000) { pool, folder in
            let path = folder.file("backup.sqlite")
            let (steps, step) = AsyncStream<Void>.makeStream()
            let (written, goOn) = (DispatchSemaphore(value: 0), 5)
            let stepCount = Locked(0)
            let backup = Task {
                defer { step.finish() }
                try await pool.backUp(to: path, pagesPerStep: 1) { _ in
                    let number = stepCount.withLock { count in
                        count += 1
                        return count
                    }
                    guard number <= goOn else { return }
                    step.yield()
                    written.wait()
                }
            }
            var number = 0
            for await _ in steps {
                number += 1
                try await pool.execute("INSERT INTO t VALUES (\(10_000 + number), 'later')")
                written.signal()
                if number == goOn { break }
            }
            try await backup.value
            #expect(try await count(path) == 2_000)
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [2_005])
            #expect(stepCount.withLock { $0 } < 100)
        }
    }

    @Test(
        "A cancelled backup leaves the target as it was, and the connection stays usable",
        arguments: [false, true]
    )
    func cancelledBackup(exists: Bool) async throws {
        try await withCursor(2_000) { pool, folder in
            let path = folder.file("backup.sqlite")
            if exists { try OutsideConnection(path).run("CREATE TABLE t (x); INSERT INTO t VALUES (1)") }
            let meeting = Rendezvous()
            let task = Task {
                try await pool.backUp(to: path, pagesPerStep: 2) { progress in
                    guard progress.remainingPages > 0 else { return }
                    meeting.arrive()
                    meeting.wait()
                }
            }
            await meeting.arrived()
            task.cancel()
            meeting.release()
            await #expect(throws: CancellationError.self) { try await task.value }
            let names = try folder.names.filter { $0.hasPrefix("backup") }
            #expect(names == (exists ? ["backup.sqlite"] : []))
            if exists { #expect(try await count(path) == 1) }
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [2_000])
            #expect(pool.statistics.readers.closed == 0)
        }
    }

    @Test(
        "A backup replaces a target that has a write-ahead log and another page size",
        arguments: [512, 4_096, 65_536]
    )
    func otherPageSize(size: Int) async throws {
        try await withCursor(2_000) { pool, folder in
            let path = folder.file("backup.sqlite")
            do {
                let other = try OutsideConnection(path)
                try other.run(
                    "PRAGMA page_size = \(size); PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)"
                )
                // The files that a killed process leaves: the log contains the committed pages.
                for ending in ["", "-wal"] {
                    try FileManager.default.copyItem(atPath: path + ending, toPath: folder.file("killed") + ending)
                }
                let busy = try await sqliteError {
                    try other.run("BEGIN IMMEDIATE")
                    defer { try? other.run("ROLLBACK") }
                    let impatient = SQLiteConfiguration.with(busyTimeout: .zero)
                    try await withPool(impatient, in: folder) { try await $0.backUp(to: path) }
                }
                #expect(busy.code.primary == .busy)
            }
            for name in ["backup.sqlite", "killed"] {
                struct Enough: Error {}
                await #expect(throws: Enough.self) {
                    try await pool.backUp(to: folder.file(name), pagesPerStep: 1) { _ in throw Enough() }
                }
                #expect(try await count(folder.file(name)) == 1)
                try await pool.backUp(to: folder.file(name))
                #expect(try !folder.names.contains(name + "-wal"))
                #expect(try await count(folder.file(name)) == 2_000)
            }
        }
    }

    @Test("The stale log of a deleted file does not become part of a backup with its name")
    func leftoverLog() async throws {
        try await withCursor(2_000) { pool, folder in
            do {
                let other = try OutsideConnection(folder.file("other"))
                try other.run("PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)")
                let files = FileManager.default
                try files.copyItem(atPath: folder.file("other-wal"), toPath: folder.file("new-wal"))
                try files.copyItem(atPath: folder.file("other-shm"), toPath: folder.file("new-shm"))
            }
            try await pool.backUp(to: folder.file("new"))
            #expect(try await count(folder.file("new")) == 2_000)
        }
    }

    @Test("An error of the progress closure ends the backup and is thrown unchanged")
    func abandonedBackup() async throws {
        struct Enough: Error {}
        try await withCursor(2_000) { pool, folder in
            let path = folder.file("backup.sqlite")
            await #expect(throws: Enough.self) {
                try await pool.backUp(to: path, pagesPerStep: 1) { _ in throw Enough() }
            }
            #expect(!FileManager.default.fileExists(atPath: path))
            try await pool.backUp(to: path)
            #expect(try await count(path) == 2_000)
        }
    }

    @Test("A backup to the database itself, to an impossible path, or to a file that is not a database is an error")
    func refusedBackups() async throws {
        try await withCursor(10) { pool, folder in
            let itself = try await sqliteError { try await pool.backUp(to: folder.path + "/./test.sqlite") }
            #expect(itself.code == .misuse)
            let nowhere = try await sqliteError { try await pool.backUp(to: folder.file("no/backup.sqlite")) }
            #expect(nowhere.code.primary == .cannotOpen && nowhere.message.contains("no/backup.sqlite"))
            let nul = try await sqliteError { try await pool.backUp(to: "a\0b") }
            #expect(nul.code == .nulCharacter)
            let text = Data(String(repeating: "This is no database. ", count: 500).utf8)
            try text.write(to: URL(filePath: folder.file("text")))
            let other = try await sqliteError { try await pool.backUp(to: folder.file("text")) }
            #expect(other.code == .notADatabase)
            #expect(try folder.bytes("text") == text)
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [10])
        }
    }

    @Test("A backup waits for a lock on the target, and fails after the timeout")
    func lockedBackup() async throws {
        let folder = try SampleFolder()
        try await withPool(SQLiteConfiguration.with(busyTimeout: .milliseconds(20)), in: folder) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let other = try OutsideConnection(folder.file("backup.sqlite"))
            try other.run("CREATE TABLE u (x); BEGIN EXCLUSIVE")
            let error = try await sqliteError { try await pool.backUp(to: folder.file("backup.sqlite")) }
            #expect(error.code.primary == .busy && error.isRetryable)
            try other.run("COMMIT")
            try await pool.backUp(to: folder.file("backup.sqlite"))
            #expect(try await count(folder.file("backup.sqlite")) == 0)
        }
    }

    @Test("The writer can make a backup, but not of an uncommitted transaction")
    func backupByWriter() async throws {
        try await withCursor(10) { pool, folder in
            let path = folder.file("backup.sqlite")
            try await pool.writeWithoutTransaction { db in
                try db.execute("INSERT INTO t VALUES (11, 'x')")
                try db.backUp(to: path)
            }
            #expect(try await count(path) == 11)
            let error = try await sqliteError { try await pool.write { db in try db.backUp(to: path) } }
            #expect(error.code == .misuse)
        }
    }

    // MARK: Integrity

    @Test(
        "The integrity check reports nothing for a sound database, and the requested number of problems for a damaged one"
    )
    func integrity() async throws {
        try await withCursor(2_000) { pool, folder in
            #expect(try await pool.integrityCheck() == [])
            #expect(try await pool.integrityCheck(isQuick: true) == [])
            // The index is empty, and the table has rows.
            try OutsideConnection(folder.file()).run(
                """
                CREATE TABLE e (x TEXT);
                CREATE INDEX ei ON e (x);
                PRAGMA writable_schema = 1;
                UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'ei') WHERE name = 'i';
                """
            )
            // A connection that has not read the schema before.
            let other = try SQLitePool(.patient.at(folder.file()))
            let problems = try await other.integrityCheck(maximumCount: 5)
            #expect(problems.count == 5 && problems.allSatisfy { !$0.isEmpty }, "\(problems)")
            #expect(try await other.integrityCheck().count == 100)
            await other.close()
        }
    }
}
