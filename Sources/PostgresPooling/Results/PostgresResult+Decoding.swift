// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresResult {
    /// Throws unless there are as many columns as types.
    @inlinable
    func expect<each Column>(_: (repeat each Column).Type) throws(PostgresError) {
        var count = 0
        for _ in repeat (each Column).self { count += 1 }
        try expect(columnCount: count)
    }

    @usableFromInline
    func expect(columnCount count: Int) throws(PostgresError) {
        guard count == columnCount else {
            throw PostgresError(
                .columnCount,
                "the rows have \(columnCount) columns, and \(count) were to be decoded",
                sql: sql
            )
        }
    }

    /// Decodes a row that has as many columns as there are types.
    @inlinable
    func decode<each Column: PostgresDecodable>(
        row: Int,
        as columns: (repeat each Column).Type
    ) throws(PostgresError) -> (repeat each Column) {
        var index = 0
        return (repeat try decode((each Column).self, row: row, at: &index))
    }

    @inlinable
    @inline(__always)
    func decode<Column: PostgresDecodable>(
        _: Column.Type,
        row: Int,
        at index: inout Int
    ) throws(PostgresError) -> Column {
        let cell = PostgresCell(self, row: row, column: index)
        defer { withExtendedLifetime(self) {} }
        index += 1
        return try Column(cell: cell)
    }
}
