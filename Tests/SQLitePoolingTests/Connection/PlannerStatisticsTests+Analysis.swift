// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import ConnectionPooling
import Foundation
import Synchronization
import Testing

@testable import SQLitePooling

extension PlannerStatisticsTests {
    @Test("While another process writes, the refresh is postponed by an interval")
    func otherWriter() async throws {
        let folder = try SampleFolder()
        try await withTables(in: folder) { pool, clock in
            try await queryBoth(pool)
            try await callWriter(pool)
            clock.advance(seconds: 3_600)
            try await queryBoth(pool)
            let other = try OutsideConnection(folder.file())
            try other.run("BEGIN IMMEDIATE")
            try await callWriter(pool)
            try await callWriter(pool)
            try other.run("COMMIT")
            try await callWriter(pool)
            #expect(try await analysed(pool) == [])
            clock.advance(seconds: 3_600)
            try await queryBoth(pool)
            try await callWriter(pool)
            try await callWriter(pool)
            #expect(try await analysed(pool).contains("t"))
            #expect(pool.statistics.writer.closed == 0)
        }
    }

    @Test("A table that is dropped before its analysis causes no error, and names are quoted")
    func droppedTable() async throws {
        let folder = try SampleFolder()
        let name = "u\"; DROP TABLE \"other'x"
        try await withTables(in: folder) { pool, clock in
            let create: SQLiteQuery = """
                CREATE TABLE \(identifier: name) AS SELECT * FROM t;
                CREATE INDEX ua ON \(identifier: name) (a); CREATE INDEX ub ON \(identifier: name) (b);
                """
            try await pool.writeWithoutTransaction { db in try db.executeScript(create) }
            try await queryBoth(pool)
            try await queryBoth(pool, name)
            clock.advance(seconds: 3_600)
            try await queryBoth(pool)
            try await pool.execute("DROP TABLE t")
            for _ in 0..<3 { try await callWriter(pool) }
            #expect(try await analysed(pool).contains(name))
            #expect(try await analysed(pool).contains("t") == false)
            #expect(try await pool.query("SELECT count(*) FROM other", as: Int.self) == [0])
            #expect(pool.statistics.writer.closed == 0)
        }
    }

    @Test("A table of an attached database is analysed, whatever the database's name on a connection is")
    func attachedDatabase() async throws {
        let folder = try SampleFolder()
        try OutsideConnection(folder.file("attached.sqlite")).run("PRAGMA journal_mode = WAL; " + Self.schema)
        let path = folder.file("attached.sqlite")
        let hooks = SQLiteHooks(afterConnect: { db in
            let name = db.isReader ? "archive" : "store"
            try db.execute("ATTACH \(path) AS \(identifier: name)")
        })
        try await withPool(hooks: hooks, in: folder) { pool, clock in
            try await pool.execute("CREATE TABLE other (x)")
            func query() async throws {
                _ = try await pool.query("SELECT count(*) FROM archive.t WHERE a = 1 AND b = 1", as: Int.self)
                await expectNoLeases(pool)
            }
            try await query()
            clock.advance(seconds: 3_600)
            try await query()
            try await callWriter(pool)
            try await callWriter(pool)
            #expect(try await analysed(pool, in: "archive").contains("t"))
            #expect(try await analysed(pool) == [])
        }
    }

    @Test("The analysis restores the connection's analysis_limit", arguments: [nil, 1_000])
    func analysisLimit(limit: Int?) async throws {
        var configuration = Self.configuration
        if let limit { configuration.pragmas = [SQLiteConfiguration.Pragma("analysis_limit", limit)] }
        try await withTables(configuration) { pool, clock in
            try await queryBoth(pool)
            try await callWriter(pool)
            clock.advance(seconds: 3_600)
            try await queryBoth(pool)
            try await callWriter(pool)
            try await callWriter(pool)
            #expect(try await analysed(pool).contains("t"))
            let value = try await pool.writeWithoutTransaction { db in
                try db.query("PRAGMA analysis_limit", as: Int.self)
            }
            #expect(value == [limit ?? 0])
        }
    }
}
