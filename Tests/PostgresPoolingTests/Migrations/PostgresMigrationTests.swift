// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PoolMigrations
import PostgresPooling
import Testing

/// Migrations of PostgreSQL databases, by one process.
@Suite(.timeLimit(.minutes(10))) struct PostgresMigrationTests {
    struct Oops: Error {}

    /// Three migrations: two of text, one of code.
    private func library(_ changes: (inout PostgresMigrations) -> Void = { _ in }) -> PostgresMigrations {
        var migrations = PostgresMigrations()
        migrations.add("001_book", "CREATE TABLE book (title text PRIMARY KEY); INSERT INTO book VALUES ('Emma')")
        migrations.add("002_copies", "ALTER TABLE book ADD copies integer NOT NULL DEFAULT 1")
        migrations.add("003_fill", version: "1") { db in try await db.execute("UPDATE book SET copies = copies + 2") }
        changes(&migrations)
        return migrations
    }

    private func migrationError(_ body: () async throws -> Void) async throws -> MigrationError {
        try await #require(throws: MigrationError.self) { try await body() }
    }

    private func tables(_ pool: PostgresPool) async throws -> [String] {
        try await pool.query(
            "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
            as: String.self
        )
    }

    @Test("Migrations of text and of code are applied once, in order, and recorded")
    func once() async throws {
        try await TestServer.shared.withDatabase { pool in
            let events = MigrationEvents()
            let pending = try await library().pending(in: pool)
            #expect(pending == ["001_book", "002_copies", "003_fill"])
            try await equal(tables(pool), [])
            try await equal(library().apply(to: pool, progress: events.add), pending)
            try await equal(library().apply(to: pool, progress: events.add), [])
            try await equal(pool.query("SELECT copies FROM book", as: Int.self), [3])
            #expect(
                events.all == [
                    "began 001_book", "applied 001_book", "began 002_copies", "applied 002_copies", "began 003_fill",
                    "applied 003_fill",
                ]
            )
            let status = try await library().status(in: pool)
            #expect(status.map(\.state) == [.applied, .applied, .applied])
            #expect(status.allSatisfy { $0.duration.map { $0 >= .zero } ?? false && $0.appliedAt != nil })
            try await equal(library { $0.add("004_later", "SELECT 1") }.apply(to: pool), ["004_later"])
        }
    }

    @Test("A migration that fails is rolled back with its record, and those before it stay")
    func failing() async throws {
        try await TestServer.shared.withDatabase { pool in
            let migrations = library { $0.add("004_bad", "CREATE TABLE bad (x int); INSERT INTO nowhere VALUES (1)") }
            let events = MigrationEvents()
            let error = try await migrationError { try await migrations.apply(to: pool, progress: events.add) }
            #expect(error.code == .failed && error.migration == "004_bad")
            #expect((error.underlying as? PostgresError)?.server?.sqlState == "42P01")
            #expect(events.all.suffix(2) == ["began 004_bad", "failed 004_bad"])
            try await equal(migrations.pending(in: pool), ["004_bad"])
            try await equal(tables(pool), ["book", "pool_migrations"])
            let thrown = try await migrationError {
                try await library { $0.add("004_throws") { _ in throw Oops() } }.apply(to: pool)
            }
            #expect(thrown.underlying is Oops)
            let committed = try await migrationError {
                try await library { $0.add("004_commits", "CREATE TABLE a (x int); COMMIT") }.apply(to: pool)
            }
            #expect((committed.underlying as? PostgresError)?.code == .transactionControl)
        }
    }

    @Test("A constraint that is checked at the commit fails the migration and its rehearsal")
    func deferred() async throws {
        try await TestServer.shared.withDatabase { pool in
            let migrations = library {
                $0.add(
                    "004_deferred",
                    """
                    CREATE TABLE loan (title text REFERENCES book DEFERRABLE INITIALLY DEFERRED);
                    INSERT INTO loan VALUES ('Villette')
                    """
                )
            }
            for operation in [{ try await migrations.apply(to: pool) }, { try await migrations.rehearse(in: pool) }] {
                let error = try await migrationError { _ = try await operation() }
                #expect(error.code == .failed && error.migration == "004_deferred")
                #expect((error.underlying as? PostgresError)?.server?.sqlState == "23503")
            }
            try await equal(tables(pool), ["book", "pool_migrations"])
        }
    }

    @Test("A changed text, an unknown migration and a wrong order are errors, unless they are allowed")
    func differences() async throws {
        try await TestServer.shared.withDatabase { pool in
            try await library { $0.add("004_newer", "SELECT 1") }.apply(to: pool)
            let unknown = try await migrationError { try await library().apply(to: pool) }
            #expect(unknown.code == .unknown && unknown.migration == "004_newer")
            try await equal(library { $0.allowsUnknown = true }.apply(to: pool), [])

            var other = PostgresMigrations()
            other.allowsUnknown = true
            other.add("000_first", "CREATE TABLE first (x int)")
            other.add("001_book", "CREATE TABLE book (title text)")
            let changed = try await migrationError { try await other.apply(to: pool) }
            #expect(changed.code == .changed && changed.migration == "001_book")
            try await equal(other.status(in: pool).map(\.state), [.pending, .changed, .unknown, .unknown, .unknown])
            try await other.mark("001_book", as: .applied, in: pool)
            let order = try await migrationError { try await other.apply(to: pool) }
            #expect(order.code == .outOfOrder && order.migration == "000_first")
            other.allowsOutOfOrder = true
            try await equal(other.apply(to: pool), ["000_first"])
        }
    }

    @Test("The table of migrations is in the schema that is set, and needs it to exist")
    func schema() async throws {
        try await TestServer.shared.withDatabase { pool in
            let migrations = library {
                $0.schema = "My \"Schema\""
                $0.table = "done"
            }
            let missing = await postgresFailure { try await migrations.apply(to: pool) }
            #expect(missing?.server?.sqlState == "3F000")
            try await pool.execute("CREATE SCHEMA \(identifier: "My \"Schema\"")")
            try await equal(migrations.apply(to: pool).count, 3)
            try await equal(migrations.apply(to: pool), [])
            let count = try await pool.queryOne("SELECT count(*) FROM \"My \"\"Schema\"\"\".done", as: Int.self)
            #expect(count == 3)
            for (schema, table) in [("", "a"), ("a", ""), ("a\0", "a"), ("a", String(repeating: "x", count: 64))] {
                let error = try await migrationError {
                    _ = try await library {
                        $0.schema = schema
                        $0.table = table
                    }.status(in: pool)
                }
                #expect(error.code == .invalidConfiguration)
            }
            try await pool.execute("DROP SCHEMA public CASCADE")
            let none = try await migrationError { try await library().apply(to: pool) }
            #expect(none.code == .invalidConfiguration)
        }
    }

    @Test("Settings that a migration changes do not reach the next one, nor the table of migrations")
    func sessions() async throws {
        try await TestServer.shared.withDatabase { pool in
            let seen = Counted<String>()
            let migrations = library {
                $0.settings = ["lock_timeout": "12345ms"]
                // As the scripts of pg_dump do.
                $0.add(
                    "004_path",
                    "SELECT pg_catalog.set_config('search_path', '', false); SET statement_timeout = 77777"
                )
                $0.add("005_see") { db in
                    for name in ["search_path", "statement_timeout", "lock_timeout"] {
                        seen.add(try await db.queryOne("SELECT current_setting(\(name))", as: String.self))
                    }
                }
            }
            try await equal(migrations.apply(to: pool).count, 5)
            #expect(seen.values == ["\"$user\", public", "0", "12345ms"])
        }
    }

    @Test("The statement timeout of the pool does not end a script, and the deadline of the call does")
    func timeouts() async throws {
        try await TestServer.shared.withDatabase({ $0.statementTimeout = .seconds(1) }) { pool in
            let slow = library { $0.add("004_slow", "SELECT pg_sleep(1.2)") }
            try await equal(slow.apply(to: pool).count, 4)
            let endless = library {
                $0.add("004_slow", "SELECT pg_sleep(1.2)")
                $0.add("005_endless", "CREATE TABLE endless (x int); SELECT pg_sleep(1000)")
            }
            let error = try await errorAtDeadline("began 005_endless") { timeout, events in
                try await endless.apply(to: pool, timeout: timeout, progress: events.add)
            }
            #expect(error.code == .failed && (error.underlying as? PostgresError)?.code == .timedOut)
            try await equal(endless.pending(in: pool), ["005_endless"])
        }
    }

    @Test("A cancelled migration is rolled back, and so is one whose connection is lost")
    func stopped() async throws {
        try await TestServer.shared.withDatabase { pool in
            let migrations = library {
                $0.add("004_endless", "CREATE TABLE endless (x int); SELECT pg_sleep(1000) AS endless_migration")
            }
            func untilSleeping(_ count: Int) async throws {
                try await until {
                    try await pool.query(
                        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'",
                        as: Int.self
                    ).count == count
                }
            }
            let cancelled = Task { try await migrations.apply(to: pool) }
            try await untilSleeping(1)
            cancelled.cancel()
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            try await equal(migrations.pending(in: pool), ["004_endless"])

            try await untilSleeping(0)
            let lost = Task { try await migrations.apply(to: pool) }
            try await untilSleeping(1)
            try await pool.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
            )
            let error = try await migrationError { _ = try await lost.value }
            #expect((error.underlying as? PostgresError)?.code == .connectionLost)
            try await equal(migrations.pending(in: pool), ["004_endless"])
            try await equal(tables(pool), ["book", "pool_migrations"])
        }
    }

    @Test("A role without the privilege to create tables sees that nothing is pending")
    func privileges() async throws {
        try await TestServer.shared.withDatabase { pool in
            try await library().apply(to: pool)
            let role = "reader_\(UUID().uuidString.prefix(8).lowercased())"
            try await pool.executeScript(
                """
                CREATE ROLE \(identifier: role);
                GRANT SELECT ON pool_migrations TO \(identifier: role)
                """
            )
            try await TestServer.shared.withDatabase(
                named: pool.queryOne("SELECT current_database()::text", as: String.self),
                { $0.setup = ["SET ROLE \(identifier: role)"] }
            ) { reader in
                try await equal(library().apply(to: reader), [])
                let refused = await failure { try await library { $0.add("004", "SELECT 1") }.apply(to: reader) }
                #expect((refused as? MigrationError)?.migration == "004")
            }
            try await pool.executeScript("DROP OWNED BY \(identifier: role); DROP ROLE \(identifier: role)")
        }
    }

    @Test("A rehearsal runs the pending migrations, changes nothing, and ends before one without a transaction")
    func rehearsal() async throws {
        try await TestServer.shared.withDatabase { pool in
            let migrations = library {
                $0.add("004_vacuum", "VACUUM", transaction: .none)
                $0.add("005_after", "SELECT 1")
            }
            try await equal(migrations.rehearse(in: pool), ["001_book", "002_copies", "003_fill"])
            try await equal(tables(pool), [])
            try await equal(migrations.apply(to: pool).count, 5)
            try await equal(migrations.rehearse(in: pool), [])
        }
    }
}

