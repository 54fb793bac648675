// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// All rows of a statement's result, in order.
///
/// The rows stay in the server's format until they are decoded. Copying is O(1).
public struct PostgresRows: Sendable {
    @usableFromInline let result: PostgresResult

    init(_ result: PostgresResult) { self.result = result }

    /// The effect of the statement.
    public var command: PostgresCommand { PostgresCommand(result) }

    /// The notices that the server has sent while it ran the statement, such as those of
    /// `RAISE NOTICE`, in order.
    ///
    /// At most the first 64 KiB of them are kept. ``PostgresConfiguration/onNotice`` receives all,
    /// also those of failed statements.
    public var notices: [PostgresError.ServerFields] { result.notices }

    /// The names of the columns in the statement.
    public var columnNames: [String] { (0..<result.columnCount).map { result.columnName($0) } }

    /// Decodes all rows.
    ///
    /// ```swift
    /// for (name, age) in try rows.decode(as: (String, Int?).self) { … }
    /// ```
    ///
    /// - Parameter columns: The type of each column, in order, as a tuple.
    /// - Returns: The rows, in the order of the statement.
    /// - Throws: ``PostgresError`` with the code `columnCount` or `decoding` if the rows do not
    ///   have these types.
    @inlinable
    public func decode<each Column: PostgresDecodable>(
        as columns: (repeat each Column).Type = (repeat each Column).self
    ) throws(PostgresError) -> [(repeat each Column)] {
        try result.expect(columns)
        var rows: [(repeat each Column)] = []
        rows.reserveCapacity(count)
        for index in indices {
            // Named, because the optimizer of Swift 6.3 fails on a temporary pack here.
            let row: (repeat each Column) = try result.decode(row: index, as: columns)
            rows.append(row)
        }
        return rows
    }

    /// Decodes all rows, which have one column.
    ///
    /// - Parameter column: The type of the column.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: ``PostgresError`` with the code `columnCount` or `decoding` if the rows do not
    ///   have this type.
    @inlinable
    public func decode<Column: PostgresDecodable>(
        as column: Column.Type = Column.self
    ) throws(PostgresError) -> [Column] {
        try expectOneColumn()
        var values: [Column] = []
        values.reserveCapacity(count)
        for row in indices {
            var column = 0
            values.append(try result.decode(Column.self, row: row, at: &column))
        }
        return values
    }

    @usableFromInline
    func expectOneColumn() throws(PostgresError) { try result.expect(Never.self) }
}

extension PostgresRows: RandomAccessCollection {
    /// 0
    public var startIndex: Int { 0 }

    /// The number of rows.
    public var endIndex: Int { result.rowCount }

    /// Returns a row.
    ///
    /// - Parameter index: The index of the row, from 0; must be less than `count`.
    public subscript(index: Int) -> PostgresRow {
        precondition(indices.contains(index), "There is no row \(index) in \(count) rows.")
        return PostgresRow(result: result, index: index)
    }
}

/// The effect of a statement, as the server reports it.
public struct PostgresCommand: Hashable, Sendable, CustomStringConvertible {
    /// The server's command tag, such as `INSERT 0 5` or `CREATE TABLE`.
    public let tag: String

    /// The notices that the server has sent while it ran the statement; see
    /// ``PostgresRows/notices``.
    public let notices: [PostgresError.ServerFields]

    /// The number of rows that the statement returned or changed; 0 for other kinds of statements,
    /// whose ``tag`` contains no number.
    public var rowCount: Int {
        // The last word, if it is a number. In the tag of an INSERT another number precedes it,
        // which is always 0.
        tag.split(separator: " ").dropFirst().last.flatMap { Int($0) } ?? 0
    }

    init(tag: String) { (self.tag, notices) = (tag, []) }

    init(_ result: PostgresResult) { (tag, notices) = (result.commandTag, result.notices) }

    /// The same as ``tag``.
    public var description: String { tag }
}
