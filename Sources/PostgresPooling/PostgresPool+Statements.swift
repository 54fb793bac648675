// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension PostgresPool {
    /// Runs a statement and returns all its rows.
    ///
    /// Suspends until a connection is free and the server has answered.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - timeout: How long the server may take; by default the configuration's `statementTimeout`.
    /// - Returns: The rows.
    /// - Throws: `CancellationError` if the task was cancelled before the answer came; ``PostgresError``; `PoolError` if no connection
    ///   came free in time, too many wait, or the pool is closed.
    public func query(_ query: PostgresQuery, timeout: Duration? = nil) async throws -> PostgresRows {
        try await run { db throws(PostgresError) in try await db.query(query, timeout: timeout) }
    }

    /// Runs a statement and decodes all its rows.
    ///
    /// Suspends as ``query(_:timeout:)``.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - columns: The type of each column, in order, as a tuple.
    ///   - timeout: How long the server may take; by default the configuration's `statementTimeout`.
    /// - Returns: The rows, in the order of the statement.
    /// - Throws: As ``query(_:timeout:)``; ``PostgresError`` with the code `columnCount` or `decoding` if the rows are not of these
    ///   types.
    public func query<each Column: PostgresDecodable & Sendable>(
        _ query: PostgresQuery,
        as columns: (repeat each Column).Type,
        timeout: Duration? = nil
    ) async throws -> [(repeat each Column)] {
        try await self.query(query, timeout: timeout).decode(as: columns)
    }

    /// Runs a statement and decodes all its rows, which have one column.
    ///
    /// Suspends as ``query(_:timeout:)``.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - column: The type of the column.
    ///   - timeout: How long the server may take; by default the configuration's `statementTimeout`.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: As ``query(_:timeout:)``; ``PostgresError`` with the code `columnCount` or `decoding` if the rows are not of this
    ///   type.
    public func query<Column: PostgresDecodable & Sendable>(
        _ query: PostgresQuery,
        as column: Column.Type,
        timeout: Duration? = nil
    ) async throws -> [Column] {
        try await self.query(query, timeout: timeout).decode(as: column)
    }

    /// Runs a statement whose rows, if it has any, are of no interest.
    ///
    /// Suspends as ``query(_:timeout:)``.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - timeout: How long the server may take; by default the configuration's `statementTimeout`.
    /// - Returns: What the server says that it has done, which is committed.
    /// - Throws: As ``query(_:timeout:)``.
    @discardableResult
    public func execute(_ query: PostgresQuery, timeout: Duration? = nil) async throws -> PostgresCommand {
        try await run { db throws(PostgresError) in try await db.execute(query, timeout: timeout) }
    }

    private func run<Value: Sendable>(
        _ body: (borrowing PostgresConnection) async throws(PostgresError) -> Value
    ) async throws -> Value {
        let lease = try await checkOut(timeout: nil)
        do throws(PostgresError) {
            return try await body(lease.connection)
        } catch {
            if error.code == .cancelled { throw CancellationError() }
            throw error
        }
    }
}
