// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PoolMigrations
import SQLitePooling
import TestSupport
import Testing

/// Migrations of one SQLite file by several processes and pools, and those without a transaction.
@Suite(.timeLimit(.minutes(10))) struct SQLiteMigrationProcessTests {
    private func child(_ action: String, _ path: String) throws -> ChildProcess {
        let build = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
        return try ChildProcess(
            executable: build.appending(path: "migration-child").path,
            arguments: ["sqlite", action, path],
            environment: ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" }
        )
    }

    /// Kills a process in the middle of a migration.
    private func kill(_ action: String, _ path: String) async throws {
        let child = try child(action, path)
        let output = await child.output.text { text in
            guard text.contains("hanging") else { return true }
            child.send(SIGKILL)
            return false
        }
        #expect(output == "hanging\n")
        await #expect(child.exitCode() == 128 + SIGKILL)
    }

    @Test("Four processes that start together apply each migration once")
    func processes() async throws {
        let folder = try SampleFolder()
        let outcomes = try await withThrowingTaskGroup(of: (Int32, String, String).self) { group in
            for _ in 0..<4 {
                let child = try child("apply", folder.file())
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
        #expect(applied.sorted() == (["000_create"] + (1...30).map { "\($0)" }).sorted())
        try await withPool(in: folder) { pool in
            try await #expect(pool.queryOne("SELECT count(*) FROM run", as: Int.self) == 30)
        }
        try #expect(folder.names.contains { $0.hasSuffix("-migration") } == false)
    }

    @Test("Eight pools of one process apply each migration once")
    func pools() async throws {
        let folder = try SampleFolder()
        var migrations = SQLiteMigrations()
        migrations.add("create", "CREATE TABLE run (x INTEGER)")
        for number in 0..<20 {
            migrations.add("\(number)", "INSERT INTO run VALUES (1)", transaction: number % 4 == 0 ? .none : .own)
        }
        let names = try await withThrowingTaskGroup(of: [String].self) { [migrations] group in
            for _ in 0..<8 {
                let pool = try SQLitePool(SQLiteConfiguration.patient.at(folder.file()))
                group.addTask {
                    let names = try await migrations.apply(to: pool)
                    await pool.close()
                    return names
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(names.sorted() == migrations.names.sorted())
        try await withPool(in: folder) { pool in
            try await #expect(pool.queryOne("SELECT count(*) FROM run", as: Int.self) == 20)
        }
    }

    @Test("A process that is killed in a migration leaves nothing of it, and the next one applies it")
    func killed() async throws {
        let folder = try SampleFolder()
        try await kill("hang", folder.file())
        var migrations = SQLiteMigrations()
        migrations.add("000_create", "CREATE TABLE run (number INTEGER)")
        migrations.add("001_hang") { db in try db.execute("INSERT INTO run VALUES (2)") }
        try await withPool(in: folder) { pool in
            try await #expect(migrations.apply(to: pool) == ["001_hang"])
            try await #expect(pool.query("SELECT number FROM run", as: Int.self) == [2])
        }
    }

    @Test("A process that is killed in a migration without a transaction leaves it unfinished, until it is marked")
    func killedWithoutTransaction() async throws {
        let folder = try SampleFolder()
        try await kill("hang-without-transaction", folder.file())
        var migrations = SQLiteMigrations()
        migrations.add("000_create", "CREATE TABLE run (number INTEGER)")
        migrations.add("001_hang", transaction: .none) { db in try db.execute("INSERT INTO run VALUES (2)") }
        try await withPool(in: folder) { pool in
            try await #expect(migrations.status(in: pool).map(\.state) == [.applied, .unfinished])
            for _ in 0..<2 {
                let error = try await #require(throws: MigrationError.self) { try await migrations.apply(to: pool) }
                #expect(error.code == .unfinished && error.migration == "001_hang")
            }
            for operation in [migrations.pending, migrations.rehearse] {
                let error = try await #require(throws: MigrationError.self) { _ = try await operation(pool, nil) }
                #expect(error.code == .unfinished)
            }
            try await migrations.mark("001_hang", as: .pending, in: pool)
            try await #expect(migrations.apply(to: pool) == ["001_hang"])
            try await #expect(pool.query("SELECT number FROM run", as: Int.self) == [1, 2])
        }
    }

    @Test("A migration without a transaction runs what no transaction allows, and records its failure")
    func withoutTransaction() async throws {
        try await withPool { pool in
            var migrations = SQLiteMigrations()
            migrations.add(
                "001",
                "CREATE TABLE a (x); VACUUM; BEGIN; INSERT INTO a VALUES (1); COMMIT",
                transaction: .none
            )
            try await #expect(migrations.apply(to: pool) == ["001"])
            migrations.add("002", "INSERT INTO a VALUES (2); INSERT INTO nowhere VALUES (3)", transaction: .none)
            let error = try await #require(throws: MigrationError.self) { try await migrations.apply(to: pool) }
            #expect(error.code == .failed && error.migration == "002")
            try await #expect(pool.query("SELECT x FROM a ORDER BY x", as: Int.self) == [1, 2])
            let status = try await migrations.status(in: pool)[1]
            #expect(status.state == .unfinished && status.failure?.contains("nowhere") == true)
            try await migrations.mark("002", as: .applied, in: pool)
            let marked = try await migrations.status(in: pool)[1]
            #expect(marked.state == .applied && marked.failure == nil)
            try await #expect(migrations.apply(to: pool).isEmpty)
        }
    }

    @Test("A cancelled migration without a transaction is recorded as unfinished")
    func cancelled() async throws {
        try await withPool { pool in
            let meeting = Rendezvous()
            var migrations = SQLiteMigrations()
            migrations.add("001", transaction: .none) { db in
                try db.execute("CREATE TABLE a (x)")
                meeting.arrive()
                try db.execute("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n")
            }
            let task = Task { [migrations] in try await migrations.apply(to: pool) }
            await meeting.arrived()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            let status = try await migrations.status(in: pool)
            #expect(status[0].state == .unfinished)
            await expectNoLeases(pool)
        }
    }

    @Test("A call waits for a migration without a transaction of another pool, and stops waiting at its deadline")
    func waiting() async throws {
        let folder = try SampleFolder()
        try await withPool(in: folder) { first in
            try await withPool(in: folder) { second in
                let meeting = Rendezvous()
                var migrations = SQLiteMigrations()
                migrations.add("001", transaction: .none) { _ in
                    meeting.arrive()
                    meeting.wait()
                }
                let running = Task { [migrations] in try await migrations.apply(to: first) }
                await meeting.arrived()
                let error = try await errorAtDeadline("waiting") { timeout, events in
                    try await migrations.apply(to: second, timeout: timeout, progress: events.add)
                }
                #expect(error.code == .timedOut)
                let events = MigrationEvents()
                let waiting = Task { [migrations] in try await migrations.apply(to: second, progress: events.add) }
                while events.all != ["waiting"] { await Task.yield() }
                meeting.release()
                try await #expect(running.value == ["001"])
                try await #expect(waiting.value == [])
            }
        }
    }

    @Test("A temporary database is migrated without a file beside it")
    func temporary() async throws {
        let pool = try SQLitePool(":memory:")
        var migrations = SQLiteMigrations()
        migrations.add("001", "CREATE TABLE a (x)")
        migrations.add("002", "VACUUM", transaction: .none)
        try await #expect(migrations.apply(to: pool) == ["001", "002"])
        await pool.close()
    }
}
