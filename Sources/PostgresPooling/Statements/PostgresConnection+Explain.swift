// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresConnection {
    /// Returns the server's plan for a statement, as text.
    ///
    /// ```swift
    /// print(try await db.explain("SELECT name FROM person WHERE id = \(id)"))
    /// ```
    ///
    /// The plan is that for the values of the parameters.
    ///
    /// With `analyze`, the server also runs the statement, in a transaction or a savepoint that is
    /// rolled back. A rollback does not undo everything: sequences keep their new values, and
    /// locks of rows and tables are held until the end of the transaction.
    ///
    /// - Parameters:
    ///   - query: A statement that has a plan: a query, a data change, or `CREATE TABLE AS` and
    ///     the like.
    ///   - analyze: Whether to run the statement, and report the times, rows and buffers of each
    ///     step.
    ///   - timeout: The timeout; by default the configuration's `statementTimeout`.
    /// - Returns: The plan, as `EXPLAIN` prints it: a line for each step, indented by depth.
    /// - Throws: As ``query(_:timeout:)``; ``PostgresError`` of the server with the SQLSTATE
    ///   `42601` if the statement has no plan.
    public func explain(
        _ query: PostgresQuery,
        analyze: Bool = false,
        timeout: Duration? = nil
    ) async throws -> String {
        // With options in parentheses, no word of the statement can be read as an option.
        if !analyze { return try await plan("EXPLAIN (FORMAT TEXT) \(sql: query)", timeout) }
        do {
            return try await withSavepoint(timeout: timeout) { db -> String in
                throw RolledBack(
                    plan: try await db.plan("EXPLAIN (ANALYZE, BUFFERS, FORMAT TEXT) \(sql: query)", timeout)
                )
            }
        } catch let rolledBack as RolledBack {
            return rolledBack.plan
        }
    }

    private func plan(_ query: PostgresQuery, _ timeout: Duration?) async throws -> String {
        try await self.query(query, as: String.self, timeout: timeout).joined(separator: "\n")
    }

    /// Rolls back the transaction or the savepoint of an analyzed statement.
    private struct RolledBack: Error {
        let plan: String
    }
}

extension PostgresPool {
    /// Returns the server's plan for a statement, as text.
    ///
    /// As ``PostgresConnection/explain(_:analyze:timeout:)`` on a connection that is leased for
    /// the call. Suspends until a connection is free and the server has answered.
    ///
    /// - Parameters:
    ///   - query: A statement that has a plan.
    ///   - analyze: Whether to run the statement, in a transaction that is rolled back, and report
    ///     the times, rows and buffers of each step.
    ///   - timeout: The time limit for the whole call, including the wait for a connection; by
    ///     default the pool's `checkoutTimeout` for that wait, and then the configuration's
    ///     `statementTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The plan, as `EXPLAIN` prints it: a line for each step, indented by depth.
    /// - Throws: As ``PostgresConnection/explain(_:analyze:timeout:)``; `PoolError` if no
    ///   connection became free in time, too many callers wait, or the pool is closed.
    public func explain(
        _ query: PostgresQuery,
        analyze: Bool = false,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> String {
        try await withConnection(timeout: timeout, file: file, line: line) { db in
            try await db.explain(query, analyze: analyze)
        }
    }
}
