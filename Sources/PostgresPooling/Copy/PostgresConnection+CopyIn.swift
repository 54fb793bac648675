// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import ConnectionPooling

extension PostgresConnection {
    /// Copies rows into a table: the fastest way to insert many.
    ///
    /// ```swift
    /// let count = try await db.copy(to: "person", columns: ["id", "name"]) { writer in
    ///     for person in people { try await writer.write(person.id, person.name) }
    /// }
    /// ```
    ///
    /// The table receives all rows or none. If the body throws, the server stores nothing, and the
    /// error is rethrown; outside a transaction the connection remains usable, and a transaction
    /// can only be rolled back, to a savepoint or as a whole. Another statement on the connection
    /// within the body ends the `COPY` in the same way.
    ///
    /// Rows are sent in binary format, about 64 KB at a time, and only that much is in memory. The
    /// types of the columns are looked up first.
    ///
    /// - Parameters:
    ///   - table: The name of the table as in SQL, such as `"person"` or
    ///     `"\(identifier: schema).\(identifier: table)"`.
    ///   - columns: The names of the columns, in the order of the values; by default all columns
    ///     of the table that are not generated, in its order. Exact, as in `\(identifier:)`.
    ///   - timeout: The timeout for the whole `COPY`; by default the configuration's
    ///     `statementTimeout`. It does not interrupt other code of the body.
    ///   - body: A closure that writes the rows.
    /// - Returns: The number of rows that were stored.
    /// - Throws: The error of `body`, unchanged. ``PostgresError`` of the server, whose message
    ///   ends with the line and the column, as far as the server reports them; the line of a row
    ///   is its number, from 1. As ``query(_:timeout:)``; an error before the end of the data was
    ///   sent has the outcome `rolledBack`.
    @discardableResult
    public func copy(
        to table: PostgresQuery,
        columns: [String] = [],
        timeout: Duration? = nil,
        _ body: (borrowing PostgresCopyWriter) async throws -> Void
    ) async throws -> Int {
        let limit = limit(timeout)
        let rows = try await beginCopy(to: table, columns, limit)
        do {
            try await body(PostgresCopyWriter(rows))
        } catch {
            rows.sender.abort()
            throw error
        }
        do throws(PostgresError) { return try await rows.finish() } catch { throw error.forCaller }
    }

    /// Copies the rows of a sequence into a table.
    ///
    /// Behaves like ``copy(to:columns:timeout:_:)``. The sequence is asked for a row when the ones
    /// before it are sent or buffered, so a slow server slows it down.
    ///
    /// - Parameters:
    ///   - table: The name of the table, as in SQL.
    ///   - columns: The names of the columns, in the order of the values; by default all columns
    ///     of the table that are not generated.
    ///   - rows: Tuples with a value for each column.
    ///   - timeout: The timeout for the whole `COPY`; by default the configuration's
    ///     `statementTimeout`.
    /// - Returns: The number of rows that were stored.
    /// - Throws: The error of the sequence, unchanged; otherwise as
    ///   ``copy(to:columns:timeout:_:)``.
    @discardableResult
    public func copy<each Value: PostgresEncodable, Rows: AsyncSequence>(
        to table: PostgresQuery,
        columns: [String] = [],
        rows: Rows,
        timeout: Duration? = nil
    ) async throws -> Int where Rows.Element == (repeat each Value) {
        try await copy(to: table, columns: columns, timeout: timeout) { writer in
            for try await row in rows { try await writer.write(repeat each row) }
        }
    }

    /// Runs `COPY … FROM STDIN` with the bytes that a closure writes.
    ///
    /// ```swift
    /// try await db.copy("COPY person (id, name) FROM STDIN (FORMAT csv)") { writer in
    ///     try await writer.write("1,Ann\n2,Bob\n".utf8)
    /// }
    /// ```
    ///
    /// Behaves like ``copy(to:columns:timeout:_:)`` if the closure throws, or runs another
    /// statement. About 64 KB are in memory.
    ///
    /// - Parameters:
    ///   - statement: The statement, with any options. The server reads no parameters in it.
    ///   - timeout: The timeout for the whole `COPY`; by default the configuration's
    ///     `statementTimeout`. It does not interrupt other code of the body.
    ///   - body: A closure that writes the bytes, in the format of the statement and encoded in
    ///     UTF-8, unless the statement has the option `ENCODING`.
    /// - Returns: The number of rows that were stored.
    /// - Throws: As ``copy(to:columns:timeout:_:)``; ``PostgresError`` with the code `unsupported`
    ///   if the text is no such statement, or has parameters.
    @discardableResult
    public func copy(
        _ statement: PostgresQuery,
        timeout: Duration? = nil,
        _ body: (borrowing PostgresCopyByteWriter) async throws -> Void
    ) async throws -> Int {
        let limit = limit(timeout)
        let sender = try await beginCopy(statement, limit)
        do {
            try await body(PostgresCopyByteWriter(sender))
        } catch {
            sender.abort()
            throw error
        }
        do throws(PostgresError) { return try await sender.finish() } catch { throw error.forCaller }
    }

