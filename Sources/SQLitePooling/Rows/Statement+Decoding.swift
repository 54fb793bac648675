// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension Statement {
    /// Decodes the current row, which has as many columns as the tuple has types.
    @inlinable
    func decode<each Column: SQLiteDecodable>(
        as columns: (repeat each Column).Type
    ) throws(SQLiteError) -> (repeat each Column) {
        var index = 0
        return (repeat try decode((each Column).self, at: &index))
    }

    /// Decodes the first column of the current row.
    @inlinable
    func decode<Column: SQLiteDecodable>(_: Column.Type) throws(SQLiteError) -> Column {
        let cell = SQLiteCell(0, of: self)
        return try Column(cell: cell)
    }

    @inlinable
    @inline(__always)
    func decode<Column: SQLiteDecodable>(
        _: Column.Type,
        at index: inout Int
    ) throws(SQLiteError) -> Column {
        let cell = SQLiteCell(index, of: self)
        index += 1
        return try Column(cell: cell)
    }
}
