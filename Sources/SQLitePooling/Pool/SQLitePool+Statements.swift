// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension SQLitePool {
    /// Runs a statement that reads, and decodes all its rows.
    ///
    /// Suspends as ``read(timeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. One that writes fails; `write { db in try db.query(…) }` runs it.
    ///   - columns: The type of each column, in order, as a tuple.
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The rows, in the order of the statement.
    /// - Throws: As ``read(timeout:file:line:_:)``; ``SQLiteError`` with the code `columnCount` or `decoding` if the rows are not of these types.
    @inlinable
    public func query<each Column: SQLiteDecodable & Sendable>(
        _ sql: SQL,
        as columns: (repeat each Column).Type = (repeat each Column).self,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [(repeat each Column)] {
        // One statement sees one state of the database without a transaction around it.
        try await runOnReader(timeout, file, line) { db in try db.query(sql, as: columns) }
    }

    /// Runs a statement that reads, and decodes all its rows, which have one column.
    ///
    /// Suspends as ``read(timeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. One that writes fails; `write { db in try db.query(…) }` runs it.
    ///   - column: The type of the column.
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: As ``read(timeout:file:line:_:)``; ``SQLiteError`` with the code `columnCount` or `decoding` if the rows are not of this type.
    @inlinable
    public func query<Column: SQLiteDecodable & Sendable>(
        _ sql: SQL,
        as column: Column.Type = Column.self,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [Column] {
        try await runOnReader(timeout, file, line) { db in try db.query(sql, as: Column.self) }
    }

    /// Runs a statement that reads, as far as its first row, and decodes that.
    ///
    /// Suspends as ``read(timeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. One that writes fails; `write { db in try db.query(…) }` runs it.
    ///   - columns: The type of each column, in order, as a tuple.
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The first row; `nil` if there is none.
    /// - Throws: As ``read(timeout:file:line:_:)``; ``SQLiteError`` with the code `columnCount` or `decoding` if the row is not of these types.
    @inlinable
    public func queryFirst<each Column: SQLiteDecodable & Sendable>(
        _ sql: SQL,
        as columns: (repeat each Column).Type = (repeat each Column).self,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> (repeat each Column)? {
        try await runOnReader(timeout, file, line) { db in try db.queryFirst(sql, as: columns) }
    }

    /// Runs a statement that reads, as far as its first row, which has one column, and decodes that.
    ///
    /// Suspends as ``read(timeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. One that writes fails; `write { db in try db.query(…) }` runs it.
    ///   - column: The type of the column.
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The value; `nil` if there is no row.
    /// - Throws: As ``read(timeout:file:line:_:)``; ``SQLiteError`` with the code `columnCount` or `decoding` if the row is not of this type.
    @inlinable
    public func queryFirst<Column: SQLiteDecodable & Sendable>(
        _ sql: SQL,
        as column: Column.Type = Column.self,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> Column? {
        try await runOnReader(timeout, file, line) { db in try db.queryFirst(sql, as: Column.self) }
    }

    /// Runs a body on a connection that reads, without a transaction around it.
    @usableFromInline
    func runOnReader<Value>(
        _ timeout: Duration?,
        _ file: StaticString,
        _ line: UInt,
        _ body: sending @escaping (borrowing SQLiteConnection) throws -> sending Value
    ) async throws -> sending Value {
        try await run(on: readers, .none, until: Self.deadline(after: timeout), for: Caller(file, line), body)
    }

    /// Runs a statement that writes, as a transaction of its own. Rows that it gives are dropped.
    ///
    /// Where writes share commits, a statement that begins with `INSERT`, `UPDATE`, `DELETE`, `REPLACE`, `WITH`, `CREATE`, `DROP` or
    /// `ALTER` shares one too, as ``write(timeout:file:line:_:)`` does. Any other runs alone, because it may not work in a transaction.
    ///
    /// Suspends as ``write(timeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement.
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: What it has changed, which is committed.
    /// - Throws: As ``write(timeout:file:line:_:)``; nothing is changed then.
    @discardableResult
    public func execute(
        _ sql: SQL,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> SQLiteChanges {
        try checkMayWrite()
        let scope: TransactionScope = group != nil && sql.mayShareTransaction ? .immediate : .statement
        return try await run(on: writer, scope, until: Self.deadline(after: timeout), for: Caller(file, line)) { db in
            try db.execute(sql)
        }
    }
}
