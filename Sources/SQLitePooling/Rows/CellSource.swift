// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The columns that cells belong to: those of a statement that runs, or of rows that were copied.
@usableFromInline
class CellSource {
    /// The text of the statement.
    let text: String
    /// The strategies for encoding and decoding values.
    var strategies = ValueStrategies()

    init(text: String) { self.text = text }

    /// The number of columns of a row.
    var columnCount: Int { preconditionFailure("A source of cells has columns.") }

    func columnName(_ index: Int) -> String { preconditionFailure("A source of cells has columns.") }

    /// Returns the declared type of a column; `nil` for an expression.
    func declaredType(_ index: Int) -> String? { preconditionFailure("A source of cells has columns.") }

    /// Describes a column for an error.
    func description(_ index: Int, stored type: SQLiteValue.StorageType) -> String {
        let declaration = declaredType(index) ?? "without a type"
        return "column “\(columnName(index))” (index \(index), declared \(declaration), stored \(type))"
    }

    /// Returns the name of the property that a column is decoded as.
    final func propertyName(_ index: Int) -> String { strategies.columnNames.propertyName(columnName(index)) }

    /// Throws unless the rows have `count` columns.
    final func expect(columnCount count: Int) throws(SQLiteError) {
        guard columnCount != count else { return }
        throw SQLiteError(
            .columnCount,
            "the statement has \(columnCount) columns, but \(count) are decoded",
            sql: text
        )
    }

    /// Throws unless a row has a column with this index.
    final func expectColumn(_ index: Int) throws(SQLiteError) {
        guard !(0..<columnCount ~= index) else { return }
        throw SQLiteError(.columnCount, "there is no column \(index) in a row of \(columnCount)", sql: text)
    }

    /// Traps unless a row has a column with this index.
    final func requireColumn(_ index: Int) {
        precondition(
            0..<columnCount ~= index,
            "The column index \(index) is out of range: the row has \(columnCount) columns."
        )
    }

    /// Returns the index of the first column with a name. O(number of columns).
    ///
    /// A name with the same bytes precedes a canonically equivalent one: SQLite distinguishes
    /// these names.
    final func column(named name: String) -> Int? {
        let columns = 0..<columnCount
        return columns.first { columnName($0).utf8.elementsEqual(name.utf8) }
            ?? columns.first { columnName($0) == name }
    }

    /// Returns the index of the first column with a name.
    final func requiredColumn(named name: String) throws(SQLiteError) -> Int {
        guard let index = column(named: name) else { throw missing(name) }
        return index
    }

    final func missing(_ name: String) -> SQLiteError {
        SQLiteError(.columnCount, "there is no column “\(name)”", sql: text)
    }
}
