// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import PostgresPooling

struct NotEnough: Error {}

func transactions(_ pool: PostgresPool) async throws {
    try await pool.execute("CREATE TABLE account (name text PRIMARY KEY, balance integer NOT NULL)")
    try await pool.execute("INSERT INTO account VALUES ('Ada', 100), ('Bob', 0)")
    let amount = 500
    do {
        // guide: transaction
        let balance = try await pool.withTransaction { db in
            try await db.execute("UPDATE account SET balance = balance + \(amount) WHERE name = 'Bob'")
            let left = try await db.query(
                "SELECT balance - \(amount) FROM account WHERE name = 'Ada' FOR UPDATE",
                as: Int.self
            )[0]
            guard left >= 0 else { throw NotEnough() }  // rolls back
            try await db.execute("UPDATE account SET balance = \(left) WHERE name = 'Ada'")
            return left
        }
        // end
        print(balance)
    } catch is NotEnough {
        print("not enough")
    }

    // guide: savepoint
    let added = try await pool.withTransaction { db in
        var added = 0
        for name in ["Cay", "Ada", "Dan"] {
            do {
                try await db.withSavepoint { db in
                    try await db.execute("INSERT INTO account VALUES (\(name), 0)")
                }
                added += 1
            } catch let error as PostgresError where error.sqlState == .uniqueViolation {
                // Undone as far as the savepoint; the transaction goes on.
            }
        }
        return added
    }
    print(added)  // 2
    // end
    try await print(pool.query("SELECT name, balance FROM account ORDER BY name", as: (String, Int).self))
}

func retries(_ pool: PostgresPool) async throws {
    let amount = 10
    var attempts = 0
    // guide: retry
    let balance = try await pool.withTransaction(
        isolation: .serializable,
        retry: .serializationFailures(attempts: 5),
        timeout: .seconds(2)
    ) { db in
        attempts += 1
        let balance = try await db.query("SELECT balance FROM account WHERE name = 'Ada'", as: Int.self)[0]
        // Another client, which commits first.
        if attempts == 1 { try await pool.execute("UPDATE account SET balance = balance - 1 WHERE name = 'Ada'") }
        try await db.execute("UPDATE account SET balance = \(balance - amount) WHERE name = 'Ada'")
        return balance - amount
    }
    print("\(balance) in \(attempts) attempts")  // 89 in 2 attempts
    // end

    let key = 4711
    try await pool.execute("CREATE TABLE payment (key int PRIMARY KEY, amount int)")
    // guide: check
    let retry = PostgresRetry.serializationFailures(attempts: 5) { db in
        try await db.query("SELECT FROM payment WHERE key = \(key)").count == 1
    }
    try await pool.withTransaction(isolation: .serializable, retry: retry) { db in
        try await db.execute("INSERT INTO payment VALUES (\(key), \(amount))")
        try await db.execute("UPDATE account SET balance = balance - \(amount) WHERE name = 'Ada'")
    }
    // end
    let figures = pool.statistics.retries
    print("\(figures.repetitions) repeated, \(figures.recoveries) recovered, \(figures.exhaustions) exhausted")
    try await pool.execute("DROP TABLE payment")
}
