// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A type that decodes itself from a row. Faster than `Decodable`, because nothing is looked up at
/// run time.
///
/// ```swift
/// extension User: PostgresRowDecodable {
///     init(row: borrowing PostgresRow) throws(PostgresError) {
///         id = try row.decode(at: 0)
///         name = try row.decode(at: 1)
///     }
/// }
///
/// let users = try await pool.query("SELECT id, name FROM users", as: User.self)
/// ```
public protocol PostgresRowDecodable {
    /// Decodes a row.
    ///
    /// - Throws: The error of ``PostgresRow/decode(_:at:)`` if a value cannot be decoded.
    init(row: borrowing PostgresRow) throws(PostgresError)
}

extension PostgresRows {
    /// Decodes all rows with the type's ``PostgresRowDecodable/init(row:)``.
    ///
    /// - Parameter type: The type of the values.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: The ``PostgresError`` of the type.
    @inlinable
    public func decode<Value: PostgresRowDecodable>(
        as type: Value.Type = Value.self
    ) throws(PostgresError) -> [Value] {
        var values: [Value] = []
        values.reserveCapacity(count)
        for index in indices {
            let row = PostgresRow(result: result, index: index)
            values.append(try Value(row: row))
        }
        return values
    }
}

extension PostgresConnection {
    /// Runs a statement and decodes each row with the type's ``PostgresRowDecodable/init(row:)``.
    ///
    /// Suspends until the server has answered.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - type: The type of the values.
    ///   - timeout: The timeout; by default the configuration's `statementTimeout`.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: As ``query(_:timeout:)``, and the errors of the type.
    @inlinable
    public func query<Value: PostgresRowDecodable>(
        _ query: PostgresQuery,
        as type: Value.Type,
        timeout: Duration? = nil
    ) async throws -> [Value] {
        try await self.query(query, timeout: timeout).decode(as: type)
    }
}

extension PostgresPool {
    /// Runs a statement and decodes each row with the type's ``PostgresRowDecodable/init(row:)``.
    ///
    /// Suspends like ``query(_:timeout:file:line:)``.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - type: The type of the values.
    ///   - timeout: As in ``query(_:timeout:file:line:)``.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: As ``query(_:timeout:file:line:)``, and the errors of the type.
    @inlinable
    public func query<Value: PostgresRowDecodable & Sendable>(
        _ query: PostgresQuery,
        as type: Value.Type,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [Value] {
        try await self.query(query, timeout: timeout, file: file, line: line).decode(as: type)
    }
}
