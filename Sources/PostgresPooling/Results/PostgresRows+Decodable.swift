// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension PostgresConfiguration {
    /// How the columns of a row are matched with the properties of a `Decodable` type.
    public enum ColumnNames: Hashable, Sendable {
        /// A property has the column of its name.
        case asWritten
        /// The property `userName` has the column `user_name`, or `userName`.
        case convertFromSnakeCase

        /// Returns the name of the property that a column is decoded as.
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
    /// The configuration's ``PostgresConfiguration/columnNames`` says which column a property has; of several columns with one
    /// name the first counts. A property whose type is ``PostgresDecodable`` is decoded as any other value. A property of
    /// another `Decodable` type is decoded from the JSON in a `json` or `jsonb` column, as is an array in such a column, and else
    /// as its `init(from:)` says from one value. An optional is `nil` where the column is `NULL`.
    ///
    /// - Parameters:
    ///   - type: The type of the values.
    ///   - missingColumns: Whether an optional property without a column is an error, as every other property is.
    /// - Returns: The values, in the order of the statement. O(number of values), and the columns' names are looked up once.
    /// - Throws: ``PostgresError`` with the code `columnCount` if a property has no column, `decoding` if a value does not fit.
    ///   What the type's own `init(from:)` throws, unchanged, but for a `DecodingError`, which becomes one of those.
    @inlinable
    public func decode<Value: Decodable>(
        _ type: Value.Type,
        missingColumns: PostgresMissingColumns = .areErrors
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
    /// The names are looked up again in each row: ``PostgresRows/decode(_:missingColumns:)`` does it once.
    ///
    /// - Parameters:
    ///   - type: The type of the value.
    ///   - missingColumns: Whether an optional property without a column is an error, as every other property is.
    /// - Returns: The value.
    /// - Throws: As ``PostgresRows/decode(_:missingColumns:)``.
    public func decode<Value: Decodable>(
        _ type: Value.Type,
        missingColumns: PostgresMissingColumns = .areErrors
    ) throws -> Value {
        try RowDecoder(result, missingColumns).decode(type, row: index, of: result)
    }
}

extension PostgresConnection {
    /// Runs a statement and makes a value of each row, whose properties have the names of the columns.
    ///
    /// Suspends until the server has answered. ``PostgresRows/decode(_:missingColumns:)`` says how values are decoded.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - type: The type of the values.
    ///   - missingColumns: Whether an optional property without a column is an error, as every other property is.
    ///   - timeout: How long it may take; by default the configuration's `statementTimeout`.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: ``PostgresError``, and as ``PostgresRows/decode(_:missingColumns:)``.
    @inlinable
    public func query<Value: Decodable>(
        _ query: PostgresQuery,
        decoding type: Value.Type,
        missingColumns: PostgresMissingColumns = .areErrors,
        timeout: Duration? = nil
    ) async throws -> [Value] {
        try await self.query(query, timeout: timeout).decode(type, missingColumns: missingColumns)
    }
}

extension PostgresPool {
    /// Runs a statement and makes a value of each row, whose properties have the names of the columns.
    ///
    /// Suspends as ``query(_:timeout:file:line:)``. ``PostgresRows/decode(_:missingColumns:)`` says how values are decoded.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - type: The type of the values.
    ///   - missingColumns: Whether an optional property without a column is an error, as every other property is.
    ///   - timeout: How long the server may take; by default the configuration's `statementTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: As ``query(_:timeout:file:line:)``, and as ``PostgresRows/decode(_:missingColumns:)``.
    @inlinable
    public func query<Value: Decodable & Sendable>(
        _ query: PostgresQuery,
        decoding type: Value.Type,
        missingColumns: PostgresMissingColumns = .areErrors,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [Value] {
        let rows = try await self.query(query, timeout: timeout, file: file, line: line)
        return try rows.decode(type, missingColumns: missingColumns)
    }
}
