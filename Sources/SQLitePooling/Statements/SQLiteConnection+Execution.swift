// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

extension SQLiteConnection {
    /// Runs a statement to its end. Rows that it returns are dropped.
    ///
    /// - Parameter sql: One statement.
    /// - Returns: The effect of the statement.
    /// - Throws: ``SQLiteError``.
    @discardableResult
    public func execute(_ sql: SQLiteQuery) throws(SQLiteError) -> SQLiteCommand {
        let statement = try session.begin(sql)
        defer { session.end(statement) }
        let before = unsafe sqlite3_total_changes64(session.handle)
        while try session.step(statement) {}
        // SQLite's count belongs to the last statement that could change rows, which may be an
        // earlier one.
        let hasChanged = unsafe sqlite3_total_changes64(session.handle) != before
        return SQLiteCommand(
            rowCount: hasChanged ? Int(unsafe sqlite3_changes64(session.handle)) : 0,
            lastInsertedRowID: unsafe sqlite3_last_insert_rowid(session.handle)
        )
    }

    /// Runs several statements in order, until one fails.
    ///
    /// Within a transaction, such as that of `write`, a change of `PRAGMA foreign_keys` is
    /// refused, because SQLite ignores it there. A script that turns foreign keys off runs in
    /// `writeWithoutTransaction`, and begins its own transaction after the pragma.
    ///
    /// - Parameter script: The statements, without parameters. They are not cached.
    /// - Throws: ``SQLiteError``, whose offset counts from the beginning of the script. In a
    ///   transaction, the effects of earlier statements are rolled back with it, unless the body
    ///   catches the error.
    public func executeScript(_ script: SQLiteQuery) throws(SQLiteError) {
        guard script.parameters.isEmpty, script.namedParameters.isEmpty else {
            throw SQLiteError(.parameterCount, "a script cannot have parameters", sql: script.text)
        }
        try session.runScript(script.text)
    }

    /// Runs `body` in a savepoint. If `body` throws, the changes since the savepoint are undone.
    ///
    /// Savepoints can be nested.
    ///
    /// - Returns: The result of `body`.
    /// - Throws: ``SQLiteError``, and the error of `body`, unchanged. The transaction can continue
    ///   afterwards.
    @discardableResult
    public func withSavepoint<Value>(_ body: (borrowing SQLiteConnection) throws -> Value) throws -> Value {
        var value: Value?
        try session.performInSavepoint { value = try body($0) }
        return value.take()!
    }

    /// Describes a statement without running it. The values of its parameters are ignored.
    ///
    /// - Parameter sql: One statement.
    /// - Throws: ``SQLiteError``; with the code `notDescribable` for a pragma that sets something,
    ///   because SQLite may execute it during the preparation.
    public func describe(_ sql: SQLiteQuery) throws(SQLiteError) -> StatementInfo {
        try session.refreshSchema()
        session.isDescribing = true
        defer { session.isDescribing = false }
        let statement: Statement
        do {
            statement = try session.prepareOne(sql.text)
        } catch {
            guard error.code == .authorization else { throw error }
            throw SQLiteError(.notDescribable, "cannot describe a pragma that sets something: run it", sql: sql.text)
        }
        defer { statement.finalize() }
        return StatementInfo(
            isReadOnly: statement.isReadOnly,
            columnNames: (0..<statement.columnCount).map { statement.columnName($0) },
            parameterCount: statement.parameterCount,
            parameterNames: statement.parameterNames
        )
    }
}
