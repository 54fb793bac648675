// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A type that makes itself of a row: faster than `Decodable`, because it looks nothing up at run time.
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
    /// - Throws: What ``PostgresRow/decode(_:at:)`` throws if a value does not fit.
    init(row: borrowing PostgresRow) throws(PostgresError)
}

extension PostgresRows {
    /// Decodes all rows as values that make themselves of a row.
    ///
    /// - Parameter type: The type of the values.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: ``PostgresError``: what the type throws.
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
    /// Runs a statement and makes a value of each row, by the type's own ``PostgresRowDecodable/init(row:)``.
    ///
    /// Suspends until the server has answered.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - type: The type of the values.
    ///   - timeout: How long it may take; by default the configuration's `statementTimeout`.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: ``PostgresError``, also what the type throws.
    @inlinable
    public func query<Value: PostgresRowDecodable>(
        _ query: PostgresQuery,
        as type: Value.Type,
        timeout: Duration? = nil
    ) async throws(PostgresError) -> [Value] {
        try await self.query(query, timeout: timeout).decode(as: type)
    }
}

extension PostgresPool {
    /// Runs a statement and makes a value of each row, by the type's own ``PostgresRowDecodable/init(row:)``.
    ///
    /// Suspends as ``query(_:timeout:file:line:)``.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - type: The type of the values.
    ///   - timeout: How long the server may take; by default the configuration's `statementTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: As ``query(_:timeout:file:line:)``, and what the type throws.
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
