// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresRouter {
    /// Runs a statement and decodes its row, which must be the only one.
    ///
    /// Suspends like ``query(_:from:timeout:file:line:)``. The statement has run, and its changes
    /// are committed, if it returned another number of rows.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - policy: The servers that may answer; `nil`, the default, for the primary, where the
    ///     statement may write.
    ///   - columns: The type of each column, in order, as a tuple.
    ///   - timeout: As in ``query(_:from:timeout:file:line:)``.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The row.
    /// - Throws: As ``query(_:from:timeout:file:line:)``; ``PostgresError`` with the code `noRows`
    ///   or `tooManyRows` if there is not exactly one row, and `columnCount` or `decoding` if it
    ///   does not have these types.
    @inlinable
    public func queryOne<each Column: PostgresDecodable & Sendable>(
        _ query: PostgresQuery,
        from policy: PostgresReadPolicy? = nil,
        as columns: (repeat each Column).Type,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> (repeat each Column) {
        try await self.query(query, from: policy, timeout: timeout, file: file, line: line).decodeOne(as: columns)
    }

    /// Runs a statement and decodes its only row, which has one column.
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
    /// - Returns: The value.
    /// - Throws: As ``query(_:from:timeout:file:line:)``; ``PostgresError`` with the code `noRows`
    ///   or `tooManyRows` if there is not exactly one row, and `columnCount` or `decoding` if it
    ///   does not have this type.
    @inlinable
    public func queryOne<Column: PostgresDecodable & Sendable>(
        _ query: PostgresQuery,
        from policy: PostgresReadPolicy? = nil,
        as column: Column.Type,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> Column {
        try await self.query(query, from: policy, timeout: timeout, file: file, line: line).decodeOne(as: column)
    }

    /// Runs a statement and decodes its only row with the type's
    /// ``PostgresRowDecodable/init(row:)``.
    ///
    /// Suspends like ``query(_:from:timeout:file:line:)``.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - policy: The servers that may answer; `nil`, the default, for the primary, where the
    ///     statement may write.
    ///   - type: The type of the value.
    ///   - timeout: As in ``query(_:from:timeout:file:line:)``.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The value.
    /// - Throws: As ``query(_:from:timeout:file:line:)``; ``PostgresError`` with the code `noRows`
    ///   or `tooManyRows` if there is not exactly one row; the errors of the type.
    @inlinable
    public func queryOne<Value: PostgresRowDecodable & Sendable>(
        _ query: PostgresQuery,
        from policy: PostgresReadPolicy? = nil,
        as type: Value.Type,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> Value {
        try await self.query(query, from: policy, timeout: timeout, file: file, line: line).decodeOne(as: type)
    }

    /// Runs a statement and decodes its only row as a value whose properties have the names of the
    /// columns.
    ///
    /// Suspends like ``query(_:from:timeout:file:line:)``.
    /// ``PostgresRows/decode(_:missingColumns:)`` describes the decoding.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - policy: The servers that may answer; `nil`, the default, for the primary, where the
    ///     statement may write.
    ///   - type: The type of the value.
    ///   - missingColumns: Whether an optional property without a column is an error, like every
    ///     other property without one.
    ///   - timeout: As in ``query(_:from:timeout:file:line:)``.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The value.
    /// - Throws: As ``query(_:from:timeout:file:line:)``; ``PostgresError`` with the code `noRows`
    ///   or `tooManyRows` if there is not exactly one row; as
    ///   ``PostgresRows/decode(_:missingColumns:)``.
    public func queryOne<Value: Decodable & Sendable>(
        _ query: PostgresQuery,
        from policy: PostgresReadPolicy? = nil,
        decoding type: Value.Type,
        missingColumns: PostgresRow.MissingColumns = .areErrors,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> Value {
        let rows = try await self.query(query, from: policy, timeout: timeout, file: file, line: line)
        return try rows.one().decode(type, missingColumns: missingColumns)
    }
}
