// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PostgresPooling

/// The values that errors reveal.
@Suite(.timeLimit(.minutes(10))) struct RedactionTests {
    private static let secret = "hunter2-token"

    private func fields(_ code: String, _ message: String, routine: String? = nil, hint: String? = nil)
        -> PostgresError.ServerFields
    {
        PostgresError.ServerFields { field in
            switch field {
            case "C": code
            case "V": "ERROR"
            case "M": message
            case "R": routine
            case "H": hint
            default: nil
            }
        }
    }

    /// Everything that an error shows unless a particular field is read.
    private func shown(_ error: PostgresError) -> [String] {
        var (dumped, dumpedFields) = ("", "")
        dump(error, to: &dumped)
        dump(error.server as Any, to: &dumpedFields)
        return [
            "\(error)", String(reflecting: error), error.message, error.localizedDescription, dumped, dumpedFields,
            "\(error.server as Any)", String(reflecting: error.server),
            "\(Mirror(reflecting: error).children.map(\.value))",
        ]
    }

    @Test("A value that the server quotes is not shown, but is available in the fields")
    func values() async throws {
        let secret = Self.secret
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                try await db.executeScript(
                    """
                    CREATE TYPE pg_temp.redacted_size AS ENUM ('small');
                    CREATE TEMP TABLE redacted (name text UNIQUE, size pg_temp.redacted_size, n integer CHECK (n > 0));
                    CREATE FUNCTION pg_temp.refuse(value text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
                        RAISE EXCEPTION 'the value "%" is refused', value USING HINT = 'not "' || value || '"', ERRCODE = '23505';
                    END $$
                    """
                )
                let statements: [PostgresQuery] = [
                    "SELECT (\(secret)::text)::integer", "SELECT (\(secret)::text)::uuid",
                    "SELECT (\(secret)::text)::timestamptz",
                    "SELECT (\(secret)::text)::pg_temp.redacted_size", "SELECT (\(secret)::text)::jsonb",
                    "SELECT ('{' || \(secret)::text)::int[]", "SELECT to_timestamp(\(secret), 'YYYY')",
                    "SELECT set_config('TimeZone', \(secret), true)", "SELECT to_tsquery(\(secret + " x"))",
                    "SELECT pg_temp.refuse(\(secret))", "SELECT (\(secret)::text || '\"')::integer",
                    "SELECT now() AT TIME ZONE \(secret)", "SELECT (\(secret)::text)::inet",
                    "SELECT (\(secret)::text)::xml::int",
                    "SELECT ((\(secret)::text || ' y z')::text)::regtype", "SELECT decode(\(secret), \(secret))",
                ]
                for statement in statements {
                    let error = try #require(await postgresFailure { try await db.execute(statement) }, "\(statement)")
                    #expect(error.code == .server)
                    for text in shown(error) { #expect(!text.contains("hunter2"), "\(text)") }
                }
                let number = try #require(
                    await postgresFailure { try await db.execute("SELECT (\(secret)::text)::integer") }
                )
                #expect(number.message == "invalid input syntax for type integer: \"…\"")
                #expect(number.server?.fullMessage == "invalid input syntax for type integer: \"\(secret)\"")
                // Names are useful, and stay.
                try await db.execute("INSERT INTO redacted (name) VALUES (\(secret))")
                let twice = await postgresFailure {
                    try await db.execute("INSERT INTO redacted (name) VALUES (\(secret))")
                }
                #expect(twice?.message == "duplicate key value violates unique constraint \"redacted_name_key\"")
                let check = await postgresFailure {
                    try await db.execute("INSERT INTO redacted (n) VALUES (\(-4_711))")
                }
                #expect(check?.message.contains("\"redacted_n_check\"") == true)
                let column = await postgresFailure { try await db.execute("SELECT colour FROM redacted") }
                #expect(column?.message == "column \"colour\" does not exist")
                for error in [twice, check] {
                    #expect(!"\(error!)".contains("hunter2") && !"\(error!)".contains("4711"))
                }
            }
        }
    }

    @Test("Text in quotes of any language is omitted, and so are the bytes of characters")
    func languages() {
        for (code, message, expected) in [
            (
                "22P02", "invalid input syntax for type integer: \"a \"b\" c\"",
                "invalid input syntax for type integer: \"…\""
            ),
            (
                "22P02", "syntaxe en entrée invalide pour le type integer : « a »",
                "syntaxe en entrée invalide pour le type integer : «…»"
            ),
            ("22P02", "ungültige Eingabesyntax für Typ integer: „a“", "ungültige Eingabesyntax für Typ integer: „…“"),
            ("22012", "division by zero", "division by zero"),
            ("22021", "invalid byte sequence: 0xe2 0x82", "invalid byte sequence: 0x…"),
            ("P0001", "no \"a\" for \"b\"", "no \"…\""), ("P0001", "out of stock", "out of stock"),
            ("23505", "my \"a\" is taken", "my \"…\" is taken"),
            ("42703", "column \"a\" does not exist", "column \"a\" does not exist"),
            ("42601", "syntax error in tsquery: \"a b\"", "syntax error in tsquery: \"…\""),
            ("28P01", "password authentication failed for user \"a\"", "password authentication failed for user \"a\""),
        ] {
            let fields = fields(code, message)
            #expect(fields.message == expected && fields.fullMessage == message)
        }
        let german = "doppelter Schlüsselwert verletzt Unique-Constraint „a“"
        #expect(fields("23505", german, routine: "_bt_check_unique").message == german)
        #expect(fields("23505", german).message == "doppelter Schlüsselwert verletzt Unique-Constraint „…“")
        let raised = fields("42703", "the \"a\" is refused", routine: "exec_stmt_raise", hint: "not \"a\"")
        #expect(raised.message == "the \"…\" is refused" && raised.hint == "not \"a\"")
        let error = PostgresError(.server, raised.message, server: raised)
        #expect("\(error)".contains("Hint: not \"…\""))
        #expect(fields("01000", "beware of \"a\"", routine: "exec_stmt_raise").message == "beware of \"a\"")
    }

    @Test("No dump of a pool contains its password")
    func pools() async throws {
        let pool = try PostgresPool("postgres://u:\(Self.secret)@localhost/d")
        var dumped = ""
        dump(pool, to: &dumped, maxDepth: 12, maxItems: 5_000)
        let parameters = try ConnectParameters(parsing: "password=\(Self.secret) host=h")
        dump(parameters, to: &dumped)
        dumped += "\(parameters)" + String(reflecting: parameters)
        #expect(!dumped.contains(Self.secret))
        await pool.close()
    }

    @Test("Control characters of the server's texts are written as escape sequences")
    func controlCharacters() async throws {
        let hostile = "a\u{1b}[31mred\r\nINFO \u{202e}forged\u{7}\u{9b}é\t"
        let raised = fields("P0001", hostile, hint: hostile)
        let error = PostgresError(.server, raised.message, server: raised)
        for text in shown(error) {
            #expect(
                !text.contains("\u{1b}") && !text.contains("\u{202e}") && !text.contains("\r")
                    && !text.contains("\u{9b}"),
                "\(text)"
            )
        }
        #expect(error.message == "a\\u{1b}[31mred\\r\\nINFO \\u{202e}forged\\u{7}\\u{9b}é\\t")
        #expect(error.server?.fullMessage == hostile)
        let notices = Counted<PostgresError.ServerFields>()
        try await TestServer.shared.withPool(.native, { $0.onNotice = { notices.add($0) } }) { pool in
            _ = try await pool.execute("DO $$ BEGIN RAISE WARNING E'\\x1b[31mred'; END $$")
        }
        #expect(notices.values.map(\.message) == ["\\u{1b}[31mred"])
    }
}
