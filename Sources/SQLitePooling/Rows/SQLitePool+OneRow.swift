// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLitePool {
    /// Runs a reading statement and decodes its row, which must be the only one.
    ///
    /// Suspends as ``read(timeout:checkoutTimeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. A writing statement fails; use `write { db in try db.queryOne(…) }`
    ///     for it.
    ///   - columns: The type of each column, in order, as a tuple.
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The row.
    /// - Throws: As ``read(timeout:checkoutTimeout:file:line:_:)``; ``SQLiteError`` with the code
    ///   `noRows` or `tooManyRows` if there is not exactly one row, and `columnCount` or
    ///   `decoding` if it does not have these types.
    @inlinable
    public func queryOne<each Column: SQLiteDecodable & Sendable>(
        _ sql: SQLiteQuery,
        as columns: (repeat each Column).Type = (repeat each Column).self,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> (repeat each Column) {
        try await runOnReader(timeout, file, line) { db in try db.queryOne(sql, as: columns) }
    }

    /// Runs a reading statement and decodes its only row, which has one column.
    ///
    /// Suspends as ``read(timeout:checkoutTimeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. A writing statement fails; use `write { db in try db.queryOne(…) }`
    ///     for it.
    ///   - column: The type of the column.
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The value.
    /// - Throws: As ``read(timeout:checkoutTimeout:file:line:_:)``; ``SQLiteError`` with the code
    ///   `noRows` or `tooManyRows` if there is not exactly one row, and `columnCount` or
    ///   `decoding` if it does not have this type.
    @inlinable
    public func queryOne<Column: SQLiteDecodable & Sendable>(
        _ sql: SQLiteQuery,
        as column: Column.Type = Column.self,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> Column {
        try await runOnReader(timeout, file, line) { db in try db.queryOne(sql, as: Column.self) }
    }

    /// Runs a reading statement and decodes its only row as a value whose properties have the
    /// names of the columns.
    ///
    /// Suspends as ``read(timeout:checkoutTimeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. A writing statement fails; use `write { db in try db.queryOne(…) }`
    ///     for it.
    ///   - type: The type of the value.
    ///   - missingColumns: Whether an optional property without a column is an error.
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The value.
    /// - Throws: As ``read(timeout:checkoutTimeout:file:line:_:)``, and as
    ///   ``SQLiteConnection/queryOne(_:decoding:missingColumns:)``.
    @inlinable
    public func queryOne<Value: Decodable & Sendable>(
        _ sql: SQLiteQuery,
        decoding type: Value.Type,
        missingColumns: SQLiteRow.MissingColumns = .areErrors,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> Value {
        try await runOnReader(timeout, file, line) { db in
            try db.queryOne(sql, decoding: Value.self, missingColumns: missingColumns)
        }
    }
}
