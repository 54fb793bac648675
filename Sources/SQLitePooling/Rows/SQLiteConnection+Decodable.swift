// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLiteConnection {
    /// Runs a statement and decodes each row as a value whose properties have the names of the
    /// columns.
    ///
    /// ```swift
    /// struct User: Decodable { var id: Int; var name: String; var city: String? }
    ///
    /// let users = try db.query("SELECT id, name, city FROM user", decoding: User.self)
    /// ```
    ///
    /// The configuration's ``SQLiteConfiguration/columnNames`` relates columns and properties. A
    /// property whose type is ``SQLiteDecodable`` is decoded like any other value. A property of
    /// another `Decodable` type is decoded by its `init(from:)`, from a single value or from the
    /// JSON in a text. An optional is `nil` if the column is `NULL`.
    ///
    /// - Parameters:
    ///   - sql: One statement.
    ///   - type: The type of the values.
    ///   - missingColumns: Whether an optional property without a column is an error.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: ``SQLiteError``; with the code `columnCount` if a property has no column,
    ///   `decoding` if a value does not fit. Errors of the type's own `init(from:)`, unchanged,
    ///   except that a `DecodingError` becomes one of these.
    @inlinable
    public func query<Value: Decodable>(
        _ sql: SQLiteQuery,
        decoding type: Value.Type,
        missingColumns: SQLiteRow.MissingColumns = .areErrors
    ) throws -> [Value] {
        var values: [Value] = []
        guard let decoder = try session.beginDecoding(sql, missingColumns) else { return values }
        defer { session.end(decoder) }
        let statement = decoder.statement
        repeat { values.append(try decoder.decode(type)) } while try session.advance(statement)
        return values
    }

    /// Runs a statement up to its first row, and decodes that row as
    /// ``query(_:decoding:missingColumns:)`` does.
    ///
    /// - Parameters:
    ///   - sql: One statement. A writing statement that returns rows does not run to its end: use
    ///     `query` for it.
    ///   - type: The type of the value.
    ///   - missingColumns: Whether an optional property without a column is an error.
    /// - Returns: The value; `nil` if there is no row.
    /// - Throws: As ``query(_:decoding:missingColumns:)``.
    @inlinable
    public func queryFirst<Value: Decodable>(
        _ sql: SQLiteQuery,
        decoding type: Value.Type,
        missingColumns: SQLiteRow.MissingColumns = .areErrors
    ) throws -> Value? {
        guard let decoder = try session.beginDecoding(sql, missingColumns) else { return nil }
        defer { session.end(decoder) }
        let value = try decoder.decode(type)
        try session.finish(decoder)
        return value
    }
}

extension Session {
    /// Begins a statement whose rows are decoded as `Decodable` values, and takes its first step.
    ///
    /// - Returns: The decoder of its rows, which the caller owns until ``end(_:)``; `nil` if there
    ///   is no row.
    @usableFromInline
    func beginDecoding(_ sql: SQLiteQuery, _ missingColumns: SQLiteRow.MissingColumns) throws(SQLiteError)
        -> RowDecoder?
    {
        let statement = try begin(sql)
        do throws(SQLiteError) {
            // The decoder is created after the first step, which may detect a change of the schema
            // and thus of the columns.
            if try step(statement) { return RowDecoder(statement, missingColumns: missingColumns) }
        } catch {
            end(statement)
            throw error
        }
        end(statement)
        return nil
    }

    /// Ends a statement after its first row. Throws if the commit at that point fails.
    @usableFromInline
    func finish(_ decoder: RowDecoder) throws(SQLiteError) { try finish(decoder.statement) }

    /// Ends the decoding of a statement, and the statement.
    @usableFromInline
    func end(_ decoder: RowDecoder) { end(decoder.statement) }
}

extension SQLiteCursorRow {
    /// Decodes the row as a value whose properties have the names of the columns.
    ///
    /// The names are looked up again for each row;
    /// ``SQLiteConnection/query(_:decoding:missingColumns:)`` looks them up once.
    ///
    /// - Parameters:
    ///   - type: The type of the value.
    ///   - missingColumns: Whether an optional property without a column is an error.
    /// - Returns: The value.
    /// - Throws: As ``SQLiteConnection/query(_:decoding:missingColumns:)``.
    public func decode<Value: Decodable>(
        _ type: Value.Type,
        missingColumns: SQLiteRow.MissingColumns = .areErrors
    ) throws -> Value {
        let decoder = RowDecoder(statement, missingColumns: missingColumns)
        return try decoder.decode(type)
    }
}

extension SQLitePool {
    /// Runs a reading statement and decodes each row as a value whose properties have the names of
    /// the columns.
    ///
    /// Suspends as ``read(timeout:checkoutTimeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. A writing statement fails; use `write { db in try db.query(…) }`
    ///     for it.
    ///   - type: The type of the values.
    ///   - missingColumns: Whether an optional property without a column is an error.
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: As ``read(timeout:checkoutTimeout:file:line:_:)``, and as
    ///   ``SQLiteConnection/query(_:decoding:missingColumns:)``.
    @inlinable
    public func query<Value: Decodable & Sendable>(
        _ sql: SQLiteQuery,
        decoding type: Value.Type,
        missingColumns: SQLiteRow.MissingColumns = .areErrors,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [Value] {
        try await runOnReader(timeout, file, line) { db in
            try db.query(sql, decoding: Value.self, missingColumns: missingColumns)
        }
    }

    /// Runs a reading statement up to its first row, and decodes that row as a value.
    ///
    /// Suspends as ``read(timeout:checkoutTimeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. A writing statement fails; use `write { db in try db.query(…) }`
    ///     for it.
    ///   - type: The type of the value.
    ///   - missingColumns: Whether an optional property without a column is an error.
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The value; `nil` if there is no row.
    /// - Throws: As ``read(timeout:checkoutTimeout:file:line:_:)``, and as
    ///   ``SQLiteConnection/query(_:decoding:missingColumns:)``.
    @inlinable
    public func queryFirst<Value: Decodable & Sendable>(
        _ sql: SQLiteQuery,
        decoding type: Value.Type,
        missingColumns: SQLiteRow.MissingColumns = .areErrors,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> Value? {
        try await runOnReader(timeout, file, line) { db in
            try db.queryFirst(sql, decoding: Value.self, missingColumns: missingColumns)
        }
    }
}
