// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The rows that a statement has given. They are the caller's own and may go anywhere.
public struct PostgresRows: RandomAccessCollection, Sendable {
    private let result: PostgresResult

    init(_ result: PostgresResult) { self.result = result }

    /// 0.
    public var startIndex: Int { 0 }

    /// The number of rows.
    public var endIndex: Int { result.rowCount }

    /// A row, by its place in the order of the statement.
    public subscript(index: Int) -> PostgresRow {
        precondition(indices.contains(index), "There is no row \(index) of \(count).")
        return PostgresRow(result, row: index)
    }

    /// The names of the columns, as the statement gives them.
    public var columnNames: [String] { (0..<result.columnCount).map(result.columnName) }

    /// What the server says that it has done.
    public var command: PostgresCommand { PostgresCommand(tag: result.commandTag) }

    /// Decodes all rows.
    ///
    /// - Parameter columns: The type of each column, in order, as a tuple.
    /// - Throws: ``PostgresError`` with the code `columnCount` or `decoding` if the rows are not of these types.
    public func decode<each Column: PostgresDecodable>(
        as columns: (repeat each Column).Type
    ) throws(PostgresError) -> [(repeat each Column)] {
        var rows: [(repeat each Column)] = []
        rows.reserveCapacity(count)
        for row in self { rows.append(try row.decode(as: columns)) }
        return rows
    }

    /// Decodes all rows, which have one column.
    ///
    /// - Parameter column: The type of the column.
    /// - Throws: ``PostgresError`` with the code `columnCount` or `decoding` if the rows are not of this type.
    public func decode<Column: PostgresDecodable>(as column: Column.Type) throws(PostgresError) -> [Column] {
        var values: [Column] = []
        values.reserveCapacity(count)
        for row in self { values.append(try row.decode(as: column)) }
        return values
    }
}

/// One row that a statement has given. It is the caller's own, and keeps the whole result of which it is a part.
public struct PostgresRow: Sendable {
    private let result: PostgresResult
    private let row: Int

    init(_ result: PostgresResult, row: Int) {
        self.result = result
        self.row = row
    }

    /// How many columns the row has.
    public var columnCount: Int { result.columnCount }

    /// The name of a column, as the statement gives it.
    ///
    /// - Parameter index: The index of the column, from 0; must be less than ``columnCount``.
    public func columnName(_ index: Int) -> String {
        precondition(0..<columnCount ~= index, "There is no column \(index) in a row of \(columnCount).")
        return result.columnName(index)
    }

    /// Decodes a value.
    ///
    /// - Parameters:
    ///   - type: What to decode.
    ///   - index: The index of the column, from 0.
    /// - Throws: ``PostgresError`` with the code `decoding` if the value does not fit the type, `columnCount` if there is no such
    ///   column.
    public func decode<Value: PostgresDecodable>(_ type: Value.Type, at index: Int) throws(PostgresError) -> Value {
        guard 0..<columnCount ~= index else {
            throw PostgresError(.columnCount, "There is no column \(index) in a row of \(columnCount).")
        }
        return try value(type, at: index)
    }

    /// Decodes a value by the name of its column; of several with one name the first.
    ///
    /// - Throws: As ``decode(_:at:)``.
    /// - Complexity: O(columns).
    public func decode<Value: PostgresDecodable>(_ type: Value.Type, named name: String) throws(PostgresError) -> Value
    {
        guard let index = result.column(named: name) else {
            throw PostgresError(.columnCount, "There is no column “\(name)”.")
        }
        return try value(type, at: index)
    }

    /// Decodes the whole row.
    ///
    /// - Parameter columns: The type of each column, in order, as a tuple.
    /// - Throws: As ``decode(_:at:)``; with the code `columnCount` if there are more or fewer columns.
    public func decode<each Column: PostgresDecodable>(
        as columns: (repeat each Column).Type
    ) throws(PostgresError) -> (repeat each Column) {
        var count = 0
        for _ in repeat (each Column).self { count += 1 }
        try expect(count)
        var index = 0
        return (repeat try next((each Column).self, &index))
    }

    /// Decodes the whole row, which has one column.
    ///
    /// - Throws: As ``decode(as:)-(_)``.
    public func decode<Column: PostgresDecodable>(as column: Column.Type) throws(PostgresError) -> Column {
        try expect(1)
        return try value(column, at: 0)
    }

    private func expect(_ count: Int) throws(PostgresError) {
        guard count == columnCount else {
            throw PostgresError(.columnCount, "The rows have \(columnCount) columns, not \(count).")
        }
    }

    private func next<Value: PostgresDecodable>(_ type: Value.Type, _ index: inout Int) throws(PostgresError) -> Value {
        defer { index += 1 }
        return try value(type, at: index)
    }

    private func value<Value: PostgresDecodable>(_ type: Value.Type, at index: Int) throws(PostgresError) -> Value {
        try Value(cell: PostgresCell(result, row: row, column: index))
    }
}

/// What the server says that a statement has done.
public struct PostgresCommand: Hashable, Sendable {
    /// The server's word, such as `INSERT 0 5`.
    public let tag: String

    init(tag: String) { self.tag = tag }

    /// How many rows were read, inserted, updated or deleted; `nil` for statements that do nothing of the kind.
    public var rowCount: Int? { tag.split(separator: " ").last.flatMap { Int($0) } }
}
