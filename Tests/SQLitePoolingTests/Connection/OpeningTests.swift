// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PoolTesting
import SQLitePooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct OpeningTests {
    // MARK: Pragmas

    @Test("Pragmas apply to their kinds of connections, and before the file is created")
    func pragmas() async throws {
        var configuration = SQLiteConfiguration()
        configuration.pragmas = [
            SQLiteConfiguration.Pragma("page_size", 8_192), SQLiteConfiguration.Pragma("temp_store", "MEMORY"),
            SQLiteConfiguration.Pragma("analysis_limit", 471, on: .writer),
            SQLiteConfiguration.Pragma("cell_size_check", "ON", on: .readers),
        ]
        try await withPool(configuration) { pool in
            let writer = try await pool.write { db in
                [
                    try db.query("PRAGMA page_size", as: Int.self), try db.query("PRAGMA temp_store", as: Int.self),
                    try db.query("PRAGMA analysis_limit", as: Int.self),
                    try db.query("PRAGMA cell_size_check", as: Int.self),
                ]
            }
            #expect(writer == [[8_192], [2], [471], [0]])
            let reader = try await pool.read { db in
                [
                    try db.query("PRAGMA temp_store", as: Int.self),
                    try db.query("PRAGMA cell_size_check", as: Int.self),
                    try db.query("PRAGMA analysis_limit", as: Int.self),
                ]
            }
            #expect(reader == [[2], [1], [0]])
        }
    }

    @Test(
        "A pragma that another field sets, or that is malformed, is a configuration error",
        arguments: [
            SQLiteConfiguration.Pragma("journal_mode", "DELETE"), SQLiteConfiguration.Pragma("Cache_Size", 3),
            SQLiteConfiguration.Pragma("locking_mode", "EXCLUSIVE"),
            SQLiteConfiguration.Pragma("", 1), SQLiteConfiguration.Pragma("x; DROP TABLE t", 1),
            SQLiteConfiguration.Pragma("temp_store", ""),
            SQLiteConfiguration.Pragma("temp_store", "1; DROP TABLE t"),
            SQLiteConfiguration.Pragma("temp_store", "'a'b'"),
            SQLiteConfiguration.Pragma("temp_store", "'"),
            SQLiteConfiguration.Pragma("temp_store", "'a\0'"), SQLiteConfiguration.Pragma("temp_store", "-"),
        ]
    )
    func refusedPragmas(pragma: SQLiteConfiguration.Pragma) {
        let error = #expect(throws: SQLiteError.self) {
            try SQLitePool(SQLiteConfiguration.with(pragmas: [pragma]).at("x.sqlite"))
        }
        #expect(error?.code == .invalidConfiguration && error?.message.hasPrefix("pragmas must ") == true)
    }

    @Test("An unknown pragma is an error of opening, and is not ignored")
    func unknownPragma() async throws {
        try await withPool(SQLiteConfiguration.with(pragmas: [SQLiteConfiguration.Pragma("temp_stor", 2)])) { pool in
            let error = try await sqliteError { _ = try await pool.query("SELECT 1", as: Int.self) }
            #expect(
                error.code == .invalidConfiguration && error.message.contains("pragmas: ")
                    && error.message.contains("temp_stor")
            )
        }
    }

    // MARK: Setup

    @Test("The setup runs on each connection before its first use")
    func setup() async throws {
        let folder = try SampleFolder()
        try OutsideConnection(folder.file("other.sqlite")).run("CREATE TABLE more (x); INSERT INTO more VALUES (7)")
        let configuration = SQLiteConfiguration.with(
            setup: ["ATTACH \(folder.file("other.sqlite")) AS other", "CREATE TEMP TABLE note AS SELECT 'set' AS x"]
        )
        try await withPool(configuration, in: folder) { pool in
            let query: SQLiteQuery = "SELECT more.x, note.x FROM more, note"
            for _ in 0..<3 {
                let found = try await pool.write { db in try db.queryFirst(query, as: (Int, String).self) }
                #expect(try #require(found) == (7, "set"))
                let read = try await pool.queryFirst(query, as: (Int, String).self)
                #expect(try #require(read) == (7, "set"))
            }
            #expect(pool.statistics.writer.createdAndClosed == [1, 0])
        }
    }

    @Test("The setup creates temporary tables on readers, which cannot write afterwards")
    func temporaryTableOfReader() async throws {
        let configuration = SQLiteConfiguration.with(setup: ["CREATE TEMP TABLE note AS SELECT 'set' AS x"])
        try await withPool(configuration) { pool in
            #expect(try await pool.query("SELECT x FROM note", as: String.self) == ["set"])
            let error = try await sqliteError {
                _ = try await pool.query("INSERT INTO note VALUES ('more') RETURNING x", as: String.self)
            }
            #expect(error.code == .readOnly)
            #expect(try await pool.query("SELECT x FROM note", as: String.self) == ["set"])
        }
    }

    @Test("A statement of the setup that fails fails the call with its error")
    func failingSetup() async throws {
        try await withPool(SQLiteConfiguration.with(setup: ["ATTACH nothing"])) { pool in
            let error = try await sqliteError { try await pool.execute("CREATE TABLE t (x)") }
            #expect(error.code == .error)
        }
    }

    // MARK: Paths and URIs

    @Test("A URI is opened with its options, and a relative one from the working directory")
    func uri() async throws {
        let folder = try SampleFolder()
        let name = "a b#c?d%é.sqlite"
        let encoded = folder.path + "/a%20b%23c%3fd%25%c3%A9.sqlite"
        for uri in [
            "file:\(encoded)", "file://\(encoded)?vfs=unix#part", "file://localhost\(encoded)?psow=0&cache=private",
        ] {
            let pool = try SQLitePool(.patient.at(uri: uri))
            try await pool.execute("CREATE TABLE IF NOT EXISTS t (x)")
            try await pool.execute("INSERT INTO t VALUES (1)")
            _ = try await pool.query("SELECT x FROM t", as: Int.self)
            await pool.close()
        }
        #expect(try folder.names == [name])
        try OutsideConnection(folder.file(name)).run("SELECT x FROM t")
        let relative = try SQLitePool(.patient.at(uri: "file:x.sqlite?vfs=unix"))
        #expect(relative.path.hasPrefix("file:/") && relative.path.hasSuffix("/x.sqlite?vfs=unix"))
        let unknown = try SQLitePool(.patient.at(uri: "file:\(encoded)?vfs=nothing"))
        let error = try await sqliteError { _ = try await unknown.query("SELECT 1", as: Int.self) }
        #expect(error.code == .invalidConfiguration && error.message.contains("VFS"))
        await unknown.close()
    }

    @Test(
        "A temporary database is shared by all connections, and removed when the pool is closed",
        arguments: [true, false]
    )
    func temporary(isNamed: Bool) async throws {
        func makePool() throws(SQLiteError) -> SQLitePool {
            isNamed
                ? try SQLitePool(.patient.at(":memory:")) : try SQLitePool(.patient)
        }
        let pool = try makePool()
        let file = pool.path
        let other = try makePool()
        #expect(other.path != file)
        try await pool.execute("CREATE TABLE t (x)")
        try await pool.execute("INSERT INTO t VALUES (1)")
        let meeting = Rendezvous()
        async let first = pool.read { db in
            meeting.arrive()
            meeting.wait()
            return try db.query("SELECT x FROM t", as: Int.self)
        }
        await meeting.arrived()
        #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1])
        meeting.release()
        #expect(try await first == [1])
        #expect(pool.statistics.readers.created == 2)
        #expect(FileManager.default.fileExists(atPath: file))
        let folder = URL(filePath: file).deletingLastPathComponent().path
        let rights = try FileManager.default.attributesOfItem(atPath: folder)[.posixPermissions] as? Int
        #expect(rights == 0o700)
        await pool.close()
        #expect(!FileManager.default.fileExists(atPath: folder))
        await other.close()
    }

    @Test("A temporary database is removed with a pool that is released without being closed")
    func droppedTemporary() async throws {
        var pool: SQLitePool? = try SQLitePool(.patient.at(":memory:"))
        let folder = URL(filePath: try #require(pool?.path)).deletingLastPathComponent().path
        try await pool?.execute("CREATE TABLE t (x)")
        pool = nil
        // The connection's thread holds the last reference.
        while FileManager.default.fileExists(atPath: folder) { await Task.yield() }
    }

    @Test("A temporary database cannot be read-only")
    func readOnlyTemporary() {
        for mode in [SQLiteConfiguration.Mode.readOnly, .readWrite, .immutable] {
            let error = #expect(throws: SQLiteError.self) {
                try SQLitePool(SQLiteConfiguration.with(mode: mode).at(":memory:"))
            }
            #expect(error?.code == .invalidConfiguration)
        }
    }

    // MARK: Immutable files

    @Test("An immutable file is read without a lock and without a file beside it", arguments: [false, true])
    func immutable(isURI: Bool) async throws {
        let folder = try SampleFolder()
        try await withPool(in: folder) { pool in
            try await pool.write { db in try db.executeScript("CREATE TABLE t (x); INSERT INTO t VALUES (1)") }
        }
        let configuration = SQLiteConfiguration.with(mode: .immutable)
        let pool =
            isURI
            ? try SQLitePool(configuration.at(uri: "file:\(folder.file())?psow=1"))
            : try SQLitePool(configuration.at(folder.file()))
        let other = try OutsideConnection(folder.file())
        // Another connection could not get a lock now.
        try other.run("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE")
        #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1])
        let error = try await sqliteError { try await pool.execute("INSERT INTO t VALUES (2)") }
        #expect(error.code == .readOnly)
        try other.run("COMMIT")
        await pool.close()
    }

    @Test("A file whose log is not empty is not accepted as immutable")
    func immutableWithLog() async throws {
        let folder = try SampleFolder()
        try await withPool(in: folder) { writer in
            try await writer.execute("CREATE TABLE t (x)")
            let pool = try SQLitePool(
                SQLiteConfiguration.with(mode: .immutable, checkoutTimeout: .seconds(600))
                    .at(folder.file())
            )
            let error = try await sqliteError { _ = try await pool.query("SELECT x FROM t", as: Int.self) }
            #expect(error.code == .readOnlyRecovery)
            await pool.close()
        }
    }

    // MARK: The library

    @Test("The settings of the library are made once, before the first use of SQLite")
    func library() async {
        await #expect(processExitsWith: .success) {
            #expect(SQLiteLibrary.keepMemoryStatistics())
            #expect(SQLiteLibrary.keepMemoryStatistics())
            try await withPool { pool in try await pool.execute("CREATE TABLE t (x)") }
        }
        await #expect(processExitsWith: .success) {
            try await withPool { pool in
                try await pool.execute("CREATE TABLE t (x)")
                #expect(!SQLiteLibrary.keepMemoryStatistics())
            }
        }
        #expect(SQLiteLibrary.version.hasPrefix("3."))
    }

    @Test(
        "Closing the pool refreshes the planner's statistics, unless the configuration turns that off"
    )
    func optimize() async throws {
        for optimizes in [true, false] {
            let folder = try SampleFolder()
            try await withPool(SQLiteConfiguration.with(optimizesOnClose: optimizes), in: folder) { pool in
                try await pool.write { db in
                    try db.executeScript("CREATE TABLE t (a, b); CREATE INDEX ta ON t (a); CREATE INDEX tb ON t (b)")
                    for number in 0..<100 { try db.execute("INSERT INTO t VALUES (\(number % 7), \(number % 3))") }
                    try db.execute("UPDATE t SET b = 1 WHERE a = 1 AND b = 2")
                }
            }
            try await withPool(in: folder) { pool in
                let count = try await pool.query(
                    "SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_stat1'",
                    as: Int.self
                )
                #expect(count == [optimizes ? 1 : 0])
            }
        }
    }

    @Test("A file is converted when another connection's transaction ends", arguments: ["main", "attached"])
    func locked(database: String) async throws {
        let folder = try SampleFolder()
        let path = folder.file("other.sqlite")
        let outside = try OutsideConnection(path)
        try outside.run("CREATE TABLE t (x); BEGIN IMMEDIATE")
        var configuration = SQLiteConfiguration.with(busyTimeout: .seconds(600), checkoutTimeout: .seconds(600))
        if database == "main" {
            configuration.location = .path(path)
        } else {
            configuration.location = .path(folder.file())
            configuration.setup = ["ATTACH \(path) AS attached"]
        }
        let pool = try SQLitePool(configuration)
        let count = Task { try await pool.query("SELECT count(*) FROM t", as: Int.self) }
        await eventually { pool.status.changing > 0 }
        // Long enough for an attempt, in nearly every run.
        for _ in 0..<10_000 { await Task.yield() }
        try outside.run("INSERT INTO t VALUES (1); COMMIT")
        let rows = try await count.value
        #expect(rows == [1])
        await pool.close()
    }

    @Test("A file that stays locked is an error when the busy timeout has passed")
    func staysLocked() async throws {
        let folder = try SampleFolder()
        let outside = try OutsideConnection(folder.file())
        try outside.run("CREATE TABLE t (x); BEGIN IMMEDIATE")
        let configuration = SQLiteConfiguration.with(busyTimeout: .milliseconds(20)).at(folder.file())
        let pool = try SQLitePool(configuration)
        let error = await #expect(throws: SQLiteError.self) { try await pool.query("SELECT 1", as: Int.self) }
        #expect(error?.code.primary == .busy)
        try outside.run("COMMIT")
        let rows = try await pool.query("SELECT count(*) FROM t", as: Int.self)
        #expect(rows == [0])
        await pool.close()
    }
}
