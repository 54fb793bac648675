// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import SQLitePooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct QueryTests {
    @Test("An interpolated value becomes a parameter and never a part of the text")
    func interpolation() {
        let name = "Robert'); DROP TABLE user;--"
        let sql: SQLiteQuery = "SELECT id FROM user WHERE name = \(name) AND age > \(18) AND note IS \(String?.none)"
        #expect(sql.text == "SELECT id FROM user WHERE name = ? AND age > ? AND note IS ?")
        #expect(sql.parameters == [.text(name), .integer(18), .null])
    }

    @Test("A literal without interpolation has no parameters")
    func literal() {
        let sql: SQLiteQuery = "SELECT 'ä' || \"é\""
        #expect(sql.text == "SELECT 'ä' || \"é\"")
        #expect(sql.parameters.isEmpty)
    }

    @Test(
        "An identifier is quoted, and its quotes are doubled",
        arguments: ["user", "a b", "x\"; DROP TABLE t; --", "é"]
    )
    func identifier(name: String) {
        let sql: SQLiteQuery = "SELECT * FROM \(identifier: name)"
        #expect(
            sql.text == "SELECT * FROM \""
                + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
        )
        #expect(sql.parameters.isEmpty)
    }

    @Test("A statement within a statement brings its parameters, in order")
    func splice() {
        let condition: SQLiteQuery = "age > \(18) AND city = \("Rome")"
        let sql: SQLiteQuery = "SELECT \(1) FROM user WHERE \(sql: condition) LIMIT \(5)"
        #expect(sql.text == "SELECT ? FROM user WHERE age > ? AND city = ? LIMIT ?")
        #expect(sql.parameters == [.integer(1), .integer(18), .text("Rome"), .integer(5)])
    }

    @Test("Text that is built at run time needs an explicit initializer")
    func unsafeText() {
        let sql = SQLiteQuery(unsafe: "SELECT ?2, ?1", parameters: [.real(0.5), .blob([1])])
        #expect(sql.text == "SELECT ?2, ?1")
        #expect(sql.parameters == [.real(0.5), .blob([1])])
    }

    @Test("Descriptions of a statement do not contain values")
    func descriptions() {
        let secret = "hunter2"
        let sql: SQLiteQuery = "SELECT \(secret), \(Array(secret.utf8))"
        var dumped = ""
        dump(sql, to: &dumped)
        for text in ["\(sql)", String(reflecting: sql), String(describing: sql), "\([sql])", dumped] {
            #expect(text.contains("SELECT ?, ?"))
            #expect(!text.contains(secret) && !text.contains("104"))
        }
    }

    @Test("A name that contains quotes, spaces or SQL works as a name")
    func identifierInUse() async throws {
        try await withPool { pool in
            let name = "a \"b\"; DROP TABLE c; --"
            try await pool.execute("CREATE TABLE \(identifier: name) (\(identifier: "x\"y") INTEGER)")
            try await pool.execute("INSERT INTO \(identifier: name) VALUES (\(7))")
            #expect(try await pool.query("SELECT \(identifier: "x\"y") FROM \(identifier: name)", as: Int.self) == [7])
        }
    }

    @Test("An unknown name is an error, not a string")
    func misspeltIdentifier() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE user (name TEXT)")
            let error = try await sqliteError {
                _ = try await pool.query("SELECT 1 FROM user WHERE \(identifier: "nmae") = \("x")", as: Int.self)
            }
            #expect(error.code == .error && error.message.contains("nmae"))
        }
    }

    @Test("A NUL character in a statement or a name is an error, and does not end the statement")
    func nulCharacters() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            for sql: SQLiteQuery in [
                SQLiteQuery(unsafe: "DELETE FROM t\0 WHERE x = 1"), "DELETE FROM \(identifier: "t\0u")",
            ] {
                let error = try await sqliteError { try await pool.execute(sql) }
                #expect(error.code == .nulCharacter && error.offset != nil)
                let scriptError = try await sqliteError {
                    try await pool.write { db in try db.executeScript(SQLiteQuery(unsafe: sql.text)) }
                }
                #expect(scriptError.code == .nulCharacter)
            }
        }
    }
}
