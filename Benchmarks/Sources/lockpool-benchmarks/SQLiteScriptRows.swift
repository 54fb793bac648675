// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CSQLiteBaseline
import SQLitePooling

/// SQLite: a script of 4,000 inserts in one transaction, beside `sqlite3_exec`.
enum SQLiteScriptRows {
    private static let script = (0..<4_000).map { number in
        "INSERT INTO script VALUES (\(number), 'a text that makes the statement as long as those of a dump: \(number)');\n"
    }.joined()

    static func run(_ pool: SQLitePool, raw: String, into report: inout Report) async throws {
        let text = script
        try await pool.execute("DROP TABLE IF EXISTS script")
        try await pool.execute("CREATE TABLE script (id INTEGER PRIMARY KEY, text TEXT)")
        let elapsed = try await pool.write { db in
            try nanoseconds(per: 1) { try db.executeScript(SQLiteQuery(unsafe: text)) }
        }
        report.add("sqlite.script4000.ms", elapsed / 1e6, "ms")
        report.add("sqlite.rawscript4000.ms", sqlite_baseline_script(raw, text) / 1e6, "ms")
    }
}
