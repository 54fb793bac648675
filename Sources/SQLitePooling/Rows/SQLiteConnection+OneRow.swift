// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLiteConnection {
    /// Runs a statement and decodes its row, which must be the only one.
    ///
    /// A writing statement has changed the database, even if it returned another number of rows.
    /// In a transaction, an error that leaves the body undoes the changes.
    ///
    /// - Parameters:
    ///   - sql: One statement. A reading statement runs until its second row at most.
    ///   - columns: The type of each column, in order, as a tuple.
    /// - Returns: The row.
    /// - Throws: ``SQLiteError``; with the code `noRows` or `tooManyRows` if there is not exactly
    ///   one row, and `columnCount` or `decoding` if it does not have these types.
    @inlinable
    public func queryOne<each Column: SQLiteDecodable>(
        _ sql: SQLiteQuery,
        as columns: (repeat each Column).Type = (repeat each Column).self
    ) throws(SQLiteError) -> (repeat each Column) {
        let (statement, hasRow) = try session.beginRows(sql, columnCount: Self.count(columns))
        defer { session.end(statement) }
        guard hasRow else { throw session.noRows(sql) }
        let row: (repeat each Column) = try statement.decode(as: columns)
        try session.expectEnd(of: statement)
        return row
    }

    /// Runs a statement and decodes its only row, which has one column.
    ///
    /// - Parameters:
    ///   - sql: One statement. A reading statement runs until its second row at most.
    ///   - column: The type of the column.
    /// - Returns: The value.
    /// - Throws: ``SQLiteError``; with the code `noRows` or `tooManyRows` if there is not exactly
    ///   one row, and `columnCount` or `decoding` if it does not have this type.
    @inlinable
    public func queryOne<Column: SQLiteDecodable>(
        _ sql: SQLiteQuery,
        as column: Column.Type = Column.self
    ) throws(SQLiteError) -> Column {
        let (statement, hasRow) = try session.beginRows(sql, columnCount: 1)
        defer { session.end(statement) }
        guard hasRow else { throw session.noRows(sql) }
        let value = try statement.decode(column)
        try session.expectEnd(of: statement)
        return value
    }

    /// Runs a statement and decodes its only row as ``query(_:decoding:missingColumns:)`` does.
    ///
    /// - Parameters:
    ///   - sql: One statement. A reading statement runs until its second row at most.
    ///   - type: The type of the value.
    ///   - missingColumns: Whether an optional property without a column is an error.
    /// - Returns: The value.
    /// - Throws: As ``query(_:decoding:missingColumns:)``; ``SQLiteError`` with the code `noRows`
    ///   or `tooManyRows` if there is not exactly one row.
    @inlinable
    public func queryOne<Value: Decodable>(
        _ sql: SQLiteQuery,
        decoding type: Value.Type,
        missingColumns: SQLiteRow.MissingColumns = .areErrors
    ) throws -> Value {
        guard let decoder = try session.beginDecoding(sql, missingColumns) else { throw session.noRows(sql) }
        defer { session.end(decoder) }
        let value = try decoder.decode(type)
        try session.expectEnd(of: decoder)
        return value
    }
}

extension Session {
    /// Returns the error of a statement that has returned no row.
    @usableFromInline
    func noRows(_ sql: SQLiteQuery) -> SQLiteError {
        SQLiteError(.noRows, "the statement returned no row instead of one", sql: sql.text)
    }

    /// Checks that a statement whose first row was read has no other.
    @usableFromInline
    func expectEnd(of statement: Statement) throws(SQLiteError) {
        guard try advance(statement) else { return }
        // A failed commit is the more important error.
        try finish(statement)
        throw SQLiteError(.tooManyRows, "the statement returned more than one row", sql: statement.text)
    }

    /// Checks that a statement whose first row was decoded has no other.
    @usableFromInline
    func expectEnd(of decoder: RowDecoder) throws(SQLiteError) { try expectEnd(of: decoder.statement) }
}
