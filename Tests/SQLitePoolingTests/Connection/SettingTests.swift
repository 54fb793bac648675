// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import ConnectionPooling
import Foundation
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct SettingTests {
    /// Returns a value that differs from the current one.
    private static func other(_ name: String, than value: String) -> String {
        switch name {
        case "synchronous": "3"
        case "max_page_count": "5000"
        default: value == "0" ? "1" : "0"
        }
    }

    @Test(
        "A setting that a body changes is restored, and the connection is not replaced",
        arguments: PragmaPolicy.restoredNames.sorted()
    )
    func restored(name: String) async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let read = SQLiteQuery(unsafe: "PRAGMA \(name)")
            let before = try await pool.writeWithoutTransaction { db in
                let before = try db.query(read, as: Int.self)
                let other = Self.other(name, than: before.first.map(String.init) ?? "")
                try db.execute(SQLiteQuery(unsafe: "PRAGMA \(name) = \(other)"))
                return before
            }
            let after = try await pool.writeWithoutTransaction { db in try db.query(read, as: Int.self) }
            #expect(after == before && before.count == 1)
            #expect(pool.statistics.writer.createdAndClosed == [1, 0])
        }
    }

    @Test("100 writes that defer foreign keys need one connection", arguments: [1, 64])
    func deferredKeys(group: Int) async throws {
        try await withPool(SQLiteConfiguration.with(maximumWritesPerCommit: group)) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            for number in 0..<100 {
                try await pool.write { db in
                    try db.execute("PRAGMA defer_foreign_keys = ON")
                    try db.execute("INSERT INTO t VALUES (\(number))")
                }
            }
            #expect(pool.statistics.writer.createdAndClosed == [1, 0])
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [100])
        }
    }

    @Test("A setting is restored to the value that the setup has set")
    func baseline() async throws {
        var configuration = SQLiteConfiguration()
        configuration.setup = ["PRAGMA recursive_triggers = 1"]
        try await withPool(configuration) { pool in
            for _ in 0..<2 {
                let values = try await pool.writeWithoutTransaction { db in
                    let before = try db.query("PRAGMA recursive_triggers", as: Int.self)
                    try db.executeScript("SELECT 1; PRAGMA recursive_triggers = 0; SELECT 2")
                    return before + (try db.query("PRAGMA recursive_triggers", as: Int.self))
                }
                #expect(values == [1, 0])
            }
            #expect(pool.statistics.writer.createdAndClosed == [1, 0])
        }
    }

    @Test("A setting that changes in a rolled-back savepoint is restored")
    func inSavepoint() async throws {
        struct Refusal: Error {}
        try await withPool { pool in
            try await pool.write { db in
                try? db.withSavepoint { db in
                    try db.execute("PRAGMA cache_size = 10")
                    throw Refusal()
                }
            }
            let size = try await pool.write { db in try db.query("PRAGMA cache_size", as: Int.self) }
            #expect(size == [-8_192])
            #expect(pool.statistics.writer.createdAndClosed == [1, 0])
        }
    }

    @Test(
        "A pragma that would break the pool is refused, in a body, in a script and in the setup",
        arguments: [
            "PRAGMA wal_autocheckpoint = 10", "PRAGMA wal_checkpoint", "PRAGMA main.wal_checkpoint(TRUNCATE)",
            "PRAGMA main.journal_mode = OFF", "PRAGMA Journal_Mode(memory)",
        ]
    )
    func refused(sql: String) async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            for inScript in [false, true] {
                let error = try await sqliteError {
                    try await pool.writeWithoutTransaction { db in
                        if inScript {
                            try db.executeScript(SQLiteQuery(unsafe: sql))
                        } else {
                            try db.execute(SQLiteQuery(unsafe: sql))
                        }
                    }
                }
                #expect(error.code == .refusedPragma && error.sql == sql)
            }
            #expect(try await pool.query("PRAGMA journal_mode", as: String.self) == ["wal"])
            #expect(pool.statistics.writer.createdAndClosed == [1, 0])
        }
        var configuration = SQLiteConfiguration()
        configuration.setup = [SQLiteQuery(unsafe: sql)]
        try await withPool(configuration) { pool in
            let error = try await sqliteError { try await pool.execute("CREATE TABLE t (x)") }
            #expect(error.code == .refusedPragma)
        }
    }

    @Test(
        "A heap limit is refused if SQLite counts no memory",
        arguments: ["soft_heap_limit", "hard_heap_limit"]
    )
    func heapLimit(name: String) async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            guard sqlite3_memory_used() == 0 else { return }
            let error = try await sqliteError {
                try await pool.execute(SQLiteQuery(unsafe: "PRAGMA \(name) = 1000000000"))
            }
            #expect(error.code == .refusedPragma && error.message.contains("keepMemoryStatistics"))
        }
        guard sqlite3_memory_used() == 0 else { return }
        try await withPool(SQLiteConfiguration.with(pragmas: [SQLiteConfiguration.Pragma(name, 1_000_000_000)])) {
            pool in
            let error = try await sqliteError { try await pool.execute("CREATE TABLE t (x)") }
            #expect(error.message.contains("keepMemoryStatistics"))
        }
    }

    // MARK: VACUUM INTO

    @Test("VACUUM INTO works in query, in execute and without a transaction, and the reader stays read-only")
    func vacuumInto() async throws {
        let folder = try SampleFolder()
        try await withPool(SQLiteConfiguration.with(maximumReaders: 1), in: folder) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            try await pool.execute("INSERT INTO t VALUES (1)")
            let paths = ["a", "b", "c"].map { folder.file($0) }
            _ = try await pool.queryFirst("VACUUM INTO \(paths[0])", as: SQLiteValue.self)
            try await pool.execute("/* x */ vacuum main into \(paths[1])")
            try await pool.writeWithoutTransaction { db in _ = try db.execute("VACUUM INTO \(paths[2])") }
            for path in paths {
                let copy = try SQLitePool(.patient.at(path))
                #expect(try await copy.query("SELECT x FROM t", as: Int.self) == [1])
                await copy.close()
            }
            #expect(try await pool.query("PRAGMA query_only", as: Int.self) == [1])
            #expect(pool.statistics.readers.createdAndClosed == [1, 0])
            let error = try await sqliteError {
                try await pool.read { db in _ = try db.execute("VACUUM INTO \(folder.file("d"))") }
            }
            #expect(error.message.contains("pool.query"))
        }
    }

    @Test("A setting is restored if statements name it with and without its database")
    func spellings() async throws {
        try await withPool { pool in
            // The order of restoration must not matter.
            for _ in 0..<20 {
                try await pool.writeWithoutTransaction { db in
                    for sql: SQLiteQuery in [
                        "PRAGMA foreign_keys = OFF", "PRAGMA main.foreign_keys = OFF", "PRAGMA temp.foreign_keys = OFF",
                        "PRAGMA synchronous = OFF", "PRAGMA main.synchronous = OFF",
                    ] { try db.execute(sql) }
                }
                let values = try await pool.write { db in
                    let keys = try db.query("PRAGMA foreign_keys", as: Int.self)
                    return try keys + db.query("PRAGMA synchronous", as: Int.self)
                }
                #expect(values == [1, 1])
            }
            #expect(pool.statistics.writer.createdAndClosed == [1, 0])
        }
    }

    @Test("A busy timeout that the setup sets does not replace the pool's busy handler")
    func busyTimeoutOfSetup() async throws {
        var configuration = SQLiteConfiguration()
        configuration.setup = ["PRAGMA busy_timeout = 5000"]
        try await withPool(configuration) { pool in
            // SQLite's own handler reports a timeout, and the pool's handler reports none.
            let writer = try await pool.write { db in try db.query("PRAGMA busy_timeout", as: Int.self) }
            let reader = try await pool.query("PRAGMA busy_timeout", as: Int.self)
            #expect(writer == [0] && reader == [0])
        }
    }

}
