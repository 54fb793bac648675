// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import TestSupport
import Testing

@testable import SQLitePooling

private final class Counter: Sendable {
    let value = Atomic(0)
}

@Suite(.timeLimit(.minutes(10))) struct UntrustedFileTests {
    typealias Mode = SQLiteConfiguration.Mode

    static func untrusted(_ mode: Mode = .readOnly) -> SQLiteConfiguration {
        var configuration = SQLiteConfiguration.with(mode: mode, checkoutTimeout: .seconds(600))
        configuration.trust = .untrusted
        return configuration
    }

    /// Creates a file with a raw connection, and passes `body` a pool that does not trust it.
    func withFile(
        _ script: String,
        _ configuration: SQLiteConfiguration = untrusted(),
        _ body: (SQLitePool) async throws -> Void
    ) async throws {
        let folder = try SampleFolder()
        try OutsideConnection(folder.file()).run(script)
        try await withPool(configuration, in: folder, body)
    }

    // MARK: Memory

    @Test("A view of a huge value is an error before the memory is allocated")
    func hugeValue() async throws {
        try await withFile("CREATE VIEW t AS SELECT hex(zeroblob(400000000)) AS x; CREATE TABLE u (x)") { pool in
            let error = try await sqliteError { _ = try await pool.query("SELECT x FROM t", as: String.self) }
            #expect(error.code == .tooBig)
            #expect(try await pool.query("SELECT count(*) FROM u", as: Int.self) == [0])
        }
    }

    @Test("Endless rows are an error when their bytes exceed the limit, for each way of reading")
    func hugeResult() async throws {
        var configuration = Self.untrusted()
        configuration.limits.resultBytes = 1 << 20
        let script = """
            CREATE VIEW t AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
            SELECT i, zeroblob(1000) AS x FROM n
            """
        try await withFile(script, configuration) { pool in
            let error = try await sqliteError {
                _ = try await pool.query("SELECT i, x FROM t", as: (Int, [UInt8]).self)
            }
            #expect(error.code == .resultLimitExceeded && error.sql == "SELECT i, x FROM t")
            let count = Counter()
            let streaming = try await sqliteError {
                try await pool.read { db in
                    try db.forEachRow("SELECT i, x FROM t") { _ in count.value.add(1, ordering: .relaxed) }
                }
            }
            #expect(streaming.code == .resultLimitExceeded)
            #expect(count.value.load(ordering: .relaxed) == (1 << 20) / 1_032)
            // Each call has the whole limit.
            for _ in 0..<3 {
                #expect(try await pool.query("SELECT i, x FROM t LIMIT 800", as: (Int, [UInt8]).self).count == 800)
            }
        }
    }

    // MARK: Time

    @Test("An endless recursion is an error after the limit of instructions")
    func endless() async throws {
        var configuration = Self.untrusted()
        configuration.limits.steps = 100_000
        let script = """
            CREATE VIEW t AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS x FROM n
            """
        try await withFile(script, configuration) { pool in
            for _ in 0..<2 {
                let error = try await sqliteError { _ = try await pool.query("SELECT x FROM t", as: Int.self) }
                #expect(error.code == .stepLimitExceeded && error.sql == "SELECT x FROM t" && !error.isRetryable)
                #expect(try await pool.query("SELECT 1", as: Int.self) == [1])
            }
            #expect(pool.statistics.readers.createdAndClosed == [1, 0])
        }
    }

    @Test("A write that exceeds its time is rolled back, and the connection stays usable")
    func endlessTrigger() async throws {
        var configuration = Self.untrusted(.readWrite)
        configuration.limits.steps = 100_000
        let script = """
            CREATE TABLE t (x); CREATE TABLE log (x);
            CREATE TRIGGER tr AFTER INSERT ON t BEGIN
            INSERT INTO log WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n;
            END
            """
        try await withFile(script, configuration) { pool in
            let error = try await sqliteError { try await pool.execute("INSERT INTO t VALUES (1)") }
            #expect(error.code == .stepLimitExceeded)
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [0])
            try await pool.execute("INSERT INTO log VALUES (1)")
        }
    }

    // MARK: Schemas

    @Test("A schema that calls a function with side effects is an error", arguments: [true, false])
    func unsafeFunction(isTrusted: Bool) async throws {
        var configuration = Self.untrusted(.readWrite)
        if isTrusted { configuration.trust = .trusted }
        let script = """
            CREATE TABLE t (x);
            CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END;
            CREATE VIEW v AS SELECT 1 AS x;
            PRAGMA writable_schema = 1;
            UPDATE sqlite_schema SET sql = 'CREATE TRIGGER tr AFTER INSERT ON t BEGIN
            SELECT fts3_tokenizer(''simple'', x''00''); END' WHERE name = 'tr';
            UPDATE sqlite_schema SET sql = 'CREATE VIEW v AS SELECT load_extension(''/tmp/x'') AS x' WHERE name = 'v';
            """
        try await withFile(script, configuration) { pool in
            let trigger = try await sqliteError { try await pool.execute("INSERT INTO t VALUES (1)") }
            #expect(trigger.code == .error && trigger.message.contains("unsafe use of fts3_tokenizer"))
            let view = try await sqliteError { _ = try await pool.query("SELECT x FROM v", as: Int?.self) }
            #expect(view.code == .error && view.message.contains("unsafe use of load_extension"))
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [0])
        }
    }

    @Test("A statement that could damage the file fails, unless the configuration allows it")
    func defensive() async throws {
        let update: SQLiteQuery = "UPDATE sqlite_schema SET sql = sql"
        for isDefensive in [true, false] {
            var configuration = SQLiteConfiguration()
            configuration.isDefensive = isDefensive
            try await withPool(configuration) { pool in
                try await pool.execute("CREATE VIRTUAL TABLE note USING fts5(body)")
                try await pool.execute("INSERT INTO note VALUES ('a')")
                func run(_ sql: SQLiteQuery) async throws {
                    try await pool.writeWithoutTransaction { db in
                        try db.execute("PRAGMA writable_schema = 1")
                        _ = try db.execute(sql)
                    }
                }
                for sql in [update, "DELETE FROM note_data WHERE id < 0"] {
                    if isDefensive {
                        let error = try await sqliteError { try await run(sql) }
                        #expect(error.code == .error)
                    } else {
                        try await run(sql)
                    }
                }
                #expect(try await pool.integrityCheck() == [])
            }
        }
    }

    @Test("A table of 2,000 columns is an error, and is readable with a higher limit")
    func manyColumns() async throws {
        let columns = (0..<2_000).map { "c\($0)" }.joined(separator: ",")
        let script = "CREATE TABLE t (\(columns)); INSERT INTO t (c1999) VALUES (7)"
        try await withFile(script) { pool in
            let error = try await sqliteError { _ = try await pool.query("SELECT c1999 FROM t", as: Int.self) }
            #expect(error.code.primary == .corrupt && error.message.contains("too many columns"))
        }
        var configuration = Self.untrusted()
        configuration.limits.columns = 2_000
        try await withFile(script, configuration) { pool in
            #expect(try await pool.query("SELECT c1999 FROM t", as: Int.self) == [7])
            let rows = try await pool.query("SELECT * FROM t", decoding: [String: Int?].self)
            #expect(rows.count == 1 && rows[0]["c1999"] == 7)
        }
    }

    // MARK: Bytes

    @Test("A cell that is longer than its page is detected when the page is read")
    func cellSize() async throws {
        let folder = try SampleFolder()
        try OutsideConnection(folder.file()).run("CREATE TABLE t (x); INSERT INTO t VALUES ('a'), ('b'), ('c')")
        var bytes = try folder.bytes()
        // The second page belongs to the table; its header and array of offsets precede the cells.
        let page = 4_096
        let cell = page + Int(bytes[page + 8]) << 8 + Int(bytes[page + 9])
        bytes[cell] = 0x7f
        try bytes.write(to: URL(filePath: folder.file()))
        try await withPool(Self.untrusted(), in: folder) { pool in
            let error = try await sqliteError { _ = try await pool.query("SELECT rowid FROM t", as: Int.self) }
            #expect(error.code.primary == .corrupt)
            #expect(try await pool.query("SELECT 1", as: Int.self) == [1])
        }
    }

    @Test("Pages of random bytes cause errors, and nothing worse", arguments: 0..<24)
    func randomBytes(round: Int) async throws {
        var random = SeededGenerator(seed: UInt64(4_711 + round))
        let folder = try SampleFolder()
        try OutsideConnection(folder.file()).run(
            """
            CREATE TABLE t (x, y); CREATE INDEX i ON t (y); CREATE VIRTUAL TABLE note USING fts5(body);
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
            INSERT INTO t SELECT i, zeroblob(i % 90) FROM n;
            INSERT INTO note SELECT 'word' || x FROM t;
            """
        )
        var bytes = try folder.bytes()
        for _ in 0..<20 {
            bytes[Int.random(in: 100..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        try bytes.write(to: URL(filePath: folder.file()))
        try await withPool(Self.untrusted(), in: folder) { pool in
            let statements: [SQLiteQuery] = [
                "SELECT count(*) FROM t WHERE y > x'00'", "SELECT sum(length(y)) FROM t",
                "SELECT count(*) FROM note WHERE note MATCH 'word7*'", "PRAGMA integrity_check",
            ]
            for sql in statements {
                do {
                    _ = try await pool.read { db in try db.forEachRow(sql) { _ in } }
                } catch {
                    #expect(error is SQLiteError)
                }
            }
            let one = try await pool.query("SELECT 1", as: Int.self)
            #expect(one == [1])
        }
        let left = try folder.bytes()
        #expect(left == bytes)
    }

    @Test("A UTF-16 database is readable within its limits", arguments: ["UTF-16le", "UTF-16be"])
    func utf16(encoding: String) async throws {
        var configuration = Self.untrusted()
        configuration.limits.resultBytes = 1_000
        let script = "PRAGMA encoding = '\(encoding)'; CREATE TABLE t (x TEXT); INSERT INTO t VALUES ('é€😀')"
        try await withFile(script, configuration) { pool in
            #expect(try await pool.query("SELECT x FROM t", as: String.self) == ["é€😀"])
            let error = try await sqliteError {
                _ = try await pool.query("SELECT printf('%.*c', 1000, x) FROM t", as: String.self)
            }
            #expect(error.code == .resultLimitExceeded)
        }
    }

    @Test("A log and a journal of another database beside the file cause a result or an error, and nothing worse")
    func foreignLog() async throws {
        let other = try SampleFolder()
        let writer = try OutsideConnection(other.file())
        try writer.run("PRAGMA journal_mode = WAL; CREATE TABLE o (x); INSERT INTO o VALUES (zeroblob(9000))")
        let log = try other.bytes("test.sqlite-wal")
        let journaling = try SampleFolder()
        let held = try OutsideConnection(journaling.file())
        try held.run(
            """
            PRAGMA cache_spill = 1; PRAGMA cache_size = 1; CREATE TABLE o (x); INSERT INTO o VALUES (zeroblob(900000)); BEGIN;
            UPDATE o SET x = zeroblob(900001)
            """
        )
        let journal = try journaling.bytes("test.sqlite-journal")
        #expect(!log.isEmpty && !journal.isEmpty)
        for (ending, contents, mode) in [
            ("-wal", log, Mode.readOnly), ("-wal", log, .readWrite), ("-journal", journal, .readOnly),
            ("-journal", journal, .readWrite),
        ] {
            let folder = try SampleFolder()
            try OutsideConnection(folder.file()).run(
                "PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)"
            )
            try contents.write(to: URL(filePath: folder.file("test.sqlite" + ending)))
            try await withPool(Self.untrusted(mode), in: folder) { pool in
                do {
                    #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1])
                } catch {
                    #expect(error is SQLiteError)
                }
            }
        }
        withExtendedLifetime((writer, held)) {}
    }
}
