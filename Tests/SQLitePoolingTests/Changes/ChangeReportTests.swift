// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import SQLitePooling
import Testing

/// Changes of which SQLite does not report the rows.
@Suite(.timeLimit(.minutes(10))) struct ChangeReportTests {
    @Test("Foreign keys and triggers deliver the rows that they change")
    func triggers() async throws {
        try await withTables { pool in
            let cascade = try await changes(pool) { db in try db.execute("DELETE FROM user WHERE id = 1") }
            #expect(cascade == ["user": .rows([1]), "session": .rows([10, 11])])
            try await pool.executeScript(
                """
                CREATE TABLE log (id INTEGER PRIMARY KEY, text);
                CREATE TRIGGER note AFTER INSERT ON user BEGIN INSERT INTO log (text) VALUES (new.name); END;
                CREATE VIEW named AS SELECT name FROM user;
                CREATE TRIGGER add_named INSTEAD OF INSERT ON named BEGIN INSERT INTO user (name) VALUES (new.name); END
                """
            )
            let triggered = try await changes(pool) { db in try db.execute("INSERT INTO user VALUES (7, 'x', 1)") }
            #expect(triggered == ["user": .rows([7]), "log": .rows([1])])
            let byView = try await changes(pool) { db in try db.execute("INSERT INTO named VALUES ('y')") }
            #expect(byView["user"] == .rows([8]) && byView["log"] == .rows([2]))
        }
    }

    @Test("A table without row IDs delivers all rows if a row has changed")
    func withoutRowIDs() async throws {
        try await withTables { pool in
            for statement: SQLiteQuery in [
                "INSERT INTO setting VALUES ('c', 3)", "UPDATE setting SET value = 4 WHERE key = 'a'",
                "DELETE FROM setting WHERE key = 'a'", "DELETE FROM setting",
            ] {
                let result = try await changes(pool) { db in try db.execute(statement) }
                #expect(result == ["setting": .all])
            }
            let nothing = try await changes(pool) { db in
                try db.execute("UPDATE setting SET value = 4 WHERE key = 'missing'")
                try db.execute("DELETE FROM user WHERE id = 99")
            }
            #expect(nothing.isEmpty)
            try await pool.execute(
                "CREATE TRIGGER t AFTER INSERT ON user BEGIN INSERT INTO setting VALUES (new.name, 1); END"
            )
            let both = try await changes(pool) { db in try db.execute("INSERT INTO user VALUES (9, 'z', 1)") }
            #expect(both == ["user": .rows([9]), "setting": .all])
        }
    }

    @Test("DELETE of all rows delivers all rows, also in a trigger that inserts others")
    func truncation() async throws {
        try await withTables { pool in
            try await pool.executeScript("CREATE TABLE plain (x); INSERT INTO plain VALUES (1), (2)")
            let deleted = try await changes(pool) { db in try db.execute("DELETE FROM plain") }
            #expect(deleted == ["plain": .all])
            // Foreign keys keep SQLite from truncating the table.
            let children = try await changes(pool) { db in try db.execute("DELETE FROM session") }
            #expect(children == ["session": .rows([10, 11, 12])])
            try await pool.executeScript(
                """
                CREATE TABLE latest (id INTEGER PRIMARY KEY, name);
                INSERT INTO latest VALUES (1, 'a'), (2, 'b');
                CREATE TRIGGER t AFTER INSERT ON user BEGIN
                    DELETE FROM latest;
                    INSERT INTO latest (id, name) VALUES (3, new.name);
                END
                """
            )
            let result = try await changes(pool) { db in try db.execute("INSERT INTO user VALUES (9, 'z', 1)") }
            #expect(result == ["user": .rows([9]), "latest": .all])
        }
    }

    @Test("A statement that may replace rows delivers all rows")
    func replacement() async throws {
        try await withTables { pool in
            for statement: SQLiteQuery in [
                "REPLACE INTO user VALUES (20, 'Ada', 1)", "INSERT OR REPLACE INTO user VALUES (21, 'Bo', 1)",
                "UPDATE OR REPLACE user SET name = 'Bo' WHERE id = 3",
            ] {
                let result = try await changes(pool) { db in try db.execute(statement) }
                #expect(result["user"] == .all, "\(statement)")
            }
            let function = try await changes(pool) { db in
                try db.execute("UPDATE user SET name = replace(name, 'Bo', 'Al')")
            }
            #expect(function["user"] == .rows([3, 20]))
            try await pool.execute("CREATE TABLE tag (id INTEGER PRIMARY KEY, name UNIQUE ON CONFLICT REPLACE)")
            try await pool.execute("INSERT INTO tag VALUES (1, 'a')")
            let constraint = try await changes(pool) { db in try db.execute("INSERT INTO tag VALUES (2, 'a')") }
            #expect(constraint == ["tag": .all])
            try await pool.execute(
                "CREATE TRIGGER t AFTER DELETE ON session BEGIN INSERT OR REPLACE INTO user VALUES (50, 'Al', 1); END"
            )
            try await pool.execute("INSERT INTO session VALUES (20, NULL)")
            let trigger = try await changes(pool) { db in try db.execute("DELETE FROM session WHERE id = 20") }
            #expect(trigger["user"] == .all)
        }
    }

    @Test("An update of a primary key delivers all rows, and an upsert its row")
    func keys() async throws {
        try await withTables { pool in
            let key = try await changes(pool) { db in try db.execute("UPDATE user SET id = 30 WHERE id = 3") }
            #expect(key == ["user": .all])
            let rowID = try await changes(pool) { db in try db.execute("UPDATE mark SET rowid = 5") }
            #expect(rowID.isEmpty)
            let upsert = try await changes(pool) { db in
                try db.execute(
                    "INSERT INTO user VALUES (1, 'Ada', 9), (40, 'New', 9) ON CONFLICT DO UPDATE SET age = excluded.age"
                )
            }
            #expect(upsert == ["user": .rows([1, 40])])
        }
    }

    @Test("Rows that are copied from another table are delivered")
    func copies() async throws {
        try await withTables { pool in
            try await pool.executeScript("CREATE TABLE copy (id INTEGER PRIMARY KEY, name, age)")
            let result = try await changes(pool) { db in try db.execute("INSERT INTO copy SELECT * FROM user") }
            #expect(result == ["copy": .rows([1, 2, 3])])
        }
    }

    @Test("Changes of definitions deliver all rows of the table, and the schema")
    func definitions() async throws {
        try await withTables { pool in
            for statement: SQLiteQuery in [
                "ALTER TABLE session ADD COLUMN note", "ALTER TABLE session DROP COLUMN note", "DROP TABLE session",
                "CREATE TABLE session AS SELECT * FROM user",
            ] {
                let result = try await changes(pool) { db in try db.execute(statement) }
                #expect(result == ["session": .all, "sqlite_schema": .all], "\(statement)")
            }
            for statement: SQLiteQuery in [
                "CREATE VIEW v AS SELECT 1", "CREATE INDEX i ON user (age)", "DROP VIEW v", "DROP INDEX i",
                "CREATE TRIGGER t AFTER INSERT ON user BEGIN SELECT 1; END", "DROP TRIGGER t",
            ] {
                let result = try await changes(pool) { db in try db.execute(statement) }
                #expect(result == ["sqlite_schema": .all], "\(statement)")
            }
            let none = try await changes(pool) { pool in
                try await pool.writeWithoutTransaction { db in
                    try db.execute("CREATE TABLE IF NOT EXISTS user (x)")
                    try db.execute("DROP TABLE IF EXISTS missing")
                    try db.execute("ANALYZE")
                    try db.execute("REINDEX")
                }
            }
            #expect(none["user"] == nil)
            var renamed = try await pool.changes(in: "user", "sqlite_schema").makeAsyncIterator()
            try await pool.execute("ALTER TABLE user RENAME TO person")
            #expect(await renamed.next()?.rows(of: "sqlite_schema") == .all)
        }
    }

    @Test("A virtual table delivers all rows")
    func virtualTables() async throws {
        try await withTables { pool in
            try await pool.execute("CREATE VIRTUAL TABLE page USING fts5(text)")
            let result = try await changes(pool) { db in try db.execute("INSERT INTO page VALUES ('hello')") }
            #expect(result["page"] == .all)
            let deleted = try await changes(pool) { db in try db.execute("DELETE FROM page WHERE rowid = 1") }
            #expect(deleted["page"] == .all)
        }
    }

    @Test("A trigger that another connection has created is known at its first use")
    func foreignTriggers() async throws {
        let folder = try SampleFolder()
        try await withTables(in: folder) { pool in
            let insert: SQLiteQuery = "INSERT INTO user (name) VALUES (hex(randomblob(8)))"
            _ = try await pool.execute(insert)
            let before = try await changes(pool) { db in
                try db.execute(insert)
                try db.execute(insert)
            }
            #expect(before == ["user": .rows([5, 6])])
            let sequence = try await pool.changes()
            try await pool.execute(insert)
            try OutsideConnection(folder.file()).run(
                "CREATE TRIGGER t AFTER INSERT ON user BEGIN INSERT INTO setting VALUES (new.name, 1); END"
            )
            try await pool.execute(insert)
            var iterator = sequence.makeAsyncIterator()
            let tables = await iterator.next()?.tables
            #expect(tables == ["user": .rows([7, 8]), "setting": .all])
        }
    }

    @Test("Attached databases with tables of the same name are told apart")
    func attachedDatabases() async throws {
        let folder = try SampleFolder()
        try OutsideConnection(folder.file("other.sqlite")).run("CREATE TABLE user (id INTEGER PRIMARY KEY, name)")
        let attach = SQLiteQuery("ATTACH \(folder.file("other.sqlite")) AS Other")
        try await withTables(.with(setup: [attach]), in: folder) { pool in
            let other = SQLiteChanges.Table("user", in: "other")
            let result = try await changes(pool) { db in
                try db.execute("INSERT INTO other.user VALUES (77, 'x')")
                try db.execute("UPDATE main.user SET age = 1 WHERE id = 2")
            }
            #expect(result == ["user": .rows([2]), other: .rows([77])])
            var iterator = try await pool.changes(in: other).makeAsyncIterator()
            try await pool.execute("DELETE FROM main.user")
            try await pool.execute("DELETE FROM other.user")
            #expect(await iterator.next()?.tables == [other: .all])
        }
    }

    @Test("A write to a blob delivers its row if it is committed")
    func blobs() async throws {
        try await withTables { pool in
            try await pool.execute("CREATE TABLE file (id INTEGER PRIMARY KEY, content)")
            try await pool.execute("INSERT INTO file VALUES (1, zeroblob(9)), (2, zeroblob(9)), (3, zeroblob(9))")
            let result = try await changes(pool) { db in
                try db.withBlob(column: "content", of: "FILE", rowID: 1, access: .readWrite) {
                    try $0.write([1], at: 0)
                }
                try db.withBlob(column: "content", of: "file", rowID: 2, access: .readWrite) { _ in }
                try? db.withBlob(column: "content", of: "file", rowID: 3, access: .readWrite) { blob in
                    try blob.write([1], at: 0)
                    throw ChangeTests.Oops()
                }
            }
            #expect(result == ["file": .rows([1])])
        }
    }

    @Test("VACUUM, user_version and a restored database may change all tables")
    func everything() async throws {
        let folder = try SampleFolder()
        try await withTables(in: folder) { pool in
            let copy = folder.file("copy.sqlite")
            try await pool.backUp(to: copy)
            let bytes = try await pool.serialize()
            let operations: [(SQLitePool) async throws -> Void] = [
                { try await $0.execute("VACUUM") }, { try await $0.restore(from: copy) },
                { try await $0.deserialize(bytes) }, { try await $0.execute("PRAGMA user_version = 7") },
            ]
            for operation in operations {
                let batch = try await batch(pool, operation)
                try #require(batch.mayAffectAllTables)
                #expect(batch.rows(of: "anything") == .all)
                var named = try await pool.changes(in: "user").makeAsyncIterator()
                try await operation(pool)
                #expect(await named.next()?.tables == ["user": .all])
            }
            let into = try await changes(pool) { try await $0.execute("VACUUM INTO \(folder.file("into.sqlite"))") }
            #expect(into.isEmpty)
        }
    }

    @Test("Statements of withHandle may change all tables, also if they replace the hooks")
    func handles() async throws {
        try await withTables { pool in
            let unchanged = try await changes(pool) { db in
                _ = unsafe db.withHandle { handle in unsafe sqlite3_db_release_memory(handle) }
            }
            #expect(unchanged.isEmpty)
            for statement in ["DELETE FROM setting", "CREATE TABLE new (x)"] {
                let batch = try await batch(pool) { pool in
                    try await pool.write { db in
                        let code = unsafe db.withHandle { handle in
                            unsafe sqlite3_exec(handle, statement, nil, nil, nil)
                        }
                        #expect(code == SQLITE_OK)
                    }
                }
                #expect(batch.mayAffectAllTables)
            }
            let replaced = try await batch(pool) { pool in
                try await pool.writeWithoutTransaction { db in
                    unsafe db.withHandle { handle in
                        _ = unsafe sqlite3_update_hook(handle, nil, nil)
                        _ = unsafe sqlite3_commit_hook(handle, nil, nil)
                        _ = unsafe sqlite3_rollback_hook(handle, nil, nil)
                        _ = unsafe sqlite3_exec(handle, "UPDATE user SET age = 1 WHERE id = 1", nil, nil, nil)
                    }
                }
            }
            #expect(replaced.mayAffectAllTables)
            let after = try await changes(pool) { db in try db.execute("UPDATE user SET age = 2 WHERE id = 1") }
            #expect(after == ["user": .rows([1])])
            let rolledBack = try await changes(pool) { pool in
                _ = try? await pool.write { db in
                    _ = unsafe db.withHandle { handle in
                        unsafe sqlite3_exec(handle, "DELETE FROM setting", nil, nil, nil)
                    }
                    throw ChangeTests.Oops()
                }
            }
            #expect(rolledBack.isEmpty)
        }
    }

    @Test("Hooks that afterConnect may have installed are not replaced")
    func foreignHooks() async throws {
        let hooks = SQLiteHooks(afterConnect: { db in _ = unsafe db.withHandle { unsafe sqlite3_db_release_memory($0) }
        })
        try await withTables(hooks: hooks) { pool in
            let error = try await sqliteError { _ = try await pool.changes() }
            #expect(error.code == .misuse)
            try await pool.execute("UPDATE user SET age = 2")
        }
    }
}
