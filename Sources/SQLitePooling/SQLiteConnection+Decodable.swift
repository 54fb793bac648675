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
    public func query<Value: Decodable>(
        _ sql: SQL,
        decoding type: Value.Type,
        missingColumns: SQLiteMissingColumns = .areErrors
    ) throws -> [Value] {
        let statement = try session.begin(sql)
        defer { session.end(statement) }
        var values: [Value] = []
        guard try session.step(statement) else { return values }
        // Made after the first step, which may find that the schema has changed, and columns with it.
        let decoder = RowDecoder(statement, missingColumns: missingColumns)
        defer { decoder.end() }
        repeat { values.append(try decoder.decode(type)) } while try session.step(statement)
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
    public func queryFirst<Value: Decodable>(
        _ sql: SQL,
        decoding type: Value.Type,
        missingColumns: SQLiteMissingColumns = .areErrors
    ) throws -> Value? {
        let statement = try session.begin(sql)
        defer { session.end(statement) }
        guard try session.step(statement) else { return nil }
        let decoder = RowDecoder(statement, missingColumns: missingColumns)
        defer { decoder.end() }
        let value = try decoder.decode(type)
        try session.finish(statement)
        return value
    }
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
        defer { decoder.end() }
        return try decoder.decode(type)
    }
}

extension SQLitePool {
    /// Runs a statement that reads, and makes a value of each row, whose properties have the names of the columns.
    ///
    /// Suspends as ``read(timeout:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. One that writes fails; `write { db in try db.query(…) }` runs it.
    ///   - type: The type of the values.
    ///   - missingColumns: Whether an optional property without a column is an error, as every other property is.
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: As ``read(timeout:_:)``, and as ``SQLiteConnection/query(_:decoding:missingColumns:)``.
    public func query<Value: Decodable & Sendable>(
        _ sql: SQL,
        decoding type: Value.Type,
        missingColumns: SQLiteMissingColumns = .areErrors,
        timeout: Duration? = nil
    ) async throws -> [Value] {
        try await run(on: readers, .none, until: Self.deadline(after: timeout)) { db in
            try db.query(sql, decoding: Value.self, missingColumns: missingColumns)
        }
    }

    /// Runs a statement that reads, as far as its first row, and makes a value of that.
    ///
    /// Suspends as ``read(timeout:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. One that writes fails; `write { db in try db.query(…) }` runs it.
    ///   - type: The type of the value.
    ///   - missingColumns: Whether an optional property without a column is an error, as every other property is.
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    /// - Returns: The value; `nil` if there is no row.
    /// - Throws: As ``read(timeout:_:)``, and as ``SQLiteConnection/query(_:decoding:missingColumns:)``.
    public func queryFirst<Value: Decodable & Sendable>(
        _ sql: SQL,
        decoding type: Value.Type,
        missingColumns: SQLiteMissingColumns = .areErrors,
        timeout: Duration? = nil
    ) async throws -> Value? {
        try await run(on: readers, .none, until: Self.deadline(after: timeout)) { db in
            try db.queryFirst(sql, decoding: Value.self, missingColumns: missingColumns)
        }
    }
}
