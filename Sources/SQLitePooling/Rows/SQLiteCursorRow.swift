// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The current row of a statement, lent by ``SQLiteConnection/forEachRow(_:_:)`` and
/// ``SQLiteCursor/next()``.
///
/// The row cannot be kept; values that are decoded from it can. It has the methods of a
/// ``SQLiteRow``.
public struct SQLiteCursorRow: ~Copyable {
    let statement: Statement

    /// The number of columns.
    public var columnCount: Int { statement.columnCount }

    init(_ statement: Statement) {
        self.statement = statement
    }

    /// A copy of the value of a column. In a text, bytes that are not UTF-8 become U+FFFD.
    ///
    /// - Parameter index: The index of the column, from 0; must be less than ``columnCount``.
    public subscript(index: Int) -> SQLiteValue {
        statement.requireColumn(index)
        // Named, because the optimizer of Swift 6.3 fails on a noncopyable temporary here.
        let cell = SQLiteCell(index, of: statement)
        return cell.value
    }

    /// A copy of the value of the first column with a name; `nil` if there is no such column.
    ///
    /// - Parameter name: The name of the column, in the case of the statement.
    public subscript(name: String) -> SQLiteValue? {
        guard let index = statement.column(named: name) else { return nil }
        let cell = SQLiteCell(index, of: statement)
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
        let cell = try cell(index)
        return try Value(cell: cell)
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
        let index = try statement.requiredColumn(named: name)
        let cell = SQLiteCell(index, of: statement)
        return try Value(cell: cell)
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
        var count = 0
        for _ in repeat (each Column).self { count += 1 }
        try statement.expect(columnCount: count)
        return try statement.decode(as: columns)
    }

    func cell(_ index: Int) throws(SQLiteError) -> SQLiteCell {
        try statement.expectColumn(index)
        return SQLiteCell(index, of: statement)
    }

    /// Returns the name of a column in the statement.
    ///
    /// - Parameter index: The index of the column, from 0; must be less than ``columnCount``.
    public func columnName(_ index: Int) -> String {
        statement.requireColumn(index)
        return statement.columnName(index)
    }
}

extension SQLiteCursorRow {
    /// Returns the bytes of a blob, or of a text in UTF-8, in SQLite's memory, without a copy.
    ///
    /// ```swift
    /// try db.forEachRow("SELECT image FROM photo") { row in
    ///     size += try row.bytes(at: 0).byteCount
    /// }
    /// ```
    ///
    /// O(1).
    ///
    /// - Parameter index: The index of the column, from 0.
    /// - Returns: The bytes, which cannot outlive the row.
    /// - Throws: ``SQLiteError`` with the code `decoding` if the value is neither, `columnCount`
    ///   if there is no such column.
    @_lifetime(borrow self)
    public func bytes(at index: Int) throws(SQLiteError) -> RawSpan {
        let cell = try cell(index)
        // The memory belongs to the statement, not to the cell, which only refers to it.
        return unsafe _overrideLifetime(try cell.bytes, borrowing: self)
    }
}

@available(*, unavailable)
extension SQLiteCursorRow: Sendable {}
