// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// Values that are interpolated where a statement has no parameter.
@Suite(.timeLimit(.minutes(10))) struct PlacementTests {
    private func refusal(_ query: PostgresQuery) -> String? {
        do throws(PostgresError) {
            try query.validate(query.text)
            return nil
        } catch {
            #expect(error.code == .misplacedParameter && error.sql == query.text)
            return error.message
        }
    }

    private func query(_ before: String, _ after: String) -> PostgresQuery {
        let (start, end) = (PostgresQuery(unsafe: before), PostgresQuery(unsafe: after))
        return "\(sql: start)\(3)\(sql: end)"
    }

    @Test("A value within quotes fails before anything is sent, with the correct form in the message")
    func withinQuotes() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                try await db.execute("CREATE TEMP TABLE placed (note text)")
                let n = 3
                let statements: [PostgresQuery] = [
                    "SELECT (interval '\(n) days')::text", "INSERT INTO placed VALUES ('note \(n)')",
                    "SELECT note FROM placed WHERE note LIKE '%\(n)%'", "SELECT 1 AS \"column \(n)\"",
                    "DO $$ BEGIN PERFORM \(n); END $$", "SELECT 1 -- \(n)", "SELECT 1 /* \(n) */", "SELECT E'\\'\(n)'",
                ]
                for statement in statements {
                    for _ in 0..<3 {
                        let error = await postgresFailure { try await db.execute(statement) }
                        #expect(error?.code == .misplacedParameter && error?.connectionIsGone == false)
                    }
                }
                try await equal(db.query("SELECT count(*) FROM placed", as: Int.self), [0])
                try await equal(db.query("SELECT (\(n) * interval '1 day')::text", as: String.self), ["3 days"])
                try await db.execute("INSERT INTO placed VALUES ('note ' || \("3"))")
                let found = try await db.query(
                    "SELECT note FROM placed WHERE note LIKE '%' || \("3") || '%'",
                    as: String.self
                )
                #expect(found == ["note 3"])
                var count = 0
                let error = await postgresFailure {
                    for try await _ in db.stream("SELECT '\(n)' FROM generate_series(1, 3)") { count += 1 }
                }
                #expect(error?.code == .misplacedParameter && count == 0)
            }
        }
    }

    @Test("The error names the parameter, its position and the kind of quotes")
    func messages() {
        let tag: PostgresQuery = "$a$ \(1) $a$"
        #expect(
            refusal("SELECT \(1), 'é\(2)'")?.hasPrefix("parameter $2, at character 15, is within a quoted string")
                == true
        )
        #expect(refusal("SELECT '\(1)'")?.contains("'%' || \\(value) || '%'") == true)
        #expect(refusal("SELECT 1 AS \"\(1)\"")?.contains("\\(identifier: name)") == true)
        #expect(refusal(tag)?.contains("dollar-quoted") == true)
        #expect(refusal("SELECT 1 /* \(1) */")?.contains("comment") == true)
        #expect(refusal("SELECT '\(sql: "\(1)")'")?.contains("quoted string") == true)
    }

    @Test(
        "Quotes and comments are found by the server's rules",
        arguments: [
            // The text before the value, and whether the value is a parameter there.
            ("SELECT ", true), ("SELECT 'it''s' || ", true), ("SELECT 'it''s ", false), ("SELECT 'a\\' || ", true),
            ("SELECT E'a\\' || ", false), ("SELECT e'a\\\\' || ", true), ("SELECT E'a''\\' || ", false),
            ("SELECT E'a'\n'\\' || ", false), ("SELECT 'a' -- b\n ' || ", false), ("SELECT 'a' || ' || ", false),
            ("SELECT 'a' /* \n */ || ", true), ("SELECT FOO_E'\\' || ", true), ("SELECT U&'\\' || ", true),
            ("SELECT U&\"\\\" || ", true), ("SELECT B'1' || ", true), ("SELECT b'", false), ("SELECT x'", false),
            ("SELECT N'", false), ("SELECT \"a\"\"b\" || ", true), ("SELECT \"a\"\" ", false),
            ("SELECT $$ ", false), ("SELECT $$a$$ || ", true), ("SELECT $a$ $$ $b$ $a ", false),
            ("SELECT $a$ $$ $b$ $a$ || ", true), ("SELECT a$a$ || ", true), ("SELECT 1$a$ ", false),
            ("SELECT é$a$ || ", true), ("SELECT $é$ ", false), ("SELECT $1a$ || ", true), ("SELECT $ a$ || ", true),
            ("SELECT 1 -- a\n + ", true), ("SELECT 1 -- a\r + ", true), ("SELECT 1 -- a ", false),
            ("SELECT 1 - - ", true), ("SELECT 1 +-- ", false), ("SELECT 1 */* a */ ", true),
            ("SELECT /* /* */ ", false), ("SELECT /* /* */ */ ", true), ("SELECT /*/ ", false),
            ("SELECT /**/ ", true), ("SELECT /* ' */ ", true), ("SELECT ' /* ' || ", true), ("SELECT -- '\n ", true),
            ("SELECT (ARRAY[1, 2])[", true), ("SELECT 0x1F$$ ", false), ("SELECT 1.5e3$$ ", false),
        ]
    )
    func lexicalRules(_ before: String, _ isParameter: Bool) {
        #expect((refusal(query(before, "")) == nil) == isParameter)
    }

    @Test("Text from elsewhere keeps its numbers in any position")
    func textFromElsewhere() throws {
        let text = PostgresQuery(unsafe: "SELECT '$1', $1", parameters: [PostgresParameter("x")])
        #expect(refusal(text) == nil)
        #expect(refusal("SELECT '$1' || \("x")") == nil)
        #expect(refusal("SELECT \(identifier: "a\"b'c") || \(1) || \(identifier: "$$")") == nil)
    }

    @Test("A value as the only sort or group expression fails")
    func sorting() {
        let column = "name"
        #expect(refusal("SELECT * FROM t ORDER BY \(column)")?.contains("\\(identifier: column)") == true)
        for query: PostgresQuery in [
            "SELECT * FROM t ORDER BY \(column) DESC", "SELECT * FROM t order /* a */ by \(column), b",
            "SELECT * FROM t ORDER BY \(column) LIMIT \(5)", "SELECT count(*) FROM t GROUP BY \(column)",
            "SELECT rank() OVER (PARTITION BY \(column)) FROM t",
        ] {
            #expect(refusal(query) != nil, "\(query)")
        }
        for query: PostgresQuery in [
            "SELECT * FROM t ORDER BY \(column) = name", "SELECT * FROM t ORDER BY \(1) * n DESC",
            "SELECT * FROM t ORDER BY n LIMIT \(5) OFFSET \(2)", "SELECT * FROM t ORDER BY n + \(1)",
            "SELECT * FROM t ORDER BY \(column) <-> place", "SELECT * FROM t ORDER BY \(identifier: column) LIMIT \(1)",
        ] {
            #expect(refusal(query) == nil, "\(query)")
        }
    }

    @Test("An array in IN fails, with the correct operator in the message")
    func arrays() {
        let ids = [1, 2]
        #expect(refusal("SELECT * FROM t WHERE id IN (\(ids))")?.contains("= ANY(\\(values))") == true)
        #expect(refusal("SELECT * FROM t WHERE name not in ( \(["a"]) )") != nil)
        for query: PostgresQuery in [
            "SELECT * FROM t WHERE id = ANY(\(ids))", "SELECT * FROM t WHERE ids IN (\(ids), \(ids))",
            "SELECT * FROM t WHERE id IN (\(1))", "SELECT * FROM t WHERE id IN (\([UInt8](ids.map { UInt8($0) })))",
        ] {
            #expect(refusal(query) == nil, "\(query)")
        }
    }

    /// Pieces that begin, end or continue a string constant in PostgreSQL.
    private static let fragments = [
        "'", "''", "\"", "\"\"", "$$", "$a$", "$b", "$", "--", "\n", "\r", "/*", "*/", "*", "/", "\\", "\\'", "E'",
        "e'", "U&'",
        "U&\"", "B'", "N'", " ", "\t", "x", "é", "1", "a$", "+", "-", "0x1", "1e5",
    ]

    /// A random list of constants with comments and unusual white space between them.
    private func statement(_ random: inout SplitMix) -> String {
        func noise(_ count: Int, without: Set<Character>) -> String {
            var text = ""
            for _ in 0..<Int.random(in: 0...count, using: &random) {
                text += Self.fragments.randomElement(using: &random)!
            }
            return String(text.filter { !without.contains($0) })
        }
        func item() -> String {
            switch Int.random(in: 0..<12, using: &random) {
            case 0, 1: "'" + noise(6, without: ["'"]) + "'"
            case 2: "'a''" + noise(4, without: ["'"]) + "''\\'"
            case 3: "E'" + noise(4, without: ["'", "\\"]) + "\\'" + noise(3, without: ["'", "\\"]) + "'"
            case 4:
                "'a'" + ["\n", " -- x\n", "\r", " \n -- ' \n"].randomElement(using: &random)! + "'"
                    + noise(3, without: ["'"]) + "'"
            case 5: "$$" + noise(5, without: ["$"]) + "$$"
            case 6: "$a$" + noise(6, without: []).replacingOccurrences(of: "$a$", with: "") + " $a$"
            case 7: "1 AS \"x" + noise(4, without: ["\"", "\\"]) + "\""
            case 8: "1 AS x$" + String(Int.random(in: 0...9, using: &random)) + "$a$"
            case 9: "1 /*" + noise(4, without: ["*", "/"]) + "/* */" + noise(2, without: ["*", "/"]) + "*/"
            case 10: "1 --" + noise(4, without: ["\n", "\r"]) + "\n"
            default:
                ["1", "1.5", "NULL", "1 - -1", "B'10'", "U&'\\0041'", "N'n'", "1 */* c */ 2"].randomElement(
                    using: &random
                )!
            }
        }
        return "SELECT " + (0..<Int.random(in: 1...4, using: &random)).map { _ in item() }.joined(separator: ", ")
    }

    @Test("A value fails exactly where the server reads no parameter")
    func againstTheServer() async throws {
        var random = SplitMix(state: 20_261_128)
        var (texts, queries): ([String], [PostgresQuery]) = ([], [])
        while texts.count < 6_000 {
            let statement = statement(&random)
            // At any character, within a list of its own where it is read.
            let place = statement.index(
                statement.startIndex,
                offsetBy: Int.random(in: 7...statement.count, using: &random)
            )
            let separators = [("", "::int"), (", ", "::int"), (", ", "::int, "), (" ", "::int, "), ("+", "::int+")]
            let (before, after) = separators.randomElement(using: &random)!
            let query = query(statement[..<place] + before, after + statement[place...])
            texts.append(query.text)
            queries.append(query)
        }
        try await TestServer.shared.withPool { pool in
            let counts = try await pool.withConnection { db in
                try await db.executeScript(
                    """
                    CREATE FUNCTION pg_temp.parameter_count(statement text) RETURNS integer LANGUAGE plpgsql AS $f$
                    DECLARE number integer;
                    BEGIN
                        EXECUTE 'PREPARE placed AS ' || statement;
                        SELECT cardinality(parameter_types) INTO number FROM pg_prepared_statements WHERE name = 'placed';
                        DEALLOCATE placed;
                        RETURN number;
                    EXCEPTION WHEN OTHERS THEN RETURN NULL;
                    END $f$
                    """
                )
                return try await db.query(
                    "SELECT pg_temp.parameter_count(t) FROM unnest(\(texts)) WITH ORDINALITY AS u (t, n) ORDER BY n",
                    as: Int?.self
                )
            }
            var (parameters, texts) = (0, 0)
            for (count, query) in zip(counts, queries) {
                guard let count else { continue }
                if count == 1 { parameters += 1 } else { texts += 1 }
                #expect((refusal(query) == nil) == (count == 1), "\(query.text.debugDescription)")
            }
            // Ensures that the comparison covers both kinds.
            #expect(parameters > 300 && texts > 300, "\(parameters) parameters and \(texts) texts")
        }
    }

    private struct SplitMix: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var word = state
            word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
            word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
            return word ^ (word >> 31)
        }
    }
}
