// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import SQLitePooling
import Testing

/// Writing statements that return rows.
@Suite(.timeLimit(.minutes(10))) struct WriteQueryTests {
    struct Book: Decodable, Sendable, Equatable {
        let title: String
        let copies: Int
    }

    private static let table: SQLiteQuery =
        "CREATE TABLE book (id INTEGER PRIMARY KEY, title TEXT UNIQUE, copies INTEGER)"

    @Test("A writing statement returns its rows in each form", arguments: [1, 16])
    func forms(_ writesPerCommit: Int) async throws {
        try await withPool(.with(maximumWritesPerCommit: writesPerCommit)) { pool in
            try await pool.execute(Self.table)
            let rows = try await pool.writeQuery("INSERT INTO book VALUES (1, 'Emma', 2) RETURNING title, copies")
            #expect(rows.count == 1 && rows[0]["title"] == .text("Emma"))
            let pairs = try await pool.writeQuery(
                "INSERT INTO book VALUES (2, 'Villette', 1), (3, 'Persuasion', 4) RETURNING id, title",
                as: (Int, String).self
            )
            #expect(pairs.map(\.1).sorted() == ["Persuasion", "Villette"])
            let copies = try await pool.writeQuery(
                "UPDATE book SET copies = copies + 1 WHERE id = 1 RETURNING copies",
                as: Int.self
            )
            #expect(copies == [3])
            let deleted = try await pool.writeQuery(
                "DELETE FROM book WHERE id = 2 RETURNING title, copies",
                decoding: Book.self
            )
            #expect(deleted == [Book(title: "Villette", copies: 1)])
            try await #expect(pool.queryOne("SELECT count(*) FROM book", as: Int.self) == 2)
        }
    }

    @Test("Nothing changes if a row has other types, a constraint fails or the deadline passes", arguments: [1, 16])
    func failures(_ writesPerCommit: Int) async throws {
        try await withPool(.with(maximumWritesPerCommit: writesPerCommit)) { pool in
            try await pool.execute(Self.table)
            let types = try await sqliteError {
                _ = try await pool.writeQuery(
                    "INSERT INTO book VALUES (1, 'a', 1), (2, 'b', 'x') RETURNING copies",
                    as: Int.self
                )
            }
            #expect(types.code == .decoding)
            let columns = try await sqliteError {
                _ = try await pool.writeQuery("INSERT INTO book VALUES (1, 'a', 1) RETURNING id, copies", as: Int.self)
            }
            #expect(columns.code == .columnCount)
            let constraint = try await sqliteError {
                _ = try await pool.writeQuery(
                    "INSERT INTO book VALUES (1, 'a', 1), (2, 'a', 1) RETURNING id",
                    as: Int.self
                )
            }
            #expect(constraint.code == .constraintUnique)
            let deadline = try await sqliteError {
                _ = try await pool.writeQuery(
                    """
                    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                    INSERT INTO book SELECT i, NULL, 1 FROM n RETURNING id
                    """,
                    as: Int.self,
                    timeout: .milliseconds(50)
                )
            }
            #expect(deadline.code == .timedOut)
            try await #expect(pool.queryOne("SELECT count(*) FROM book", as: Int.self) == 0)
        }
    }

    @Test("A read-only pool refuses it before it runs")
    func readOnly() async throws {
        let folder = try SampleFolder()
        try await withPool(in: folder) { pool in try await pool.execute(Self.table) }
        try await withPool(.with(mode: .readOnly), in: folder) { pool in
            let error = try await sqliteError {
                _ = try await pool.writeQuery("DELETE FROM book RETURNING id", as: Int.self)
            }
            #expect(error.code == .readOnly)
        }
    }
}
