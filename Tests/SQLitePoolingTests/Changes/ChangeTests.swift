// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import SQLitePooling
import Testing

/// The rows that committed transactions change.
@Suite(.timeLimit(.minutes(10))) struct ChangeTests {
    struct Oops: Error {}

    @Test("A commit delivers the rows that its statements have inserted, updated and deleted")
    func rows() async throws {
        try await withTables { pool in
            let inserted = try await changes(pool) { db in
                try db.execute("INSERT INTO user (name) VALUES ('Di'), ('Ed')")
                try db.execute("UPDATE user SET age = 31 WHERE id = 1")
                try db.execute("DELETE FROM session WHERE id = 12")
            }
            #expect(inserted == ["user": .rows([1, 4, 5]), "session": .rows([12])])
        }
    }

    @Test("Changes are in the sequence when the call that commits them returns", arguments: [1, 100])
    func delivery(maximumWritesPerCommit: Int) async throws {
        try await withTables(.with(maximumWritesPerCommit: maximumWritesPerCommit)) { pool in
            let sequence = try await pool.changes(in: "USER")
            var iterator = sequence.makeAsyncIterator()
            for id in 10..<20 {
                try await pool.execute("INSERT INTO user (id) VALUES (\(id))")
                let batch = try #require(await iterator.next())
                #expect(batch.tables == ["user": .rows([Int64(id)])])
                #expect(batch.rows(of: "User") == .rows([Int64(id)]))
                #expect(batch.rows(of: "session") == nil)
            }
        }
    }

    @Test("Commits that the consumer has not read are merged into one batch")
    func merging() async throws {
        try await withTables { pool in
            let merged = try await changes(pool) { pool in
                try await pool.execute("UPDATE user SET age = 1 WHERE id = 1")
                try await pool.execute("UPDATE user SET age = 2 WHERE id = 2")
                try await pool.execute("DELETE FROM session WHERE id = 12")
            }
            #expect(merged == ["user": .rows([1, 2]), "session": .rows([12])])
        }
    }

    @Test("Beyond the row limit, the rows of a table become all rows", arguments: [0, 9, 10])
    func rowLimit(limit: Int) async throws {
        try await withTables { pool in
            let result = try await changes(pool, rowLimit: limit) { pool in
                for id in 100..<110 { try await pool.execute("INSERT INTO user (id) VALUES (\(id))") }
            }
            #expect(result == ["user": limit < 10 ? .all : .rows(Set(100..<110))])
            let inOne = try await changes(pool, rowLimit: limit) { pool in
                try await pool.write { db in
                    for id in 200..<210 { try db.execute("INSERT INTO user (id) VALUES (\(id))") }
                }
            }
            #expect(inOne == ["user": limit < 10 ? .all : .rows(Set(200..<210))])
        }
    }

    @Test("Only the tables that a subscription names are delivered")
    func selection() async throws {
        try await withTables { pool in
            let sequence = try await pool.changes(in: "session", "setting")
            var iterator = sequence.makeAsyncIterator()
            try await pool.execute("UPDATE user SET age = 1 WHERE id = 1")
            try await pool.execute("DELETE FROM session WHERE id = 12")
            #expect(await iterator.next()?.tables == ["session": .rows([12])])
        }
    }

    @Test("An unknown table, a view, an internal table and an unknown database are errors")
    func unknownTables() async throws {
        try await withTables { pool in
            try await pool.execute("CREATE VIEW adults AS SELECT * FROM user WHERE age > 17")
            for table: SQLiteChanges.Table in ["nothing", "adults", "sqlite_sequence", .init("user", in: "other")] {
                let error = try await sqliteError { _ = try await pool.changes(in: "user", table) }
                #expect(error.code == .error)
                #expect(error.message.contains(table.name))
            }
            let schema = try await sqliteError { _ = try await pool.changes(in: .init("sqlite_schema", in: "other")) }
            #expect(schema.code == .error)
        }
    }

    // MARK: What is rolled back

    @Test("A transaction that is rolled back delivers nothing")
    func rollback() async throws {
        try await withTables { pool in
            let result = try await changes(pool) { pool in
                await #expect(throws: Oops.self) {
                    try await pool.write { db in
                        try db.execute("DELETE FROM user")
                        throw Oops()
                    }
                }
                try await pool.writeWithoutTransaction { db in
                    try db.execute("BEGIN")
                    try db.execute("DELETE FROM user")
                    try db.execute("ROLLBACK")
                }
                await #expect(throws: SQLiteError.self) {
                    try await pool.writeWithoutTransaction { db in
                        try db.execute("BEGIN")
                        try db.execute("DELETE FROM user")
                    }
                }
            }
            #expect(result.isEmpty)
        }
    }

    @Test("Changes since a savepoint that is rolled back are not delivered", arguments: [1, 100])
    func savepoints(maximumWritesPerCommit: Int) async throws {
        try await withTables(.with(maximumWritesPerCommit: maximumWritesPerCommit)) { pool in
            let nested = try await changes(pool) { db in
                try db.execute("INSERT INTO user (id) VALUES (20)")
                try? db.withSavepoint { db in
                    try db.execute("INSERT INTO user (id) VALUES (21)")
                    try db.withSavepoint { db in try db.execute("INSERT INTO user (id) VALUES (22)") }
                    throw Oops()
                }
                try db.withSavepoint { db in
                    try db.execute("INSERT INTO user (id) VALUES (23)")
                    try? db.withSavepoint { db in
                        try db.execute("INSERT INTO user (id) VALUES (24)")
                        throw Oops()
                    }
                    try db.withSavepoint { db in try db.execute("INSERT INTO user (id) VALUES (25)") }
                }
            }
            #expect(nested == ["user": .rows([20, 23, 25])])
            let own = try await changes(pool) { db in
                try db.execute("SAVEPOINT one")
                try db.execute("INSERT INTO user (id) VALUES (30)")
                try db.execute("SAVEPOINT Two")
                try db.execute("INSERT INTO user (id) VALUES (31)")
                try db.execute("ROLLBACK TO two")
                try db.execute("INSERT INTO user (id) VALUES (32)")
                try db.execute("RELEASE ONE")
            }
            #expect(own == ["user": .rows([30, 32])])
        }
    }

    @Test("A statement that fails delivers nothing, and one that keeps its first rows delivers these")
    func failingStatements() async throws {
        try await withTables { pool in
            let result = try await changes(pool) { db in
                _ = try? db.execute("INSERT INTO user VALUES (20, 'x', 1), (21, 'Ada', 1)")
                try db.execute("UPDATE user SET age = 1 WHERE id = 3")
            }
            #expect(result == ["user": .rows([3])])
            let kept = try await changes(pool) { db in
                _ = try? db.execute("INSERT OR FAIL INTO user VALUES (20, 'x', 1), (21, 'Ada', 1)")
            }
            #expect(kept == ["user": .rows([20])])
            let rolledBack = try await changes(pool) { pool in
                _ = try? await pool.write { db in
                    try db.execute("INSERT INTO user (id) VALUES (30)")
                    try db.execute("INSERT OR ROLLBACK INTO user VALUES (31, 'Ada', 1)")
                }
            }
            #expect(rolledBack.isEmpty)
        }
    }

    @Test("A commit outside of a transaction is delivered, although a later one is rolled back")
    func autocommit() async throws {
        try await withTables { pool in
            let result = try await changes(pool) { pool in
                _ = try? await pool.writeWithoutTransaction { db in
                    try db.execute("INSERT INTO user (id) VALUES (20)")
                    try db.execute("BEGIN")
                    try db.execute("ROLLBACK")
                    let ids = try db.query("INSERT INTO user (id) VALUES (21), (22) RETURNING id", as: Int.self)
                    #expect(ids == [21, 22])
                    try db.execute("BEGIN IMMEDIATE")
                    try db.execute("INSERT INTO user (id) VALUES (23)")
                    try db.execute("ROLLBACK")
                    // Commits when its first row has been read.
                    let first = try db.queryFirst("INSERT INTO user (id) VALUES (24), (25) RETURNING id", as: Int.self)
                    #expect(first == 24)
                    try db.withSavepoint { db in try db.execute("INSERT INTO user (id) VALUES (26)") }
                    try db.withSavepoint { db in
                        try db.execute("INSERT INTO user (id) VALUES (27)")
                        throw Oops()
                    }
                }
            }
            #expect(result == ["user": .rows([20, 21, 22, 24, 25, 26])])
        }
    }

    @Test("A member of a group that fails delivers nothing, and the others deliver their changes")
    func groups() async throws {
        try await withTables(.with(maximumWritesPerCommit: 100)) { pool in
            let result = try await changes(pool) { pool in
                let outcomes = try await inGroup(
                    pool,
                    [
                        { db in try db.execute("INSERT INTO user (id) VALUES (20)") },
                        { db in
                            try db.execute("INSERT INTO user (id) VALUES (21)")
                            throw Oops()
                        },
                        { db in try db.execute("INSERT INTO user (id) VALUES (22)") },
                    ]
                )
                #expect(outcomes.map { (try? $0.get()) != nil } == [true, false, true])
            }
            #expect(result == ["user": .rows([20, 22])])
        }
    }
}
