// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLiteConnection {
    /// Runs a statement and makes a value of each row, whose properties have the names of the columns.
    ///
    /// ```swift
    /// struct User: Decodable { var id: Int; var name: String; var city: String? }
    ///
    /// let users = try db.query("SELECT id, name, city FROM user", decoding: User.self)
    /// ```
    ///
    /// The configuration's ``SQLiteConfiguration/columnNames`` says which column a property has. A property whose type is
    /// ``SQLiteDecodable`` is decoded as any other value. A property of another `Decodable` type is decoded as its
    /// `init(from:)` says: from one value, or from the JSON in a text. An optional is `nil` where the column is `NULL`.
    ///
    /// - Parameters:
    ///   - sql: One statement.
    ///   - type: The type of the values.
    ///   - missingColumns: Whether an optional property without a column is an error, as every other property is.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: ``SQLiteError``; with the code `columnCount` if a property has no column, `decoding` if a value does not fit.
    ///   What the type's own `init(from:)` throws, unchanged, but for a `DecodingError`, which becomes one of those.
    @inlinable
    public func query<Value: Decodable>(
        _ sql: SQL,
        decoding type: Value.Type,
        missingColumns: SQLiteMissingColumns = .areErrors
    ) throws -> [Value] {
        var values: [Value] = []
        guard let decoder = try session.beginDecoding(sql, missingColumns) else { return values }
        defer { session.end(decoder) }
        let statement = decoder.statement
        repeat { values.append(try decoder.decode(type)) } while try session.stepOn(statement)
        return values
    }

    /// Runs a statement as far as its first row, and makes a value of that, as ``query(_:decoding:missingColumns:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. One that writes is not finished when it gives rows: use `query` for it.
    ///   - type: The type of the value.
    ///   - missingColumns: Whether an optional property without a column is an error, as every other property is.
    /// - Returns: The value; `nil` if there is no row.
    /// - Throws: As ``query(_:decoding:missingColumns:)``.
    @inlinable
    public func queryFirst<Value: Decodable>(
        _ sql: SQL,
        decoding type: Value.Type,
        missingColumns: SQLiteMissingColumns = .areErrors
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
    /// - Returns: The decoder of its rows, which is the caller's until ``end(_:)``; `nil` if there is no row.
    @usableFromInline
    func beginDecoding(_ sql: SQL, _ missingColumns: SQLiteMissingColumns) throws(SQLiteError) -> RowDecoder? {
        let statement = try begin(sql)
        do throws(SQLiteError) {
            // The decoder is made after the first step, which may find that the schema has changed, and columns with it.
            if try step(statement) { return RowDecoder(statement, missingColumns: missingColumns) }
        } catch {
            end(statement)
            throw error
        }
        end(statement)
        return nil
    }

    /// Ends a statement after its first row, with the error of a commit that comes with that.
    @usableFromInline
    func finish(_ decoder: RowDecoder) throws(SQLiteError) { try finish(decoder.statement) }

    /// Ends the decoding of a statement, and the statement.
    @usableFromInline
    func end(_ decoder: RowDecoder) { end(decoder.statement) }
}

extension SQLiteRow {
    /// Decodes the row as a value whose properties have the names of the columns.
    ///
    /// The names are looked up again in each row: ``SQLiteConnection/query(_:decoding:missingColumns:)`` does it once.
    ///
    /// - Parameters:
    ///   - type: The type of the value.
    ///   - missingColumns: Whether an optional property without a column is an error, as every other property is.
    /// - Returns: The value.
    /// - Throws: As ``SQLiteConnection/query(_:decoding:missingColumns:)``.
    public func decode<Value: Decodable>(
        _ type: Value.Type,
        missingColumns: SQLiteMissingColumns = .areErrors
    ) throws -> Value {
        let decoder = RowDecoder(statement, missingColumns: missingColumns)
        return try decoder.decode(type)
    }
}

extension SQLitePool {
    /// Runs a statement that reads, and makes a value of each row, whose properties have the names of the columns.
    ///
    /// Suspends as ``read(timeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. One that writes fails; `write { db in try db.query(…) }` runs it.
    ///   - type: The type of the values.
    ///   - missingColumns: Whether an optional property without a column is an error, as every other property is.
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: As ``read(timeout:file:line:_:)``, and as ``SQLiteConnection/query(_:decoding:missingColumns:)``.
    @inlinable
    public func query<Value: Decodable & Sendable>(
        _ sql: SQL,
        decoding type: Value.Type,
        missingColumns: SQLiteMissingColumns = .areErrors,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [Value] {
        try await runOnReader(timeout, file, line) { db in
            try db.query(sql, decoding: Value.self, missingColumns: missingColumns)
        }
    }

    /// Runs a statement that reads, as far as its first row, and makes a value of that.
    ///
    /// Suspends as ``read(timeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. One that writes fails; `write { db in try db.query(…) }` runs it.
    ///   - type: The type of the value.
    ///   - missingColumns: Whether an optional property without a column is an error, as every other property is.
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The value; `nil` if there is no row.
    /// - Throws: As ``read(timeout:file:line:_:)``, and as ``SQLiteConnection/query(_:decoding:missingColumns:)``.
    @inlinable
    public func queryFirst<Value: Decodable & Sendable>(
        _ sql: SQL,
        decoding type: Value.Type,
        missingColumns: SQLiteMissingColumns = .areErrors,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> Value? {
        try await runOnReader(timeout, file, line) { db in
            try db.queryFirst(sql, decoding: Value.self, missingColumns: missingColumns)
        }
    }
}
