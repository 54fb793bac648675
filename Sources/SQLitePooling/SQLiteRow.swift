// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A row that a statement stands on, lent to the body of ``SQLiteConnection/forEachRow(_:_:)``.
///
/// It cannot be kept; the values that are taken out of it can.
public struct SQLiteRow: ~Copyable {
    private let statement: Statement

    /// How many columns the row has.
    public let columnCount: Int

    init(_ statement: Statement) {
        self.statement = statement
        columnCount = statement.columnCount
    }

    /// A copy of the value of a column. In a text, bytes that are not UTF-8 become U+FFFD.
    ///
    /// - Parameter index: The index of the column, from 0; must be less than ``columnCount``.
    public subscript(index: Int) -> SQLiteValue {
        precondition(0..<columnCount ~= index, "There is no column \(index) in a row of \(columnCount).")
        // Named, because the optimizer of Swift 6.3 fails on a noncopyable temporary here.
        let column = SQLiteColumn(index, of: statement)
        return column.value
    }

    /// Decodes the value of a column.
    ///
    /// - Parameters:
    ///   - type: What to decode.
    ///   - index: The index of the column, from 0.
    /// - Throws: ``SQLiteError`` with the code `decoding` if the value does not fit the type, `columnCount` if there is no
    ///   such column.
    public func decode<Value: SQLiteDecodable>(_ type: Value.Type, at index: Int) throws(SQLiteError) -> Value {
        guard 0..<columnCount ~= index else {
            throw SQLiteError(
                .columnCount,
                "there is no column \(index) in a row of \(columnCount)",
                sql: statement.text
            )
        }
        return try Value(column: SQLiteColumn(index, of: statement))
    }

    /// The name of a column, as the statement gives it.
    ///
    /// - Parameter index: The index of the column, from 0; must be less than ``columnCount``.
    public func columnName(_ index: Int) -> String {
        precondition(0..<columnCount ~= index, "There is no column \(index) in a row of \(columnCount).")
        return statement.columnName(index)
    }
}

@available(*, unavailable)
extension SQLiteRow: Sendable {}
