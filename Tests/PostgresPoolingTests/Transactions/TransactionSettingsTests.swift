// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import TestSupport
import Testing

@testable import PostgresPooling

private enum Mood: String, PostgresEncodable, Sendable {
    static let postgresType = PostgresType(named: "settings_mood")
    case good
}

/// Settings of a transaction, which begin and end with it.
@Suite(.timeLimit(.minutes(10))) struct TransactionSettingsTests {
    private static func tenant(_ db: borrowing PostgresConnection) async throws -> String? {
        try await db.query("SELECT current_setting('app.tenant', true)", as: String?.self)[0]
    }

    @Test("Settings are sent with BEGIN, in one message")
    func oneMessage() async throws {
        let server = try ScriptedServer { session in
            while let statement = session.nextStatement() {
                session.complete(
                    statement == "COMMIT" ? "COMMIT" : "BEGIN",
                    statement == "COMMIT" ? .idle : .inTransaction
                )
            }
        }
        try await server.withPool { pool in
            try await pool.withTransaction(
                isolation: .repeatableRead,
                settings: ["app.user": "it's", "app.tenant": "7"]
            ) { _ in }
            try await pool.withConnection { db in
                try await db.withTransaction(settings: ["app.tenant": "8"]) { _ in }
            }
            #expect(
                server.statements == [
                    "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_catalog.set_config('app.tenant', E'7', true), pg_catalog.set_config('app.user', E'it''s', true)",
                    "COMMIT", "BEGIN; SELECT pg_catalog.set_config('app.tenant', E'8', true)", "COMMIT",
                ]
            )
        }
    }

    @Test("A value arrives unchanged, whatever standard_conforming_strings is", arguments: ["on", "off"])
    func values(_ conforming: String) async throws {
        let values = [
            "", "7", "it's", "'", "''; DROP TABLE x; --", "\\", "\\'", "\\\\n", "a\nb\r\tc", "é€😀", "$$x$$", "%s",
            "/* x", "E'x'", "\u{1}", String(repeating: "'\\", count: 5000),
        ]
        try await TestServer.shared.withPool(
            .native,
            { $0.setup = ["SELECT set_config('standard_conforming_strings', \(conforming), false)"] }
        ) { pool in
            for value in values {
                let read = try await pool.withTransaction(settings: ["app.tenant": value]) { db in
                    try await Self.tenant(db)
                }
                #expect(read == value)
            }
        }
    }

    @Test("Settings end with their transaction, and cause no reset")
    func end() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            try await pool.withTransaction(settings: ["app.tenant": "7", "work_mem": "1234kB"]) { db in
                try await equal(Self.tenant(db), "7")
                try await equal(db.query("SHOW work_mem", as: String.self), ["1234kB"])
                equal(db.session.state.isChanged, false)
            }
            _ = await failure {
                try await pool.withTransaction(settings: ["app.tenant": "8"]) { _ in throw CancellationError() }
            }
            try await pool.withConnection { db in
                try await equal(Self.tenant(db), "")
                try await db.withTransaction(settings: ["app.tenant": "9"]) { db in
                    try await equal(Self.tenant(db), "9")
                }
                try await equal(Self.tenant(db), "")
            }
        }
    }

    @Test("Each attempt of a repeated transaction has the settings")
    func repeated() async throws {
        try await TestServer.shared.withPool { pool in
            var seen: [String?] = []
            try await pool.withTransaction(
                settings: ["app.tenant": "7"],
                retry: .serializationFailures(attempts: 5, backOff: .zero)
            ) { db in
                seen.append(try await Self.tenant(db))
                if seen.count < 3 { try await db.execute("DO $$BEGIN RAISE SQLSTATE '40P01'; END$$") }
            }
            #expect(seen == ["7", "7", "7"])
        }
    }

    @Test("The server ends a statement by a statement_timeout of the transaction, and of no other")
    func statementTimeout() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let error = await postgresFailure {
                try await pool.withTransaction(settings: ["statement_timeout": "50ms"]) { db in
                    try await db.query("SELECT pg_sleep(3600)")
                }
            }
            #expect(error?.sqlState == .queryCanceled && error?.connectionIsGone == false)
            try await equal(pool.query("SHOW statement_timeout", as: String.self), ["0"])
        }
    }

    @Test("A policy of row-level security sees the tenant, and the role ends with the transaction")
    func rowLevelSecurity() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                try await db.executeScript(
                    """
                    CREATE ROLE settings_reader; CREATE TABLE settings_rows (tenant text, n int);
                    INSERT INTO settings_rows VALUES ('a', 1), ('a', 2), ('b', 3);
                    GRANT SELECT ON settings_rows TO settings_reader; ALTER TABLE settings_rows ENABLE ROW LEVEL SECURITY;
                    CREATE POLICY p ON settings_rows USING (tenant = current_setting('app.tenant', true))
                    """
                )
            }
            for (tenant, rows) in [("a", [1, 2]), ("b", [3]), ("c", [])] {
                let seen = try await pool.withTransaction(
                    readOnly: true,
                    settings: ["app.tenant": tenant, "role": "settings_reader"]
                ) { db in
                    try await db.query("SELECT n FROM settings_rows ORDER BY n", as: Int.self)
                }
                #expect(seen == rows)
            }
            try await equal(pool.query("SELECT current_user::text = session_user::text", as: Bool.self), [true])
            try await pool.withConnection { db in
                try await db.executeScript("DROP TABLE settings_rows; DROP ROLE settings_reader")
            }
        }
    }

    @Test("A name or a value that cannot be a setting's is refused before anything is sent")
    func invalid() async throws {
        try await TestServer.shared.withPool { pool in
            let invalid: [([String: String], PostgresError.Code)] = [
                (["": "x"], .encoding), (["a b": "x"], .encoding), (["a'": "x"], .encoding),
                (["app.": "x"], .encoding), ([".app": "x"], .encoding), (["1a": "x"], .encoding),
                (["app.1": "x"], .encoding), (["a\0": "x"], .encoding), (["app.x": "a\0b"], .encoding),
                (["app.x": "a", "App.X": "b"], .encoding), (["Client_Encoding": "LATIN1"], .unsupported),
            ]
            for (settings, code) in invalid {
                let error = await postgresFailure {
                    try await pool.withTransaction(settings: settings) { _ in Issue.record("the body ran") }
                }
                #expect(error?.code == code && error?.outcome == .notExecuted, "\(settings)")
            }
            #expect(pool.snapshot.counters.created == 0)
        }
    }

    @Test("A setting that the server refuses fails without its value, and the connection stays")
    func refused() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let process = try await pool.process()
            let error = await postgresFailure {
                try await pool.withTransaction(settings: ["work_mem": "secret"]) { _ in Issue.record("the body ran") }
            }
            #expect(error?.sqlState == "22023" && error?.outcome == .notExecuted)
            #expect(error?.sql == "BEGIN; SELECT pg_catalog.set_config('work_mem', …, true)")
            #expect(error.map { "\($0)" }?.contains("secret") == false)
            try await equal(pool.process(), process)
        }
    }

    @Test("Names of types follow a search_path that is a setting of the transaction")
    func searchPath() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            try await pool.withConnection { db in
                try await db.executeScript(
                    """
                    CREATE SCHEMA settings_a; CREATE SCHEMA settings_b;
                    CREATE TYPE settings_a.settings_mood AS ENUM ('good'); CREATE TYPE settings_b.settings_mood AS ENUM ('good')
                    """
                )
            }
            for schema in ["settings_a", "settings_b", "settings_a"] {
                let type = try await pool.withTransaction(settings: ["search_path": "\(schema), pg_catalog"]) { db in
                    try await db.query(
                        "SELECT nspname::text FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = typnamespace WHERE t.oid = pg_typeof(\(Mood.good))",
                        as: String.self
                    )
                }
                #expect(type == [schema])
            }
            try await pool.withConnection { db in
                try await db.executeScript("DROP SCHEMA settings_a, settings_b CASCADE")
            }
        }
    }

    @Test("Behind a pooler in transaction mode, settings apply to their transaction alone")
    func pooler() async throws {
        try await TestServer.shared.withPgBouncer(.transaction, .system, settings: ["default_pool_size": "1"]) {
            bouncer in
            try await bouncer.withPool({ $0.pooler = .transaction }) { pool in
                for tenant in ["a", "b"] {
                    try await pool.withTransaction(settings: ["app.tenant": tenant]) { db in
                        try await equal(Self.tenant(db), tenant)
                    }
                    let rest = try await pool.withConnection { db in try await Self.tenant(db) }
                    #expect(rest?.isEmpty ?? true)
                }
            }
        }
    }
}
