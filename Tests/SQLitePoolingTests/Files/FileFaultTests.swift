// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import Foundation
import SQLitePooling
import Testing

/// File faults: each causes a specific error, loses no committed data, and leaves the pool usable.
@Suite(.timeLimit(.minutes(10))) struct FileFaultTests {
    static let rowSize = 1_000

    /// Inserts rows, one transaction each, until one fails.
    func fill(_ pool: SQLitePool, from first: Int = 1, atMost count: Int = 5_000) async throws -> (
        rows: Int, error: SQLiteError
    ) {
        for number in first..<first + count {
            do {
                try await pool.execute("INSERT INTO t VALUES (\(number), zeroblob(\(Self.rowSize)))")
            } catch {
                return (number - 1, try #require(error as? SQLiteError))
            }
        }
        throw PoolFull()
    }

    struct PoolFull: Error {}

    func expectEverything(_ pool: SQLitePool, rows: Int) async throws {
        #expect(try await integrityProblems(pool) == [])
        let found = try await pool.queryFirst("SELECT count(*), max(id) FROM t", as: (Int, Int).self)
        #expect(try #require(found) == (rows, rows))
    }

    static let table: SQLiteQuery = "CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB)"

    // MARK: Full

    @Test("A full disk is an error, committed data stay, and the pool continues when there is room")
    func fullDisk() async throws {
        let disk = FaultyDisk(seed: 1)
        let folder = try SampleFolder()
        let pool = try SQLitePool(
            SQLiteConfiguration.with(synchronous: .full, checkoutTimeout: .seconds(600))
                .at(uri: disk.uri(folder))
        )
        try await pool.execute(Self.table)
        disk.limit(300_000)
        let (rows, error) = try await fill(pool)
        #expect(error.code == .full && !error.isRetryable && rows > 10)
        try await expectEverything(pool, rows: rows)
        let inBody = try await sqliteError {
            try await pool.write { db in
                for number in 10_000..<20_000 { try db.execute("INSERT INTO t VALUES (\(number), zeroblob(\(1_000)))") }
            }
        }
        #expect(inBody.code == .full)
        try await expectEverything(pool, rows: rows)
        disk.limit(nil)
        try await pool.execute("INSERT INTO t VALUES (\(rows + 1), NULL)")
        try await expectEverything(pool, rows: rows + 1)
        await pool.close()
        let after = try SQLitePool(.patient.at(folder.file()))
        try await expectEverything(after, rows: rows + 1)
        await after.close()
    }

    @Test("A file at its size limit is an error, committed data stay, and the pool continues with a higher limit")
    func limitedFileSize() async {
        await #expect(processExitsWith: .success) {
            let tests = FileFaultTests()
            // Otherwise the signal would end the process.
            signal(SIGXFSZ, SIG_IGN)
            try await withPool { pool in
                try await pool.execute(FileFaultTests.table)
                try setLimit(200_000)
                let (rows, error) = try await tests.fill(pool)
                #expect(error.code.primary == .inputOutput && rows > 10)
                try await tests.expectEverything(pool, rows: rows)
                try setLimit(nil)
                try await pool.execute("INSERT INTO t VALUES (\(rows + 1), NULL)")
                try await tests.expectEverything(pool, rows: rows + 1)
            }
        }
    }

    @Test("A database at its maximum page count is full")
    func pageLimit() async throws {
        try await withPool(
            SQLiteConfiguration.with(pragmas: [SQLiteConfiguration.Pragma("max_page_count", 50, on: .writer)])
        ) {
            pool in
            try await pool.execute(Self.table)
            let (rows, error) = try await fill(pool)
            #expect(error.code == .full)
            try await expectEverything(pool, rows: rows)
            try await pool.execute("DELETE FROM t WHERE id > 10")
            try await pool.execute("INSERT INTO t VALUES (11, zeroblob(100))")
            try await expectEverything(pool, rows: 11)
        }
    }

    // MARK: Permissions

    @Test("A read-only folder is an error that names the file, for a new database and for an existing one")
    func readOnlyFolder() async {
        await #expect(processExitsWith: .success) {
            dropPrivileges()
            let folder = try SampleFolder()
            try folder.setWritable(false)
            try await withPool(in: folder) { pool in
                let error = try await sqliteError { try await pool.execute("CREATE TABLE t (x)") }
                #expect(error.code.primary == .cannotOpen && error.message.contains(folder.file()))
                try folder.setWritable(true)
                try await pool.execute("CREATE TABLE t (x)")
                try await pool.execute("INSERT INTO t VALUES (1)")
            }
            let before = try folder.bytes()
            try folder.setWritable(false)
            try await withPool(in: folder) { pool in
                let writing = try await sqliteError { try await pool.execute("INSERT INTO t VALUES (2)") }
                #expect(
                    [.readOnly, .cannotOpen].contains(writing.code.primary) && writing.message.contains(folder.file())
                )
                #expect(try folder.bytes() == before)
                try folder.setWritable(true)
                try await pool.execute("INSERT INTO t VALUES (2)")
                #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1, 2])
            }
        }
    }

    // MARK: Damage

    /// Creates a database with one row, and closes it.
    func sample() async throws -> SampleFolder {
        let folder = try SampleFolder()
        try await withPool(in: folder) { pool in
            try await pool.write { db in try db.executeScript("CREATE TABLE t (x); INSERT INTO t VALUES (1)") }
        }
        return folder
    }

    @Test("Damage to any byte of the header is an error or harmless, and the repaired file is usable")
    func corruptHeader() async throws {
        let folder = try await sample()
        let sound = try folder.bytes()
        var errors: Set<SQLiteError.Code> = []
        for byte in 0..<100 {
            for value: UInt8 in [0, 0xff] where sound[byte] != value {
                var damaged = sound
                damaged[byte] = value
                try damaged.write(to: URL(filePath: folder.file()))
                try await withPool(SQLiteConfiguration.with(maximumReaders: 1), in: folder) { pool in
                    do {
                        let rows = try await pool.query("SELECT x FROM t", as: Int.self)
                        #expect(rows == [1])
                        try await pool.execute("INSERT INTO t VALUES (2)")
                    } catch {
                        let error = try #require(error as? SQLiteError)
                        errors.insert(error.code.primary)
                        if byte < 16 { #expect(error.code == .notADatabase && error.message.contains(folder.file())) }
                        for name in try folder.names where name != "test.sqlite" {
                            try? FileManager.default.removeItem(atPath: folder.file(name))
                        }
                        try sound.write(to: URL(filePath: folder.file()))
                        #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1])
                    }
                }
            }
        }
        #expect(errors.isSuperset(of: [.notADatabase, .corrupt]))
    }

    @Test("A truncated write-ahead log contains the transactions before the cut, and the database is sound")
    func truncatedLog() async throws {
        let folder = try SampleFolder()
        let crashed = try SampleFolder()
        try await withPool(in: folder) { pool in
            try await pool.execute(Self.table)
            try await pool.checkpoint(.truncate)
            for number in 1...20 {
                try await pool.execute("INSERT INTO t VALUES (\(number), zeroblob(\(Self.rowSize)))")
            }
            // The files as a killed process leaves them.
            for name in ["test.sqlite", "test.sqlite-wal"] {
                try FileManager.default.copyItem(atPath: folder.file(name), toPath: crashed.file(name))
            }
        }
        let (file, log) = (try crashed.bytes(), try crashed.bytes("test.sqlite-wal"))
        var counts: [Int] = []
        for size in stride(from: 0, through: log.count, by: 1_499) + [log.count] {
            let folder = try SampleFolder()
            try file.write(to: URL(filePath: folder.file()))
            try log.prefix(size).write(to: URL(filePath: folder.file("test.sqlite-wal")))
            try await withPool(in: folder) { pool in
                let count = try await pool.query("SELECT count(*) FROM t", as: Int.self)[0]
                counts.append(count)
                if count > 0 { try await expectEverything(pool, rows: count) }
                try await pool.execute("INSERT INTO t VALUES (\(count + 1), NULL)")
                try await expectEverything(pool, rows: count + 1)
            }
        }
        #expect(counts == counts.sorted() && counts.first == 0 && counts.last == 20)
    }

    @Test(
        "Open connections continue with a deleted file; a new connection reports that it is missing"
    )
    func deletedFile() async throws {
        let folder = try await sample()
        let configuration = SQLiteConfiguration.with(mode: .readWrite, maximumReaders: 2)
        try await withPool(configuration, in: folder) { pool in
            try await pool.execute("INSERT INTO t VALUES (2)")
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1, 2])
            for name in try folder.names { try FileManager.default.removeItem(atPath: folder.file(name)) }
            // The outcome that SQLite documents.
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1, 2])
            let meeting = Rendezvous()
            async let holder: Void = pool.read { _ in
                meeting.arrive()
                meeting.wait()
            }
            await meeting.arrived()
            let error = try await sqliteError { _ = try await pool.query("SELECT x FROM t", as: Int.self) }
            #expect(error.code.primary == .cannotOpen && error.message.contains(folder.file()))
            meeting.release()
            try await holder
        }
        try await withPool(configuration, in: folder) { pool in
            let error = try await sqliteError { try await pool.execute("INSERT INTO t VALUES (3)") }
            #expect(error.code.primary == .cannotOpen)
        }
    }

    @Test("Open connections continue with a file that is replaced, and do not touch the new one")
    func exchangedFile() async throws {
        let folder = try await sample()
        let other = try SampleFolder()
        let maker = try SQLitePool(.patient.at(other.file()))
        try await maker.execute("CREATE TABLE t (x)")
        try await maker.execute("INSERT INTO t VALUES (100)")
        await maker.close()
        let before = try other.bytes()
        try await withPool(SQLiteConfiguration.with(mode: .readWrite, maximumReaders: 1), in: folder) { pool in
            try await pool.execute("INSERT INTO t VALUES (2)")
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1, 2])
            for name in try folder.names { try FileManager.default.removeItem(atPath: folder.file(name)) }
            try FileManager.default.moveItem(atPath: other.file(), toPath: folder.file())
            // New data are lost with the old file, and readers and the writer see the same data.
            try await pool.execute("INSERT INTO t VALUES (3)")
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1, 2, 3])
        }
        #expect(try folder.bytes() == before)
        try await withPool(in: folder) { pool in
            let (values, problems) = try await (
                pool.query("SELECT x FROM t", as: Int.self), integrityProblems(pool)
            )
            #expect(values == [100] && problems == [])
        }
    }
}

/// Limits the size of files that this process writes.
private func setLimit(_ bytes: Int?) throws {
    var limit = rlimit()
    #if canImport(Glibc)
        let resource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
    #else
        let resource = RLIMIT_FSIZE
    #endif
    try #require(unsafe getrlimit(resource, &limit) == 0)
    limit.rlim_cur = bytes.map { rlim_t($0) } ?? limit.rlim_max
    try #require(unsafe setrlimit(resource, &limit) == 0)
}
