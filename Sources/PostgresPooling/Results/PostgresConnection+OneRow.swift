// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresConnection {
    /// Runs a statement and decodes its row, which must be the only one.
    ///
    /// The statement has run if it returned another number of rows. In a transaction, an error
    /// that leaves the body undoes it.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - columns: The type of each column, in order, as a tuple.
    ///   - timeout: The timeout; by default the configuration's `statementTimeout`.
    /// - Returns: The row.
    /// - Throws: As ``query(_:timeout:)``; ``PostgresError`` with the code `noRows` or
    ///   `tooManyRows` if there is not exactly one row, and `columnCount` or `decoding` if it does
    ///   not have these types.
    @inlinable
    public func queryOne<each Column: PostgresDecodable>(
        _ query: PostgresQuery,
        as columns: (repeat each Column).Type,
        timeout: Duration? = nil
    ) async throws -> (repeat each Column) {
        try await self.query(query, timeout: timeout).decodeOne(as: columns)
    }

    /// Runs a statement and decodes its only row, which has one column.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - column: The type of the column.
    ///   - timeout: The timeout; by default the configuration's `statementTimeout`.
    /// - Returns: The value.
    /// - Throws: As ``query(_:timeout:)``; ``PostgresError`` with the code `noRows` or
    ///   `tooManyRows` if there is not exactly one row, and `columnCount` or `decoding` if it does
    ///   not have this type.
    @inlinable
    public func queryOne<Column: PostgresDecodable>(
        _ query: PostgresQuery,
        as column: Column.Type,
        timeout: Duration? = nil
    ) async throws -> Column {
        try await self.query(query, timeout: timeout).decodeOne(as: column)
    }

    /// Runs a statement and decodes its only row with the type's
    /// ``PostgresRowDecodable/init(row:)``.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - type: The type of the value.
    ///   - timeout: The timeout; by default the configuration's `statementTimeout`.
    /// - Returns: The value.
    /// - Throws: As ``query(_:timeout:)``; ``PostgresError`` with the code `noRows` or
    ///   `tooManyRows` if there is not exactly one row; the errors of the type.
    @inlinable
    public func queryOne<Value: PostgresRowDecodable>(
        _ query: PostgresQuery,
        as type: Value.Type,
        timeout: Duration? = nil
    ) async throws -> Value {
        try await self.query(query, timeout: timeout).decodeOne(as: type)
    }

    /// Runs a statement and decodes its only row as a value whose properties have the names of the
    /// columns.
    ///
    /// ``PostgresRows/decode(_:missingColumns:)`` describes the decoding.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - type: The type of the value.
    ///   - missingColumns: Whether an optional property without a column is an error, like every
    ///     other property without one.
    ///   - timeout: The timeout; by default the configuration's `statementTimeout`.
    /// - Returns: The value.
    /// - Throws: As ``query(_:timeout:)``; ``PostgresError`` with the code `noRows` or
    ///   `tooManyRows` if there is not exactly one row; as
    ///   ``PostgresRows/decode(_:missingColumns:)``.
    public func queryOne<Value: Decodable>(
        _ query: PostgresQuery,
        decoding type: Value.Type,
        missingColumns: PostgresRow.MissingColumns = .areErrors,
        timeout: Duration? = nil
    ) async throws -> Value {
        try await self.query(query, timeout: timeout).one().decode(type, missingColumns: missingColumns)
    }
}

extension PostgresRows {
    /// Decodes the only row.
    @inlinable
    func decodeOne<each Column: PostgresDecodable>(
        as columns: (repeat each Column).Type
    ) throws(PostgresError) -> (repeat each Column) {
        try result.expect(columns)
        try expectOneRow()
        // Named, because the optimizer of Swift 6.3 fails on a temporary pack here.
        let row: (repeat each Column) = try result.decode(row: 0, as: columns)
        return row
    }

    /// Decodes the only row, which has one column.
    @inlinable
    func decodeOne<Column: PostgresDecodable>(as type: Column.Type) throws(PostgresError) -> Column {
        try expectOneColumn()
        try expectOneRow()
        var column = 0
        return try result.decode(Column.self, row: 0, at: &column)
    }

    /// Decodes the only row with the type's initializer.
    @inlinable
    func decodeOne<Value: PostgresRowDecodable>(as type: Value.Type) throws(PostgresError) -> Value {
        let row = try one()
        return try Value(row: row)
    }

    /// Returns the only row.
    @usableFromInline
    func one() throws(PostgresError) -> PostgresRow {
        try expectOneRow()
        return PostgresRow(result: result, index: 0)
    }

    /// Checks that there is exactly one row.
    @usableFromInline
    func expectOneRow() throws(PostgresError) {
        switch result.rowCount {
        case 1: return
        case 0: throw PostgresError(.noRows, "the statement returned no row instead of one", sql: result.sql)
        case let count:
            throw PostgresError(.tooManyRows, "the statement returned \(count) rows instead of one", sql: result.sql)
        }
    }
}
