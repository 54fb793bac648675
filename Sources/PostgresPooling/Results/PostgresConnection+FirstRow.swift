// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresConnection {
    /// Runs a statement and decodes its first row.
    ///
    /// The statement runs to its end, and the server sends all its rows: use `LIMIT 1` if there
    /// may be many.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - columns: The type of each column, in order, as a tuple.
    ///   - timeout: The timeout; by default the configuration's `statementTimeout`.
    /// - Returns: The first row; `nil` if there is none.
    /// - Throws: As ``query(_:timeout:)``; ``PostgresError`` with the code `columnCount` or
    ///   `decoding` if the row does not have these types.
    @inlinable
    public func queryFirst<each Column: PostgresDecodable>(
        _ query: PostgresQuery,
        as columns: (repeat each Column).Type,
        timeout: Duration? = nil
    ) async throws -> (repeat each Column)? {
        try await self.query(query, timeout: timeout).decodeFirst(as: columns)
    }

    /// Runs a statement and decodes its first row, which has one column.
    ///
    /// The statement runs to its end, and the server sends all its rows.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - column: The type of the column.
    ///   - timeout: The timeout; by default the configuration's `statementTimeout`.
    /// - Returns: The value; `nil` if there is no row.
    /// - Throws: As ``query(_:timeout:)``; ``PostgresError`` with the code `columnCount` or
    ///   `decoding` if the row does not have this type.
    @inlinable
    public func queryFirst<Column: PostgresDecodable>(
        _ query: PostgresQuery,
        as column: Column.Type,
        timeout: Duration? = nil
    ) async throws -> Column? {
        try await self.query(query, timeout: timeout).decodeFirst(as: column)
    }

    /// Runs a statement and decodes its first row with the type's
    /// ``PostgresRowDecodable/init(row:)``.
    ///
    /// The statement runs to its end, and the server sends all its rows.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - type: The type of the value.
    ///   - timeout: The timeout; by default the configuration's `statementTimeout`.
    /// - Returns: The value; `nil` if there is no row.
    /// - Throws: As ``query(_:timeout:)``, and the errors of the type.
    @inlinable
    public func queryFirst<Value: PostgresRowDecodable>(
        _ query: PostgresQuery,
        as type: Value.Type,
        timeout: Duration? = nil
    ) async throws -> Value? {
        try await self.query(query, timeout: timeout).decodeFirst(as: type)
    }

    /// Runs a statement and decodes its first row as a value whose properties have the names of
    /// the columns.
    ///
    /// The statement runs to its end, and the server sends all its rows.
    /// ``PostgresRows/decode(_:missingColumns:)`` describes the decoding.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - type: The type of the value.
    ///   - missingColumns: Whether an optional property without a column is an error, like every
    ///     other property without one.
    ///   - timeout: The timeout; by default the configuration's `statementTimeout`.
    /// - Returns: The value; `nil` if there is no row.
    /// - Throws: As ``query(_:timeout:)``, and as ``PostgresRows/decode(_:missingColumns:)``.
    public func queryFirst<Value: Decodable>(
        _ query: PostgresQuery,
        decoding type: Value.Type,
        missingColumns: PostgresRow.MissingColumns = .areErrors,
        timeout: Duration? = nil
    ) async throws -> Value? {
        try await self.query(query, timeout: timeout).first?.decode(type, missingColumns: missingColumns)
    }
}

extension PostgresRows {
    /// Decodes the first row; returns `nil` if there is none.
    @inlinable
    func decodeFirst<each Column: PostgresDecodable>(
        as columns: (repeat each Column).Type
    ) throws(PostgresError) -> (repeat each Column)? {
        try result.expect(columns)
        guard !isEmpty else { return nil }
        // Named, because the optimizer of Swift 6.3 fails on a temporary pack here.
        let row: (repeat each Column) = try result.decode(row: 0, as: columns)
        return row
    }

    /// Decodes the first row, which has one column; returns `nil` if there is none.
    @inlinable
    func decodeFirst<Column: PostgresDecodable>(as type: Column.Type) throws(PostgresError) -> Column? {
        try expectOneColumn()
        guard !isEmpty else { return nil }
        var column = 0
        return try result.decode(Column.self, row: 0, at: &column)
    }

    /// Decodes the first row with the type's initializer; returns `nil` if there is none.
    @inlinable
    func decodeFirst<Value: PostgresRowDecodable>(as type: Value.Type) throws(PostgresError) -> Value? {
        guard !isEmpty else { return nil }
        let row = PostgresRow(result: result, index: 0)
        return try Value(row: row)
    }
}
