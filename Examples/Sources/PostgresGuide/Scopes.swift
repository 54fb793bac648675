// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import PostgresPooling

func settings(_ pool: PostgresPool) async throws {
    let tenant = "it's 7"
    // guide: settings
    let seen = try await pool.withTransaction(settings: ["app.tenant": tenant]) { db in
        try await db.query("SELECT current_setting('app.tenant')", as: String.self)[0]
    }
    print(seen == tenant)  // true
    // end
}

func locks(_ pool: PostgresPool) async throws {
    // guide: locks
    let total = try await pool.withAdvisoryLock("nightly report", timeout: .seconds(5)) { db in
        try await db.query("SELECT sum(balance)::int FROM account", as: Int.self)[0]
    }
    // Runs elsewhere at the moment: nothing to do here.
    let ran = try await pool.tryAdvisoryLock("nightly report") { _ in true } ?? false
    // end
    print(total, ran)
    let account: Int32 = 7
    // guide: locks-in-transaction
    try await pool.withTransaction { db in
        try await db.advisoryLock(PostgresLockKey(1, account))
        guard try await db.tryAdvisoryLock("statement \(account)") else { return }
        try await db.execute("UPDATE account SET balance = balance + 1")
    }
    // end
    // guide: session-lock
    try await pool.withConnection { db in
        try await db.withSessionAdvisoryLock("indexes") { db in
            try await db.execute("CREATE INDEX CONCURRENTLY account_balance ON account (balance)")
        }
    }
    // end
}
