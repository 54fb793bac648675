// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresConnection {
    /// Runs a statement and returns all its rows.
    ///
    /// Suspends until the server has answered. Nothing blocks.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - timeout: How long it may take; by default the configuration's `statementTimeout`.
    /// - Returns: The rows, which are the caller's own and may leave the body.
    /// - Throws: ``PostgresError``.
    public func query(_ query: PostgresQuery, timeout: Duration? = nil) async throws(PostgresError) -> PostgresRows {
        PostgresRows(try await run(query, timeout: timeout))
    }

    /// Runs a statement and decodes all its rows.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - columns: The type of each column, in order, as a tuple.
    ///   - timeout: How long it may take; by default the configuration's `statementTimeout`.
    /// - Returns: The rows, in the order of the statement.
    /// - Throws: ``PostgresError``; with the code `columnCount` or `decoding` if the rows are not of these types.
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
    ///   - timeout: How long it may take; by default the configuration's `statementTimeout`.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: ``PostgresError``; with the code `columnCount` or `decoding` if the rows are not of this type.
    @inlinable
    public func query<Column: PostgresDecodable>(
        _ query: PostgresQuery,
        as column: Column.Type,
        timeout: Duration? = nil
    ) async throws(PostgresError) -> [Column] {
        try await self.query(query, timeout: timeout).decode(as: column)
    }

    /// Runs a statement whose rows, if it has any, are of no interest.
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - timeout: How long it may take; by default the configuration's `statementTimeout`.
    /// - Returns: What the server says that it has done.
    /// - Throws: ``PostgresError``.
    @discardableResult
    public func execute(
        _ query: PostgresQuery,
        timeout: Duration? = nil
    ) async throws(PostgresError) -> PostgresCommand {
        PostgresCommand(tag: try await run(query, timeout: timeout).commandTag)
    }

    /// Runs statements that are separated by semicolons and have no parameters, such as those of a migration.
    ///
    /// Outside a transaction the server makes one of all of them, unless they say otherwise.
    ///
    /// - Parameters:
    ///   - script: The statements.
    ///   - timeout: How long all may take; by default the configuration's `statementTimeout`.
    /// - Throws: ``PostgresError``: of the first that fails, after which none is run; with the code `unsupported` if there are
    ///   parameters.
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
        let patience = patience(timeout)
        try await prepareToSend(sql: text, patience)
        // An answer to an earlier statement may have told of another encoding just now.
        do throws(PostgresError) { try link.requireUTF8(sql: text) } catch { throw error.withoutEffect() }
        link.session.noteText(text)
        try await runScript(text, patience)
        try link.requireUTF8(sql: text)
    }

    @inline(__always)
    func run(_ query: PostgresQuery, timeout: Duration?) async throws(PostgresError) -> PostgresResult {
        link.beginUse()
        defer { link.endUse() }
        let patience = patience(timeout)
        try await prepareToSend(sql: query.text, patience)
        let result = try await link.run(query, patience)
        if result.hasUserDefinedTypes { await link.describeTypes(of: result, patience) }
        result.columnNames = columnNames
        return result
    }

    /// Runs statements of the connection's own.
    @discardableResult
    func runScript(_ text: String, _ patience: Patience) async throws(PostgresError) -> PostgresResult {
        link.beginUse()
        defer { link.endUse() }
        try await prepareToSend(sql: text, patience)
        return try await link.runScript(text, patience)
    }
}
