// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import ConnectionPooling
import Foundation
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct ErrorTests {
    private let secret = "hunter2"

    /// Returns all textual representations of an error.
    private func descriptions(_ error: some Error) -> String {
        var dumped = ""
        dump(error, to: &dumped)
        return "\(error) \(String(reflecting: error)) \(error.localizedDescription) \(dumped)"
    }

    @Test("No error contains a bound or stored value")
    func secrets() async throws {
        try await withPool { pool in
            try await pool.write { db in
                try db.executeScript(
                    """
                    CREATE TABLE user (name TEXT UNIQUE, age INTEGER CHECK (age > 0)) STRICT;
                    CREATE VIRTUAL TABLE note USING fts5(body);
                    """
                )
                try db.execute("INSERT INTO user VALUES (\(secret), 1)")
            }
            let failing: [SQLiteQuery] = [
                "INSERT INTO user VALUES (\(secret), 2)", "INSERT INTO user VALUES ('x', \(-4_711))",
                "INSERT INTO user VALUES ('x', \(secret))", "SELECT name, nothing FROM user WHERE name = \(secret)",
                "SELECT * FROM note WHERE note MATCH \("\"" + secret)", "SELECT json_extract('{}', \("$" + secret))",
                "SELECT json(\("{" + secret))", "INSERT INTO user VALUES (\(secret), \(secret)", "SELECT \(secret), ?",
                "SELECT * FROM note WHERE note MATCH \(secret + ":x")", "SELECT load_extension(\(secret))",
            ]
            for sql in failing {
                let error = try await sqliteError {
                    try await pool.write { db in try db.forEachRow(sql) { _ in } }
                }
                #expect(!descriptions(error).contains(secret), "\(sql)")
                #expect(!descriptions(error).contains("4711") && !descriptions(error).contains("4_711"))
                #expect(error.sql == sql.text)
            }
            let decoding = try await sqliteError { _ = try await pool.query("SELECT name FROM user", as: Int.self) }
            #expect(!descriptions(decoding).contains(secret))
            try await pool.execute("CREATE TABLE t (x)")
            let attached = try await sqliteError {
                try await pool.writeWithoutTransaction { db in
                    _ = try db.execute("ATTACH \("/nowhere/" + secret) AS other")
                }
            }
            #expect(!descriptions(attached).contains(secret))
        }
    }

    @Test("A syntax error has its byte offset")
    func offset() async throws {
        try await withPool { pool in
            let error = try await sqliteError { try await pool.execute("SELEC 1") }
            #expect(error.code == .error && error.sql == "SELEC 1")
            if let offset = error.offset { #expect(offset == 0 && "\(error)".contains("at byte 0 in: SELEC 1")) }
            #expect("\(error)".contains("SQLITE_ERROR 1"))
        }
    }

    @Test(
        "An error in the middle of a statement or a script has its byte offset",
        arguments: [
            ("SELECT 'ä𝄞', nothing", 17), ("SELECT 1;;\n SELECT 2 FRO t, u", 25), ("SELECT 1 + none", 11),
            ("SELECT 1 FROM nowhere", nil),
        ] as [(String, Int?)]
    )
    func offsets(text: String, offset: Int?) async throws {
        try await withPool { pool in
            let error = try await sqliteError {
                try await pool.read { db in try db.executeScript(SQLiteQuery(unsafe: text)) }
            }
            #expect(error.code == .error && error.sql == text)
            // SQLite 3.38 and later report the offset.
            if sqlite3_libversion_number() >= 3_038_000 { #expect(error.offset == offset) }
        }
    }

    @Test("Errors that other users of the database cause are retryable, and no others")
    func retryable() {
        let helped: [SQLiteError.Code] = [.busy, .busySnapshot, .busyRecovery, .locked, .schemaChanged, .fileChanged]
        for code in helped { #expect(SQLiteError(code, "").isRetryable) }
        let hopeless: [SQLiteError.Code] = [
            .error, .constraintUnique, .corrupt, .full, .inputOutput, .readOnly, .interrupted, .decoding, .closed,
            .tooBig,
        ]
        for code in hopeless { #expect(!SQLiteError(code, "").isRetryable) }
    }

    @Test("A long statement is shortened in the description, but not in the error")
    func longStatement() async throws {
        try await withPool { pool in
            let text = "SELEC " + String(repeating: "x", count: 10_000)
            let error = try await sqliteError { try await pool.execute(SQLiteQuery(unsafe: text)) }
            #expect(error.sql == text)
            #expect("\(error)".count < 600 && "\(error)".hasSuffix("x…"))
        }
    }

    @Test("The extended code identifies the constraint")
    func constraints() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b UNIQUE, c NOT NULL, CHECK (c > 0))")
            try await pool.execute("INSERT INTO t VALUES (1, 1, 1)")
            let cases: [(SQLiteQuery, SQLiteError.Code)] = [
                ("INSERT INTO t VALUES (1, 2, 1)", .constraintPrimaryKey),
                ("INSERT INTO t VALUES (2, 1, 1)", .constraintUnique),
                ("INSERT INTO t VALUES (2, 2, NULL)", .constraintNotNull),
                ("INSERT INTO t VALUES (2, 2, 0)", .constraintCheck),
            ]
            for (sql, code) in cases {
                let error = try await sqliteError { try await pool.execute(sql) }
                #expect(error.code == code && error.code.primary == .constraint && !error.isRetryable)
            }
        }
    }

    @Test("A lock of another process is a retryable error after the busy timeout")
    func busy() async throws {
        let folder = try SampleFolder()
        try await withPool(SQLiteConfiguration.with(busyTimeout: .milliseconds(20)), in: folder) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let other = try OutsideConnection(folder.file())
            try other.run("BEGIN IMMEDIATE")
            for _ in 0..<2 {
                let error = try await sqliteError { try await pool.execute("INSERT INTO t VALUES (1)") }
                #expect(error.code == .busy && error.isRetryable)
                let inBody = try await sqliteError { try await pool.write { _ in _ = Issue.record("the body ran") } }
                #expect(inBody.code == .busy && inBody.isRetryable)
            }
            try other.run("COMMIT")
            try await pool.execute("INSERT INTO t VALUES (1)")
            #expect(pool.statistics.writer.createdAndClosed == [1, 0])
        }
    }

    @Test("A statement waits for a lock that is released before the busy timeout")
    func busyInTime() async throws {
        let folder = try SampleFolder()
        try await withPool(SQLiteConfiguration.with(busyTimeout: .seconds(3_600)), in: folder) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let other = try OutsideConnection(folder.file())
            try other.run("BEGIN IMMEDIATE")
            async let written = pool.execute("INSERT INTO t VALUES (1)")
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [0])
            try other.run("COMMIT")
            #expect(try await written.rowCount == 1)
        }
    }

    @Test(
        "A file that cannot be opened is an error that names it for every caller, and is usable as soon as it can be opened"
    )
    func cannotOpen() async throws {
        let folder = try SampleFolder()
        let configuration = SQLiteConfiguration.with(mode: .readWrite)
        try await withPool(configuration, in: folder) { pool in
            let reading = try await sqliteError { _ = try await pool.query("SELECT 1", as: Int.self) }
            #expect(reading.code == .cannotOpen && reading.message.contains(folder.file()))
            let writing = try await sqliteError { try await pool.execute("CREATE TABLE t (x)") }
            #expect(writing.code == .cannotOpen && writing.message.contains("No such file"))
            #expect(try folder.names == [])
            try OutsideConnection(folder.file()).run("CREATE TABLE t (x)")
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [0])
            try await pool.execute("INSERT INTO t VALUES (1)")
        }
    }

    @Test(
        "A file that is not a database, and a folder, are errors",
        arguments: [SQLiteConfiguration.Mode.readOnly, .readWriteCreate]
    )
    func notADatabase(mode: SQLiteConfiguration.Mode) async throws {
        let folder = try SampleFolder()
        let text = Data(String(repeating: "This is no database. ", count: 500).utf8)
        try text.write(to: URL(filePath: folder.file()))
        try await withPool(SQLiteConfiguration.with(mode: mode), in: folder) { pool in
            let error = try await sqliteError { _ = try await pool.query("SELECT 1", as: Int.self) }
            #expect(error.code == .notADatabase && error.message.contains(folder.file()))
        }
        #expect(try folder.bytes() == text)
        let pool = try SQLitePool(
            SQLiteConfiguration.with(mode: mode, checkoutTimeout: .seconds(600))
                .at(folder.path)
        )
        let error = try await sqliteError { _ = try await pool.query("SELECT 1", as: Int.self) }
        #expect([.cannotOpen, .inputOutput].contains(error.code.primary) && error.message.contains(folder.path))
        await pool.close()
    }

    @Test("A value beyond SQLite's limit is an error, and so are too many parameters")
    func limits() async throws {
        try await withPool { pool in
            let names = Array(repeating: "?", count: 600_000).joined(separator: ",")
            let parameters = Array(repeating: SQLiteValue.null, count: 600_000)
            let sql = SQLiteQuery(unsafe: "SELECT 1 WHERE 1 IN (\(names))", parameters: parameters)
            let error = try await sqliteError { _ = try await pool.query(sql, as: Int.self) }
            #expect(error.code == .error && error.message.contains("too many SQL variables"))
            let big = try await sqliteError {
                _ = try await pool.query("SELECT zeroblob(\(Int64(2_000_000_000)))", as: [UInt8].self)
            }
            #expect(big.code == .tooBig)
            #expect(try await pool.query("SELECT 1", as: Int.self) == [1])
        }
    }

    @Test("Every code has a name, and an unknown code has a number")
    func codes() {
        #expect("\(SQLiteError.Code.constraintUnique)" == "SQLITE_CONSTRAINT_UNIQUE 2067")
        #expect("\(SQLiteError.Code(rawValue: 5 | 99 << 8))" == "SQLITE_BUSY 25349")
        #expect("\(SQLiteError.Code(rawValue: 255))" == "code 255")
        #expect("\(SQLiteError.Code(rawValue: 778))" == "SQLITE_IOERR_WRITE 778")
        #expect(SQLiteError.Code.decoding.primary == .decoding)
    }
}
