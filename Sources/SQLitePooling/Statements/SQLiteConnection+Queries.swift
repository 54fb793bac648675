// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

extension SQLiteConnection {
    /// Runs a statement and decodes all its rows.
    ///
    /// ```swift
    /// for (name, age) in try db.query("SELECT name, age FROM user", as: (String, Int?).self) { … }
    /// ```
    ///
    /// - Parameters:
    ///   - sql: One statement.
    ///   - columns: The type of each column, in order, as a tuple.
    /// - Returns: The rows, in the order of the statement.
    /// - Throws: ``SQLiteError``; with the code `columnCount` or `decoding` if the rows do not
    ///   have these types.
    @inlinable
    public func query<each Column: SQLiteDecodable>(
        _ sql: SQLiteQuery,
        as columns: (repeat each Column).Type = (repeat each Column).self
    ) throws(SQLiteError) -> [(repeat each Column)] {
        var rows: [(repeat each Column)] = []
        let (statement, hasRow) = try session.beginRows(sql, columnCount: Self.count(columns))
        defer { session.end(statement) }
        guard hasRow else { return rows }
        repeat {
            // Named, because the optimizer of Swift 6.3 fails on a temporary pack here.
            let row: (repeat each Column) = try statement.decode(as: columns)
            rows.append(row)
        } while try session.advance(statement)
        return rows
    }

    /// Runs a statement and decodes all its rows, which have one column.
    ///
    /// - Parameters:
    ///   - sql: One statement.
    ///   - column: The type of the column.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: ``SQLiteError``; with the code `columnCount` or `decoding` if the rows do not
    ///   have this type.
    @inlinable
    public func query<Column: SQLiteDecodable>(
        _ sql: SQLiteQuery,
        as column: Column.Type = Column.self
    ) throws(SQLiteError) -> [Column] {
        var values: [Column] = []
        let (statement, hasRow) = try session.beginRows(sql, columnCount: 1)
        defer { session.end(statement) }
        guard hasRow else { return values }
        repeat { values.append(try statement.decode(column)) } while try session.advance(statement)
        return values
    }

    /// Runs a statement up to its first row, and decodes that row.
    ///
    /// - Parameters:
    ///   - sql: One statement. A writing statement that returns rows does not run to its end: use
    ///     `query` for it.
    ///   - columns: The type of each column, in order, as a tuple.
    /// - Returns: The first row; `nil` if there is none.
    /// - Throws: ``SQLiteError``; with the code `columnCount` or `decoding` if the row does not
    ///   have these types.
    @inlinable
    public func queryFirst<each Column: SQLiteDecodable>(
        _ sql: SQLiteQuery,
        as columns: (repeat each Column).Type = (repeat each Column).self
    ) throws(SQLiteError) -> (repeat each Column)? {
        let (statement, hasRow) = try session.beginRows(sql, columnCount: Self.count(columns))
        defer { session.end(statement) }
        guard hasRow else { return nil }
        let row: (repeat each Column) = try statement.decode(as: columns)
        try session.finish(statement)
        return row
    }

    /// Runs a statement up to its first row, which has one column, and decodes that row.
    ///
    /// - Parameters:
    ///   - sql: One statement. A writing statement that returns rows does not run to its end: use
    ///     `query` for it.
    ///   - column: The type of the column.
    /// - Returns: The value; `nil` if there is no row.
    /// - Throws: ``SQLiteError``; with the code `columnCount` or `decoding` if the row does not
    ///   have this type.
    @inlinable
    public func queryFirst<Column: SQLiteDecodable>(
        _ sql: SQLiteQuery,
        as column: Column.Type = Column.self
    ) throws(SQLiteError) -> Column? {
        let (statement, hasRow) = try session.beginRows(sql, columnCount: 1)
        defer { session.end(statement) }
        guard hasRow else { return nil }
        let value = try statement.decode(column)
        try session.finish(statement)
        return value
    }

    /// Runs a statement and passes its rows to `body` one by one.
    ///
    /// - Parameters:
    ///   - sql: One statement.
    ///   - body: Receives a row, which it cannot keep. It may run other statements, and the same
    ///     statement again. If it throws, the statement ends.
    /// - Throws: ``SQLiteError``, and the error of `body`, unchanged.
    public func forEachRow(_ sql: SQLiteQuery, _ body: (borrowing SQLiteCursorRow) throws -> Void) throws {
        let statement = try session.begin(sql)
        defer { session.end(statement) }
        while try session.step(statement) { try body(SQLiteCursorRow(statement)) }
    }

    /// Runs a statement as far as `body` requests rows.
    ///
    /// ```swift
    /// let total = try db.withCursor("SELECT size FROM file ORDER BY id") { cursor in
    ///     var total = 0
    ///     while total < limit, try cursor.next() { total += try cursor.row.decode(at: 0) }
    ///     return total
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - sql: One statement.
    ///   - body: Requests one row after another, and holds one at a time. It may run other
    ///     statements, and the same statement again. The statement ends with the body.
    /// - Returns: The result of `body`.
    /// - Throws: ``SQLiteError``, and the error of `body`, unchanged.
    public func withCursor<Value>(_ sql: SQLiteQuery, _ body: (inout SQLiteCursor) throws -> Value) throws -> Value {
        let statement = try session.begin(sql)
        let position = SQLiteCursor.Position(statement, in: session)
        defer { position.end() }
        var cursor = SQLiteCursor(position)
        let value = try body(&cursor)
        if let statement = position.statement {
            statement.observed?.endEarly()
            try session.finish(statement)
        }
        return value
    }

    @inlinable
    static func count<each Column>(_: (repeat each Column).Type) -> Int {
        var count = 0
        for _ in repeat (each Column).self { count += 1 }
        return count
    }
}
