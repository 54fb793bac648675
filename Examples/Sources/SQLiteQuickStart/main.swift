// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import SQLitePooling

let pool = try SQLitePool(path: "library.sqlite")
try await pool.execute("CREATE TABLE IF NOT EXISTS book (title TEXT PRIMARY KEY, copies INTEGER)")
let title = "Emma"
try await pool.execute("INSERT OR REPLACE INTO book VALUES (\(title), 3)")  // a parameter, not text
try await pool.write { db in  // a transaction: if the body throws, nothing has changed
    try db.execute("UPDATE book SET copies = copies - 1 WHERE title = \(title)")
    try db.execute("INSERT OR REPLACE INTO book VALUES (\(title + ", on loan"), 1)")
}
let books = try await pool.query("SELECT title, copies FROM book", as: (String, Int).self)
for (title, copies) in books { print("\(title): \(copies)") }
await pool.close()
