// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

extension Session {
    /// Begins a statement whose rows are decoded, and takes its first step.
    ///
    /// After a change of the schema, also by another process, SQLite prepares a statement again at
    /// its first step. Only then does the statement have the columns of the current schema.
    ///
    /// - Returns: The statement, which the caller owns until ``end(_:)``, and whether there is a
    ///   row.
    /// - Throws: ``SQLiteError``; with the code `columnCount` if a row does not have `count`
    ///   columns.
    @usableFromInline
    func beginRows(_ sql: SQLiteQuery, columnCount count: Int) throws(SQLiteError) -> (
        statement: Statement, hasRow: Bool
    ) {
        var statement = try begin(sql)
        do throws(SQLiteError) {
            if statement.columnCount != count {
                // No change of the schema adds columns to a statement that has none. VACUUM INTO
                // has no rows, but can be a query.
                if statement.columnCount == 0, !statement.traits.contains(.vacuumsInto) {
                    try statement.expect(columnCount: count)
                }
                // A writing statement must not run before its columns are known.
                if !statement.isReadOnly, !statement.traits.contains(.vacuumsInto) {
                    try renew(&statement, for: sql)
                    try statement.expect(columnCount: count)
                }
            }
            let hasRow = try step(statement)
            if hasRow || !statement.traits.contains(.vacuumsInto) { try statement.expect(columnCount: count) }
            return (statement, hasRow)
        } catch {
            // A failed step is reported already.
            statement.observed?.fail(error, in: self)
            end(statement)
            throw error
        }
    }

    /// Replaces a statement that has not run by one that is prepared for the current schema.
    private func renew(_ statement: inout Statement, for sql: SQLiteQuery) throws(SQLiteError) {
        try refreshSchema()
        cache.remove(statement)
        let old = statement
        statement = try start(sql)
        swap(&statement.observed, &old.observed)
        end(old)
    }

    /// Reads the schemas of all databases again if they have changed.
    ///
    /// A preparation uses the connection's copy of the schema; a step compares it with the file.
    func refreshSchema() throws(SQLiteError) {
        try run(.readSchema)
        let names = try databaseNames()
        for name in names where name != "main" && name != "temp" {
            let statement = try prepareOne("SELECT 1 FROM \(SQLiteQuery.quoted(name)).sqlite_schema LIMIT 1")
            defer { end(statement) }
            _ = try step(statement)
        }
    }
}

extension Session {
    /// Whether the connection is one of the pool's read-only connections.
    var isReader: Bool { unsafe sqlite3_db_readonly(handle, "main") == 1 }

    /// Returns the error for a writing statement on a reader.
    func writeOnReader(_ statement: Statement) -> SQLiteError {
        let advice =
            if file?.configuration.mode.mayWrite == false {
                "the pool is read-only"
            } else if statement.columnCount > 0 {
                "run it in write { db in try db.query(…) }"
            } else {
                "run it with execute(…), or in write { db in try db.execute(…) }"
            }
        return SQLiteError(
            .readOnly,
            "a reader cannot run a writing statement: \(advice)",
            sql: statement.text
        )
    }
}
