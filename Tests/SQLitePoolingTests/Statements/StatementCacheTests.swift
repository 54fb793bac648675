// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct StatementCacheTests {
    /// Returns the number of statements in the writer's cache after `body`.
    private func cached(
        capacity: Int,
        _ body: @escaping @Sendable (borrowing SQLiteConnection) throws -> Void
    ) async throws -> Int {
        let folder = try SampleFolder()
        let pool = try SQLitePool(
            SQLiteConfiguration.with(checkoutTimeout: .seconds(600), statementCacheCapacity: capacity)
                .at(folder.file())
        )
        let count = try await pool.write { db in
            try body(db)
            return db.session.cache.count
        }
        await pool.close()
        return count
    }

    @Test("The cache holds no more statements than its capacity")
    func bound() async throws {
        let count = try await cached(capacity: 10) { db in
            for number in 0..<100 {
                let sql = SQLiteQuery(unsafe: "SELECT \(number)")
                let numbers = try db.query(sql, as: Int.self) + db.query(sql, as: Int.self)
                #expect(numbers == [number, number])
                #expect(db.session.cache.count == min(number + 1, 10))
            }
        }
        #expect(count == 10)
    }

    @Test("The least recently used statement is evicted first")
    func order() async throws {
        _ = try await cached(capacity: 2) { db in
            _ = try db.query("SELECT 1", as: Int.self)
            _ = try db.query("SELECT 2", as: Int.self)
            _ = try db.query("SELECT 1", as: Int.self)
            _ = try db.query("SELECT 3", as: Int.self)
            let first = db.session.cache.take("SELECT 1")
            #expect(first != nil && db.session.cache.take("SELECT 2") == nil)
            first?.isBusy = false
        }
    }

    @Test("Canonically equivalent texts are different statements")
    func exact() async throws {
        _ = try await cached(capacity: 10) { db in
            for _ in 0..<2 {
                // One é is a single scalar, the other an e with a combining accent.
                let lengths = try ["SELECT length('\u{e9}')", "SELECT length('e\u{301}')"].map {
                    try db.query(SQLiteQuery(unsafe: $0), as: Int.self)
                }
                #expect(lengths == [[1], [2]])
            }
            #expect(db.session.cache.count == 2)
        }
    }

    @Test("A cache without capacity keeps nothing, and statements still run")
    func noRoom() async throws {
        let count = try await cached(capacity: 0) { db in
            for _ in 0..<3 {
                let numbers = try db.query("SELECT 1", as: Int.self)
                #expect(numbers == [1])
            }
        }
        #expect(count == 0)
    }

    /// Returns the number of prepared statements of a connection.
    private func statementCount(_ handle: OpaquePointer) -> Int {
        var (count, next) = unsafe (0, sqlite3_next_stmt(handle, nil))
        while let statement = unsafe next {
            count += 1
            unsafe next = sqlite3_next_stmt(handle, statement)
        }
        return count
    }

    @Test("A statement that is not cached is freed when it ends")
    func freed() async throws {
        _ = try await cached(capacity: 0) { db in
            // The statements that the session keeps for transactions.
            let before = unsafe statementCount(db.session.handle)
            for _ in 0..<3 { _ = try db.query("SELECT 1", as: Int.self) }
            try db.executeScript("SELECT 1; SELECT 2")
            let after = unsafe statementCount(db.session.handle)
            #expect(after == before)
        }
    }

    @Test("A statement in use is not evicted, and its text is prepared again for a second use")
    func busyStatements() async throws {
        let count = try await cached(capacity: 1) { db in
            try db.forEachRow("SELECT 1 UNION SELECT 2") { _ in
                let again = try db.query("SELECT 1 UNION SELECT 2", as: Int.self)
                let other = try db.query("SELECT 3", as: Int.self)
                #expect(again == [1, 2] && other == [3])
            }
        }
        #expect(count == 1)
    }

    @Test("A statement returns to the cache reset and without values, also after an error")
    func afterFailure() async throws {
        _ = try await cached(capacity: 10) { db in
            try db.execute("CREATE TABLE t (x UNIQUE)")
            let secret = "hunter2"
            try db.execute("INSERT INTO t VALUES (\(secret))")
            #expect(throws: SQLiteError.self) { try db.execute("INSERT INTO t VALUES (\(secret))") }
            struct Enough: Error {}
            #expect(throws: Enough.self) {
                try db.forEachRow("SELECT x FROM t WHERE x = \(secret)") { _ in throw Enough() }
            }
            for text in ["INSERT INTO t VALUES (?)", "SELECT x FROM t WHERE x = ?"] {
                let statement = db.session.cache.take(text)
                let expanded = unsafe sqlite3_expanded_sql(statement?.handle)
                let shown = unsafe expanded.map { unsafe String(cString: $0) }
                #expect(shown == text.replacing("?", with: "NULL"))
                unsafe sqlite3_free(expanded)
                statement?.isBusy = false
            }
            #expect(try db.execute("INSERT INTO t VALUES (\("other"))").rowCount == 1)
        }
    }

    @Test("Statements that begin transactions or change settings are not cached")
    func notKept() async throws {
        let count = try await cached(capacity: 10) { db in
            _ = try db.query("PRAGMA user_version", as: Int.self)
            try db.execute("CREATE TEMP TABLE t (x)")
        }
        #expect(count == 0)
    }
}
