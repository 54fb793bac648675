// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresConnection {
    /// Runs several statements without parameters, separated by semicolons, such as those of a
    /// migration.
    ///
    /// Outside a transaction, the server runs all of them in one, unless they contain transaction
    /// commands. Their rows are discarded; ``queryScript(_:timeout:)`` returns them.
    ///
    /// - Parameters:
    ///   - script: The statements.
    ///   - timeout: The timeout for all statements; by default the configuration's
    ///     `statementTimeout`.
    /// - Throws: As ``query(_:timeout:)``, with the error of the first statement that fails, after
    ///   which none runs, and ``PostgresError/completedStatements``; ``PostgresError`` with the
    ///   code `unsupported` if there are parameters.
    public func executeScript(_ script: PostgresQuery, timeout: Duration? = nil) async throws {
        do throws(PostgresError) {
            _ = try await runScript(script, keepsResults: false, limit(timeout))
        } catch {
            throw error.forCaller
        }
    }

    /// Runs several statements without parameters, separated by semicolons, and returns the rows
    /// of each.
    ///
    /// The statements are sent by the simple protocol, which servers that know no other
    /// understand, such as the console of PgBouncer. It has no parameters, and its rows are texts,
    /// as those of ``PostgresQuery/asText(_:)``.
    ///
    /// Outside a transaction, the server runs all of them in one, unless they contain transaction
    /// commands.
    ///
    /// - Parameters:
    ///   - script: The statements.
    ///   - timeout: The timeout for all statements; by default the configuration's
    ///     `statementTimeout`.
    /// - Returns: The rows of each statement in order, none for a statement that returns no rows.
    ///   ``PostgresRows/command`` has its tag. All rows are in memory.
    /// - Throws: As ``executeScript(_:timeout:)``. The rows of earlier statements are lost then.
    public func queryScript(_ script: PostgresQuery, timeout: Duration? = nil) async throws -> [PostgresRows] {
        do throws(PostgresError) {
            return try await runScript(script, keepsResults: true, limit(timeout)).map { PostgresRows($0) }
        } catch {
            throw error.forCaller
        }
    }

    /// Runs several statements of the caller.
    ///
    /// - Returns: The result of each statement; none if they are not kept.
    func runScript(
        _ script: PostgresQuery,
        keepsResults: Bool,
        _ limit: WaitLimit
    ) async throws(PostgresError) -> [PostgresResult] {
        let text = script.text
        guard script.parameters.isEmpty else {
            throw PostgresError(.unsupported, "a script cannot have parameters", sql: text, outcome: .notExecuted)
        }
        session.beginUse()
        defer { session.endUse() }
        let observation = session.observe(script: text)
        do throws(PostgresError) {
            try await prepareToSend(sql: text, limit)
            // The end of an earlier answer may have reported another encoding.
            do throws(PostgresError) { try session.requireUTF8(sql: text) } catch { throw error.withoutEffect() }
            session.state.recordText(text)
            let results = try await session.runScript(text, keepsResults: keepsResults, limit)
            try session.requireUTF8(sql: text)
            for result in results { result.columnNames = columnNames }
            if let last = results.last { observation?.complete(last) }
            return results
        } catch {
            observation?.fail(error)
            throw error
        }
    }
}
