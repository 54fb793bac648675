// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What sends single statements to the servers of a cluster: a ``PostgresCluster``, or a
/// ``PostgresCluster/Session`` of it.
///
/// The calls are those of a ``PostgresPool``, with the policy for reads.
///
/// ```swift
/// struct UserRepository<Router: PostgresRouter> {
///     let database: Router
///
///     func names() async throws -> [String] {
///         let names: PostgresQuery = "SELECT name FROM users"
///         return try await database.query(names, from: .preferReplica, as: String.self)
///     }
/// }
/// ```
public protocol PostgresRouter: Sendable {
    /// Runs a statement and returns all its rows; see
    /// ``PostgresCluster/query(_:from:timeout:file:line:)``.
    func query(
        _ query: PostgresQuery,
        from policy: PostgresReadPolicy?,
        timeout: Duration?,
        file: StaticString,
        line: UInt
    ) async throws -> PostgresRows

    /// Runs a statement on the primary, and discards its rows; see
    /// ``PostgresCluster/execute(_:timeout:file:line:)``.
    @discardableResult
    func execute(
        _ query: PostgresQuery,
        timeout: Duration?,
        file: StaticString,
        line: UInt
    ) async throws -> PostgresCommand
}

extension PostgresRouter {
    /// Runs a statement and decodes all its rows.
    ///
    /// Suspends like ``query(_:from:timeout:file:line:)``.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - policy: The servers that may answer; `nil`, the default, for the primary, where the
    ///     statement may write.
    ///   - columns: The type of each column, in order, as a tuple.
    ///   - timeout: As in ``query(_:from:timeout:file:line:)``.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The rows, in the order of the statement.
    /// - Throws: As ``query(_:from:timeout:file:line:)``; ``PostgresError`` with the code
    ///   `columnCount` or `decoding` if the rows do not have these types.
    public func query<each Column: PostgresDecodable & Sendable>(
        _ query: PostgresQuery,
        from policy: PostgresReadPolicy? = nil,
        as columns: (repeat each Column).Type,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [(repeat each Column)] {
        try await self.query(query, from: policy, timeout: timeout, file: file, line: line).decode(as: columns)
    }

    /// Runs a statement and decodes all its rows, which have one column.
    ///
    /// Suspends like ``query(_:from:timeout:file:line:)``.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - policy: The servers that may answer; `nil`, the default, for the primary, where the
    ///     statement may write.
    ///   - column: The type of the column.
    ///   - timeout: As in ``query(_:from:timeout:file:line:)``.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: As ``query(_:from:timeout:file:line:)``; ``PostgresError`` with the code
    ///   `columnCount` or `decoding` if the rows do not have this type.
    @inlinable
    public func query<Column: PostgresDecodable & Sendable>(
        _ query: PostgresQuery,
        from policy: PostgresReadPolicy? = nil,
        as column: Column.Type,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [Column] {
        try await self.query(query, from: policy, timeout: timeout, file: file, line: line).decode(as: column)
    }

    /// Runs a statement and decodes each row with the type's ``PostgresRowDecodable/init(row:)``.
    ///
    /// Suspends like ``query(_:from:timeout:file:line:)``.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - policy: The servers that may answer; `nil`, the default, for the primary, where the
    ///     statement may write.
    ///   - type: The type of the values.
    ///   - timeout: As in ``query(_:from:timeout:file:line:)``.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: As ``query(_:from:timeout:file:line:)``, and the errors of the type.
    @inlinable
    public func query<Value: PostgresRowDecodable & Sendable>(
        _ query: PostgresQuery,
        from policy: PostgresReadPolicy? = nil,
        as type: Value.Type,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [Value] {
        try await self.query(query, from: policy, timeout: timeout, file: file, line: line).decode(as: type)
    }

    /// Runs a statement and decodes each row as a value whose properties have the names of the
    /// columns.
    ///
    /// Suspends like ``query(_:from:timeout:file:line:)``.
    /// ``PostgresRows/decode(_:missingColumns:)`` describes the decoding.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - policy: The servers that may answer; `nil`, the default, for the primary, where the
    ///     statement may write.
    ///   - type: The type of the values.
    ///   - missingColumns: Whether an optional property without a column is an error, like every
    ///     other property without one.
    ///   - timeout: As in ``query(_:from:timeout:file:line:)``.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: As ``query(_:from:timeout:file:line:)``, and as
    ///   ``PostgresRows/decode(_:missingColumns:)``.
    @inlinable
    public func query<Value: Decodable & Sendable>(
        _ query: PostgresQuery,
        from policy: PostgresReadPolicy? = nil,
        decoding type: Value.Type,
        missingColumns: PostgresRow.MissingColumns = .areErrors,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [Value] {
        let rows = try await self.query(query, from: policy, timeout: timeout, file: file, line: line)
        return try rows.decode(type, missingColumns: missingColumns)
    }
}
