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
    /// A property is decoded as any other value if its type is ``SQLiteDecodable``, and else as its `Decodable` says,
    /// which may ask for one such value. One that is an optional is `nil` where the column is `NULL`, and where there is no
    /// such column. It takes longer than a tuple does, because each property is looked up by its name.
    ///
    /// - Parameters:
    ///   - sql: One statement.
    ///   - type: The type of the values.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: ``SQLiteError``; with the code `columnCount` if a property has no column, `decoding` if a value does not fit.
    ///   What the type's own `init(from:)` throws, unchanged, but for a `DecodingError`, which becomes one of those.
    public func query<Value: Decodable>(_ sql: SQL, decoding type: Value.Type) throws -> [Value] {
        let statement = try session.begin(sql)
        defer { session.end(statement) }
        var values: [Value] = []
        guard try session.step(statement) else { return values }
        // Made after the first step, which may find that the schema has changed, and columns with it.
        let decoder = RowDecoder(statement)
        repeat { values.append(try decoder.decode(type)) } while try session.step(statement)
        return values
    }

    /// Runs a statement as far as its first row, and makes a value of that, as ``query(_:decoding:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. One that writes is not finished when it gives rows: use `query` for it.
    ///   - type: The type of the value.
    /// - Returns: The value; `nil` if there is no row.
    /// - Throws: As ``query(_:decoding:)``.
    public func queryFirst<Value: Decodable>(_ sql: SQL, decoding type: Value.Type) throws -> Value? {
        let statement = try session.begin(sql)
        defer { session.end(statement) }
        guard try session.step(statement) else { return nil }
        return try RowDecoder(statement).decode(type)
    }
}

extension SQLiteRow {
    /// Makes a value of the row, whose properties have the names of the columns.
    ///
    /// The names are looked up anew for each row: ``SQLiteConnection/query(_:decoding:)`` does it once.
    ///
    /// - Parameter type: The type of the value.
    /// - Returns: The value.
    /// - Throws: As ``SQLiteConnection/query(_:decoding:)``.
    public func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try RowDecoder(statement).decode(type)
    }
}

extension SQLitePool {
    /// Runs a statement that reads, and makes a value of each row, whose properties have the names of the columns.
    ///
    /// Suspends as ``read(timeout:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. One that writes fails.
    ///   - type: The type of the values.
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: As ``read(timeout:_:)``, and as ``SQLiteConnection/query(_:decoding:)``.
    public func query<Value: Decodable & Sendable>(
        _ sql: SQL,
        decoding type: Value.Type,
        timeout: Duration? = nil
    ) async throws -> [Value] {
        try await read(timeout: timeout) { db in try db.query(sql, decoding: Value.self) }
    }

    /// Runs a statement that reads, as far as its first row, and makes a value of that.
    ///
    /// Suspends as ``read(timeout:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. One that writes fails.
    ///   - type: The type of the value.
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    /// - Returns: The value; `nil` if there is no row.
    /// - Throws: As ``read(timeout:_:)``, and as ``SQLiteConnection/query(_:decoding:)``.
    public func queryFirst<Value: Decodable & Sendable>(
        _ sql: SQL,
        decoding type: Value.Type,
        timeout: Duration? = nil
    ) async throws -> Value? {
        try await read(timeout: timeout) { db in try db.queryFirst(sql, decoding: Value.self) }
    }
}
