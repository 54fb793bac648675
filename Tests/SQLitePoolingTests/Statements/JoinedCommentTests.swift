// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import SQLitePooling

/// Joined parts that end within a comment.
@Suite(.timeLimit(.minutes(10))) struct JoinedCommentTests {
    private let condition: SQLiteQuery = " AND x > 2"

    private static let numbers: SQLiteQuery =
        "WITH t (x) AS (VALUES (1), (2), (3)) SELECT x FROM t WHERE x <> 5 "

    private func expectThree(_ query: SQLiteQuery) async throws {
        try await withPool { pool in
            let values = try await pool.query(query, as: Int.self)
            #expect(values == [3], "\(query.text)")
        }
    }

    @Test("A comment at the end of a part does not hide the next part", arguments: ["-- note", "/* note", "/*"])
    func added(comment: String) async throws {
        let first = Self.numbers + SQLiteQuery(unsafe: comment)
        let whole = SQLiteQuery(unsafe: Self.numbers.text + comment)
        try await expectThree(first + condition)
        try await expectThree(whole + condition)
        try await expectThree([whole, condition].joined())
        let parts = [Self.numbers, "x > 2" + SQLiteQuery(unsafe: comment), "x < 9"]
        try await expectThree(parts.joined(separator: " AND "))
        try await expectThree("\(sql: whole) AND x > 2")
        try await expectThree("\(sql: whole) AND x > \(2)")
    }

    @Test("A part after a line comment of the same literal begins a line")
    func interpolated() async throws {
        try await expectThree("\(sql: Self.numbers) -- note\(sql: condition)")
    }

    @Test("Two hyphens within a text or a block comment, and a closed comment, change no text")
    func unchanged() {
        for text in ["SELECT '-- x'", "SELECT 1 /* -- x */", "SELECT 1 -- x\n", "SELECT '/*'", "SELECT [--]", "- -"] {
            #expect((SQLiteQuery(unsafe: text) + condition).text == text + condition.text)
        }
    }

    @Test("A quote that a part leaves open is an error")
    func openQuote() async throws {
        for quote in ["'", "\"", "`", "["] {
            try await withPool { pool in
                let query = SQLiteQuery(unsafe: "SELECT 1 WHERE 1 \(quote)x") + condition
                let error = try await sqliteError { _ = try await pool.query(query, as: Int.self) }
                #expect(error.code == .error)
            }
        }
    }
}
