// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct QueryJoiningTests {
    @Test("Added and joined statements keep their parameters in order")
    func order() async throws {
        let conditions: [SQLiteQuery] = ["x > \(1)", "x < \(4)", "x <> \(2)"]
        var query =
            "WITH t (x) AS (VALUES (1), (2), (3), (4)) SELECT x FROM t WHERE " + conditions.joined(separator: " AND ")
        query += " LIMIT \(5)"
        #expect(query.text.hasSuffix("WHERE x > ? AND x < ? AND x <> ? LIMIT ?"))
        #expect(query.parameters.count == 4)
        try await withPool { pool in
            let values = try await pool.query(query, as: Int.self)
            #expect(values == [3])
        }
        #expect([SQLiteQuery]().joined(separator: ", ").text == "")
        #expect((["\(1)", "\(2)"] as [SQLiteQuery]).joined().text == "??")
    }

    @Test("A written number is raised by the parameters before it, and a question mark in a text is not")
    func numbers() async throws {
        let numbered = SQLiteQuery("?2 || '?1' || \"?1\" || ?1 /* ?1 */", values: "a", "b")
        let query = "SELECT \("x") || " + numbered + " || \("y") FROM (SELECT 'c' AS \"?1\")"
        #expect(
            query.text
                == "SELECT ? || ?3 || '?1' || \"?1\" || ?2 /* ?1 */ || ? FROM (SELECT 'c' AS \"?1\")"
        )
        try await withPool { pool in
            #expect(try await pool.queryFirst(query, as: String.self) == "xb?1cay")
            let nested: SQLiteQuery = "SELECT \(1), \(sql: SQLiteQuery("?1, ?1", values: 2)), \(3)"
            let row = try await pool.queryFirst(nested, as: (Int, Int, Int, Int).self)
            #expect(try #require(row) == (1, 2, 2, 3))
        }
    }

    @Test("Names keep their values, and a name with two values is an error")
    func names() async throws {
        let first = SQLiteQuery("SELECT :a", named: ["a": 1])
        let query = first + ", \(2), " + SQLiteQuery(":a, :b", named: ["a": 1, "b": 3])
        try await withPool { pool in
            let row = try await pool.queryFirst(query, as: (Int, Int, Int, Int).self)
            #expect(try #require(row) == (1, 2, 1, 3))
            let ambiguous = first + ", " + SQLiteQuery(":a", named: ["a": 2])
            let error = try await sqliteError { _ = try await pool.query(ambiguous, as: (Int, Int).self) }
            #expect(error.code == .parameterName)
        }
    }
}
