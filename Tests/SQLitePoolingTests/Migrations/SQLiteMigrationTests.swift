// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PoolMigrations
import SQLitePooling
import Testing

/// Migrations of SQLite files, by one process.
@Suite(.timeLimit(.minutes(10))) struct SQLiteMigrationTests {
    struct Oops: Error {}

    /// Three migrations: two of text, one of code.
    private func library(_ changes: (inout SQLiteMigrations) -> Void = { _ in }) -> SQLiteMigrations {
        var migrations = SQLiteMigrations()
        migrations.add("001_book", "CREATE TABLE book (title TEXT PRIMARY KEY); INSERT INTO book VALUES ('Emma')")
        migrations.add("002_copies", "ALTER TABLE book ADD COLUMN copies INTEGER NOT NULL DEFAULT 1")
        migrations.add("003_fill", version: "1") { db in try db.execute("UPDATE book SET copies = copies + 2") }
        changes(&migrations)
        return migrations
    }

    private func copies(_ pool: SQLitePool) async throws -> [Int] {
        try await pool.query("SELECT copies FROM book", as: Int.self)
    }

    private func migrationError(_ body: () async throws -> Void) async throws -> MigrationError {
        try await #require(throws: MigrationError.self) { try await body() }
    }

    @Test("Migrations of text and of code are applied once, in order, and recorded")
    func once() async throws {
        try await withPool { pool in
            let events = MigrationEvents()
            let pending = try await library().pending(in: pool)
            #expect(pending == ["001_book", "002_copies", "003_fill"])
            let first = try await library().apply(to: pool, progress: events.add)
            #expect(first == pending)
            let second = try await library().apply(to: pool, progress: events.add)
            #expect(second.isEmpty)
            try await #expect(copies(pool) == [3])
            #expect(
                events.all == [
                    "began 001_book", "applied 001_book", "began 002_copies", "applied 002_copies", "began 003_fill",
                    "applied 003_fill",
                ]
            )
            let status = try await library().status(in: pool)
            #expect(status.map(\.state) == [.applied, .applied, .applied])
            #expect(status.allSatisfy { $0.duration.map { $0 >= .zero } ?? false })
            let oldest = try #require(status[0].appliedAt)
            #expect(abs(oldest.timeIntervalSinceNow) < 86_400)
            let later = try await library { $0.add("004_later", "SELECT 1") }.apply(to: pool)
            #expect(later == ["004_later"])
        }
    }

    @Test("A read-only pool sees the status, and applies nothing")
    func readOnly() async throws {
        let folder = try SampleFolder()
        try await withPool(in: folder) { pool in
            var one = SQLiteMigrations()
            one.add("001_book", "CREATE TABLE book (title TEXT PRIMARY KEY); INSERT INTO book VALUES ('Emma')")
            try await one.apply(to: pool)
        }
        try await withPool(.with(mode: .readOnly), in: folder) { pool in
            let states = try await library().status(in: pool).map(\.state)
            #expect(states == [.applied, .pending, .pending])
            let error = try await sqliteError { try await library().apply(to: pool) }
            #expect(error.code == .readOnly)
        }
    }

    @Test("A migration that fails is rolled back with its record, and those before it stay")
    func failure() async throws {
        try await withPool { pool in
            let migrations = library { $0.add("004_bad", "CREATE TABLE bad (x); INSERT INTO nowhere VALUES (1)") }
            let events = MigrationEvents()
            let error = try await migrationError { try await migrations.apply(to: pool, progress: events.add) }
            #expect(error.code == .failed && error.migration == "004_bad")
            let underlying = try #require(error.underlying as? SQLiteError)
            #expect(underlying.code == .error && underlying.sql?.contains("nowhere") == true)
            #expect(events.all.suffix(2) == ["began 004_bad", "failed 004_bad"])
            try await #expect(migrations.pending(in: pool) == ["004_bad"])
            let tables = try await pool.query("SELECT name FROM sqlite_schema WHERE name = 'bad'", as: String.self)
            #expect(tables.isEmpty)
            let thrown = try await migrationError {
                try await library { $0.add("004_throws") { _ in throw Oops() } }.apply(to: pool)
            }
            #expect(thrown.underlying is Oops)
            await expectNoLeases(pool)
        }
    }

    @Test("A statement that ends the transaction of a migration fails, and the migration is rolled back")
    func transactionControl() async throws {
        try await withPool { pool in
            for script in ["CREATE TABLE a (x); COMMIT", "CREATE TABLE a (x); ROLLBACK", "BEGIN; CREATE TABLE a (x)"] {
                var migrations = SQLiteMigrations()
                migrations.add("001", SQLiteQuery(unsafe: script))
                let error = try await migrationError { try await migrations.apply(to: pool) }
                #expect((error.underlying as? SQLiteError)?.code == .transactionControl)
                try await #expect(pool.query("SELECT name FROM sqlite_schema", as: String.self).isEmpty)
            }
        }
    }

    @Test("A changed text or version of an applied migration is an error, until it is marked as applied")
    func changed() async throws {
        try await withPool { pool in
            try await library().apply(to: pool)
            var text = SQLiteMigrations()
            text.add("001_book", "CREATE TABLE book (title TEXT PRIMARY KEY); INSERT INTO book VALUES ('Persuasion')")
            text.allowsUnknown = true
            let error = try await migrationError { try await text.apply(to: pool) }
            #expect(error.code == .changed && error.migration == "001_book")
            try await #expect(text.status(in: pool).map(\.state) == [.changed, .unknown, .unknown])
            try await text.mark("001_book", as: .applied, in: pool)
            try await #expect(text.apply(to: pool).isEmpty)

            var version = SQLiteMigrations()
            version.allowsUnknown = true
            version.add("003_fill", version: "2") { _ in }
            let other = try await migrationError { try await version.apply(to: pool) }
            #expect(other.code == .changed)
            var unversioned = SQLiteMigrations()
            unversioned.allowsUnknown = true
            unversioned.add("003_fill") { _ in }
            try await #expect(unversioned.apply(to: pool).isEmpty)
        }
    }

    @Test("Line endings do not change the checksum of a text")
    func lineEndings() async throws {
        try await withPool { pool in
            func migrations(_ text: String) -> SQLiteMigrations {
                var migrations = SQLiteMigrations()
                migrations.add("001", SQLiteQuery(unsafe: text))
                return migrations
            }
            try await migrations("CREATE TABLE a (x);\nCREATE TABLE b (x);\n").apply(to: pool)
            try await #expect(migrations("CREATE TABLE a (x);\r\nCREATE TABLE b (x);\r\n").apply(to: pool).isEmpty)
            for other in ["CREATE TABLE a (x);\rCREATE TABLE b (x);\n", "CREATE TABLE a (x);\nCREATE TABLE b (x);\n\r"]
            {
                let error = try await migrationError { try await migrations(other).apply(to: pool) }
                #expect(error.code == .changed)
            }
        }
    }

    @Test("A migration that only the database has is an error, unless unknown ones are allowed")
    func unknown() async throws {
        try await withPool { pool in
            try await library { $0.add("004_newer", "SELECT 1") }.apply(to: pool)
            let error = try await migrationError { try await library().apply(to: pool) }
            #expect(error.code == .unknown && error.migration == "004_newer")
            try await #expect(library().status(in: pool).map(\.state) == [.applied, .applied, .applied, .unknown])
            try await #expect(library { $0.allowsUnknown = true }.apply(to: pool).isEmpty)
        }
    }

    @Test("A pending migration before an applied one is an error, unless it is allowed")
    func order() async throws {
        try await withPool { pool in
            try await library().apply(to: pool)
            var migrations = SQLiteMigrations()
            migrations.add("000_first", "CREATE TABLE first (x)")
            migrations.allowsUnknown = true
            migrations.add("001_book", "CREATE TABLE book (title TEXT PRIMARY KEY); INSERT INTO book VALUES ('Emma')")
            let error = try await migrationError { try await migrations.apply(to: pool) }
            #expect(error.code == .outOfOrder && error.migration == "000_first")
            let pending = try await migrationError { _ = try await migrations.pending(in: pool) }
            #expect(pending.code == .outOfOrder)
            migrations.allowsOutOfOrder = true
            try await #expect(migrations.apply(to: pool) == ["000_first"])
        }
    }

    @Test("Bad names, tables and parameters are errors before anything runs")
    func badInput() async throws {
        try await withPool { pool in
            for (name, code) in [
                ("", MigrationError.Code.invalidName), ("a\nb", .invalidName), ("a\0", .invalidName),
                (String(repeating: "x", count: 256), .invalidName), ("003_fill", .duplicateName),
            ] {
                let migrations = library { $0.add(name, "SELECT 1") }
                let error = try await migrationError { try await migrations.apply(to: pool) }
                #expect(error.code == code)
                let status = try await migrationError { _ = try await migrations.status(in: pool) }
                #expect(status.code == code)
            }
            for table in ["", "sqlite_migrations", "a\0b"] {
                let error = try await migrationError { try await library { $0.table = table }.apply(to: pool) }
                #expect(error.code == .invalidConfiguration)
            }
            let unknown = try await migrationError { try await library().mark("009", as: .applied, in: pool) }
            #expect(unknown.code == .unknown)
            try await #expect(pool.query("SELECT name FROM sqlite_schema", as: String.self).isEmpty)
            var parameters = SQLiteMigrations()
            parameters.add("001", "SELECT \(1)")
            let error = try await migrationError { try await parameters.apply(to: pool) }
            #expect((error.underlying as? SQLiteError)?.code == .parameterCount)
        }
    }

    @Test("The table of migrations has any name, and a name in another case is the same table")
    func table() async throws {
        try await withPool { pool in
            try await library { $0.table = "my \"migrations\"" }.apply(to: pool)
            try await #expect(library { $0.table = "MY \"Migrations\"" }.pending(in: pool).isEmpty)
            let count = try await pool.queryOne("SELECT count(*) FROM \(identifier: "my \"migrations\"")", as: Int.self)
            #expect(count == 3)
        }
    }

    @Test("A rehearsal runs the pending migrations, changes nothing, and ends before one without a transaction")
    func rehearsal() async throws {
        try await withPool { pool in
            let migrations = library {
                $0.add("004_vacuum", "VACUUM", transaction: .none)
                $0.add("005_after", "SELECT 1")
            }
            let names = try await migrations.rehearse(in: pool)
            #expect(names == ["001_book", "002_copies", "003_fill"])
            try await #expect(pool.query("SELECT name FROM sqlite_schema", as: String.self).isEmpty)
            let bad = library { $0.add("004_bad", "INSERT INTO nowhere VALUES (1)") }
            let error = try await migrationError { _ = try await bad.rehearse(in: pool) }
            #expect(error.code == .failed && error.migration == "004_bad")
            try await #expect(migrations.apply(to: pool).count == 5)
        }
    }

    @Test("A cancelled migration is rolled back, and so is one at its deadline")
    func stopped() async throws {
        try await withPool { pool in
            let meeting = Rendezvous()
            let migrations = library {
                $0.add("004_endless") { db in
                    try db.execute("CREATE TABLE endless (x)")
                    meeting.arrive()
                    try db.execute(
                        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
                    )
                }
            }
            let task = Task { try await migrations.apply(to: pool) }
            await meeting.arrived()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            try await #expect(migrations.pending(in: pool) == ["004_endless"])

            let error = try await errorAtDeadline("began 004_endless") { timeout, events in
                try await migrations.apply(to: pool, timeout: timeout, progress: events.add)
            }
            #expect(error.code == .failed && (error.underlying as? SQLiteError)?.code == .timedOut)
            try await #expect(migrations.pending(in: pool) == ["004_endless"])
            let tables = try await pool.query("SELECT name FROM sqlite_schema WHERE name = 'endless'", as: String.self)
            #expect(tables.isEmpty)
            await expectNoLeases(pool)
        }
    }
}

/// Collects the events of migrations, from any thread.
final class MigrationEvents: Sendable {
    private let events = Locked([String]())

    var all: [String] { events.withLock { $0 } }

    @Sendable func add(_ event: MigrationEvent) {
        let text =
            switch event {
            case .waiting: "waiting"
            case .began(let name): "began \(name)"
            case .applied(let name, _): "applied \(name)"
            case .failed(let name, _): "failed \(name)"
            }
        events.withLock { $0.append(text) }
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
