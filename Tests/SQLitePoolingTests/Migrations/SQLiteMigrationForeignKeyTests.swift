// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import PoolMigrations
import SQLitePooling
import Testing

/// Foreign keys in migrations of SQLite files.
@Suite(.timeLimit(.minutes(10))) struct SQLiteMigrationForeignKeyTests {
    private static let tables: SQLiteQuery = """
        CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE book (title TEXT, author INTEGER REFERENCES author ON DELETE CASCADE);
        INSERT INTO author VALUES (1, 'Austen'), (2, 'Eliot');
        INSERT INTO book VALUES ('Emma', 1), ('Middlemarch', 2);
        """

    /// The procedure that SQLite's documentation describes for changes that `ALTER TABLE` cannot
    /// make.
    private static let rebuild: SQLiteQuery = """
        CREATE TABLE new_author (id INTEGER PRIMARY KEY, name TEXT NOT NULL CHECK (name <> ''));
        INSERT INTO new_author SELECT * FROM author;
        DROP TABLE author;
        ALTER TABLE new_author RENAME TO author;
        """

    private func migrations(_ checks: SQLiteMigrations.ForeignKeyChecks, _ script: SQLiteQuery) -> SQLiteMigrations {
        var migrations = SQLiteMigrations()
        migrations.add("001", Self.tables)
        migrations.add("002", script, foreignKeyChecks: checks)
        return migrations
    }

    private func books(_ pool: SQLitePool) async throws -> Int {
        try await pool.queryOne("SELECT count(*) FROM book", as: Int.self)
    }

    private func enforces(_ pool: SQLitePool) async throws -> Bool {
        try await pool.writeWithoutTransaction { db in try db.queryOne("PRAGMA foreign_keys", as: Bool.self) }
    }

    @Test("A table is rebuilt without the rows that refer to it being deleted, by default")
    func rebuild() async throws {
        try await withPool { pool in
            try await migrations(.deferred, Self.rebuild).apply(to: pool)
            try await #expect(books(pool) == 2)
            try await #expect(enforces(pool))
        }
        // What the default prevents.
        try await withPool { pool in
            try await migrations(.immediate, Self.rebuild).apply(to: pool)
            try await #expect(books(pool) == 0)
        }
    }

    @Test("A violated foreign key fails the migration before its commit, and names the row")
    func violation() async throws {
        try await withPool { pool in
            let migrations = migrations(.deferred, "DELETE FROM author WHERE id = 2")
            let error = try await #require(throws: MigrationError.self) { try await migrations.apply(to: pool) }
            #expect(error.code == .foreignKeys && error.migration == "002")
            #expect(error.message == "it violates 1 foreign key: row 2 of book refers to no row of author")
            let rehearsed = try await #require(throws: MigrationError.self) { try await migrations.rehearse(in: pool) }
            #expect(rehearsed.code == .foreignKeys)
            try await #expect(pool.queryOne("SELECT count(*) FROM author", as: Int.self) == 2)
            try await #expect(enforces(pool))
            try await #expect(self.migrations(.disabled, "DELETE FROM author WHERE id = 2").apply(to: pool) == ["002"])
            try await #expect(books(pool) == 2)
        }
    }

    @Test("Keys that are enforced at once, or at the commit, fail the migration")
    func enforced() async throws {
        try await withPool { pool in
            for script in [
                "INSERT INTO book VALUES ('Villette', 3)",
                "PRAGMA defer_foreign_keys = ON; INSERT INTO book VALUES ('Villette', 3)",
            ] {
                let migrations = migrations(.immediate, SQLiteQuery(unsafe: script))
                let error = try await #require(throws: MigrationError.self) { try await migrations.apply(to: pool) }
                #expect((error.underlying as? SQLiteError)?.code == .constraintForeignKey)
                try await #expect(migrations.pending(in: pool) == ["002"])
                try await #expect(books(pool) == 2)
            }
        }
    }

    @Test("A pool that does not enforce foreign keys does not check them")
    func unenforced() async throws {
        try await withPool(.with(foreignKeys: false)) { pool in
            try await migrations(.deferred, "DELETE FROM author WHERE id = 2").apply(to: pool)
            try await #expect(enforces(pool) == false)
        }
    }
}
