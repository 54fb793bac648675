// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// Queries whose rows are fetched in batches.
@Suite(.timeLimit(.minutes(10))) struct CursorTests {
    @Test("All rows arrive in order, in batches of the requested size", arguments: PollerKind.allCases)
    func batches(_ poller: PollerKind) async throws {
        try await TestServer.shared.withPool(poller) { pool in
            for (count, size) in [(0, 3), (1, 3), (3, 3), (7, 3), (2_500, 1_000)] {
                let query: PostgresQuery = "SELECT n, 'n' || n FROM generate_series(1, \(count)) AS n -- to the end"
                try await pool.withTransaction { db in
                    try await db.withCursor(query, fetchSize: size) { cursor in
                        var (next, batches) = (1, 0)
                        while let rows = try await cursor.fetch(as: (Int, String).self) {
                            #expect(rows.count == min(size, count - next + 1))
                            for (number, text) in rows {
                                #expect(number == next && text == "n\(next)")
                                next += 1
                            }
                            batches += 1
                        }
                        #expect(next == count + 1 && batches == (count + size - 1) / size)
                        try await equal(cursor.fetch() == nil, true)
                    }
                    try await equal(
                        db.query("SELECT count(*) FROM pg_cursors WHERE name LIKE 'lockpool%'", as: Int.self),
                        [0]
                    )
                }
            }
        }
    }

    @Test("Batches are decoded as one column, as rows, as Decodable values, and as texts")
    func decoding() async throws {
        struct User: Decodable, Equatable { let id: Int, name: String }
        try await TestServer.shared.withPool { pool in
            let query: PostgresQuery = "SELECT n AS id, 'u' || n AS name FROM generate_series(1, 3) AS n"
            let users = try await pool.withCursor(query, fetchSize: 2) { cursor in
                var users: [User] = []
                while let rows = try await cursor.fetch() { users += try rows.decode(User.self) }
                return users
            }
            #expect(users == (1...3).map { User(id: $0, name: "u\($0)") })
            let ids = try await pool.withCursor("SELECT \(7)") { cursor in try await cursor.fetch(as: Int.self) }
            #expect(ids == [7])
            let texts = try await pool.withCursor(.asText("SELECT 7, 'a'")) { cursor in
                try await cursor.fetch(as: (String, String).self)
            }
            #expect(texts?.first?.0 == "7")
            let error = await postgresFailure {
                try await pool.withCursor("SELECT 'a'") { cursor in _ = try await cursor.fetch(as: Int.self) }
            }
            #expect(error?.code == .decoding)
        }
    }

    @Test("Other statements and other cursors run between two batches")
    func nested() async throws {
        try await TestServer.shared.withPool { pool in
            for _ in 0..<3 {
                let pairs = try await pool.withCursor("SELECT n FROM generate_series(1, 3) AS n", fetchSize: 2) {
                    outer in
                    var pairs: [[Int]] = []
                    while let numbers = try await outer.fetch(as: Int.self) {
                        for number in numbers {
                            let query: PostgresQuery = "SELECT \(number) * 10 + n FROM generate_series(1, 2) AS n"
                            try await outer.connection.withCursor(query, fetchSize: 1) { inner in
                                while let found = try await inner.fetch(as: Int.self) { pairs.append(found) }
                            }
                        }
                        try await equal(outer.connection.query("SELECT 1", as: Int.self), [1])
                    }
                    return pairs
                }
                #expect(pairs == [[11], [12], [21], [22], [31], [32]])
            }
        }
    }

    @Test("A cursor that ends early reads no further rows, and its transaction continues")
    func endingEarly() async throws {
        struct Stop: Error {}
        let server = try await TestServer.shared
        try await server.psql("CREATE SEQUENCE cursor_reads")
        try await server.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            try await pool.withTransaction { db in
                let query: PostgresQuery = "SELECT nextval('cursor_reads'), generate_series(1, 1000000000)"
                try await db.withCursor(query, fetchSize: 10) { cursor in
                    let first = try await cursor.fetch(as: (Int, Int).self)
                    #expect(first?.map(\.0) == Array(1...10))
                }
                let error = await failure {
                    try await db.withCursor(query, fetchSize: 5) { cursor in
                        _ = try await cursor.fetch()
                        throw Stop()
                    }
                }
                #expect(error is Stop)
                try await equal(
                    db.query("SELECT count(*) FROM pg_cursors WHERE name LIKE 'lockpool%'", as: Int.self),
                    [0]
                )
                try await db.withCursor(query) { _ in }
                try await equal(db.query("SELECT last_value FROM cursor_reads", as: Int.self), [15])
            }
            #expect(pool.snapshot.counters.created == 1)
        }
        try await server.psql("DROP SEQUENCE cursor_reads")
    }

    @Test("Outside a transaction, and with an invalid size, a cursor is refused before anything is sent")
    func refused() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                let error = await postgresFailure { try await db.withCursor("SELECT 1") { _ in } }
                #expect(error?.code == .unsupported && error?.outcome == .notExecuted)
                #expect(error?.message.contains("withTransaction") == true)
            }
            for size in [0, -1, Int.max] {
                let error = await postgresFailure { try await pool.withCursor("SELECT 1", fetchSize: size) { _ in } }
                #expect(error?.code == .invalidConfiguration && error?.outcome == .notExecuted)
            }
            try await pool.withConnection { db in
                try await db.execute("BEGIN")
                let ids = try await db.withCursor("SELECT 7") { cursor in try await cursor.fetch(as: Int.self) }
                #expect(ids == [7])
                try await db.execute("COMMIT")
            }
        }
    }

    @Test(
        "A statement that cannot be a cursor's is an error of the server",
        arguments: ["INSERT INTO nowhere VALUES (1)", "COPY pg_am TO STDOUT", "SELECT 1; SELECT 2", "SELECT nothing"]
    )
    func invalid(_ sql: String) async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let error = await postgresFailure { try await pool.withCursor(PostgresQuery(unsafe: sql)) { _ in } }
            #expect(error?.code == .server && error?.sqlState?.conditionClass == "42")
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
            #expect(pool.snapshot.counters.created == 1)
        }
    }

    @Test("An error in the middle follows the batches before it, and fails the transaction")
    func failing() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let counted = Counted<Int>()
            let error = await postgresFailure {
                try await pool.withCursor("SELECT 1 / (25 - n) FROM generate_series(1, 50) AS n", fetchSize: 10) {
                    cursor in
                    while let rows = try await cursor.fetch() { counted.add(rows.count) }
                }
            }
            #expect(error?.sqlState == "22012" && counted.values == [10, 10])
            let swallowed = await postgresFailure {
                try await pool.withTransaction { db in
                    try await db.withCursor("SELECT 1 / n FROM generate_series(0, 1) AS n") { cursor in
                        _ = await failure { try await cursor.fetch() }
                    }
                }
            }
            #expect(swallowed?.code == .transactionAborted)
            let saved = try await pool.withTransaction { db in
                _ = await failure {
                    try await db.withSavepoint { db in
                        try await db.withCursor("SELECT 1 / n FROM generate_series(0, 1) AS n") { cursor in
                            _ = try await cursor.fetch()
                        }
                    }
                }
                return try await db.withCursor("SELECT 7") { cursor in try await cursor.fetch(as: Int.self) }
            }
            #expect(saved == [7])
            #expect(pool.snapshot.counters.created == 1)
        }
    }

    @Test("A deadline ends the opening and a fetch", arguments: [true, false])
    func deadline(whileOpening: Bool) async throws {
        let server = try await TestServer.shared
        let table = "cursor_locked_\(whileOpening)"
        try await server.psql("CREATE TABLE \(table) (id int)")
        try await server.withPool { pool in
            let process = try await pool.process()
            try await pool.withTransaction { holder in
                if whileOpening { try await holder.execute("LOCK TABLE \(identifier: table)") }
                let query: PostgresQuery =
                    whileOpening
                    ? "SELECT id FROM \(identifier: table)"
                    : "SELECT pg_sleep(600 * (n - 1)) FROM generate_series(1, 2) AS n"
                let error = await postgresFailure {
                    try await pool.withCursor(query, fetchSize: 1, timeout: .seconds(2)) { cursor in
                        while try await cursor.fetch() != nil {}
                    }
                }
                #expect(error?.code == .timedOut)
                let ofFetch = await postgresFailure {
                    try await pool.withCursor("SELECT pg_sleep(600)") { cursor in
                        _ = try await cursor.fetch(timeout: .milliseconds(1))
                    }
                }
                #expect(ofFetch?.code == .timedOut)
                let ofBody = await postgresFailure {
                    try await pool.withTransaction { db in
                        try await db.withCursor("SELECT pg_sleep(600)", timeout: .milliseconds(1)) { cursor in
                            _ = try await cursor.fetch()
                        }
                    }
                }
                #expect(ofBody?.code == .timedOut)
            }
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
            #expect(process > 0)
        }
        try await server.psql("DROP TABLE \(table)")
    }

    @Test("A cancelled fetch ends on the server, and the connection is used again", arguments: PollerKind.allCases)
    func cancelled(_ poller: PollerKind) async throws {
        let server = try await TestServer.shared
        try await server.withPool(poller, name: "cursor-cancelled-\(poller)", { $0.pool.maximumConnections = 1 }) {
            pool in
            let process = try await pool.process()
            let task = Task {
                try await pool.withCursor(
                    "SELECT pg_sleep(600 * (n - 1)) FROM generate_series(1, 2) AS n",
                    fetchSize: 1
                ) {
                    cursor in
                    while try await cursor.fetch() != nil {}
                }
            }
            try await until {
                try await server.psql(
                    "SELECT count(*) FROM pg_stat_activity WHERE pid = \(process) AND wait_event = 'PgSleep'"
                )
                    == "1"
            }
            task.cancel()
            #expect(await failure { try await task.value } is CancellationError)
            try await equal(pool.process(), process)
        }
    }

    @Test("A task that is cancelled between two fetches sends nothing else")
    func cancelledBetween() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let task = Task {
                try await pool.withCursor("SELECT n FROM generate_series(1, 100) AS n", fetchSize: 1) { cursor in
                    _ = try await cursor.fetch()
                    unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                    _ = try await cursor.fetch()
                }
            }
            #expect(await failure { try await task.value } is CancellationError)
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
            #expect(pool.snapshot.counters.created == 1)
        }
    }

    @Test("When the server ends the session, the next fetch is an error whose transaction is rolled back")
    func lost() async throws {
        let server = try await TestServer.shared
        try await server.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let error = await postgresFailure {
                try await pool.withCursor("SELECT n FROM generate_series(1, 100) AS n", fetchSize: 1) { cursor in
                    _ = try await cursor.fetch()
                    try await server.psql("SELECT pg_terminate_backend(\(cursor.connection.serverProcess))")
                    while try await cursor.fetch() != nil {}
                }
            }
            #expect(error?.code == .connectionLost && error?.connectionIsGone == true)
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
        }
    }

    @Test("A hundred thousand large rows take the memory of one batch")
    func memory() async throws {
        try await TestServer.shared.withPool { pool in
            func read(_ count: Int) async throws -> Int {
                let query: PostgresQuery = "SELECT repeat('x', 1000) FROM generate_series(1, \(count))"
                return try await pool.withCursor(query, fetchSize: 500) { cursor in
                    var read = 0
                    while let rows = try await cursor.fetch() { read += rows.count }
                    return read
                }
            }
            _ = try await read(5_000)
            let before = residentBytes()
            try await equal(read(100_000), 100_000)
            #expect(residentBytes() - before < 40_000_000)
        }
    }

    @Test("A cursor works behind a pooler in transaction mode", arguments: TestPgBouncer.Version.allCases)
    func pooler(_ version: TestPgBouncer.Version) async throws {
        try await TestServer.shared.withPgBouncer(.transaction, version) { bouncer in
            try await bouncer.withPool { pool in
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for task in 0..<8 {
                        group.addTask {
                            try await pool.withCursor("SELECT \(task) FROM generate_series(1, 20)", fetchSize: 3) {
                                cursor in
                                var wrong = 0
                                while let rows = try await cursor.fetch(as: Int.self) {
                                    wrong += rows.count { $0 != task }
                                }
                                return wrong
                            }
                        }
                    }
                    try await equal(group.reduce(0, +), 0)
                }
            }
        }
    }

    @Test("A cursor is refused by a pooler that has no transactions, and says why")
    func statementPooler() async throws {
        try await TestServer.shared.withPgBouncer(.statement) { bouncer in
            try await bouncer.withPool { pool in
                let error = await postgresFailure {
                    try await pool.withCursor("SELECT 1") { cursor in _ = try await cursor.fetch() }
                }
                #expect(error?.message.contains("transaction") == true)
            }
        }
    }
}
