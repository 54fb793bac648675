// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PoolMigrations
import PostgresPooling
import TestSupport
import Testing

/// Migrations of one PostgreSQL database by several processes and pools, and those without a
/// transaction.
@Suite(.timeLimit(.minutes(10))) struct PostgresMigrationProcessTests {
    private func child(_ action: String, _ pool: PostgresPool) async throws -> ChildProcess {
        let name = try await pool.queryOne("SELECT current_database()::text", as: String.self)
        var url = try #require(URLComponents(string: try await TestServer.shared.url))
        url.path = "/" + name
        let build = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
        return try ChildProcess(
            executable: build.appending(path: "migration-child").path,
            arguments: ["postgres", action, try #require(url.string)],
            environment: ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" }
        )
    }

    /// Kills a process in the middle of a migration.
    private func kill(_ action: String, _ pool: PostgresPool) async throws {
        let child = try await child(action, pool)
        let output = await child.output.text { text in
            guard text.contains("hanging") else { return true }
            child.send(SIGKILL)
            return false
        }
        #expect(output == "hanging\n")
        await equal(child.exitCode(), 128 + SIGKILL)
        // The server notices the end of the connection, and rolls back.
        try await until {
            try await TestServer.shared.psql(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = '\(pool.configuration.parameters["dbname"]!)' AND application_name <> '\(pool.configuration.applicationName!)'"
            ) == "0"
        }
    }

    private func hanging(_ transaction: MigrationTransaction) -> PostgresMigrations {
        var migrations = PostgresMigrations()
        migrations.schema = "child"
        migrations.add("000_create", "CREATE TABLE child.run (number integer)")
        migrations.add("001_hang", transaction: transaction) { db in
            try await db.execute("INSERT INTO child.run VALUES (2)")
        }
        return migrations
    }

    @Test("Four processes that start together apply each migration once, also while they create indexes concurrently")
    func processes() async throws {
        try await TestServer.shared.withDatabase { pool in
            try await pool.execute("CREATE SCHEMA child")
            let outcomes = try await withThrowingTaskGroup(of: (Int32, String, String).self) { group in
                for _ in 0..<4 {
                    let child = try await child("apply", pool)
                    group.addTask {
                        async let output = child.output.text()
                        let errors = await child.errors.text()
                        return (await child.exitCode(), await output, errors)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.allSatisfy { $0.0 == 0 && $0.2 == "" }, "\(outcomes)")
            let applied = outcomes.flatMap { $0.1.split(separator: "\n") }
            #expect(applied.sorted() == (["000_create"] + (1...20).map { "\($0)" }).sorted())
            try await equal(pool.queryOne("SELECT count(*) FROM child.run", as: Int.self), 16)
            let invalid = try await pool.query("SELECT 1 FROM pg_index WHERE NOT indisvalid", as: Int.self)
            #expect(invalid.isEmpty)
        }
    }

    @Test("A process that is killed in a migration leaves nothing of it, and the next one applies it")
    func killed() async throws {
        try await TestServer.shared.withDatabase { pool in
            try await pool.execute("CREATE SCHEMA child")
            try await kill("hang", pool)
            try await equal(hanging(.own).apply(to: pool), ["001_hang"])
            try await equal(pool.query("SELECT number FROM child.run", as: Int.self), [2])
        }
    }

    @Test("A process that is killed in a migration without a transaction leaves it unfinished, until it is marked")
    func killedWithoutTransaction() async throws {
        try await TestServer.shared.withDatabase { pool in
            try await pool.execute("CREATE SCHEMA child")
            try await kill("hang-without-transaction", pool)
            let migrations = hanging(.none)
            try await equal(migrations.status(in: pool).map(\.state), [.applied, .unfinished])
            for operation in [
                { try await migrations.apply(to: pool) }, { try await migrations.pending(in: pool) },
                { try await migrations.rehearse(in: pool) },
            ] {
                let error = try await #require(throws: MigrationError.self) { _ = try await operation() }
                #expect(error.code == .unfinished && error.migration == "001_hang")
            }
            try await migrations.mark("001_hang", as: .pending, in: pool)
            try await equal(migrations.apply(to: pool), ["001_hang"])
            try await equal(pool.query("SELECT number FROM child.run", as: Int.self), [1, 2])
        }
    }

    @Test("A migration without a transaction sends each statement by itself, and records its failure")
    func withoutTransaction() async throws {
        try await TestServer.shared.withDatabase { pool in
            var migrations = PostgresMigrations()
            migrations.add(
                "001",
                """
                CREATE TABLE a (x int); -- a comment; with a semicolon
                INSERT INTO a VALUES (1);
                CREATE INDEX CONCURRENTLY a_x ON a (x);
                VACUUM a;
                CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END; $$;
                CREATE FUNCTION g() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;
                """,
                transaction: .none
            )
            try await equal(migrations.apply(to: pool), ["001"])
            try await equal(pool.queryOne("SELECT f() + g()", as: Int.self), 3)
            migrations.add("002", "INSERT INTO a VALUES (2); INSERT INTO nowhere VALUES (3)", transaction: .none)
            let error = try await #require(throws: MigrationError.self) { try await migrations.apply(to: pool) }
            #expect(error.code == .failed && error.migration == "002")
            try await equal(pool.query("SELECT x FROM a ORDER BY x", as: Int.self), [1, 2])
            let status = try await migrations.status(in: pool)[1]
            #expect(status.state == .unfinished && status.failure?.contains("nowhere") == true)
            try await migrations.mark("002", as: .applied, in: pool)
            let marked = try await migrations.status(in: pool)[1]
            #expect(marked.state == .applied && marked.failure == nil)
            try await equal(migrations.apply(to: pool), [])
        }
    }

    @Test("A call waits for a migration of another pool, of either kind, and stops waiting at its deadline")
    func waiting() async throws {
        for transaction in [MigrationTransaction.own, .none] {
            try await TestServer.shared.withDatabase { first in
                try await TestServer.shared.withDatabase(named: first.configuration.parameters["dbname"]) { second in
                    let (begins, begin) = AsyncStream<Void>.makeStream()
                    let (ends, end) = AsyncStream<Void>.makeStream()
                    var migrations = PostgresMigrations()
                    migrations.add("001", transaction: transaction) { db in
                        begin.yield()
                        for await _ in ends { break }
                    }
                    let running = Task { [migrations] in try await migrations.apply(to: first) }
                    for await _ in begins { break }
                    let error = try await errorAtDeadline("waiting") { timeout, events in
                        try await migrations.apply(to: second, timeout: timeout, progress: events.add)
                    }
                    #expect(error.code == .timedOut)
                    let events = MigrationEvents()
                    let waiting = Task { [migrations] in try await migrations.apply(to: second, progress: events.add) }
                    await until { events.all == ["waiting"] }
                    end.yield()
                    try await equal(running.value, ["001"])
                    try await equal(waiting.value, [])
                }
            }
        }
    }

    @Test(
        "Behind a pooler in transaction mode, migrations with a transaction work, and others are refused before they begin",
        arguments: TestPgBouncer.Version.allCases,
        [PostgresConfiguration.Pooler.detect, .transaction]
    )
    func pooler(_ version: TestPgBouncer.Version, _ pooler: PostgresConfiguration.Pooler) async throws {
        let schema = "migrations_\(UUID().uuidString.prefix(8).lowercased())"
        try await TestServer.shared.psql("CREATE SCHEMA \(schema)")
        try await TestServer.shared.withPgBouncer(.transaction, version) { bouncer in
            var migrations = PostgresMigrations()
            migrations.schema = schema
            migrations.add("create", "CREATE TABLE \(identifier: schema).run (x int)")
            for number in 0..<20 { migrations.add("\(number)", "INSERT INTO \(identifier: schema).run VALUES (1)") }
            let names = try await withThrowingTaskGroup(of: [String].self) { [migrations] group in
                for _ in 0..<4 {
                    group.addTask {
                        try await bouncer.withPool({ $0.pooler = pooler }) { try await migrations.apply(to: $0) }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(names.sorted() == migrations.names.sorted())
            try await bouncer.withPool({ $0.pooler = pooler }) { pool in
                try await equal(pool.queryOne("SELECT count(*) FROM \(identifier: schema).run", as: Int.self), 20)
                migrations.add(
                    "index",
                    "CREATE INDEX CONCURRENTLY ON \(identifier: schema).run (x)",
                    transaction: .none
                )
                let error = try await #require(throws: MigrationError.self) { try await migrations.apply(to: pool) }
                #expect(error.code == .unsupported && error.migration == "index")
                try await equal(migrations.pending(in: pool), ["index"])
            }
        }
        try await TestServer.shared.psql("DROP SCHEMA \(schema) CASCADE")
    }
}
