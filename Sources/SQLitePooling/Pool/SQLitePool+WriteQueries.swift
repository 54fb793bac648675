// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLitePool {
    /// Runs a writing statement with `RETURNING` in a transaction, and copies the rows that it
    /// returns, whose columns are decoded later.
    ///
    /// ```swift
    /// let rows = try await pool.writeQuery("DELETE FROM job WHERE due < \(now) RETURNING *")
    /// ```
    ///
    /// Suspends as ``write(timeout:checkoutTimeout:file:line:_:)``, whose commits it can share.
    ///
    /// - Parameters:
    ///   - sql: One statement, which reads or writes.
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The rows, after the commit. SQLite does not define their order.
    /// - Throws: As ``write(timeout:checkoutTimeout:file:line:_:)``; nothing has changed then.
    public func writeQuery(
        _ sql: SQLiteQuery,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> SQLiteRows {
        try await write(timeout: timeout, file: file, line: line) { db in try db.query(sql) }
    }

    /// Runs a writing statement with `RETURNING` in a transaction, and decodes the rows that it
    /// returns.
    ///
    /// Suspends as ``write(timeout:checkoutTimeout:file:line:_:)``, whose commits it can share.
    ///
    /// - Parameters:
    ///   - sql: One statement, which reads or writes.
    ///   - columns: The type of each column, in order, as a tuple.
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The rows, after the commit. SQLite does not define their order.
    /// - Throws: As ``write(timeout:checkoutTimeout:file:line:_:)``; ``SQLiteError`` with the code
    ///   `columnCount` or `decoding` if the rows do not have these types. Nothing has changed
    ///   then.
    @inlinable
    public func writeQuery<each Column: SQLiteDecodable & Sendable>(
        _ sql: SQLiteQuery,
        as columns: (repeat each Column).Type,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [(repeat each Column)] {
        try await write(timeout: timeout, file: file, line: line) { db in try db.query(sql, as: columns) }
    }

    /// Runs a writing statement with `RETURNING` in a transaction, and decodes the only column of
    /// the rows that it returns.
    ///
    /// Suspends as ``write(timeout:checkoutTimeout:file:line:_:)``, whose commits it can share.
    ///
    /// - Parameters:
    ///   - sql: One statement, which reads or writes.
    ///   - column: The type of the column.
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The values, after the commit. SQLite does not define their order.
    /// - Throws: As ``write(timeout:checkoutTimeout:file:line:_:)``; ``SQLiteError`` with the code
    ///   `columnCount` or `decoding` if the rows do not have this type. Nothing has changed then.
    @inlinable
    public func writeQuery<Column: SQLiteDecodable & Sendable>(
        _ sql: SQLiteQuery,
        as column: Column.Type,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [Column] {
        try await write(timeout: timeout, file: file, line: line) { db in try db.query(sql, as: Column.self) }
    }

    /// Runs a writing statement with `RETURNING` in a transaction, and decodes each row that it
    /// returns as a value whose properties have the names of the columns.
    ///
    /// Suspends as ``write(timeout:checkoutTimeout:file:line:_:)``, whose commits it can share.
    ///
    /// - Parameters:
    ///   - sql: One statement, which reads or writes.
    ///   - type: The type of the values.
    ///   - missingColumns: Whether an optional property without a column is an error.
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The values, after the commit. SQLite does not define their order.
    /// - Throws: As ``write(timeout:checkoutTimeout:file:line:_:)``, and as
    ///   ``SQLiteConnection/query(_:decoding:missingColumns:)``. Nothing has changed then.
    @inlinable
    public func writeQuery<Value: Decodable & Sendable>(
        _ sql: SQLiteQuery,
        decoding type: Value.Type,
        missingColumns: SQLiteRow.MissingColumns = .areErrors,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [Value] {
        try await write(timeout: timeout, file: file, line: line) { db in
            try db.query(sql, decoding: Value.self, missingColumns: missingColumns)
        }
    }
}
