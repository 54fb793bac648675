// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PoolMigrations
import SQLitePooling

func overview(_ pool: SQLitePool) async throws {
    // guide
    var migrations = SQLiteMigrations()
    migrations.add("001_create_book", "CREATE TABLE book (title TEXT PRIMARY KEY, author TEXT)")
    migrations.add("002_add_copies", "ALTER TABLE book ADD COLUMN copies INTEGER NOT NULL DEFAULT 1")
    migrations.add("003_fill", version: "1") { db in
        for title in ["Emma", "Persuasion"] { try db.execute("INSERT INTO book (title) VALUES (\(title))") }
    }
    print(try await migrations.apply(to: pool))  // ["001_create_book", "002_add_copies", "003_fill"]
    print(try await migrations.apply(to: pool))  // []
    // end
}

func operations(_ pool: SQLitePool) async throws {
    var migrations = SQLiteMigrations()
    migrations.allowsUnknown = true
    // guide
    migrations.add("004_index_author", "CREATE INDEX book_author ON book (author)")
    print(try await migrations.pending(in: pool))  // ["004_index_author"]
    print(try await migrations.rehearse(in: pool))  // ["004_index_author"]
    try await migrations.apply(to: pool, timeout: .seconds(60)) { event in
        if case .applied(let name, let duration) = event { log("\(name) took \(duration)") }
    }
    for migration in try await migrations.status(in: pool) {
        print(migration.name, migration.state, migration.failure ?? "")
    }
    // end
}

func log(_ line: String) {}

func rebuild(_ pool: SQLitePool) async throws {
    var migrations = SQLiteMigrations()
    migrations.allowsUnknown = true
    migrations.add("004_index_author", "CREATE INDEX book_author ON book (author)")
    // guide
    migrations.add(
        "005_require_title",
        """
        CREATE TABLE new_book (title TEXT PRIMARY KEY NOT NULL CHECK (title <> ''), author TEXT, copies INTEGER NOT NULL);
        INSERT INTO new_book SELECT title, author, copies FROM book;
        DROP TABLE book;
        ALTER TABLE new_book RENAME TO book;
        CREATE INDEX book_author ON book (author);
        """
    )
    // end
    print(try await migrations.apply(to: pool))
}

func failure(_ pool: SQLitePool) async throws {
    var migrations = SQLiteMigrations()
    migrations.allowsUnknown = true
    // guide
    migrations.add("006_compact", "VACUUM; SELECT * FROM missing", transaction: .none)
    do {
        try await migrations.apply(to: pool)
    } catch let error as MigrationError {
        print(error.code, error.migration ?? "", (error.underlying as? SQLiteError)?.message ?? "")
    }
    print(try await migrations.status(in: pool).first?.state ?? .pending)  // unfinished
    // The database is as it should be.
    try await migrations.mark("006_compact", as: .applied, in: pool)
    // end
}

func folder() throws {
    try FileManager.default.createDirectory(atPath: "Migrations", withIntermediateDirectories: true)
    try Data("CREATE TABLE book (title TEXT PRIMARY KEY)\n".utf8)
        .write(to: URL(filePath: "Migrations/001_create_book.sql"))
    // guide
    var migrations = SQLiteMigrations()
    try migrations.add(contentsOf: "Migrations")
    print(migrations.names)  // ["001_create_book"]
    // end
}
