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

// guide: retry
/// Runs `body` in a serializable transaction, and again from its beginning when it has lost a race against another.
func retrying<Value>(
    _ pool: PostgresPool,
    attempts: Int = 5,
    _ body: (borrowing PostgresConnection) async throws -> sending Value
) async throws -> sending Value {
    var pause = Duration.milliseconds(10)
    for _ in 1..<attempts {
        do {
            return try await pool.withTransaction(isolation: .serializable, body)
        } catch let error as PostgresError where error.isRetryable {
            try await Task.sleep(for: pause * Double.random(in: 0.5...1.5))
            pause *= 2
        }
    }
    return try await pool.withTransaction(isolation: .serializable, body)
}
// end

func retries(_ pool: PostgresPool) async throws {
    var attempts = 0
    let balance = try await retrying(pool) { db in
        attempts += 1
        let balance = try await db.query("SELECT balance FROM account WHERE name = 'Ada'", as: Int.self)[0]
        // Another client, which commits first.
        if attempts == 1 { try await pool.execute("UPDATE account SET balance = balance - 1 WHERE name = 'Ada'") }
        try await db.execute("UPDATE account SET balance = \(balance - 10) WHERE name = 'Ada'")
        return balance - 10
    }
    print("\(balance) in \(attempts) attempts")
}
