// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresPool {
    /// Copies rows into a table, in a transaction of its own.
    ///
    /// As ``PostgresConnection/copy(to:columns:timeout:_:)`` on a connection that is leased for
    /// the call. Suspends until a connection is free, and while the server is slower than the
    /// body.
    ///
    /// - Parameters:
    ///   - table: The name of the table, as in SQL.
    ///   - columns: The names of the columns, in the order of the values; by default all columns
    ///     of the table that are not generated.
    ///   - timeout: The time limit for the whole call, including the wait for a connection; by
    ///     default the pool's `checkoutTimeout` for that wait, and then the configuration's
    ///     `statementTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: A closure that writes the rows.
    /// - Returns: The number of rows that were stored.
    /// - Throws: The error of `body`, unchanged; otherwise as
    ///   ``PostgresConnection/copy(to:columns:timeout:_:)``, and `PoolError` if no connection
    ///   became free.
    @discardableResult
    public func copy(
        to table: PostgresQuery,
        columns: [String] = [],
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing PostgresCopyWriter) async throws -> Void
    ) async throws -> Int {
        try await withConnection(timeout: timeout, file: file, line: line) { db in
            try await db.copy(to: table, columns: columns, body)
        }
    }

    /// Copies the rows of a sequence into a table, in a transaction of its own.
    ///
    /// As ``PostgresConnection/copy(to:columns:rows:timeout:)`` on a connection that is leased for
    /// the call. Suspends like ``copy(to:columns:timeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - table: The name of the table, as in SQL.
    ///   - columns: The names of the columns, in the order of the values; by default all columns
    ///     of the table that are not generated.
    ///   - rows: Tuples with a value for each column.
    ///   - timeout: The time limit for the whole call, including the wait for a connection; by
    ///     default the pool's `checkoutTimeout` for that wait, and then the configuration's
    ///     `statementTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The number of rows that were stored.
    /// - Throws: The error of the sequence, unchanged; otherwise as
    ///   ``copy(to:columns:timeout:file:line:_:)``.
    @discardableResult
    public func copy<each Value: PostgresEncodable, Rows: AsyncSequence>(
        to table: PostgresQuery,
        columns: [String] = [],
        rows: Rows,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> Int where Rows.Element == (repeat each Value) {
        try await withConnection(timeout: timeout, file: file, line: line) { db in
            try await db.copy(to: table, columns: columns, rows: rows)
        }
    }

    /// Runs `COPY … FROM STDIN` with the bytes that a closure writes, in its own transaction.
    ///
    /// As ``PostgresConnection/copy(_:timeout:_:)`` on a connection that is leased for the call.
    /// Suspends like ``copy(to:columns:timeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - statement: The statement, with any options and without parameters.
    ///   - timeout: The time limit for the whole call, including the wait for a connection; by
    ///     default the pool's `checkoutTimeout` for that wait, and then the configuration's
    ///     `statementTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: A closure that writes the bytes, in the format of the statement.
    /// - Returns: The number of rows that were stored.
    /// - Throws: As ``copy(to:columns:timeout:file:line:_:)``; ``PostgresError`` with the code
    ///   `unsupported` if the text is no such statement, or has parameters.
    @discardableResult
    public func copy(
        _ statement: PostgresQuery,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing PostgresCopyByteWriter) async throws -> Void
    ) async throws -> Int {
        try await withConnection(timeout: timeout, file: file, line: line) { db in
            try await db.copy(statement, body)
        }
    }

    /// Runs `COPY … FROM STDIN` with the bytes of a sequence, in a transaction of its own.
    ///
    /// As ``PostgresConnection/copy(_:bytes:timeout:)`` on a connection that is leased for the
    /// call. Suspends like ``copy(to:columns:timeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - statement: The statement, with any options and without parameters.
    ///   - bytes: The data in pieces of any size, which need not end with rows.
    ///   - timeout: The time limit for the whole call, including the wait for a connection; by
    ///     default the pool's `checkoutTimeout` for that wait, and then the configuration's
    ///     `statementTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The number of rows that were stored.
    /// - Throws: The error of the sequence, unchanged; otherwise as
    ///   ``copy(_:timeout:file:line:_:)``.
    @discardableResult
    public func copy<Bytes: AsyncSequence>(
        _ statement: PostgresQuery,
        bytes: Bytes,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> Int where Bytes.Element: Collection<UInt8> {
        try await withConnection(timeout: timeout, file: file, line: line) { db in
            try await db.copy(statement, bytes: bytes)
        }
    }
}
