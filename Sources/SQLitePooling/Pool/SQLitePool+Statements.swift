// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension SQLitePool {
    /// Runs a reading statement and decodes all its rows.
    ///
    /// Suspends as ``read(timeout:checkoutTimeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. A writing statement fails; use `write { db in try db.query(…) }`
    ///     for it.
    ///   - columns: The type of each column, in order, as a tuple.
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The rows, in the order of the statement.
    /// - Throws: As ``read(timeout:checkoutTimeout:file:line:_:)``; ``SQLiteError`` with the code
    ///   `columnCount` or `decoding` if the rows do not have these types.
    @inlinable
    public func query<each Column: SQLiteDecodable & Sendable>(
        _ sql: SQLiteQuery,
        as columns: (repeat each Column).Type = (repeat each Column).self,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [(repeat each Column)] {
        // A single statement sees one state of the database without a transaction.
        try await runOnReader(timeout, file, line) { db in try db.query(sql, as: columns) }
    }

    /// Runs a reading statement and decodes all its rows, which have one column.
    ///
    /// Suspends as ``read(timeout:checkoutTimeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. A writing statement fails; use `write { db in try db.query(…) }`
    ///     for it.
    ///   - column: The type of the column.
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: As ``read(timeout:checkoutTimeout:file:line:_:)``; ``SQLiteError`` with the code
    ///   `columnCount` or `decoding` if the rows do not have this type.
    @inlinable
    public func query<Column: SQLiteDecodable & Sendable>(
        _ sql: SQLiteQuery,
        as column: Column.Type = Column.self,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [Column] {
        try await runOnReader(timeout, file, line) { db in try db.query(sql, as: Column.self) }
    }

    /// Runs a reading statement up to its first row, and decodes that row.
    ///
    /// Suspends as ``read(timeout:checkoutTimeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. A writing statement fails; use `write { db in try db.query(…) }`
    ///     for it.
    ///   - columns: The type of each column, in order, as a tuple.
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The first row; `nil` if there is none.
    /// - Throws: As ``read(timeout:checkoutTimeout:file:line:_:)``; ``SQLiteError`` with the code
    ///   `columnCount` or `decoding` if the row does not have these types.
    @inlinable
    public func queryFirst<each Column: SQLiteDecodable & Sendable>(
        _ sql: SQLiteQuery,
        as columns: (repeat each Column).Type = (repeat each Column).self,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> (repeat each Column)? {
        try await runOnReader(timeout, file, line) { db in try db.queryFirst(sql, as: columns) }
    }

    /// Runs a reading statement up to its first row, which has one column, and decodes that row.
    ///
    /// Suspends as ``read(timeout:checkoutTimeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement. A writing statement fails; use `write { db in try db.query(…) }`
    ///     for it.
    ///   - column: The type of the column.
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The value; `nil` if there is no row.
    /// - Throws: As ``read(timeout:checkoutTimeout:file:line:_:)``; ``SQLiteError`` with the code
    ///   `columnCount` or `decoding` if the row does not have this type.
    @inlinable
    public func queryFirst<Column: SQLiteDecodable & Sendable>(
        _ sql: SQLiteQuery,
        as column: Column.Type = Column.self,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> Column? {
        try await runOnReader(timeout, file, line) { db in try db.queryFirst(sql, as: Column.self) }
    }

    /// Runs a body on a reader, without a transaction.
    @usableFromInline
    func runOnReader<Value>(
        _ timeout: Duration?,
        _ file: StaticString,
        _ line: UInt,
        _ body: sending @escaping (borrowing SQLiteConnection) throws -> sending Value
    ) async throws -> sending Value {
        try await run(on: readers, .none, until: Self.deadline(after: timeout), for: CallSite(file, line), body)
    }

    /// Runs a writing statement as its own transaction. Rows that it returns are dropped.
    ///
    /// If writes share commits, a statement that begins with `INSERT`, `UPDATE`, `DELETE`,
    /// `REPLACE`, `WITH`, `CREATE`, `DROP` or `ALTER` shares one, as
    /// ``write(timeout:checkoutTimeout:file:line:_:)`` does. Any other statement runs alone,
    /// because it may not work in a transaction.
    ///
    /// Suspends as ``write(timeout:checkoutTimeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement.
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The effect of the committed statement.
    /// - Throws: As ``write(timeout:checkoutTimeout:file:line:_:)``; nothing has changed then.
    @discardableResult
    public func execute(
        _ sql: SQLiteQuery,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> SQLiteCommand {
        try checkMayWrite()
        let scope: TransactionScope = group != nil && sql.mayShareTransaction ? .immediate : .statement
        return try await run(on: writer, scope, until: Self.deadline(after: timeout), for: CallSite(file, line)) { db in
            try db.execute(sql)
        }
    }

    /// Runs several statements in order, such as those of a migration, in one transaction.
    ///
    /// Suspends as ``write(timeout:checkoutTimeout:file:line:_:)``. Statements that do not work in
    /// a transaction, such as `VACUUM` and `PRAGMA foreign_keys = OFF`, belong in
    /// ``writeWithoutTransaction(timeout:checkoutTimeout:file:line:_:)``. The pragma, which SQLite
    /// ignores in a transaction, fails with the code `refusedPragma`.
    ///
    /// - Parameters:
    ///   - script: The statements, without parameters. They are not cached.
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Throws: As ``write(timeout:checkoutTimeout:file:line:_:)``; nothing has changed then. The
    ///   offset of an error counts from the beginning of the script.
    public func executeScript(
        _ script: SQLiteQuery,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws {
        try checkMayWrite()
        let caller = CallSite(file, line)
        return try await run(on: writer, .immediateAlone, until: Self.deadline(after: timeout), for: caller) { db in
            try db.executeScript(script)
        }
    }
}
