// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import Testing

@testable import SQLitePooling

/// Queries that run again when what they read has changed.
@Suite(.timeLimit(.minutes(10))) struct ObservationTests {
    /// Whether a write makes a query run again. A commit that does so in any case follows.
    private func runsAgain(_ pool: SQLitePool, _ query: SQLiteQuery, after write: SQLiteQuery) async throws -> Bool {
        let buffer = ChangeBuffer(tables: nil, rowLimit: 0)
        let subscription = try await pool.subscribe(buffer, polling: nil, timeout: nil, for: CallSite(#fileID, #line))
        defer { subscription.cancel() }
        let text = query.text
        buffer.limit(to: try await pool.read { db in try db.session.region(of: text) })
        try await pool.executeScript(write)
        let hasChanged = buffer.hasChanges
        return hasChanged
    }

    @Test("The first result is the present one, and a commit makes another follow")
    func results() async throws {
        try await withTables { pool in
            var names = pool.observe("SELECT name FROM user ORDER BY id", as: String.self).makeAsyncIterator()
            #expect(try await names.next() == ["Ada", "Bo", "Cy"])
            try await pool.execute("DELETE FROM user WHERE id = 2")
            #expect(try await names.next() == ["Ada", "Cy"])
            try await pool.write { db in try db.execute("UPDATE user SET name = 'Al' WHERE id = 1") }
            #expect(try await names.next() == ["Al", "Cy"])
            let minimum = 20
            let tuples = pool.observe("SELECT id, name FROM user WHERE age > \(minimum)", as: (Int, String).self)
            for try await rows in tuples {
                #expect(rows.map(\.1) == ["Al", "Cy"])
                break
            }
            struct User: Decodable, Equatable { var id: Int }
            var users = pool.observe("SELECT id FROM user", decoding: User.self).makeAsyncIterator()
            #expect(try await users.next()?.count == 2)
        }
    }

    @Test("A slow consumer receives only the newest result")
    func slowConsumer() async throws {
        try await withTables { pool in
            var counts = pool.observe("SELECT count(*) FROM session", as: Int.self).makeAsyncIterator()
            #expect(try await counts.next() == [3])
            for id in 20..<30 { try await pool.execute("INSERT INTO session VALUES (\(id), NULL)") }
            #expect(try await counts.next() == [13])
            try await pool.execute("DELETE FROM session WHERE id = 20")
            #expect(try await counts.next() == [12])
        }
    }

    @Test("A commit between the first read and the next request is not missed")
    func noGap() async throws {
        try await withTables { pool in
            try await withHeldWriter(pool) { release in
                // The observation begins while another call is about to commit.
                let first = Task {
                    var ages = pool.observe("SELECT age FROM user WHERE id = 1", as: Int.self).makeAsyncIterator()
                    return try await ages.next()
                }
                while pool.writer.status.waiting < 1 { await Task.yield() }
                let write = Task { try await pool.execute("UPDATE user SET age = 99 WHERE id = 1") }
                while pool.writer.status.waiting < 2 { await Task.yield() }
                release()
                let age = try await first.value
                #expect(age == [30] || age == [99])
                _ = try await write.value
            }
            let changing = Task {
                for age in 1...200 { _ = try await pool.execute("UPDATE user SET age = \(age) WHERE id = 1") }
            }
            // Ends only if the last commit is seen.
            for try await age in pool.observe("SELECT age FROM user WHERE id = 1", as: Int.self) where age == [200] {
                break
            }
            try await changing.value
        }
    }

    @Test("Only changes of the tables and columns that the query reads make it run again")
    func region() async throws {
        try await withTables { pool in
            let names: SQLiteQuery = "SELECT name FROM user WHERE id > 0"
            for (query, write, expected) in [
                (names, "UPDATE user SET age = age + 1", false), (names, "UPDATE user SET name = name || 'x'", true),
                (names, "DELETE FROM session", false), (names, "UPDATE user SET id = id + 100", true),
                (names, "INSERT INTO user (name) VALUES ('New')", true),
                (names, "DELETE FROM user WHERE name = 'New'", true),
                (names, "REPLACE INTO user (name) VALUES ('New')", true),
                ("SELECT count(*) FROM user", "UPDATE user SET age = age + 1", false),
                ("SELECT count(*) FROM user", "INSERT INTO user (id) VALUES (900)", true),
                ("SELECT value FROM setting", "UPDATE setting SET value = 5", true),
                ("SELECT key FROM setting", "UPDATE setting SET value = 6", false),
                ("SELECT key FROM setting", "DELETE FROM setting WHERE key = 'a'", true),
                (names, "DELETE FROM user WHERE id = 424242", false),
            ] as [(SQLiteQuery, SQLiteQuery, Bool)] {
                let ran = try await runsAgain(pool, query, after: write)
                #expect(ran == expected, "\(query) after \(write)")
            }
        }
    }

    @Test("Views, subqueries, common table expressions and joins are part of what a query reads")
    func structures() async throws {
        try await withTables { pool in
            try await pool.executeScript(
                """
                CREATE VIEW adult AS SELECT id, name FROM user WHERE age > 17;
                CREATE TABLE price (id INTEGER PRIMARY KEY, net, gross AS (net * 2));
                CREATE TABLE a (k, x); CREATE TABLE b (k, y);
                CREATE VIEW joined AS SELECT x, a.x AS y FROM a JOIN b USING (k);
                INSERT INTO price (id, net) VALUES (1, 10); INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (1, 1)
                """
            )
            let age: SQLiteQuery = "UPDATE user SET age = age + 1"
            for (query, write, expected) in [
                ("SELECT name FROM adult", age, true), ("SELECT count(*) FROM adult", age, true),
                ("SELECT name FROM adult", "DELETE FROM session", false),
                ("SELECT id FROM session WHERE user IN (SELECT id FROM user WHERE age > 1)", age, true),
                ("WITH old AS (SELECT id FROM user WHERE age > 30) SELECT count(*) FROM old", age, true),
                ("WITH old AS (SELECT id FROM user WHERE name > 'A') SELECT id FROM old", age, false),
                ("SELECT (SELECT max(age) FROM user)", age, true), ("SELECT 1 FROM session, user", age, false),
                ("SELECT 1 FROM session, user", "DELETE FROM user WHERE id = 3", true),
                ("SELECT gross FROM price", "UPDATE price SET net = 11", true),
                ("SELECT x FROM a JOIN b USING (k)", "UPDATE b SET k = 2", true),
                ("SELECT x FROM a NATURAL JOIN b", "UPDATE b SET k = 3", true),
                ("SELECT x FROM a JOIN b ON a.k = b.k", "UPDATE b SET y = 3", false),
                ("SELECT * FROM joined", "UPDATE b SET k = 5", true),
                ("SELECT x, y FROM joined", "UPDATE b SET k = 6", true),
                ("SELECT x, y FROM a JOIN b USING (k)", "UPDATE b SET k = 7", true),
                ("SELECT x FROM a JOIN b USING (k)", age, false),
                ("WITH old AS (SELECT 1 FROM user) SELECT count(*) FROM old", "DELETE FROM session", false),
                ("SELECT count(*) FROM json_each('[1]')", age, false),
                ("SELECT x FROM a JOIN b ON a.k = b.k", "UPDATE b SET k = 4", true),
                ("SELECT name FROM user UNION SELECT key FROM setting", "UPDATE setting SET key = 'z' || key", true),
                ("SELECT name FROM user WHERE id IN (SELECT value FROM json_each('[1]'))", age, false),
                ("SELECT name FROM pragma_table_info('user')", age, true), ("PRAGMA user_version", age, true),
                ("SELECT name FROM user", "CREATE INDEX i ON session (user)", true),
                ("SELECT rowid FROM user", age, false),
                ("SELECT name FROM sqlite_schema", "CREATE TABLE new (x)", true),
                ("SELECT name FROM sqlite_schema", age, false),
            ] as [(SQLiteQuery, SQLiteQuery, Bool)] {
                let ran = try await runsAgain(pool, query, after: write)
                #expect(ran == expected, "\(query) after \(write)")
            }
            let list = [1, 2]
            let ran = try await runsAgain(pool, "SELECT name FROM user WHERE id IN \(list: list)", after: age)
            #expect(!ran)
        }
    }

    @Test("A query over a virtual table runs again after each commit")
    func virtualTables() async throws {
        try await withTables { pool in
            try await pool.execute("CREATE VIRTUAL TABLE page USING fts5(text)")
            var pages = pool.observe("SELECT text FROM page WHERE page MATCH 'hello'", as: String.self)
                .makeAsyncIterator()
            #expect(try await pages.next() == [])
            try await pool.execute("INSERT INTO page VALUES ('hello world')")
            #expect(try await pages.next() == ["hello world"])
        }
    }

    @Test("A changed view makes the query observe what the view reads now")
    func schemaChange() async throws {
        try await withTables { pool in
            try await pool.execute("CREATE VIEW number AS SELECT count(*) AS n FROM user")
            var numbers = pool.observe("SELECT n FROM number", as: Int.self).makeAsyncIterator()
            #expect(try await numbers.next() == [3])
            try await pool.executeScript("DROP VIEW number; CREATE VIEW number AS SELECT sum(value) AS n FROM setting")
            try await pool.execute("UPDATE setting SET value = 10 WHERE key = 'a'")
            #expect(try await numbers.next() == [12])
            try await pool.execute("UPDATE setting SET value = 20 WHERE key = 'a'")
            #expect(try await numbers.next() == [22])
            try await pool.execute("DROP TABLE setting")
            let error = try await sqliteError { _ = try await numbers.next() }
            #expect(error.code == .error)
            #expect(try await numbers.next() == nil)
        }
    }

    @Test("Equal results are dropped on request")
    func duplicates() async throws {
        try await withTables { pool in
            var names = pool.observe("SELECT name FROM user WHERE id < 3", as: String.self).removingDuplicates()
                .makeAsyncIterator()
            var pairs = pool.observe("SELECT id, name FROM user WHERE id < 3", as: (Int, String).self)
                .removingDuplicates()
                .makeAsyncIterator()
            #expect(try await names.next() == ["Ada", "Bo"])
            #expect(try await pairs.next()?.map(\.1) == ["Ada", "Bo"])
            try await pool.execute("UPDATE user SET name = 'X' WHERE id = 3")
            let nextNames = Task { [names] in
                var names = names
                return try await names.next()
            }
            // The first change has no effect on the results, the second has.
            try await pool.execute("UPDATE user SET name = 'Y' WHERE id = 2")
            #expect(try await nextNames.value == ["Ada", "Y"])
            #expect(try await pairs.next()?.map(\.1) == ["Ada", "Y"])
        }
    }

    @Test("An invalid query, and a writing one, end the sequence with an error")
    func errors() async throws {
        try await withTables { pool in
            for query: SQLiteQuery in ["SELECT missing FROM user", "DELETE FROM user RETURNING id"] {
                var results = pool.observe(query, as: Int.self).makeAsyncIterator()
                let error = try await sqliteError { _ = try await results.next() }
                #expect(error.code == .error || error.code == .readOnly)
                #expect(try await results.next() == nil)
            }
            #expect(!pool.file.changes.isActive)
        }
    }

    @Test("A cancelled iteration throws, and releases its subscription")
    func cancellation() async throws {
        try await withTables { pool in
            let isReading = AsyncStream<Void>.makeStream()
            let consumer = Task {
                for try await _ in pool.observe("SELECT id FROM user", as: Int.self) { isReading.continuation.yield() }
            }
            for await _ in isReading.stream { break }
            #expect(pool.file.changes.isActive)
            consumer.cancel()
            await #expect(throws: CancellationError.self) { try await consumer.value }
            #expect(!pool.file.changes.isActive)
            await expectNoLeases(pool)
        }
    }

    @Test("The sequence ends when the pool is closed")
    func end() async throws {
        try await withTables { pool in
            let isReading = AsyncStream<Void>.makeStream()
            let consumer = Task {
                var count = 0
                for try await _ in pool.observe("SELECT id FROM user", as: Int.self) {
                    count += 1
                    isReading.continuation.yield()
                }
                return count
            }
            for await _ in isReading.stream { break }
            await pool.close()
            let count = try await consumer.value
            #expect(count == 1)
        }
    }

    @Test("Commits of another pool on the file make the query run again by polling", arguments: [false, true])
    func polling(isReadOnly: Bool) async throws {
        let folder = try SampleFolder()
        try await withTables(in: folder) { other in
            let clock = ManualClock()
            let configuration = SQLiteConfiguration.with(
                mode: isReadOnly ? .readOnly : .readWriteCreate,
                maximumReaders: 1
            )
            let pool = try SQLitePool(configuration.at(folder.file()), clock: clock)
            let interval = ChangeLifetimeTests.interval
            var ages = pool.observe("SELECT age FROM user WHERE id = 1", as: Int.self, pollInterval: interval)
                .makeAsyncIterator()
            #expect(try await ages.next() == [30])
            for round in 1...3 {
                while !clock.deadlines.contains(interval * round), !Task.isCancelled { await Task.yield() }
                try await other.execute("UPDATE user SET age = \(100 + round) WHERE id = 1")
                clock.advance(by: interval)
                #expect(try await ages.next() == [100 + round])
            }
            await pool.close()
        }
    }

    @Test("A read-only pool observes only by polling")
    func readOnly() async throws {
        let folder = try SampleFolder()
        try await withTables(in: folder) { _ in }
        try await withPool(.with(mode: .readOnly), in: folder) { pool in
            let error = try await sqliteError {
                for try await _ in pool.observe("SELECT id FROM user", as: Int.self) {}
            }
            #expect(error.code == .readOnly)
        }
    }
}
