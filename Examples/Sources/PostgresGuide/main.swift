// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PostgresPooling

// The code of Docs/PostgreSQL.md and Docs/Cluster.md, which show the parts between "// guide" and
// "// end". It makes and drops tables, so it needs a database of its own.

guard let url = ProcessInfo.processInfo.environment["DATABASE_URL"] else {
    print("Set DATABASE_URL to the URL of a server, such as the one that Scripts/postgres start prints.")
    exit(1)
}

try makePools()
try await makeClusters()
try await clusters(url)

let pool = try PostgresPool(url)
try await pool.withConnection { db in
    try await db.executeScript(
        "DROP TABLE IF EXISTS book, item, event, account, payment, reader, tally; DROP TYPE IF EXISTS size"
    )
}

try await overview(url)
try await statements(pool)
try await rows(pool)
try await decodableRows(pool)
try await scripts(pool)
try await preparing(pool)
try await noticing(pool)
try await values(pool)
try await ownTypes(pool)
try await transactions(pool)
try await retries(pool)
try await settings(pool)
try await locks(pool)
try await streaming(pool)
try await cursors(pool)
try await pipelines(pool)
try await sharing(url)
try await copying(pool)
try await notifying(pool)
try await deadlines(pool)
try await limitedByServer(pool)
if let url = ProcessInfo.processInfo.environment["PGBOUNCER_URL"] { try await console(url) }
try await errors(pool)
try await seeing(pool)
try await observing(url)
try await executing(url)
await ending(pool)
