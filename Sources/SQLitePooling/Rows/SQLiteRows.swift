// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// All rows of a statement's result, in order, copied from SQLite.
///
/// Copying the collection is O(1).
public struct SQLiteRows: Sendable {
    let rows: CopiedRows

    init(_ rows: CopiedRows) { self.rows = rows }

    /// The names of the columns in the statement.
    public var columnNames: [String] { rows.columnNames }

    /// Decodes all rows.
    ///
    /// ```swift
    /// for (name, age) in try rows.decode(as: (String, Int?).self) { … }
    /// ```
    ///
    /// - Parameter columns: The type of each column, in order, as a tuple.
    /// - Returns: The rows, in the order of the statement.
    /// - Throws: ``SQLiteError`` with the code `columnCount` or `decoding` if the rows do not have
    ///   these types.
    public func decode<each Column: SQLiteDecodable>(
        as columns: (repeat each Column).Type = (repeat each Column).self
    ) throws(SQLiteError) -> [(repeat each Column)] {
        try rows.expect(columnCount: SQLiteConnection.count(columns))
        var decoded: [(repeat each Column)] = []
        decoded.reserveCapacity(count)
        for index in indices {
            // Named, because the optimizer of Swift 6.3 fails on a temporary pack here.
            let row: (repeat each Column) = try rows.decode(row: index, as: columns)
            decoded.append(row)
        }
        return decoded
    }

    /// Decodes all rows, which have one column.
    ///
    /// - Parameter column: The type of the column.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: ``SQLiteError`` with the code `columnCount` or `decoding` if the rows do not have
    ///   this type.
    public func decode<Column: SQLiteDecodable>(
        as column: Column.Type = Column.self
    ) throws(SQLiteError) -> [Column] {
        try rows.expect(columnCount: 1)
        var values: [Column] = []
        values.reserveCapacity(count)
        for row in indices {
            var index = 0
            values.append(try rows.decode(column, row: row, at: &index))
        }
        return values
    }

    /// Decodes all rows as values whose properties have the names of the columns.
    ///
    /// - Parameters:
    ///   - type: The type of the values.
    ///   - missingColumns: Whether an optional property without a column is an error.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: As ``SQLiteConnection/query(_:decoding:missingColumns:)``.
    public func decode<Value: Decodable>(
        _ type: Value.Type,
        missingColumns: SQLiteRow.MissingColumns = .areErrors
    ) throws -> [Value] {
        var values: [Value] = []
        guard !isEmpty else { return values }
        let decoder = RowDecoder(rows, missingColumns: missingColumns)
        values.reserveCapacity(count)
        for row in indices { values.append(try decoder.decode(type, row: row)) }
        return values
    }
}

extension SQLiteRows: RandomAccessCollection {
    /// 0
    public var startIndex: Int { 0 }

    /// The number of rows.
    public var endIndex: Int { rows.rowCount }

    /// Returns a row.
    ///
    /// - Parameter index: The index of the row, from 0; must be less than `count`.
    public subscript(index: Int) -> SQLiteRow {
        precondition(indices.contains(index), "There is no row \(index) in \(count) rows.")
        return SQLiteRow(rows: rows, index: index)
    }
}

extension SQLiteConnection {
    /// Runs a statement and copies all its rows, whose columns are decoded later.
    ///
    /// ```swift
    /// for row in try db.query("SELECT * FROM user") { print(row["name"] ?? .null) }
    /// ```
    ///
    /// - Parameter sql: One statement.
    /// - Returns: The rows, in the order of the statement.
    /// - Throws: ``SQLiteError``.
    public func query(_ sql: SQLiteQuery) throws(SQLiteError) -> SQLiteRows {
        SQLiteRows(try session.copyRows(of: sql))
    }

    /// Runs a statement up to its first row, and copies that row.
    ///
    /// - Parameter sql: One statement. A writing statement that returns rows does not run to its
    ///   end: use `query` for it.
    /// - Returns: The first row; `nil` if there is none.
    /// - Throws: ``SQLiteError``.
    public func queryFirst(_ sql: SQLiteQuery) throws(SQLiteError) -> SQLiteRow? {
        SQLiteRows(try session.copyFirstRow(of: sql)).first
    }
}

extension SQLitePool {
    /// Runs a reading statement and copies all its rows, whose columns are decoded later.
    ///
    /// Suspends as ``read(timeout:checkoutTimeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. A writing statement fails; use `write { db in try db.query(…) }`
    ///     for it.
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The rows, in the order of the statement.
    /// - Throws: As ``read(timeout:checkoutTimeout:file:line:_:)``.
    public func query(
        _ sql: SQLiteQuery,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> SQLiteRows {
        try await runOnReader(timeout, file, line) { db in try db.query(sql) }
    }

    /// Runs a reading statement up to its first row, and copies that row.
    ///
    /// Suspends as ``read(timeout:checkoutTimeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. A writing statement fails; use `write { db in try db.query(…) }`
    ///     for it.
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The first row; `nil` if there is none.
    /// - Throws: As ``read(timeout:checkoutTimeout:file:line:_:)``.
    public func queryFirst(
        _ sql: SQLiteQuery,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> SQLiteRow? {
        try await runOnReader(timeout, file, line) { db in try db.queryFirst(sql) }
    }
}