extension TestServer {
    /// Provides a pool of two connections for a new database, which is removed at the end, or for
    /// one that exists.
    func withDatabase(
        named existing: String? = nil,
        _ configure: (inout PostgresConfiguration) -> Void = { _ in },
        _ body: (PostgresPool) async throws -> Void
    ) async throws {
        let name = existing ?? "migrations_\(UUID().uuidString.prefix(8).lowercased())"
        if existing == nil { try await psql("CREATE DATABASE \(name)") }
        try await withPool(
            .native,
            {
                $0.parameters["dbname"] = name
                $0.pool.maximumConnections = 2
                configure(&$0)
            }
        ) { try await body($0) }
        if existing == nil { try await psql("DROP DATABASE \(name) WITH (FORCE)") }
    }
}

/// Collects the events of migrations, from any thread.
final class MigrationEvents: Sendable {
    private let events = Counted<String>()

    var all: [String] { events.values }

    @Sendable func add(_ event: MigrationEvent) {
        switch event {
        case .waiting: events.add("waiting")
        case .began(let name): events.add("began \(name)")
        case .applied(let name, _): events.add("applied \(name)")
        case .failed(let name, _): events.add("failed \(name)")
        }
    }
}

/// Returns the error of a call whose time limit passes after an event, with a limit that is long
/// enough for the event.
func errorAtDeadline<Value>(
    _ event: String,
    _ body: (Duration, MigrationEvents) async throws -> Value
) async throws -> MigrationError {
    var timeout = Duration.milliseconds(50)
    while true {
        let events = MigrationEvents()
        let error = try await #require(throws: MigrationError.self) { _ = try await body(timeout, events) }
        if events.all.contains(event) { return error }
        #expect(error.code == .timedOut)
        timeout *= 2
    }
}
