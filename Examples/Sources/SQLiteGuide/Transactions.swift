// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import SQLitePooling

struct NotEnough: Error {}

func transactions(_ pool: SQLitePool) async throws {
    try await pool.execute("CREATE TABLE account (name TEXT PRIMARY KEY, balance INTEGER NOT NULL)")
    try await pool.execute("INSERT INTO account VALUES ('Ada', 100), ('Bob', 0)")
    let amount = 500
    do {
        // guide: transaction
        let balance = try await pool.write { db in
            try db.execute("UPDATE account SET balance = balance + \(amount) WHERE name = 'Bob'")
            let left = try db.query("SELECT balance - \(amount) FROM account WHERE name = 'Ada'", as: Int.self)[0]
            guard left >= 0 else { throw NotEnough() }  // rolls back
            try db.execute("UPDATE account SET balance = \(left) WHERE name = 'Ada'")
            return left
        }
        // end
        print(balance)
    } catch is NotEnough {
        print("not enough")
    }

    // guide: snapshot
    let (names, total) = try await pool.read { db in
        // Both see the same state, whatever is written between them.
        let names = try db.query("SELECT name FROM account ORDER BY name", as: String.self)
        let total = try db.query("SELECT sum(balance) FROM account", as: Int.self)[0]
        return (names, total)
    }
    print(names, total)  // ["Ada", "Bob"] 100
    // end

    // guide: savepoint
    let added = try await pool.write { db in
        var added = 0
        for name in ["Cay", "Ada", "Dan"] {
            do {
                try db.withSavepoint { db in _ = try db.execute("INSERT INTO account VALUES (\(name), 0)") }
                added += 1
            } catch let error as SQLiteError where error.code == .constraintPrimaryKey {
                // Undone as far as the savepoint; the transaction goes on.
            }
        }
        return added
    }
    print(added)  // 2
    // end

    // guide: vacuum
    try await pool.writeWithoutTransaction { db in _ = try db.execute("VACUUM") }
    // end

    // guide: sharing
    var configuration = SQLiteConfiguration()
    configuration.maximumWritesPerCommit = 64
    let visits = try SQLitePool(configuration)
    try await visits.execute("CREATE TABLE visit (page TEXT NOT NULL)")
    try await withThrowingTaskGroup { group in
        for page in ["/", "/books", "/about"] {
            group.addTask { try await visits.write { db in _ = try db.execute("INSERT INTO visit VALUES (\(page))") } }
        }
        try await group.waitForAll()
    }
    // end
    print(try await visits.queryFirst("SELECT count(*) FROM visit", as: Int.self) ?? 0)
    await visits.close()
}

func errors(_ pool: SQLitePool) async throws {
    let title = "Emma"
    // guide: error
    do {
        try await pool.execute("INSERT INTO book VALUES (\(title), 1)")
    } catch let error as SQLiteError where error.code == .constraintPrimaryKey {
        print(error)
    }
    do {
        try await pool.execute("UPDATE book SET titel = \(title)")
    } catch let error as SQLiteError {
        print(error)
        print("Again? \(error.isRetryable)")
    }
    do {
        _ = try await pool.query("SELECT title, copies FROM book", as: (String, Bool).self)
    } catch let error as SQLiteError where error.code == .decoding {
        print(error.message)
    }
    // end
}

func executor(_ pool: SQLitePool) async throws {
    // guide: executor
    let executor = try SQLiteExecutor()
    try await withTaskExecutorPreference(executor) {
        let titles = try await pool.query("SELECT title FROM book ORDER BY title", as: String.self)
        print(titles.count)
    }
    // end
}

func care(_ pool: SQLitePool) async throws {
    // guide: backup
    try await pool.backUp(to: "backup.sqlite", pagesPerStep: 1_000) { progress in
        print("\(Int(progress.fraction * 100)) %")
    }
    // end

    // guide: restore
    try await pool.restore(from: "backup.sqlite")
    let bytes = try await pool.serialize()  // as a file has them
    try await pool.deserialize(bytes)
    // end

    // guide: checkpoint
    let checkpoints = try await pool.checkpoint(.truncate)
    print(checkpoints.allSatisfy(\.isComplete), pool.statistics.log.pages)  // true 0
    // end

    // guide: check
    let problems = try await pool.integrityCheck()
    print(problems.isEmpty ? "sound" : problems.joined(separator: "\n"))
    // end
}

/// Removes the files that `care` makes.
func deletion(_ pool: SQLitePool) async throws {
    try FileManager.default.removeItem(atPath: "backup.sqlite")
}
