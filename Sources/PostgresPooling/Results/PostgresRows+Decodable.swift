// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension PostgresConfiguration {
    /// The mapping from the properties of a `Decodable` type to columns.
    public enum ColumnNames: Hashable, Sendable {
        /// A property is decoded from the column of the same name.
        case asWritten
        /// The property `userName` is decoded from the column `user_name` or `userName`.
        case convertFromSnakeCase

        /// Returns the name of the property that is decoded from a column.
        func propertyName(_ column: String) -> String {
            switch self {
            case .asWritten: column
            case .convertFromSnakeCase: column.convertedFromSnakeCase
            }
        }
    }
}

extension PostgresRows {
    /// Decodes all rows as values whose properties have the names of the columns.
    ///
    /// ```swift
    /// struct User: Decodable { var id: Int; var name: String; var city: String? }
    ///
    /// let users = try await pool.query("SELECT id, name, city FROM users").decode(User.self)
    /// ```
    ///
    /// ``PostgresConfiguration/columnNames`` maps properties to columns. If several columns have
    /// the same name, the first one is used. A property of a ``PostgresDecodable`` type is decoded
    /// like any other value. A property of another `Decodable` type, or an array, is decoded from
    /// the JSON in a `json` or `jsonb` column; from another column, the type's `init(from:)`
    /// decodes a single value. An optional is `nil` if the column is `NULL`.
    ///
    /// - Parameters:
    ///   - type: The type of the values.
    ///   - missingColumns: Whether an optional property without a column is an error, like every
    ///     other property without one.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: ``PostgresError`` with the code `columnCount` if a property has no column,
    ///   `decoding` if a value cannot be decoded. Errors of the type's own `init(from:)` are
    ///   thrown unchanged, except a `DecodingError`, which is converted to one of these.
    /// - Complexity: O(number of values). The names of the columns are looked up once.
    @inlinable
    public func decode<Value: Decodable>(
        _ type: Value.Type,
        missingColumns: PostgresRow.MissingColumns = .areErrors
    ) throws -> [Value] {
        var values: [Value] = []
        guard !isEmpty else { return values }
        let decoder = RowDecoder(result, missingColumns)
        values.reserveCapacity(count)
        for row in indices { values.append(try decoder.decode(type, row: row, of: result)) }
        return values
    }
}

extension PostgresRow {
    /// Decodes the row as a value whose properties have the names of the columns.
    ///
    /// Looks up the names for this row: ``PostgresRows/decode(_:missingColumns:)`` looks them up
    /// once for all rows.
    ///
    /// - Parameters:
    ///   - type: The type of the value.
    ///   - missingColumns: Whether an optional property without a column is an error, like every
    ///     other property without one.
    /// - Returns: The value.
    /// - Throws: As ``PostgresRows/decode(_:missingColumns:)``.
    public func decode<Value: Decodable>(
        _ type: Value.Type,
        missingColumns: MissingColumns = .areErrors
    ) throws -> Value {
        try RowDecoder(result, missingColumns).decode(type, row: index, of: result)
    }
}

extension PostgresConnection {
    /// Runs a statement and decodes each row as a value whose properties have the names of the
    /// columns.
    ///
    /// Suspends until the server has answered. ``PostgresRows/decode(_:missingColumns:)``
    /// describes the decoding.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - type: The type of the values.
    ///   - missingColumns: Whether an optional property without a column is an error, like every
    ///     other property without one.
    ///   - timeout: The timeout; by default the configuration's `statementTimeout`.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: As ``query(_:timeout:)``, and as ``PostgresRows/decode(_:missingColumns:)``.
    @inlinable
    public func query<Value: Decodable>(
        _ query: PostgresQuery,
        decoding type: Value.Type,
        missingColumns: PostgresRow.MissingColumns = .areErrors,
        timeout: Duration? = nil
    ) async throws -> [Value] {
        try await self.query(query, timeout: timeout).decode(type, missingColumns: missingColumns)
    }
}

extension PostgresPool {
    /// Runs a statement and decodes each row as a value whose properties have the names of the
    /// columns.
    ///
    /// Suspends like ``query(_:timeout:file:line:)``. ``PostgresRows/decode(_:missingColumns:)``
    /// describes the decoding.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - type: The type of the values.
    ///   - missingColumns: Whether an optional property without a column is an error, like every
    ///     other property without one.
    ///   - timeout: As in ``query(_:timeout:file:line:)``.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: As ``query(_:timeout:file:line:)``, and as
    ///   ``PostgresRows/decode(_:missingColumns:)``.
    @inlinable
    public func query<Value: Decodable & Sendable>(
        _ query: PostgresQuery,
        decoding type: Value.Type,
        missingColumns: PostgresRow.MissingColumns = .areErrors,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [Value] {
        let rows = try await self.query(query, timeout: timeout, file: file, line: line)
        return try rows.decode(type, missingColumns: missingColumns)
    }
}
