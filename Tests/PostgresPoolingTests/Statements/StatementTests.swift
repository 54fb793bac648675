// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PostgresPooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct StatementTests {
    @Test("A statement runs with its parameters, and its rows are decoded", arguments: PollerKind.allCases)
    func rows(_ poller: PollerKind) async throws {
        try await TestServer.shared.withPool(poller) { pool in
            let (name, missing) = ("O'Reilly \u{1F600}", Int?.none)
            let rows = try await pool.query(
                "SELECT n, \(name) || n, \(missing) FROM generate_series(1, \(3)) AS n",
                as: (Int, String, Int?).self
            )
            #expect(rows.map(\.0) == [1, 2, 3])
            #expect(rows.map(\.1) == ["\(name)1", "\(name)2", "\(name)3"])
            #expect(rows.allSatisfy { $0.2 == nil })
            try await equal(pool.query("SELECT \(true)", as: Bool.self), [true])
        }
    }

    @Test("A large answer arrives intact, and so does a large parameter", arguments: PollerKind.allCases)
    func large(_ poller: PollerKind) async throws {
        try await TestServer.shared.withPool(poller) { pool in
            let text = String(repeating: "0123456789abcdef", count: 1 << 20)
            try await equal(pool.query("SELECT \(text)", as: String.self), [text])
            let sum = try await pool.query("SELECT n FROM generate_series(1, 200000) AS n", as: Int.self).reduce(0, +)
            #expect(sum == 20_000_100_000)
        }
    }

    @Test("Rows outlive the body that has read them")
    func owned() async throws {
        let rows = try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in try await db.query("SELECT 1 AS one, 'x' AS letter") }
        }
        #expect(rows.count == 1)
        try equal(rows[0].decode(Int.self, named: "one"), 1)
        try equal(rows[0].decode(String.self, at: 1), "x")
    }

    @Test("The rows that a statement has changed are counted")
    func counted() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                try await db.executeScript("CREATE TEMP TABLE counted (n int); INSERT INTO counted VALUES (1), (2)")
                try await equal(db.execute("UPDATE counted SET n = n + 1").rowCount, 2)
                try await equal(db.execute("DELETE FROM counted WHERE n = 2").rowCount, 1)
            }
        }
    }

    @Test("A statement is prepared on its second use")
    func prepared() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                for expected in [0, 1, 1, 1] {
                    try await equal(db.query("SELECT \(7) /* marker one */", as: Int.self), [7])
                    #expect(
                        try await db.query(
                            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT $1 /* marker one%'",
                            as: Int.self
                        ) == [expected]
                    )
                }
            }
        }
    }

    @Test("The number of prepared statements is limited, and those used last stay")
    func bounded() async throws {
        try await TestServer.shared.withPool(.native, { $0.statementCacheCapacity = 3 }) { pool in
            try await pool.withConnection { db in
                for _ in 1...3 {
                    for number in 0..<6 {
                        let query = PostgresQuery(unsafe: "SELECT \(number) AS bounded")
                        for _ in 0..<2 {
                            try await equal(db.query(query, as: Int.self), [number])
                        }
                    }
                }
                let names = try await db.query(
                    "SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%AS bounded' ORDER BY 1",
                    as: String.self
                )
                #expect(names == ["SELECT 3 AS bounded", "SELECT 4 AS bounded", "SELECT 5 AS bounded"])
            }
        }
    }

    @Test("A statement still works after its table has changed, and after the server has lost it")
    func stale() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                try await db.execute("CREATE TEMP TABLE stale (n int)")
                try await db.execute("INSERT INTO stale VALUES (1)")
                for _ in 0..<3 { try await equal(db.query("SELECT * FROM stale")[0].columnCount, 1) }
                try await db.execute("ALTER TABLE stale ADD COLUMN m int DEFAULT 5")
                for _ in 0..<3 { try await equal(db.query("SELECT * FROM stale")[0].columnCount, 2) }
                try await db.executeScript("DEALLOCATE ALL; SELECT 1")
                for _ in 0..<3 { try await equal(db.query("SELECT * FROM stale")[0].columnCount, 2) }
            }
        }
    }

    @Test("A stream still works after its table or a type has changed, and after the server has lost it")
    func staleStream() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                try await db.execute("CREATE TEMP TABLE stale (n int)")
                try await db.execute("INSERT INTO stale VALUES (1)")
                let changes: [(PostgresQuery, columns: Int)] = [
                    ("SELECT 1", 1), ("ALTER TABLE stale ADD COLUMN m int DEFAULT 5", 2),
                    ("DEALLOCATE ALL; SELECT 1", 2), ("DISCARD PLANS; DEALLOCATE ALL; SELECT 1", 2),
                    ("ALTER TABLE stale ALTER COLUMN n TYPE text", 2),
                ]
                for (change, columns) in changes {
                    try await db.executeScript(change)
                    for _ in 0..<3 {
                        var counts: [Int] = []
                        for try await row in db.stream("SELECT * FROM stale WHERE n = \("1")") {
                            counts.append(row.columnCount)
                        }
                        #expect(counts == [columns])
                    }
                }
            }
        }
    }

    @Test("A statement still works after the type of a column or a function has changed")
    func staleTypes() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                try await db.execute("CREATE TEMP TABLE retyped (n int)")
                try await db.execute("INSERT INTO retyped VALUES (1)")
                for type in ["int", "text", "bigint", "numeric"] {
                    try await db.execute(
                        "ALTER TABLE retyped ALTER COLUMN n TYPE \(sql: PostgresQuery(unsafe: type)) USING n::text::\(sql: PostgresQuery(unsafe: type))"
                    )
                    for _ in 0..<3 {
                        let found = try await db.query("SELECT 'found' FROM retyped WHERE n = \("1")", as: String.self)
                        #expect(found == ["found"])
                    }
                }
                for type in ["int", "bigint", "numeric"] {
                    try await db.executeScript(
                        PostgresQuery(
                            unsafe: """
                                DROP FUNCTION IF EXISTS pg_temp.twice;
                                CREATE FUNCTION pg_temp.twice(n \(type)) RETURNS bigint LANGUAGE sql AS 'SELECT (2 * n)::bigint'
                                """
                        )
                    )
                    for _ in 0..<3 { try await equal(db.query("SELECT pg_temp.twice(\(4))", as: Int.self), [8]) }
                }
            }
        }
    }

    @Test("A value that only the new type of a column accepts is sent, and one that no type accepts fails once")
    func staleValues() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                try await db.execute("CREATE TEMP TABLE revalued (n int)")
                try await db.execute("INSERT INTO revalued VALUES (1)")
                func query(_ value: String) -> PostgresQuery { "SELECT count(*) FROM revalued WHERE n = \(value)" }
                for _ in 0..<3 { try await equal(db.query(query("1"), as: Int.self), [1]) }
                for _ in 0..<3 {
                    let error = await postgresFailure { try await db.query(query("x")) }
                    #expect(error?.sqlState == "22P02")
                    try await equal(db.query(query("1"), as: Int.self), [1])
                }
                let names = try await db.query("SELECT statement FROM pg_prepared_statements", as: String.self)
                #expect(names.contains(query("").text))
                try await db.execute("ALTER TABLE revalued ALTER COLUMN n TYPE text")
                for _ in 0..<3 { try await equal(db.query(query("x"), as: Int.self), [0]) }
                for _ in 0..<3 { try await equal(db.query(query("1"), as: Int.self), [1]) }
            }
        }
    }

    @Test("A check of types that takes too long ends at its deadline, and the connection remains usable")
    func slowCheck() async throws {
        let table = "slow_\(UUID().uuidString.prefix(8).lowercased())"
        try await TestServer.shared.psql("CREATE TABLE \(table) (n int)")
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { locking in
                try await pool.withConnection { db in
                    let process = try await db.query("SELECT pg_backend_pid()", as: Int.self)
                    try await locking.execute("BEGIN")
                    try await locking.execute("LOCK TABLE \(identifier: table)")
                    let error = await postgresFailure {
                        try await db.withTransaction { db in
                            try await db.query(
                                "SELECT FROM \(identifier: table) WHERE n = \(1)",
                                timeout: .milliseconds(50)
                            ).count
                        }
                    }
                    #expect(error?.code == .timedOut)
                    try await locking.execute("ROLLBACK")
                    equal(db.isInTransaction, false)
                    try await equal(db.query("SELECT pg_backend_pid()", as: Int.self), process)
                }
            }
        }
        try await TestServer.shared.psql("DROP TABLE \(table)")
    }

    @Test("A large text is never prepared")
    func largeText() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                let text = String(repeating: "x", count: 1 << 20)
                for _ in 0..<3 {
                    let query = PostgresQuery(unsafe: "SELECT length('\(text)')")
                    try await equal(db.query(query, as: Int.self), [1 << 20])
                }
                try await equal(db.query("SELECT name FROM pg_prepared_statements", as: String.self), [])
            }
        }
    }

    @Test("A refused statement evicts no other")
    func refused() async throws {
        try await TestServer.shared.withPool(.native, { $0.statementCacheCapacity = 1 }) { pool in
            try await pool.withConnection { db in
                for _ in 0..<5 {
                    for _ in 0..<2 { try await equal(db.query("SELECT 1 AS kept", as: Int.self), [1]) }
                    for _ in 0..<3 {
                        let error = await postgresFailure {
                            try await db.query("SELECT \(Date(timeIntervalSince1970: 1e300)) AS refused")
                        }
                        #expect(error?.code == .encoding)
                    }
                }
                let names = try await db.query("SELECT statement FROM pg_prepared_statements", as: String.self)
                #expect(names == ["SELECT 1 AS kept"])
            }
        }
    }

    @Test("A statement whose preparation was not awaited is not left on the server")
    func notWaitedFor() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            try await equal(pool.query("SELECT 1 AS late", as: Int.self), [1])
            let process = try await pool.process()
            kill(process, SIGSTOP)
            let error = await failure {
                try await pool.withConnection { db in
                    try await db.query("SELECT 1 AS late", timeout: .milliseconds(1))
                }
            }
            kill(process, SIGCONT)
            #expect((error as? PostgresError)?.code == .timedOut)
            let names = try await pool.query("SELECT name FROM pg_prepared_statements", as: String.self)
            #expect(names == [])
            for _ in 0..<3 { try await equal(pool.query("SELECT 1 AS late", as: Int.self), [1]) }
            try await equal(pool.process(), process)
        }
    }

    @Test("A statement that needs an eviction does not fail if the server has lost the evicted one")
    func evictedTwice() async throws {
        try await TestServer.shared.withPool(.native, { $0.statementCacheCapacity = 1 }) { pool in
            try await pool.withConnection { db in
                for _ in 0..<2 { try await equal(db.query("SELECT 1 AS first", as: Int.self), [1]) }
                // Written so that the effect is not detected.
                try await db.execute(
                    "DO $$ BEGIN EXECUTE 'DEALLOCATE ' || (SELECT name FROM pg_prepared_statements); END $$"
                )
                for _ in 0..<2 { try await equal(db.query("SELECT 2 AS second", as: Int.self), [2]) }
                try await db.withTransaction { db in
                    for _ in 0..<3 { try await equal(db.query("SELECT 3 AS third", as: Int.self), [3]) }
                }
            }
        }
    }

    @Test("A server error has its fields, but no value")
    func serverError() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                try await db.execute("CREATE TEMP TABLE unique_names (name text CONSTRAINT only_once UNIQUE)")
                let secret = "s3cr3t-value"
                try await db.execute("INSERT INTO unique_names VALUES (\(secret))")
                let error = try #require(
                    await postgresFailure { try await db.execute("INSERT INTO unique_names VALUES (\(secret))") }
                )
                #expect(error.sqlState == .uniqueViolation)
                #expect(error.server?.constraint == "only_once")
                #expect(error.server?.detail?.contains(secret) == true)
                #expect(!error.isRetryable && !error.connectionIsGone)
                for text in [
                    "\(error)", String(reflecting: error), "\(dumped(error))", "\(error.server!)",
                    "\(dumped(error.server!))",
                ] {
                    #expect(!text.contains(secret), "\(text)")
                }
            }
            let error = try #require(
                await postgresFailure { try await pool.query("SELECT 1 FROM nowhere WHERE x = \(1)") }
            )
            #expect(error.sqlState == .undefinedTable)
            #expect(error.server?.position == 15)
            #expect(error.sql == "SELECT 1 FROM nowhere WHERE x = $1")
        }
    }

    private func dumped(_ value: Any) -> String {
        var text = ""
        dump(value, to: &text)
        return text
    }

    @Test(
        "A copy to or from the client fails, and the pool remains usable",
        arguments: ["COPY (SELECT 1) TO STDOUT", "COPY copied FROM STDIN"]
    )
    func copy(_ statement: String) async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let error = await postgresFailure {
                try await pool.withConnection { db in
                    try await db.execute("CREATE TEMP TABLE copied (n int)")
                    try await db.execute(PostgresQuery(unsafe: statement))
                }
            }
            #expect(error?.code == .unsupported)
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
        }
    }

    @Test("A NUL character in a statement or a parameter fails before anything is sent")
    func nul() async throws {
        try await TestServer.shared.withPool { pool in
            #expect(
                await postgresFailure { try await pool.query(PostgresQuery(unsafe: "SELECT 1\0")) }?.code == .encoding
            )
            #expect(await postgresFailure { try await pool.query("SELECT \("a\0b")") }?.code == .encoding)
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
        }
    }

    @Test("Notices reach the closure for them")
    func notices() async throws {
        let notices = Counted<String>()
        try await TestServer.shared.withPool(.native, { $0.onNotice = { notices.add($0.message) } }) { pool in
            _ = try await pool.execute("DO $$ BEGIN RAISE WARNING 'beware'; END $$")
        }
        #expect(notices.values == ["beware"])
    }
}
