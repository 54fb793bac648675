// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct RedactionTests {
    /// A value that is stored and not bound to the failing statement.
    private static let secret = "hunter2"

    private static let schema: SQLiteQuery = """
        CREATE TABLE secret (word TEXT, number INTEGER);
        INSERT INTO secret VALUES ('hunter2', 4711);
        CREATE TABLE t (a INTEGER PRIMARY KEY, b UNIQUE, c NOT NULL CHECK (c > 0));
        INSERT INTO t VALUES (1, 1, 1);
        CREATE TABLE strict (n INTEGER) STRICT;
        CREATE TABLE parent (id INTEGER PRIMARY KEY);
        CREATE TABLE child (id REFERENCES parent);
        CREATE TRIGGER refusal BEFORE DELETE ON t BEGIN SELECT RAISE(ABORT, 'rows of t stay'); END;
        CREATE VIRTUAL TABLE note USING fts5(body);
        CREATE VIRTUAL TABLE old USING fts4(body);
        CREATE VIRTUAL TABLE box USING rtree(id, low, high);
        """

    /// SQLite's message for an invalid JSON path, which changed in 3.46.
    private static let jsonPathMessage =
        SQLiteLibrary.version.compare("3.46", options: .numeric) == .orderedAscending
        ? "JSON path error near …" : "bad JSON path: …"

    /// Statements that fail while they run, with the part of the message that is kept.
    private static let failing: [(SQLiteQuery, String)] = [
        ("SELECT json_extract('{}', word) FROM secret", jsonPathMessage),
        ("SELECT json('{' || word) FROM secret", "malformed JSON"),
        ("SELECT value FROM json_each('{}', (SELECT word FROM secret))", jsonPathMessage),
        ("SELECT * FROM note WHERE note MATCH (SELECT word || ' \"' FROM secret)", "unterminated string"),
        ("SELECT * FROM note WHERE note MATCH (SELECT word || ':x' FROM secret)", "no such column: …"),
        ("SELECT * FROM note WHERE note MATCH (SELECT '^ ^' || word FROM secret)", "fts5: syntax error near …"),
        (
            "SELECT * FROM note WHERE note MATCH 'a' AND rank MATCH (SELECT word || '(' FROM secret)",
            "parse error in rank function: …"
        ),
        (
            "SELECT * FROM old WHERE old MATCH (SELECT '\"' || word || ' AND (' FROM secret)",
            "malformed MATCH expression: …"
        ),
        ("SELECT abs(-9223372036854775808)", "integer overflow"),
        ("SELECT 'a' LIKE 'b' ESCAPE word FROM secret", "ESCAPE expression must be a single character"),
        ("SELECT load_extension(word) FROM secret", "not authorized"),
        ("SELECT zeroblob(number * 1000000) FROM secret", "string or blob too big"),
        ("INSERT INTO t SELECT word, 1, 1 FROM secret", "datatype mismatch"),
        ("INSERT INTO t SELECT 2, 1, number FROM secret", "UNIQUE constraint failed: t.b"),
        ("INSERT INTO t SELECT 2, 2, -number FROM secret", "CHECK constraint failed: c > 0"),
        ("INSERT INTO t SELECT 2, word, NULL FROM secret", "NOT NULL constraint failed: t.c"),
        ("INSERT INTO child SELECT number FROM secret", "FOREIGN KEY constraint failed"),
        ("INSERT INTO strict SELECT word FROM secret", "cannot store TEXT value in INTEGER column strict.n"),
        ("INSERT INTO box SELECT 1, number, 2 FROM secret", "rtree constraint failed: box.(low<=high)"),
    ]

    @Test("A run-time message contains no stored value, and keeps its known parts", arguments: failing)
    func stored(sql: SQLiteQuery, message: String) async throws {
        try await withPool { pool in
            try await pool.write { db in try db.executeScript(Self.schema) }
            let error = try await sqliteError { try await pool.write { db in try db.forEachRow(sql) { _ in } } }
            #expect(error.message == message)
            var dumped = ""
            dump(error, to: &dumped)
            for text in ["\(error)", String(reflecting: error), error.localizedDescription, dumped] {
                #expect(!text.contains(Self.secret) && !text.contains("4711"))
            }
        }
    }

    @Test("Messages about attached databases omit paths and names that come from values")
    func attached() async throws {
        try await withPool { pool in
            for (sql, message) in [
                ("ATTACH '/nowhere/' || \(Self.secret) AS other" as SQLiteQuery, "unable to open database: …"),
                ("ATTACH '' AS \(Self.secret)", nil), ("ATTACH '' AS main", "database … is already in use"),
                ("DETACH \(Self.secret)", "no such database: …"),
                ("ATTACH \("file:x?vfs=" + Self.secret) AS other", "no such vfs: …"),
            ] {
                let error = await #expect(throws: (any Error).self) {
                    try await pool.writeWithoutTransaction { db in
                        _ = try db.execute(sql)
                        throw CancellationError()
                    }
                }
                #expect(!"\(error!)".contains(Self.secret))
                if let message { #expect((error as? SQLiteError)?.message.hasPrefix(message) != false, "\(sql)") }
            }
        }
    }

    @Test("The configuration can turn on SQLite's full messages")
    func full() async throws {
        var configuration = SQLiteConfiguration()
        configuration.errorDetail = .full
        try await withPool(configuration) { pool in
            let path = "$" + Self.secret
            let error = try await sqliteError {
                _ = try await pool.query("SELECT json_extract('{}', \(path))", as: String?.self)
            }
            #expect(error.message.contains(Self.secret))
        }
    }

    @Test("An unknown message is replaced by the text of its code")
    func unknown() {
        func shown(_ message: String, _ code: SQLiteError.Code = .error) -> String {
            SQLiteError.redacted(message, code.rawValue)
        }
        let hidden = "the message may contain values: set errorDetail to full to see it"
        #expect(shown("user hunter2 is unknown") == "SQL logic error; \(hidden)")
        #expect(shown("hunter2", .tooBig) == "string or blob too big; \(hidden)")
        #expect(shown("hunter2", .constraintFunction) == "constraint failed; \(hidden)")
        #expect(shown("SQL logic error") == "SQL logic error")
        #expect(shown("database hunter2 is locked") == "database … is locked")
        #expect(shown("unknown special query: hunter2") == "unknown special query: …")
        #expect(shown("bad JSON path: 'hunter2'") == "bad JSON path: …")
        #expect(shown("no such column: \u{301}hunter2") == "SQL logic error; \(hidden)")
    }

    @Test("The text of a RAISE is shown if it can only be a literal of the schema")
    func raise() async throws {
        let code = SQLiteError.Code.constraintTrigger.rawValue
        #expect(SQLiteError.redacted("rows of t stay", code, version: 3_046_001) == "rows of t stay")
        #expect(SQLiteError.redacted("hunter2", code, version: 3_047_000).hasPrefix("constraint failed; "))
        try await withPool { pool in
            try await pool.write { db in try db.executeScript(Self.schema) }
            let error = try await sqliteError { try await pool.execute("DELETE FROM t") }
            #expect(error.code == .constraintTrigger && !error.message.contains(Self.secret))
        }
    }

    @Test("A message of the preparation quotes the statement and the schema")
    func preparation() async throws {
        try await withPool { pool in
            for (sql, message) in [
                ("SELECT titel FROM sqlite_schema" as SQLiteQuery, "no such column: titel"),
                ("SELEC", "near \"SELEC\": syntax error"),
                ("SELECT absent(1)", "no such function: absent"),
            ] {
                let error = try await sqliteError { _ = try await pool.query(sql, as: Int.self) }
                #expect(error.message == message)
            }
        }
    }
}

extension SQLiteError.Code {
    fileprivate static var constraintFunction: Self { Self(rawValue: 1_043) }
}
