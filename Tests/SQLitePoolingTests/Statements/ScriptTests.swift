// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct ScriptTests {
    @Test("SQLite does not copy the rest of a script for each statement")
    func linear() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let long = String(repeating: "x", count: 5_000)
            let script = String(repeating: "INSERT INTO t VALUES (1);\n", count: 500) + "-- \(long)"
            let copies = try await pool.write { db in
                var (current, count): (Int32, Int32) = (0, 0)
                let handle = unsafe db.session.handle
                let kind = SQLITE_DBSTATUS_LOOKASIDE_MISS_SIZE
                _ = unsafe sqlite3_db_status(handle, kind, &current, &count, 1)
                try db.executeScript(SQLiteQuery(unsafe: script))
                _ = unsafe sqlite3_db_status(handle, kind, &current, &count, 0)
                return Int(count)
            }
            #expect(copies < 500, "as many as there are statements, if each had copied the rest of the script")
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [500])
        }
    }

    @Test("An error in a script has its byte offset in the script, after the earlier statements have run")
    func offset() async throws {
        try await withPool { pool in
            let script = "CREATE TABLE t (ä);\nINSERT INTO t VALUES (1); SELECT nothing FROM t; DROP TABLE t"
            let error = try await sqliteError {
                try await pool.writeWithoutTransaction { db in try db.executeScript(SQLiteQuery(unsafe: script)) }
            }
            if sqlite3_libversion_number() >= 3_038_000 {
                let place = script.utf8.index(script.startIndex, offsetBy: error.offset ?? 0)
                #expect(script[place...].hasPrefix("nothing"))
            }
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [1])
        }
    }

    @Test("The tokens of a statement exclude comments, string literals and quoted names")
    func words() {
        func mayRollBack(_ text: String) -> Bool { SQLTokenizer.mayRollBack(Array(text.utf8)[...]) }
        #expect(mayRollBack("insert OR rollback into t values (1)"))
        #expect(mayRollBack("INSERT OR --x\nROLLBACK INTO t VALUES (1)"))
        #expect(mayRollBack("SELECT raise ( /* */ RollBack, 'x')"))
        #expect(mayRollBack("CREATE TABLE t (x UNIQUE ON CONFLICT ROLLBACK)"))
        #expect(!mayRollBack("SELECT 'OR ROLLBACK', \"OR ROLLBACK\", [OR ROLLBACK], `OR ROLLBACK`"))
        #expect(!mayRollBack("SELECT 'it''s OR ROLLBACK' -- OR ROLLBACK\n /* OR ROLLBACK"))
        #expect(!mayRollBack("ROLLBACK TO x") && !mayRollBack("") && !mayRollBack("'"))
        func vacuumsInto(_ text: String) -> Bool { SQLTokenizer.vacuumsInto(Array(text.utf8)[...]) }
        #expect(vacuumsInto(" ;VACUUM INTO 'x'") && vacuumsInto("/**/vacuum main into ?"))
        #expect(!vacuumsInto("VACUUM") && !vacuumsInto("SELECT 1") && !vacuumsInto(""))
    }
}
