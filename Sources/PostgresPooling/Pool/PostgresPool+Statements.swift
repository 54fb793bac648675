// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension PostgresPool {
    /// Runs a statement and returns all its rows.
    ///
    /// Suspends until a connection is free and the server has answered. If the connection turns out to
    /// be lost before the server has begun with the statement, it is sent once more, on another.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - timeout: How long the server may take; by default the configuration's `statementTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The rows.
    /// - Throws: `CancellationError` if the task was cancelled before the answer came; ``PostgresError``; `PoolError` if no connection
    ///   came free in time, too many wait, or the pool is closed.
    public func query(
        _ query: PostgresQuery,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> PostgresRows {
        PostgresRows(try await run(query, timeout: timeout, file, line))
    }

    /// Runs a statement and decodes all its rows.
    ///
    /// Suspends as ``query(_:timeout:file:line:)``.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - columns: The type of each column, in order, as a tuple.
    ///   - timeout: How long the server may take; by default the configuration's `statementTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The rows, in the order of the statement.
    /// - Throws: As ``query(_:timeout:file:line:)``; ``PostgresError`` with the code `columnCount` or `decoding` if the rows are not of these
    ///   types.
    public func query<each Column: PostgresDecodable & Sendable>(
        _ query: PostgresQuery,
        as columns: (repeat each Column).Type,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [(repeat each Column)] {
        try await self.query(query, timeout: timeout, file: file, line: line).decode(as: columns)
    }

    /// Runs a statement and decodes all its rows, which have one column.
    ///
    /// Suspends as ``query(_:timeout:file:line:)``.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - column: The type of the column.
    ///   - timeout: How long the server may take; by default the configuration's `statementTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: As ``query(_:timeout:file:line:)``; ``PostgresError`` with the code `columnCount` or `decoding` if the rows are not of this
    ///   type.
    @inlinable
    public func query<Column: PostgresDecodable & Sendable>(
        _ query: PostgresQuery,
        as column: Column.Type,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [Column] {
        try await self.query(query, timeout: timeout, file: file, line: line).decode(as: column)
    }

    /// Runs a statement whose rows, if it has any, are of no interest.
    ///
    /// Suspends as ``query(_:timeout:file:line:)``.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - timeout: How long the server may take; by default the configuration's `statementTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: What the server says that it has done, which is committed.
    /// - Throws: As ``query(_:timeout:file:line:)``.
    @discardableResult
    public func execute(
        _ query: PostgresQuery,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> PostgresCommand {
        PostgresCommand(tag: try await run(query, timeout: timeout, file, line).commandTag)
    }

    @inline(__always)
    private func run(
        _ query: PostgresQuery,
        timeout: Duration?,
        _ file: StaticString,
        _ line: UInt
    ) async throws -> PostgresResult {
        do {
            return try await connections.withConnection(file: file, line: line) { db in
                try await db.run(query, timeout: timeout)
            }
        } catch {
            return try await runAgain(query, timeout: timeout, file, line, after: error)
        }
    }

    /// Runs a statement once more, on another connection, if the first one was lost before the server began with the statement.
    private func runAgain(
        _ query: PostgresQuery,
        timeout: Duration?,
        _ file: StaticString,
        _ line: UInt,
        after error: any Error
    ) async throws -> PostgresResult {
        guard let lost = error as? PostgresError, lost.isCertainlyUnread else { throw publicError(error) }
        // Others that were idle may have been lost with it.
        connections.inspectIdle()
        do {
            return try await connections.withConnection(file: file, line: line) { db in
                try await db.run(query, timeout: timeout)
            }
        } catch {
            throw publicError(error)
        }
    }

    /// The error that the caller of a statement gets.
    private func publicError(_ error: any Error) -> any Error {
        switch error {
        case let error as PostgresError where error.code == .cancelled: CancellationError()
        case let error as PoolError: reason(for: error)
        default: error
        }
    }
}
