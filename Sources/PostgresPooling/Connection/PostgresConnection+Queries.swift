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
    /// - Throws: ``PostgresError``.
    public func query(_ query: PostgresQuery, timeout: Duration? = nil) async throws(PostgresError) -> PostgresRows {
        PostgresRows(try await run(query, timeout: timeout))
    }

    /// Runs a statement and decodes all its rows.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - columns: The type of each column, in order, as a tuple.
    ///   - timeout: The timeout; by default the configuration's `statementTimeout`.
    /// - Returns: The rows, in the order of the statement.
    /// - Throws: ``PostgresError``; with the code `columnCount` or `decoding` if the rows do not
    ///   have these types.
    public func query<each Column: PostgresDecodable>(
        _ query: PostgresQuery,
        as columns: (repeat each Column).Type,
        timeout: Duration? = nil
    ) async throws(PostgresError) -> [(repeat each Column)] {
        try PostgresRows(try await run(query, timeout: timeout)).decode(as: columns)
    }

    /// Runs a statement and decodes all its rows, which have one column.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - column: The type of the column.
    ///   - timeout: The timeout; by default the configuration's `statementTimeout`.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: ``PostgresError``; with the code `columnCount` or `decoding` if the rows do not
    ///   have this type.
    @inlinable
    public func query<Column: PostgresDecodable>(
        _ query: PostgresQuery,
        as column: Column.Type,
        timeout: Duration? = nil
    ) async throws(PostgresError) -> [Column] {
        try await self.query(query, timeout: timeout).decode(as: column)
    }

    /// Runs a statement and discards its rows, if it has any.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - timeout: The timeout; by default the configuration's `statementTimeout`.
    /// - Returns: The server's description of the effect.
    /// - Throws: ``PostgresError``.
    @discardableResult
    public func execute(
        _ query: PostgresQuery,
        timeout: Duration? = nil
    ) async throws(PostgresError) -> PostgresCommand {
        PostgresCommand(tag: try await run(query, timeout: timeout).commandTag)
    }

    /// Runs several statements without parameters, separated by semicolons, such as those of a
    /// migration.
    ///
    /// Outside a transaction, the server runs all of them in one, unless they contain transaction
    /// commands.
    ///
    /// - Parameters:
    ///   - script: The statements.
    ///   - timeout: The timeout for all statements; by default the configuration's
    ///     `statementTimeout`.
    /// - Throws: ``PostgresError`` of the first statement that fails, after which none runs; with
    ///   the code `unsupported` if there are parameters.
    public func executeScript(_ script: PostgresQuery, timeout: Duration? = nil) async throws(PostgresError) {
        guard script.parameters.isEmpty else {
            throw PostgresError(
                .unsupported,
                "a script cannot have parameters",
                sql: script.text,
                outcome: .notExecuted
            )
        }
        let text = script.text
        let limit = limit(timeout)
        try await prepareToSend(sql: text, limit)
        // The end of an earlier answer may have reported another encoding.
        do throws(PostgresError) { try session.requireUTF8(sql: text) } catch { throw error.withoutEffect() }
        session.state.recordText(text)
        try await runScript(text, limit)
        try session.requireUTF8(sql: text)
    }

    @inline(__always)
    func run(_ query: PostgresQuery, timeout: Duration?) async throws(PostgresError) -> PostgresResult {
        session.beginUse()
        defer { session.endUse() }
        let limit = limit(timeout)
        try await prepareToSend(sql: query.text, limit)
        let result = try await session.run(query, limit)
        if result.hasUserDefinedTypes { await session.describeTypes(of: result, limit) }
        result.columnNames = columnNames
        return result
    }

    /// Runs statements of the library itself.
    @discardableResult
    func runScript(_ text: String, _ limit: WaitLimit) async throws(PostgresError) -> PostgresResult {
        session.beginUse()
        defer { session.endUse() }
        try await prepareToSend(sql: text, limit)
        return try await session.runScript(text, limit)
    }
}
