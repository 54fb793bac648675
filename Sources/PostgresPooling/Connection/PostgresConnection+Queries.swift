// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresConnection {
    /// Runs a statement and returns all its rows.
    ///
    /// Suspends until the server has answered. Blocks no thread.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - timeout: The timeout; by default the configuration's `statementTimeout`.
    /// - Returns: The rows. They may outlive the lease.
    /// - Throws: ``PostgresError``; `CancellationError` if the task was cancelled before the
    ///   answer arrived.
    public func query(_ query: PostgresQuery, timeout: Duration? = nil) async throws -> PostgresRows {
        PostgresRows(try await run(query, limit(timeout)))
    }

    /// Runs a statement and decodes all its rows.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - columns: The type of each column, in order, as a tuple.
    ///   - timeout: The timeout; by default the configuration's `statementTimeout`.
    /// - Returns: The rows, in the order of the statement.
    /// - Throws: As ``query(_:timeout:)``; ``PostgresError`` with the code `columnCount` or
    ///   `decoding` if the rows do not have these types.
    public func query<each Column: PostgresDecodable>(
        _ query: PostgresQuery,
        as columns: (repeat each Column).Type,
        timeout: Duration? = nil
    ) async throws -> [(repeat each Column)] {
        try PostgresRows(try await run(query, limit(timeout))).decode(as: columns)
    }

    /// Runs a statement and decodes all its rows, which have one column.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - column: The type of the column.
    ///   - timeout: The timeout; by default the configuration's `statementTimeout`.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: As ``query(_:timeout:)``; ``PostgresError`` with the code `columnCount` or
    ///   `decoding` if the rows do not have this type.
    @inlinable
    public func query<Column: PostgresDecodable>(
        _ query: PostgresQuery,
        as column: Column.Type,
        timeout: Duration? = nil
    ) async throws -> [Column] {
        try await self.query(query, timeout: timeout).decode(as: column)
    }

    /// Runs a statement and discards its rows, if it has any.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - timeout: The timeout; by default the configuration's `statementTimeout`.
    /// - Returns: The server's description of the effect.
    /// - Throws: As ``query(_:timeout:)``.
    @discardableResult
    public func execute(
        _ query: PostgresQuery,
        timeout: Duration? = nil
    ) async throws -> PostgresCommand {
        PostgresCommand(try await run(query, limit(timeout)))
    }

    /// Runs a statement of the caller.
    ///
    /// - Throws: `CancellationError`, or `PostgresError`.
    @inline(__always)
    func run(_ query: PostgresQuery, _ limit: WaitLimit) async throws -> PostgresResult {
        session.beginUse()
        defer { session.endUse() }
        let observation = session.observe(query)
        do throws(PostgresError) {
            try await prepareToSend(sql: query.text, limit)
            let result = try await session.run(query, limit)
            if result.hasUserDefinedTypes { try await session.describeTypes(of: result, limit) }
            result.columnNames = columnNames
            observation?.complete(result)
            return result
        } catch {
            observation?.fail(error)
            throw error.forCaller
        }
    }

    /// Runs statements of the library itself.
    ///
    /// - Parameter shown: The statements without values, for errors and observers; `nil` if they
    ///   have none.
    @discardableResult
    func runScript(
        _ text: String,
        shown: String? = nil,
        _ limit: WaitLimit
    ) async throws(PostgresError) -> PostgresResult {
        session.beginUse()
        defer { session.endUse() }
        let observation = session.observe(shown ?? text)
        do throws(PostgresError) {
            try await prepareToSend(sql: text, limit)
            let result = try await session.runScript(text, limit)
            observation?.complete(result)
            return result
        } catch {
            var failure = error
            if let shown { failure.sql = shown }
            observation?.fail(failure)
            throw failure
        }
    }
}
