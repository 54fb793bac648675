// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import SQLitePooling

/// Observes tables and queries.
func changes(_ pool: SQLitePool) async throws {
    // guide: changes
    let changes = try await pool.changes(in: "book")
    try await pool.execute("UPDATE book SET copies = 4 WHERE title = 'Emma'")
    for await batch in changes {
        switch batch.rows(of: "book") {
        case .rows(let ids): print("changed: \(ids)")
        case .all: print("any row may have changed")
        case nil: break
        }
        break
    }
    // end

    // guide: observation
    let titles = pool.observe("SELECT title FROM book ORDER BY title", as: String.self).removingDuplicates()
    for try await titles in titles {
        print(titles)
        if titles.contains("Persuasion") { break }
        try await pool.execute("INSERT INTO book VALUES ('Persuasion', 1)")
    }
    // end

    // guide: polling
    let others = pool.observe("SELECT count(*) FROM book", as: Int.self, pollInterval: .seconds(1))
    for try await count in others {
        print(count)
        break
    }
    // end
}
