// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import SQLitePooling

let pool = try SQLitePool("library.sqlite")
try await pool.execute("CREATE TABLE IF NOT EXISTS book (title TEXT PRIMARY KEY, copies INTEGER)")
let title = "Emma"
try await pool.write { db in  // a transaction: rolls back if the closure throws
    try db.execute("INSERT OR REPLACE INTO book VALUES (\(title), 3)")  // a bound parameter, not text
    try db.execute("UPDATE book SET copies = copies - 1 WHERE title = \(title)")
}
print(try await pool.query("SELECT title, copies FROM book", as: (String, Int).self))
await pool.close()
