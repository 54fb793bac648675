// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The tables, rows and columns that a transaction has changed, or several of them.
struct ChangeSet: Sendable {
    typealias Table = SQLiteChanges.Table

    /// The changes of one table.
    struct Entry: Sendable {
        /// The row IDs; `nil` for any rows.
        var rows: Set<Int64>? = []
        /// The updated columns, in lowercase, if rows were only updated; `nil` if rows were also
        /// inserted or deleted, or the columns are not known.
        var columns: Set<String>? = []

        /// Any change of any row.
        static var any: Self { Self(rows: nil, columns: nil) }

        mutating func insert(_ row: Int64, limit: Int) {
            guard rows != nil else { return }
            rows?.insert(row)
            dropRows(over: limit)
        }

        mutating func formUnion(_ other: Self, limit: Int) {
            if let new = other.rows { rows?.formUnion(new) } else { rows = nil }
            if let new = other.columns { columns?.formUnion(new) } else { columns = nil }
            dropRows(over: limit)
        }

        private mutating func dropRows(over limit: Int) {
            if let count = rows?.count, count > limit { rows = nil }
        }
    }

    /// The tables that are known to have changed.
    private(set) var tables: [Table: Entry] = [:]
    /// Whether any table may have changed.
    private(set) var isEverything = false

    /// A change of any table.
    static var everything: Self {
        var changes = Self()
        changes.noteEverything()
        return changes
    }

    /// The number of tables beyond which a set becomes ``everything``. Only programs that create
    /// tables without an end reach it.
    private static let tableLimit = 1_000

    var isEmpty: Bool { tables.isEmpty && !isEverything }

    mutating func noteEverything() {
        isEverything = true
        tables = [:]
    }

    mutating func note(_ entry: Entry, of table: Table, limit: Int) {
        guard !isEverything else { return }
        tables[table, default: Entry()].formUnion(entry, limit: limit)
        if tables.count > Self.tableLimit { noteEverything() }
    }

    mutating func formUnion(_ other: Self, limit: Int) {
        if isEmpty {
            self = other
            return
        }
        if other.isEverything { noteEverything() }
        for (table, entry) in other.tables { note(entry, of: table, limit: limit) }
    }

    /// Returns the changes of some tables; of all but SQLite's own ones for `nil`.
    func limited(to selected: Set<Table>?) -> Self {
        var result = self
        if let selected {
            result.isEverything = false
            result.tables =
                isEverything
                ? Dictionary(uniqueKeysWithValues: selected.map { ($0, .any) })
                : tables.filter { selected.contains($0.key) }
        } else {
            result.tables = tables.filter { !$0.key.isInternal }
        }
        return result
    }

    /// Whether definitions of tables may have changed.
    var mayChangeSchema: Bool { isEverything || tables.keys.contains { $0.isSchema } }
}
