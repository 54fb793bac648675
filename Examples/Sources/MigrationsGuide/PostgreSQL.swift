// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import PoolMigrations
import PostgresPooling

func server(_ pool: PostgresPool) async throws {
    // guide
    var migrations = PostgresMigrations()
    migrations.settings = ["lock_timeout": "5s"]
    migrations.add("001_create_book", "CREATE TABLE book (title text PRIMARY KEY, author text)")
    migrations.add("002_fill") { db in
        try await db.execute("INSERT INTO book VALUES (\("Emma"), \("Jane Austen"))")
    }
    migrations.add(
        "003_index_author",
        "CREATE INDEX CONCURRENTLY book_author ON book (author)",
        transaction: .none
    )
    print(try await migrations.apply(to: pool))
    // end
}
