// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresPool {
    /// Runs several statements without parameters, separated by semicolons, such as those of a
    /// migration.
    ///
    /// The server runs all of them in one transaction, unless they contain transaction commands.
    /// Their rows are discarded; ``queryScript(_:timeout:file:line:)`` returns them. Suspends like
    /// ``query(_:timeout:file:line:)``.
    ///
    /// - Parameters:
    ///   - script: The statements.
    ///   - timeout: As in ``query(_:timeout:file:line:)``, for all statements.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Throws: As ``query(_:timeout:file:line:)``, with the error of the first statement that
    ///   fails, after which none runs, and ``PostgresError/completedStatements``;
    ///   ``PostgresError`` with the code `unsupported` if there are parameters.
    public func executeScript(
        _ script: PostgresQuery,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws {
        _ = try await runRetrying(timeout: timeout, file, line) { db, limit in
            try await db.runScript(script, keepsResults: false, limit)
        }
    }

    /// Runs several statements without parameters, separated by semicolons, and returns the rows
    /// of each.
    ///
    /// The statements are sent by the simple protocol, which servers that know no other
    /// understand, such as the console of PgBouncer. It has no parameters, and its rows are texts,
    /// as those of ``PostgresQuery/asText(_:)``.
    ///
    /// The server runs all of them in one transaction, unless they contain transaction commands.
    /// Suspends like ``query(_:timeout:file:line:)``.
    ///
    /// - Parameters:
    ///   - script: The statements.
    ///   - timeout: As in ``query(_:timeout:file:line:)``, for all statements.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The rows of each statement in order, none for a statement that returns no rows.
    ///   ``PostgresRows/command`` has its tag. All rows are in memory.
    /// - Throws: As ``executeScript(_:timeout:file:line:)``. The rows of earlier statements are
    ///   lost then.
    public func queryScript(
        _ script: PostgresQuery,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [PostgresRows] {
        try await runRetrying(timeout: timeout, file, line) { db, limit in
            try await db.runScript(script, keepsResults: true, limit)
        }.map { PostgresRows($0) }
    }
}
