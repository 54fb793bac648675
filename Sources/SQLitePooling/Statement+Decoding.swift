// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension Statement {
    /// Throws unless there are as many columns as types.
    func expect<each Column>(_: (repeat each Column).Type) throws(SQLiteError) {
        var count = 0
        for _ in repeat (each Column).self { count += 1 }
        guard columnCount != count else { return }
        throw SQLiteError(
            .columnCount,
            "the statement has \(columnCount) columns, and \(count) are to be decoded",
            sql: text
        )
    }

    /// Decodes the row that the statement stands on.
    func decode<each Column: SQLiteDecodable>(
        as columns: (repeat each Column).Type
    ) throws(SQLiteError) -> (repeat each Column) {
        try expect(columns)
        var index = 0
        return (repeat try decode((each Column).self, at: &index))
    }

    private func decode<Column: SQLiteDecodable>(
        _: Column.Type,
        at index: inout Int
    ) throws(SQLiteError) -> Column {
        defer { index += 1 }
        return try Column(column: SQLiteColumn(index, of: self))
    }

    /// The index of the first column with a name. O(number of columns).
    func column(named name: String) -> Int? { (0..<columnCount).first { columnName($0) == name } }
}
