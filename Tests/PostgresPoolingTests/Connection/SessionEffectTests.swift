// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct SessionEffectTests {
    private func effect(_ tag: String, hasRows: Bool = false, _ sql: String? = "") -> SessionEffect {
        SessionEffect(commandTag: tag, hasRows: hasRows, sql: sql)
    }

    @Test(
        "A command that changes rows, objects or transactions leaves the session unchanged",
        arguments: [
            "", "ALTER ROLE", "ALTER SYSTEM", "ALTER TABLE", "ANALYZE", "BEGIN", "CHECKPOINT", "CLOSE CURSOR",
            "CLOSE CURSOR ALL",
            "CLUSTER", "COMMENT", "COMMIT", "COMMIT PREPARED", "COPY 5", "CREATE EXTENSION", "CREATE TABLE",
            "DEALLOCATE", "DELETE 3",
            "DROP TABLE", "FETCH 1", "GRANT", "GRANT ROLE", "IMPORT FOREIGN SCHEMA", "INSERT 0 1",
            "LOCK TABLE",
            "MERGE 3", "MOVE 1", "NOTIFY", "PREPARE TRANSACTION", "REASSIGN OWNED", "REFRESH MATERIALIZED VIEW",
            "REINDEX", "RELEASE",
            "REVOKE", "REVOKE ROLE", "ROLLBACK", "ROLLBACK PREPARED", "SAVEPOINT", "SECURITY LABEL", "SELECT 1",
            "SET CONSTRAINTS",
            "SHOW", "START TRANSACTION", "TRUNCATE TABLE", "UPDATE 3", "VACUUM",
        ]
    )
    func harmless(_ tag: String) {
        #expect(effect(tag) == .none)
    }

    @Test(
        "A command that may change the session counts as a change, and so does an unknown one",
        arguments: [
            "CALL", "DISCARD PLANS", "DISCARD SEQUENCES", "DISCARD TEMP", "DO", "LISTEN", "LOAD", "RESET", "SET",
            "UNLISTEN", "UPSERT 1",
        ]
    )
    func changes(_ tag: String) {
        #expect(effect(tag) == .changed)
    }

    @Test("Prepared statements that appear and disappear are detected")
    func statements() {
        #expect(effect("PREPARE") == .preparedStatements)
        #expect(effect("DEALLOCATE ALL") == .forgottenStatements)
        #expect(effect("DISCARD ALL") == .forgottenStatements)
    }

    @Test("Temporary objects and cursors WITH HOLD are known by the text, and assumed without one")
    func texts() {
        #expect(effect("SELECT 1", hasRows: true, nil) == .none)
        for tag in ["SELECT 1", "CREATE TABLE", "CREATE TABLE AS", "CREATE SEQUENCE", "CREATE VIEW", "CREATE FUNCTION"]
        {
            #expect(effect(tag, "CREATE TABLE kept AS SELECT 1") == .none)
            #expect(effect(tag, "CREATE Temporary TABLE lost AS SELECT 1") == .changed)
            #expect(effect(tag, "CREATE TABLE pg_temp.lost AS SELECT 1") == .changed)
            #expect(effect(tag, nil) == .changed)
        }
        #expect(effect("EXPLAIN", hasRows: true, "EXPLAIN SELECT 1") == .none)
        #expect(effect("EXPLAIN", hasRows: true, "EXPLAIN ANALYZE CREATE TEMP TABLE lost AS SELECT 1") == .changed)
        #expect(effect("DECLARE CURSOR", "DECLARE c CURSOR FOR SELECT 1") == .none)
        #expect(effect("DECLARE CURSOR", "DECLARE c CURSOR WITH HOLD FOR SELECT 1") == .changed)
        #expect(effect("DECLARE CURSOR", nil) == .changed)
    }

    @Test(
        "A setting of the transaction is not a change, if it is the only statement",
        arguments: [
            ("SET LOCAL a = 1", true), ("  set\n local a = 1 ; ", true), ("SET TRANSACTION READ ONLY", true),
            ("SET a = 1", false),
            ("SET LOCAL a = 1; SET b = 1", false), ("SET SESSION a = 1", false), ("-- local\nSET a = 1", false),
            ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", false), ("SET local", false), ("", false),
            ("/* SET LOCAL a */ SET a = 1", false), ("SET LOCALE = 1", false),
        ]
    )
    func local(_ sql: String, isLocal: Bool) {
        #expect(effect("SET", sql) == (isLocal ? .none : .changed))
        #expect(effect("SET", nil) == .changed)
    }

    @Test(
        "A function that changes the session is known by its name, unless its argument limits it to the transaction",
        arguments: [
            ("SELECT set_config('app.tenant', $1, false)", true), ("SELECT set_config('app.tenant', $1, true)", false),
            ("SELECT pg_catalog.SET_CONFIG ('a', f(x, 'y)'), TRUE )", false),
            ("SELECT set_config('a', 'b,', $2)", true),
            ("SELECT set_config('a', 'true', false), f(true)", true),
            ("SELECT set_config('a', 'it''s, true)', false)", true),
            ("SELECT set_config('a', 'x', true), set_config('b', 'x', false)", true), ("SELECT set_config('a'", true),
            ("SELECT \"set_config\"('a', 'b', true)", false), ("SELECT pg_advisory_lock(1)", true),
            ("SELECT PG_TRY_ADVISORY_LOCK_SHARED(1)", true), ("SELECT pg_advisory_xact_lock(1)", false),
            ("SELECT 1", false),
            ("", false),
        ]
    )
    func functions(_ sql: String, isChange: Bool) {
        #expect(SessionEffect.callsSessionFunction(sql) == isChange)
    }
}
