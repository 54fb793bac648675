// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

extension PostgresConnection {
    /// Runs `body` with a cursor over the rows of a query, which are fetched in batches.
    ///
    /// Requires a transaction, in which other statements may run between two batches. The cursor
    /// is closed when `body` ends, in one round trip, whatever the number of rows that are left.
    ///
    /// - Parameters:
    ///   - query: A `SELECT` or `VALUES`, which sees the data as of this call.
    ///   - fetchSize: The maximum number of rows of a batch.
    ///   - timeout: The time limit for all statements of `body` together; `nil`, the default, for
    ///     no limit of its own.
    ///   - body: A closure that uses the cursor. The cursor cannot escape from it.
    /// - Returns: The result of `body`.
    /// - Throws: The error of `body`, unchanged. Otherwise as ``query(_:timeout:)``;
    ///   ``PostgresError`` with the code `unsupported` outside a transaction, and with the code
    ///   `invalidConfiguration` for a `fetchSize` that is not from 1 to 2,147,483,647. Nothing is
    ///   sent then.
    @discardableResult
    public func withCursor<Result: ~Copyable>(
        _ query: PostgresQuery,
        fetchSize: Int = 1_000,
        timeout: Duration? = nil,
        _ body: (borrowing PostgresCursor) async throws -> sending Result
    ) async throws -> sending Result {
        let outer = beginBody(timeout: timeout)
        defer { session.state.deadline = outer }
        let number = session.state.transactions.openCursors + 1
        let cursor = try await openCursor(query, number: number, fetchSize: fetchSize)
        do {
            let result = try await body(cursor)
            try await close(number, limit(nil))
            return result
        } catch {
            // A task that is cancelled, or has no time left, can send nothing else.
            if !Task.isCancelled, MonotonicClock.now < outer {
                let deadline = min(outer, MonotonicClock.deadline(after: resetTimeout))
                try? await close(number, WaitLimit(deadline: deadline))
            }
            throw error
        }
    }

    /// Declares a cursor, which ends with the transaction unless it is closed before.
    ///
    /// - Throws: `CancellationError`, or `PostgresError`.
    func openCursor(
        _ query: PostgresQuery,
        number: Int,
        fetchSize: Int
    ) async throws -> PostgresCursor {
        guard 1...Int(Int32.max) ~= fetchSize else {
            throw PostgresError(.invalidConfiguration, "fetchSize must be from 1 to \(Int32.max), not \(fetchSize)")
        }
        // Cursors of the same depth have the same name, so that their statements have the same
        // text.
        let name = PostgresCursor.name(number)
        let declaration: PostgresQuery =
            "DECLARE \(sql: PostgresQuery(unsafe: name)) NO SCROLL CURSOR FOR \(sql: query)"
        guard try await isReadyInTransaction("DECLARE") else {
            throw PostgresError(
                .unsupported,
                "a cursor needs a transaction; use withCursor within withTransaction, or withCursor of the pool",
                sql: declaration.text,
                outcome: .notExecuted
            )
        }
        try await execute(.prepared(.never, declaration))
        session.state.transactions.openCursors = number
        let connection = PostgresConnection(
            session: session,
            statementTimeout: statementTimeout,
            resetTimeout: resetTimeout,
            columnNames: columnNames
        )
        return PostgresCursor(connection, name: name, fetchSize: fetchSize, isText: query.hasTextResults)
    }

    /// Closes a cursor, unless its transaction has failed or ended, which closes it as well.
    ///
    /// - Throws: `CancellationError`, or `PostgresError`.
    private func close(_ number: Int, _ limit: WaitLimit) async throws {
        let sql = "CLOSE \(PostgresCursor.name(number))"
        do throws(PostgresError) {
            try await prepareToSend(sql: sql, limit)
            guard unsafe PQtransactionStatus(session.handle) == PQTRANS_INTRANS else { return }
            try await runScript(sql, limit)
        } catch {
            throw error.forCaller
        }
        // Otherwise a later one could not be closed, and keeps its name.
        if session.state.transactions.openCursors == number { session.state.transactions.openCursors -= 1 }
    }
}

extension PostgresPool {
    /// Runs `body` in a transaction, with a cursor over the rows of a query, which are fetched in
    /// batches.
    ///
    /// Works behind any pooler with transactions. The transaction commits when `body` returns and
    /// rolls back when it throws.
    ///
    /// - Parameters:
    ///   - query: A `SELECT` or `VALUES`, which sees the data as of the beginning of the
    ///     transaction.
    ///   - fetchSize: The maximum number of rows of a batch.
    ///   - isolation: The isolation level; `nil` for the server's default.
    ///   - readOnly: Whether the transaction may only read.
    ///   - settings: The settings of the transaction by name, as in `withTransaction`.
    ///   - timeout: The time limit for the wait for a connection and all statements of the body
    ///     together; `nil`, the default, for no limit of its own.
    ///   - checkoutTimeout: The time limit for the wait for a connection; by default the
    ///     configuration's.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: A closure that uses the cursor. The cursor cannot escape from it.
    /// - Returns: The result of `body`, after everything is committed.
    /// - Throws: As `withTransaction` and
    ///   ``PostgresConnection/withCursor(_:fetchSize:timeout:_:)``.
    @discardableResult
    public func withCursor<Result: ~Copyable>(
        _ query: PostgresQuery,
        fetchSize: Int = 1_000,
        isolation: PostgresConnection.IsolationLevel? = nil,
        readOnly: Bool = false,
        settings: [String: String] = [:],
        timeout: Duration? = nil,
        checkoutTimeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing PostgresCursor) async throws -> sending Result
    ) async throws -> sending Result {
        try await withTransaction(
            isolation: isolation,
            readOnly: readOnly,
            settings: settings,
            timeout: timeout,
            checkoutTimeout: checkoutTimeout,
            file: file,
            line: line
        ) { db in
            // The end of the transaction closes the cursor.
            let cursor = try await db.openCursor(query, number: 1, fetchSize: fetchSize)
            return try await body(cursor)
        }
    }
}
