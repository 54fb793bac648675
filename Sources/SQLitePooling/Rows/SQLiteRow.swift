// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A row of a result, copied from SQLite. A row that is kept retains all rows of its result.
public struct SQLiteRow: Sendable {
    let rows: CopiedRows

    /// The index of the row in its result, from 0.
    let index: Int

    /// The number of columns.
    public var columnCount: Int { rows.columnCount }

    /// Returns the name of a column in the statement.
    ///
    /// - Parameter index: The index of the column, from 0; must be less than ``columnCount``.
    public func columnName(_ index: Int) -> String {
        rows.requireColumn(index)
        return rows.columnName(index)
    }

    /// The value of a column. In a text, bytes that are not UTF-8 become U+FFFD.
    ///
    /// - Parameter index: The index of the column, from 0; must be less than ``columnCount``.
    public subscript(index: Int) -> SQLiteValue {
        rows.requireColumn(index)
        return value(at: index)
    }

    /// The value of the first column with a name; `nil` if there is no such column.
    ///
    /// - Parameter name: The name of the column, in the case of the statement.
    public subscript(name: String) -> SQLiteValue? { rows.column(named: name).map { value(at: $0) } }

    private func value(at column: Int) -> SQLiteValue {
        defer { withExtendedLifetime(rows) {} }
        // Named, because the optimizer of Swift 6.3 fails on a noncopyable temporary here.
        let cell = rows.cell(index, column)
        return cell.value
    }

    /// Decodes the value of a column.
    ///
    /// - Parameters:
    ///   - type: The type to decode.
    ///   - index: The index of the column, from 0.
    /// - Returns: The value.
    /// - Throws: ``SQLiteError`` with the code `decoding` if the value does not fit the type,
    ///   `columnCount` if there is no such column.
    public func decode<Value: SQLiteDecodable>(
        _ type: Value.Type = Value.self,
        at index: Int
    ) throws(SQLiteError) -> Value {
        try rows.expectColumn(index)
        var column = index
        return try rows.decode(type, row: self.index, at: &column)
    }

    /// Decodes the value of the first column with a name.
    ///
    /// - Parameters:
    ///   - type: The type to decode.
    ///   - name: The name of the column, in the case of the statement. The name is looked up for
    ///     each row; in a loop over many rows, an index is faster.
    /// - Returns: The value.
    /// - Throws: ``SQLiteError`` with the code `decoding` if the value does not fit the type,
    ///   `columnCount` if there is no such column.
    public func decode<Value: SQLiteDecodable>(
        _ type: Value.Type = Value.self,
        named name: String
    ) throws(SQLiteError) -> Value {
        try decode(type, at: rows.requiredColumn(named: name))
    }

    /// Decodes all columns.
    ///
    /// - Parameter columns: The type of each column, in order, as a tuple.
    /// - Returns: The values.
    /// - Throws: ``SQLiteError`` with the code `columnCount` or `decoding` if the row does not
    ///   have these types.
    public func decode<each Column: SQLiteDecodable>(
        as columns: (repeat each Column).Type = (repeat each Column).self
    ) throws(SQLiteError) -> (repeat each Column) {
        try rows.expect(columnCount: SQLiteConnection.count(columns))
        return try rows.decode(row: index, as: columns)
    }

    /// Decodes the row as a value whose properties have the names of the columns.
    ///
    /// The names are looked up again for each row; ``SQLiteRows/decode(_:missingColumns:)`` looks
    /// them up once.
    ///
    /// - Parameters:
    ///   - type: The type of the value.
    ///   - missingColumns: Whether an optional property without a column is an error.
    /// - Returns: The value.
    /// - Throws: As ``SQLiteConnection/query(_:decoding:missingColumns:)``.
    public func decode<Value: Decodable>(
        _ type: Value.Type,
        missingColumns: MissingColumns = .areErrors
    ) throws -> Value {
        let decoder = RowDecoder(rows, missingColumns: missingColumns)
        return try decoder.decode(type, row: index)
    }
}
