// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The tables and columns whose changes may change the result of a query.
struct QueryRegion: Sendable {
    /// The columns of each table, in lowercase; `nil` for all.
    private let tables: [SQLiteChanges.Table: Set<String>?]
    /// Whether the query may read what SQLite does not report.
    private let isEverything: Bool

    /// Everything, for a query of which SQLite does not tell what it reads.
    static var everything: Self { Self([:], isEverything: true) }

    init(_ tables: [SQLiteChanges.Table: Set<String>?], isEverything: Bool) {
        self.tables = tables
        self.isEverything = isEverything
    }

    func intersects(_ changes: ChangeSet) -> Bool {
        if changes.isEmpty { return false }
        if isEverything || changes.isEverything { return true }
        return changes.tables.contains { table, entry in
            if table.isSchema { return true }
            guard let read = tables[table] else { return false }
            guard let read, let updated = entry.columns else { return true }
            return !updated.isDisjoint(with: read)
        }
    }
}