    /// Runs `COPY … FROM STDIN` with the bytes of a sequence, such as the parts of a file or of a
    /// request.
    ///
    /// Behaves like ``copy(_:timeout:_:)``. The sequence is asked for bytes when those before are
    /// sent or buffered, so a slow server slows it down.
    ///
    /// - Parameters:
    ///   - statement: The statement, with any options. The server reads no parameters in it.
    ///   - bytes: The data in pieces of any size, which need not end with rows.
    ///   - timeout: The timeout for the whole `COPY`; by default the configuration's
    ///     `statementTimeout`.
    /// - Returns: The number of rows that were stored.
    /// - Throws: The error of the sequence, unchanged; otherwise as ``copy(_:timeout:_:)``.
    @discardableResult
    public func copy<Bytes: AsyncSequence>(
        _ statement: PostgresQuery,
        bytes: Bytes,
        timeout: Duration? = nil
    ) async throws -> Int where Bytes.Element: Collection<UInt8> {
        try await copy(statement, timeout: timeout) { writer in
            for try await piece in bytes { try await writer.write(piece) }
        }
    }
}

extension PostgresConnection {
    private func beginCopy(_ statement: PostgresQuery, _ limit: WaitLimit) async throws -> CopySender {
        session.beginUse()
        defer { session.endUse() }
        let observation = session.observe(statement)
        do throws(PostgresError) {
            let text = try statement.textOfCopy()
            try await prepareToSend(sql: text, limit)
            try await session.beginCopyIn(text, limit)
            return CopySender(session, sql: text, limit, observation)
        } catch {
            observation?.fail(error)
            throw error.forCaller
        }
    }

    private func beginCopy(
        to table: PostgresQuery,
        _ names: [String],
        _ limit: WaitLimit
    ) async throws -> CopyRowSender {
        session.beginUse()
        defer { session.endUse() }
        let statement = PostgresQuery.copy(to: table, names)
        let observation = session.observe(statement)
        do throws(PostgresError) {
            let text = try statement.textOfCopy()
            try await prepareToSend(sql: text, limit)
            let columns = try await session.copyColumns(of: table.text, names, limit)
            let count = try await session.beginCopyIn(text, limit)
            let sender = CopySender(session, sql: text, limit, observation)
            guard columns.count == count else {
                sender.abort()
                throw PostgresError(
                    .columnCount,
                    "the columns of the table have changed",
                    sql: text,
                    outcome: .rolledBack
                )
            }
            return CopyRowSender(sender, columns)
        } catch {
            observation?.fail(error)
            throw error.forCaller
        }
    }
}

extension PostgresQuery {
    /// Returns the statement that copies rows to a table in binary format.
    fileprivate static func copy(to table: PostgresQuery, _ columns: [String]) -> PostgresQuery {
        if columns.isEmpty { return "COPY \(sql: table) FROM STDIN (FORMAT binary)" }
        var list: PostgresQuery = "\(identifier: columns[0])"
        for column in columns.dropFirst() { list = "\(sql: list), \(identifier: column)" }
        return "COPY \(sql: table) (\(sql: list)) FROM STDIN (FORMAT binary)"
    }

    /// Returns the text of a `COPY` statement.
    ///
    /// - Throws: ``PostgresError`` if the statement has parameters.
    func textOfCopy() throws(PostgresError) -> String {
        let text = text
        guard parameters.isEmpty else {
            throw PostgresError(.unsupported, "COPY cannot have parameters", sql: text, outcome: .notExecuted)
        }
        return text
    }
}
