// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import SQLitePooling

/// Values that are interpolated where a statement has no parameter.
@Suite(.timeLimit(.minutes(10))) struct MisplacedParameterTests {
    @Test("A value within quotes or a comment is an error with its offset and the correct form")
    func withinQuotes() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE placed (note TEXT)")
            let n = 3
            let statements: [(SQLiteQuery, String)] = [
                ("INSERT INTO placed VALUES ('note \(n)')", "'%' || \\(value) || '%'"),
                ("SELECT note FROM placed WHERE note = \("?") OR note LIKE '%\(n)%'", "quoted text"),
                ("SELECT 'it''s \(n)'", "quoted text"), ("SELECT 1 AS \"n \(n)\"", "\\(identifier: name)"),
                ("SELECT 1 AS `n \(n)`", "quoted name"), ("SELECT 1 AS [n \(n)]", "quoted name"),
                ("SELECT 1 -- \(n)", "comment"), ("SELECT 1 /* /* \(n) */", "comment"),
                ("SELECT 1 /* \(n)", "comment"), ("SELECT 1 WHERE '\(list: [n])'", "quoted text"),
            ]
            for (statement, advice) in statements {
                let offset = Array(statement.text.utf8).lastIndex(of: UInt8(ascii: "?"))
                for _ in 0..<2 {
                    let error = try await sqliteError { try await pool.execute(statement) }
                    #expect(error.code == .parameterCount, "\(error)")
                    #expect(error.offset == offset && error.message.contains(advice), "\(error)")
                }
            }
            #expect(try await pool.query("SELECT count(*) FROM placed", as: Int.self) == [0])
        }
    }

    @Test("A question mark within quotes is accepted if no value is missing")
    func questionMarks() async throws {
        try await withPool { pool in
            let answer = try await pool.query("SELECT 'why? ' || \("so?") -- ?\n /* ? */", as: String.self)
            #expect(answer == ["why? so?"])
            let tooMany = SQLiteQuery(unsafe: "SELECT 1", parameters: [.integer(1)])
            #expect(try await sqliteError { try await pool.execute(tooMany) }.code == .parameterCount)
            let tooFew = SQLiteQuery(unsafe: "SELECT ?, '?'", parameters: [])
            #expect(try await sqliteError { try await pool.execute(tooFew) }.code == .parameterCount)
        }
    }

    @Test("Sorting or grouping by a value alone is an error")
    func sorting() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (n INTEGER)")
            let column = "n"
            for sql: SQLiteQuery in [
                "SELECT n FROM t ORDER BY \(column)", "SELECT n FROM t order by \(column) DESC, n",
                "SELECT n FROM t ORDER /* a */ BY \(column) LIMIT \(1)", "SELECT count(*) FROM t GROUP BY \(column)",
            ] {
                let error = try await sqliteError { try await pool.execute(sql) }
                #expect(error.code == .misplacedParameter && error.message.contains("\\(identifier: column)"))
            }
            for sql: SQLiteQuery in [
                "SELECT n FROM t ORDER BY \(identifier: column) LIMIT \(1)", "SELECT n FROM t ORDER BY \(2) * n",
                "SELECT n FROM t WHERE 'ORDER BY ?' = n ORDER BY n + \(1)", "SELECT n FROM t ORDER BY \(1) = n DESC",
            ] {
                #expect(try await pool.query(sql, as: Int.self).isEmpty)
            }
        }
    }
}
