// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PoolMigrations
import PostgresPooling
import SQLitePooling

// The code of Docs/Migrations.md. It makes files in the current folder, and needs a PostgreSQL
// database of its own.

guard let url = ProcessInfo.processInfo.environment["DATABASE_URL"] else {
    print("Set DATABASE_URL to the URL of a server, such as the one that Scripts/postgres start prints.")
    exit(1)
}

let pool = try SQLitePool("migrated.sqlite")
try await overview(pool)
try await operations(pool)
try await rebuild(pool)
try await failure(pool)
try folder()
await pool.close()

let postgres = try PostgresPool(url)
try await server(postgres)
await postgres.close()
