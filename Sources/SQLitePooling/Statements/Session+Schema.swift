// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

extension Session {
    /// Begins a statement whose rows are decoded, and takes its first step.
    ///
    /// SQLite prepares a statement again at its first step when the schema has changed since, also by another process. Only then
    /// is the number of columns that of the current schema.
    ///
    /// - Returns: The statement, which is the caller's until ``end(_:)``, and whether there is a row.
    /// - Throws: ``SQLiteError``; with the code `columnCount` if a row does not have `count` columns.
    @usableFromInline
    func beginRows(_ sql: SQL, columnCount count: Int) throws(SQLiteError) -> (statement: Statement, hasRow: Bool) {
        var statement = try begin(sql)
        do throws(SQLiteError) {
            if statement.columnCount != count {
                // No change of the schema gives columns to a statement without any. VACUUM INTO, which gives no rows, may be a query.
                if statement.columnCount == 0, !statement.traits.contains(.vacuumsInto) {
                    try statement.expect(columnCount: count)
                }
                // A statement that writes must not run before its columns are known.
                if !statement.isReadOnly, !statement.traits.contains(.vacuumsInto) {
                    try renew(&statement, for: sql)
                    try statement.expect(columnCount: count)
                }
            }
            let hasRow = try step(statement)
            if hasRow || !statement.traits.contains(.vacuumsInto) { try statement.expect(columnCount: count) }
            return (statement, hasRow)
        } catch {
            end(statement)
            throw error
        }
    }

    /// Exchanges a statement that has not run for one that is prepared for the current schema.
    private func renew(_ statement: inout Statement, for sql: SQL) throws(SQLiteError) {
        try refreshSchema()
        cache.remove(statement)
        let old = statement
        statement = try begin(sql)
        end(old)
    }

    /// Has SQLite read the schemas of all databases again where they have changed.
    ///
    /// A preparation alone uses the schema as the connection knows it; a step compares it with the file.
    func refreshSchema() throws(SQLiteError) {
        try run(.look)
        let names = try databaseNames()
        for name in names where name != "main" && name != "temp" {
            let statement = try prepareOne("SELECT 1 FROM \(SQL.quoted(name)).sqlite_schema LIMIT 1")
            defer { end(statement) }
            _ = try step(statement)
        }
    }
}

extension Session {
    /// Whether the connection cannot write because it is one of the pool's readers.
    var isReader: Bool { unsafe sqlite3_db_readonly(handle, "main") == 1 }

    /// Returns the error for a statement that writes, which a reader has refused.
    func writeOnReader(_ statement: Statement) -> SQLiteError {
        let advice =
            if file?.configuration.mode.mayWrite == false {
                "the pool is for reading only"
            } else if statement.columnCount > 0 {
                "run it in write { db in try db.query(…) }"
            } else {
                "run it with execute(…), or in write { db in try db.execute(…) }"
            }
        return SQLiteError(
            .readOnly,
            "a connection that reads cannot run a statement that writes: \(advice)",
            sql: statement.text
        )
    }
}
