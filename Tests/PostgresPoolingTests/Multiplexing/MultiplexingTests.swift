// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import PostgresPooling

/// Single statements of many calls on few connections.
@Suite(.timeLimit(.minutes(10))) struct MultiplexingTests {
    @Test("Concurrent statements share a connection, and each call gets its own result", arguments: PollerKind.allCases)
    func shares(poller: PollerKind) async throws {
        try await withSharedPool(poller, connections: 1) { pool in
            let processes = try await withThrowingTaskGroup(of: Int32.self) { group in
                for number in 0..<400 {
                    group.addTask {
                        let (process, echo, text) = try await pool.queryOne(
                            "SELECT pg_backend_pid(), \(number), repeat('x', \(number * 50))",
                            as: (Int32, Int, String).self
                        )
                        #expect(echo == number && text.utf8.count == number * 50)
                        return process
                    }
                }
                return try await group.reduce(into: Set<Int32>()) { $0.insert($1) }
            }
            #expect(processes.count == 1)
            await until { pool.statistics.multiplexing == .none }
            await until { pool.status.leased == 0 }
        }
    }

    @Test("Statements run in the order of their calls, and as many as 16 are in flight on a connection")
    func order() async throws {
        try await withSharedPool(connections: 1, { $0.pool.maximumConnections = 2 }) { pool in
            pool.keepLanes()
            try await pool.makeSharedTable()
            try await pool.withRowLock { unlock in
                let first = Task { try await pool.execute("UPDATE shared SET value = 0 WHERE id = 0") }
                await until { pool.statistics.multiplexing.inFlight == 1 }
                let others = Counted<Task<PostgresCommand, any Error>>()
                for number in 1...40 {
                    // Each call begins when the one before has its place.
                    others.add(Task { try await pool.execute("INSERT INTO shared VALUES (\(number), 0)") })
                    await until {
                        let figures = pool.statistics.multiplexing
                        return figures.inFlight + figures.waiting == number + 1
                    }
                }
                await until { pool.statistics.multiplexing.inFlight == Lane.depth }
                try await unlock()
                try await equal(first.value.rowCount, 1)
                for task in others.values { try await equal(task.value.rowCount, 1) }
            }
            let ids = try await pool.query("SELECT id FROM shared WHERE id > 0 ORDER BY ctid", as: Int.self)
            #expect(ids == Array(1...40))
        }
    }

    @Test("A failed statement affects no other one on its connection")
    func failures() async throws {
        try await withSharedPool(connections: 1) { pool in
            try await pool.makeSharedTable()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...200 {
                    group.addTask {
                        if number.isMultiple(of: 3) {
                            let error = await postgresFailure {
                                try await pool.execute("INSERT INTO shared VALUES (0, 0)")
                            }
                            #expect(error?.sqlState == .uniqueViolation && error?.outcome == .rolledBack)
                        } else if number.isMultiple(of: 7) {
                            let error = await postgresFailure { try await pool.query("SELECT \(number) / 0") }
                            #expect(error?.sqlState == "22012")
                        } else {
                            try await pool.execute("INSERT INTO shared VALUES (\(number), 0)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            let expected = (1...200).count { !$0.isMultiple(of: 3) && !$0.isMultiple(of: 7) }
            try await equal(pool.query("SELECT count(*) FROM shared WHERE id > 0", as: Int.self), [expected])
        }
    }

    @Test("A deferred constraint fails its own statement")
    func deferredConstraint() async throws {
        try await withSharedPool(connections: 1) { pool in
            try await pool.execute("CREATE TABLE deferred (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
            try await pool.execute("INSERT INTO deferred VALUES (1)")
            let bad = Task { try await pool.execute("INSERT INTO deferred VALUES (1)") }
            let other = Task { try await pool.execute("INSERT INTO deferred VALUES (2)") }
            let error = await postgresFailure { try await bad.value }
            #expect(error?.sqlState == .uniqueViolation && error?.outcome == .rolledBack)
            try await equal(other.value.rowCount, 1)
            try await equal(pool.query("SELECT id FROM deferred ORDER BY id", as: Int.self), [1, 2])
        }
    }

    @Test("New statements avoid a connection whose statement takes long")
    func avoidsSlow() async throws {
        try await withSharedPool(connections: 2, { $0.pool.maximumConnections = 3 }) { pool in
            try await pool.makeSharedTable()
            // Not only after 5 milliseconds, in which another could be sent behind it.
            pool.multiplexer?.longestStatement.store(0, ordering: .relaxed)
            try await pool.withRowLock { unlock in
                let blocked = Task { try await pool.execute("UPDATE shared SET value = 1 WHERE id = 0") }
                await until { pool.statistics.multiplexing.inFlight == 1 }
                for number in 0..<200 {
                    try await equal(pool.query("SELECT \(number)", as: Int.self), [number])
                }
                try await unlock()
                try await equal(blocked.value.rowCount, 1)
            }
        }
    }

    @Test("A statement that needs its own session leases a connection, and leaves nothing behind")
    func ownConnection() async throws {
        try await withSharedPool(connections: 1) { pool in
            try await pool.execute("CREATE PROCEDURE two() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'")
            let before = try await pool.queryOne("SHOW search_path", as: String.self)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        switch number % 5 {
                        case 0: try await pool.execute("SET search_path = elsewhere")
                        case 1:
                            let path = "elsewhere"
                            try await pool.execute("SELECT set_config('search_path', \(path), false)")
                        case 2: try await pool.execute("CREATE TEMP TABLE mine AS SELECT 1")
                        case 3: try await pool.execute("CALL two()")
                        default:
                            let (path, process) = try await pool.queryOne(
                                "SELECT current_setting('search_path'), pg_backend_pid()",
                                as: (String, Int).self
                            )
                            #expect(path == before, "\(process)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            let begin = await postgresFailure { try await pool.execute("COPY shared FROM STDIN") }
            #expect(begin != nil)
            let table = try await pool.queryOne("SELECT to_regclass('pg_temp.mine')::text", as: String?.self)
            #expect(table == nil)
        }
    }

    @Test("A statement that is prepared on a connection of its own is not sent on a shared one")
    func preparedElsewhere() async throws {
        try await withSharedPool(connections: 1, { $0.pool.maximumConnections = 1 }) { pool in
            for _ in 0..<3 {
                try await pool.withConnection { try await $0.execute("SET search_path = elsewhere") }
                // If it were shared, it would be in flight with the next statement.
                let change = Task { try await pool.execute("SET search_path = elsewhere") }
                let paths = try await withThrowingTaskGroup(of: String.self) { group in
                    for _ in 0..<20 {
                        group.addTask {
                            try await pool.queryOne("SELECT current_setting('search_path')", as: String.self)
                        }
                    }
                    return try await group.reduce(into: Set<String>()) { $0.insert($1) }
                }
                try await equal(change.value.tag, "SET")
                #expect(!paths.contains("elsewhere"))
            }
        }
    }

    @Test("Transactions, scripts and streams get connections while shared statements never end")
    func fairToLeases() async throws {
        try await withSharedPool(connections: 1, { $0.pool.maximumConnections = 1 }) { pool in
            try await pool.makeSharedTable()
            let isOver = Counted<Void>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<8 {
                    group.addTask {
                        while isOver.values.isEmpty {
                            try await equal(pool.query("SELECT \(task)", as: Int.self), [task])
                        }
                    }
                }
                for round in 1...5 {
                    try await pool.withTransaction { db in
                        try await db.execute("UPDATE shared SET value = value + 1")
                        try await equal(db.query("SELECT value FROM shared", as: Int.self), [round])
                    }
                    try await pool.executeScript("UPDATE shared SET value = value; SELECT 1")
                    let rows = try await pool.withConnection { db in
                        var rows = 0
                        for try await _ in db.stream("SELECT generate_series(1, 100)") { rows += 1 }
                        return rows
                    }
                    #expect(rows == 100)
                }
                isOver.add(())
                try await group.waitForAll()
            }
        }
    }

    @Test("Statements are prepared again after a change of the schema, and their types are searched")
    func heals() async throws {
        try await withSharedPool(connections: 2) { pool in
            try await pool.makeSharedTable()
            for round in 0..<6 {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<20 {
                        group.addTask {
                            try await equal(pool.query("SELECT * FROM shared WHERE id = \(0)").count, 1)
                            // The server expects an integer, and declares text for the null.
                            let name: String? = nil
                            try await equal(
                                pool.query(
                                    "SELECT count(*) FROM shared WHERE id = \(0) OR \(name) IS NULL",
                                    as: Int.self
                                ),
                                [1]
                            )
                            try await equal(
                                pool.query("SELECT jsonb_build_object('a', \("b"))->>'a'", as: String.self),
                                ["b"]
                            )
                        }
                    }
                    try await group.waitForAll()
                }
                try await pool.executeScript(PostgresQuery(unsafe: "ALTER TABLE shared ADD COLUMN column_\(round) int"))
            }
        }
    }

    @Test("Results with types that the database defines are decoded")
    func userTypes() async throws {
        try await withSharedPool(connections: 1) { pool in
            try await pool.executeScript(
                "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN moods AS mood[]; CREATE TYPE pair AS (a int, b mood)"
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<40 {
                    group.addTask {
                        try await equal(pool.query("SELECT 'ok'::mood", as: String.self), ["ok"])
                        try await equal(pool.query("SELECT '{ok,sad}'::moods", as: [String].self), [["ok", "sad"]])
                        try await equal(pool.query("SELECT \(7)", as: Int.self), [7])
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("A reported setting that a function has changed reaches only statements that were in flight")
    func changedSession() async throws {
        try await withSharedPool(connections: 1) { pool in
            pool.keepLanes()
            try await pool.execute(
                "CREATE FUNCTION travel() RETURNS text LANGUAGE sql AS $$SELECT set_config('TimeZone', 'Asia/Tokyo', false)$$"
            )
            try await pool.execute("SELECT travel()")
            let zones = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<200 {
                    group.addTask { try await pool.queryOne("SELECT current_setting('TimeZone')", as: String.self) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(zones.count { $0 == "Asia/Tokyo" } < Lane.depth)
        }
    }

    @Test("Statements are shared in a session that has changed, if the policy is to keep it")
    func keptSession() async throws {
        try await withSharedPool(connections: 1, { ($0.pool.maximumConnections, $0.reset) = (1, .transactionOnly) }) {
            pool in
            try await pool.execute("SET TimeZone = 'Asia/Tokyo'")
            let zone = try await pool.queryOne("SHOW TimeZone", as: String.self)
            let same = try await pool.queryOne(
                "SELECT current_setting('TimeZone')",
                as: String.self,
                timeout: .seconds(60)
            )
            #expect(zone == "Asia/Tokyo" && same == zone)
        }
    }

    @Test("Statements are shared in sessions with the settings of a hook, and only with these")
    func settingsOfHook() async throws {
        var configuration = try await PostgresConfiguration.withLongTimeouts(TestServer.shared.url)
        configuration.multiplexing = .singleStatements(connections: 1)
        configuration.pool.maximumConnections = 1
        let hooks = ConnectionHooks<PostgresConnection>(beforeHandOut: { db, _ in
            await failure { try await db.execute("SET TimeZone = 'Asia/Tokyo'") } == nil
        })
        let pool = try PostgresPool(configuration, hooks: hooks)
        for _ in 0..<3 {
            let zone = try await pool.queryOne(
                "SELECT current_setting('TimeZone')",
                as: String.self,
                timeout: .seconds(60)
            )
            #expect(zone == "Asia/Tokyo")
            try await pool.execute("SET TimeZone = 'Asia/Seoul'")
        }
        await pool.close()
    }

    @Test("Results have the notices of their own statements, and preparation is as requested")
    func noticesAndPreparation() async throws {
        try await withSharedPool(connections: 1) { pool in
            try await pool.executeScript(
                "CREATE FUNCTION notify(n int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''n %'', n; RETURN n; END'"
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<60 {
                    group.addTask {
                        if number.isMultiple(of: 2) {
                            let rows = try await pool.query("SELECT notify(\(number))")
                            #expect(rows.notices.map(\.message) == ["n \(number)"])
                        } else {
                            let rows = try await pool.query("SELECT \(number)")
                            #expect(rows.notices.isEmpty)
                        }
                    }
                }
                try await group.waitForAll()
            }
            func names(_ text: String) async throws -> Int {
                try await pool.queryOne(
                    "SELECT count(*) FROM pg_prepared_statements WHERE statement = \(text)",
                    as: Int.self
                )
            }
            for _ in 0..<3 { try await pool.execute(.prepared(.never, "SELECT 'never'")) }
            try await pool.execute(.prepared(.always, "SELECT 'always'"))
            try await equal(names("SELECT 'never'"), 0)
            try await equal(names("SELECT 'always'"), 1)
        }
    }

    @Test("The number of shared connections is from 1 to the pool's maximum", arguments: [0, -1, 5])
    func configuration(connections: Int) throws {
        var configuration = PostgresConfiguration("host=localhost")
        configuration.pool.maximumConnections = 4
        configuration.multiplexing = .singleStatements(connections: connections)
        let error = #expect(throws: PostgresError.self) { try PostgresPool(configuration) }
        #expect(error?.code == .invalidConfiguration && error?.message.contains("multiplexing") == true)
    }

    @Test("Connections that are always reset cannot be shared")
    func alwaysReset() throws {
        var configuration = PostgresConfiguration("host=localhost")
        configuration.multiplexing = .singleStatements(connections: 1)
        configuration.reset = .always
        let error = #expect(throws: PostgresError.self) { try PostgresPool(configuration) }
        #expect(error?.code == .invalidConfiguration && error?.message.contains("multiplexing") == true)
        // Its sessions are never reset.
        configuration.pooler = .transaction
        _ = try PostgresPool(configuration)
    }

    @Test("Texts that may share a connection are queries and changes of rows")
    func texts() {
        for text in [
            "SELECT 1", "/* a */ select 1", "INSERT INTO t VALUES (1)", "WITH a AS (SELECT 1) DELETE FROM t",
            "VALUES (1)",
            "TABLE t", "MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE", "select 'temp'", "UPDATE t SET a = 1",
            "SELECT set_config('a.b', $1, true)",
        ] {
            #expect(TransactionScanner.canShareConnection(text), "\(text)")
        }
        for text in [
            "", "SET a = 1", "BEGIN", "COMMIT", "COPY t TO STDOUT", "CALL f()", "DO 'x'", "VACUUM", "LISTEN a",
            "SELECT 1 INTO TEMP t", "CREATE TABLE t ()", "PREPARE a AS SELECT 1", "DECLARE c CURSOR FOR SELECT 1",
            "-- select\nRESET ALL",
            "SELECT pg_advisory_lock(1)", "SELECT set_config('a.b', $1, false)",
        ] {
            #expect(!TransactionScanner.canShareConnection(text), "\(text)")
        }
    }
}
