// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import SQLitePooling

/// Pragmas that SQLite silently ignores within a transaction.
@Suite(.timeLimit(.minutes(10))) struct PragmaInTransactionTests {
    private static let rebuild: SQLiteQuery = """
        PRAGMA foreign_keys = OFF;
        CREATE TABLE new_parent (id INTEGER PRIMARY KEY, name TEXT);
        INSERT INTO new_parent (id) SELECT id FROM parent;
        DROP TABLE parent;
        ALTER TABLE new_parent RENAME TO parent;
        PRAGMA foreign_keys = ON;
        """

    private func withFamily(_ body: (SQLitePool) async throws -> Void) async throws {
        try await withPool { pool in
            try await pool.executeScript(
                """
                CREATE TABLE parent (id INTEGER PRIMARY KEY);
                CREATE TABLE child (parent INTEGER REFERENCES parent ON DELETE CASCADE);
                INSERT INTO parent VALUES (1);
                INSERT INTO child VALUES (1), (1);
                """
            )
            try await body(pool)
        }
    }

    private func childCount(_ pool: SQLitePool) async throws -> [Int] {
        try await pool.query("SELECT count(*) FROM child", as: Int.self)
    }

    @Test("The rebuild of a table in a transaction is refused, and deletes no child rows")
    func rebuildInTransaction() async throws {
        try await withFamily { pool in
            let scripted = try await sqliteError { try await pool.executeScript(Self.rebuild) }
            #expect(scripted.code == .refusedPragma && scripted.message.contains("writeWithoutTransaction"))
            #expect(try await childCount(pool) == [2])
            let written = try await sqliteError { try await pool.write { db in try db.executeScript(Self.rebuild) } }
            #expect(written.code == .refusedPragma)
            #expect(try await childCount(pool) == [2])
            #expect(pool.statistics.writer.createdAndClosed == [1, 0])
        }
    }

    @Test("The rebuild of a table without a transaction keeps child rows")
    func rebuildWithoutTransaction() async throws {
        try await withFamily { pool in
            try await pool.writeWithoutTransaction { db in try db.executeScript(Self.rebuild) }
            #expect(try await childCount(pool) == [2])
            let keys = try await pool.write { db in try db.query("PRAGMA foreign_keys", as: Int.self) }
            #expect(keys == [1])
        }
    }

    @Test(
        "A pragma that SQLite ignores within a transaction is refused there, and works outside",
        arguments: ["foreign_keys", "fullfsync", "checkpoint_fullfsync"],
        [1, 16]
    )
    func ignored(name: String, group: Int) async throws {
        let query = SQLiteQuery(unsafe: "PRAGMA main.\(name) = 0")
        try await withPool(.with(maximumWritesPerCommit: group)) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let inWrite = try await sqliteError { try await pool.write { db in _ = try db.execute(query) } }
            let inRead = try await sqliteError { try await pool.read { db in _ = try db.execute(query) } }
            let inSavepoint = try await sqliteError {
                try await pool.writeWithoutTransaction { db in
                    try db.withSavepoint { db in _ = try db.execute(query) }
                }
            }
            let inOwnTransaction = try await sqliteError {
                try await pool.writeWithoutTransaction { db in
                    try db.execute("BEGIN")
                    _ = try db.execute(query)
                }
            }
            for error in [inWrite, inRead, inSavepoint, inOwnTransaction] {
                #expect(error.code == .refusedPragma && error.message.contains(name))
            }
            let values = try await pool.writeWithoutTransaction { db in
                try db.execute(query)
                return try db.query(SQLiteQuery(unsafe: "PRAGMA \(name)"), as: Int.self)
            }
            #expect(values == [0])
        }
    }

    @Test(
        "A pragma that SQLite refuses within a transaction fails there",
        arguments: ["synchronous = OFF", "journal_mode = DELETE"]
    )
    func failing(pragma: String) async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let error = try await sqliteError {
                try await pool.write { db in _ = try db.execute(SQLiteQuery(unsafe: "PRAGMA \(pragma)")) }
            }
            #expect(error.code == .error)
        }
    }
}
