// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import SQLitePooling
import Testing

/// Passes `body` a pool with tables of several kinds.
func withTables(
    _ configuration: SQLiteConfiguration = .init(),
    hooks: SQLiteHooks = .init(),
    in folder: SampleFolder? = nil,
    _ body: (SQLitePool) async throws -> Void
) async throws {
    try await withPool(configuration, hooks: hooks, in: folder) { pool in
        try await pool.executeScript(
            """
            CREATE TABLE mark (x);
            CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT UNIQUE, age INTEGER);
            CREATE TABLE session (id INTEGER PRIMARY KEY, user REFERENCES user ON DELETE CASCADE);
            CREATE TABLE setting (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
            INSERT INTO user VALUES (1, 'Ada', 30), (2, 'Bo', 40), (3, 'Cy', 50);
            INSERT INTO session VALUES (10, 1), (11, 1), (12, 2);
            INSERT INTO setting VALUES ('a', 1), ('b', 2)
            """
        )
        try await body(pool)
    }
}

/// Returns the changes that `operation` commits. A commit to another table follows, so that there
/// are some.
func batch(
    _ pool: SQLitePool,
    rowLimit: Int = 1_000,
    _ operation: (SQLitePool) async throws -> Void
) async throws -> SQLiteChanges.Batch {
    let changes = try await pool.changes(rowLimit: rowLimit)
    try await operation(pool)
    try await pool.execute("INSERT INTO main.mark VALUES (1)")
    var iterator = changes.makeAsyncIterator()
    return try #require(await iterator.next())
}

/// Returns the tables that `operation` changes, without the following commit.
func changes(
    _ pool: SQLitePool,
    rowLimit: Int = 1_000,
    _ operation: (SQLitePool) async throws -> Void
) async throws -> [SQLiteChanges.Table: SQLiteChanges.Rows] {
    let batch = try await batch(pool, rowLimit: rowLimit, operation)
    #expect(!batch.mayAffectAllTables)
    return batch.tables.filter { $0.key != "mark" }
}

/// Returns the changes that `body` commits.
func changes(
    _ pool: SQLitePool,
    writing body: @escaping @Sendable (borrowing SQLiteConnection) throws -> Void
) async throws -> [SQLiteChanges.Table: SQLiteChanges.Rows] {
    try await changes(pool) { pool in try await pool.write { db in try body(db) } }
}
