// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A row of a result. A row that is kept retains all rows of its result.
public struct PostgresRow: Sendable {
    @usableFromInline let result: PostgresResult

    /// The index of the row in its result, from 0.
    @usableFromInline let index: Int

    @usableFromInline
    init(result: PostgresResult, index: Int) {
        self.result = result
        self.index = index
    }

    /// The number of columns.
    public var columnCount: Int { result.columnCount }

    /// Returns the name of a column in the statement.
    ///
    /// - Parameter index: The index of the column, from 0; must be less than ``columnCount``.
    public func columnName(_ index: Int) -> String {
        precondition(0..<columnCount ~= index, "There is no column \(index) in a row of \(columnCount).")
        return result.columnName(index)
    }

    /// Decodes the value of a column.
    ///
    /// - Parameters:
    ///   - type: The type of the value.
    ///   - index: The index of the column, from 0.
    /// - Returns: The value.
    /// - Throws: ``PostgresError`` with the code `decoding` if the value cannot be decoded as the
    ///   type, `columnCount` if the column does not exist.
    @inlinable
    public func decode<Value: PostgresDecodable>(
        _ type: Value.Type = Value.self,
        at index: Int
    ) throws(PostgresError) -> Value {
        let cell = try cell(index)
        defer { withExtendedLifetime(result) {} }
        return try Value(cell: cell)
    }

    /// Returns a column, which is valid as long as the row's result exists.
    @usableFromInline
    func cell(_ index: Int) throws(PostgresError) -> PostgresCell {
        guard 0..<columnCount ~= index else {
            throw PostgresError(
                .columnCount,
                "there is no column \(index) in a row of \(columnCount)",
                sql: result.sql
            )
        }
        return PostgresCell(result, row: self.index, column: index)
    }

    /// Decodes the value of the first column with a name.
    ///
    /// - Parameters:
    ///   - type: The type of the value.
    ///   - name: The name of the column, in the case that the statement uses. It is searched for
    ///     in each row: in a loop over many rows, an index is faster.
    /// - Returns: The value.
    /// - Throws: ``PostgresError`` with the code `decoding` if the value cannot be decoded as the
    ///   type, `columnCount` if the column does not exist.
    public func decode<Value: PostgresDecodable>(
        _ type: Value.Type = Value.self,
        named name: String
    ) throws(PostgresError) -> Value {
        guard let column = result.column(named: name) else {
            throw PostgresError(.columnCount, "there is no column “\(name)”", sql: result.sql)
        }
        return try decode(type, at: column)
    }

    /// Decodes all columns.
    ///
    /// - Parameter columns: The type of each column, in order, as a tuple.
    /// - Returns: The values.
    /// - Throws: ``PostgresError`` with the code `columnCount` or `decoding` if the row does not
    ///   have these types.
    public func decode<each Column: PostgresDecodable>(
        as columns: (repeat each Column).Type = (repeat each Column).self
    ) throws(PostgresError) -> (repeat each Column) {
        try result.expect(columns)
        return try result.decode(row: index, as: columns)
    }

    /// Decodes the only column.
    ///
    /// - Parameter column: The type of the column.
    /// - Returns: The value.
    /// - Throws: ``PostgresError`` with the code `columnCount` or `decoding` if the row does not
    ///   have this type.
    public func decode<Column: PostgresDecodable>(
        as column: Column.Type = Column.self
    ) throws(PostgresError) -> Column {
        try result.expect(column)
        return try result.decode(row: index, as: column)
    }
}
