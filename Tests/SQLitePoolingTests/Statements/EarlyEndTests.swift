// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import SQLitePooling

/// Writing statements that end before their last row, and commit at that point.
@Suite(.timeLimit(.minutes(10))) struct EarlyEndTests {
    private struct Child: Decodable { var id: Int }

    private static let insert: SQLiteQuery = "INSERT INTO child VALUES (1, 7), (2, 7) RETURNING id"
    private static let insertPairs: SQLiteQuery = "INSERT INTO child VALUES (1, 7), (2, 7) RETURNING id, parent"

    private func withTables(_ body: (SQLitePool) async throws -> Void) async throws {
        try await withPool { pool in
            try await pool.write { db in
                try db.executeScript(
                    """
                    CREATE TABLE parent (id INTEGER PRIMARY KEY);
                    CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
                    """
                )
            }
            try await body(pool)
        }
    }

    @Test("A failing commit of a statement that ends before its last row fails the call", arguments: 0..<4)
    func failingCommit(form: Int) async throws {
        try await withTables { pool in
            let error = try await sqliteError {
                try await pool.writeWithoutTransaction { db in
                    switch form {
                    case 0: _ = try db.queryFirst(Self.insert, as: Int.self)
                    case 1: _ = try db.queryFirst(Self.insertPairs, as: (Int, Int).self)
                    case 2: _ = try db.queryFirst(Self.insert, decoding: Child.self)
                    default: try db.withCursor(Self.insert) { rows in _ = try rows.next() }
                    }
                }
            }
            #expect(error.code == .constraintForeignKey)
            #expect(try await pool.query("SELECT id FROM child", as: Int.self).isEmpty)
            // The connection stays usable.
            try await pool.execute("INSERT INTO parent VALUES (7)")
            let first = try await pool.writeWithoutTransaction { db in try db.queryFirst(Self.insert, as: Int.self) }
            #expect(first == 1)
            #expect(try await pool.query("SELECT id FROM child", as: Int.self) == [1, 2])
        }
    }
}
