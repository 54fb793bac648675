// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

/// The rows of a statement's result, copied from SQLite.
///
/// Any thread may read them: the values do not change after the copy, because a text is already in
/// UTF-8, and no read converts a value.
@safe
@usableFromInline
final class CopiedRows: CellSource, @unchecked Sendable {
    private let names: [String]
    private let declaredTypes: [String?]
    private var values: [OpaquePointer] = unsafe []
    private(set) var rowCount = 0

    /// Copies the names and types of a statement's columns.
    ///
    /// - Precondition: The statement has taken its first step, after which its columns do not
    ///   change.
    init(columnsOf statement: Statement) {
        let columns = 0..<statement.columnCount
        names = columns.map { statement.columnName($0) }
        declaredTypes = columns.map { statement.declaredType($0) }
        super.init(text: statement.text)
        strategies = statement.strategies
    }

    deinit { for index in unsafe values.indices { unsafe sqlite3_value_free(values[index]) } }

    override var columnCount: Int { names.count }
    override func columnName(_ index: Int) -> String { names[index] }
    override func declaredType(_ index: Int) -> String? { declaredTypes[index] }
    var columnNames: [String] { names }

    /// Copies the current row of the statement. O(size of the row).
    ///
    /// - Throws: `SQLiteError` with the code `outOfMemory`.
    func append(_ statement: Statement) throws(SQLiteError) {
        for index in 0..<names.count {
            let original = unsafe sqlite3_column_value(statement.handle, Int32(truncatingIfNeeded: index))
            guard let copy = unsafe sqlite3_value_dup(original) else {
                throw SQLiteError(.outOfMemory, "no memory for a row", sql: text)
            }
            unsafe values.append(copy)
            let isConverted =
                switch unsafe sqlite3_value_type(copy) {
                // Converts a text of a database in UTF-16.
                case SQLITE_TEXT: unsafe sqlite3_value_text(copy) != nil
                // Expands zeros that SQLite has only counted. An empty blob has no address.
                case SQLITE_BLOB: unsafe sqlite3_value_blob(copy) != nil || sqlite3_value_bytes(copy) == 0
                default: true
                }
            guard isConverted else { throw SQLiteError(.outOfMemory, "no memory for a row", sql: text) }
        }
        rowCount += 1
    }

    /// Returns a value.
    ///
    /// - Parameters:
    ///   - row: The index of the row; must be less than ``rowCount``.
    ///   - column: The index of the column.
    func value(_ row: Int, _ column: Int) -> OpaquePointer { unsafe values[row * names.count + column] }

    /// Returns a cell, which is valid as long as the rows exist.
    func cell(_ row: Int, _ column: Int) -> SQLiteCell {
        unsafe SQLiteCell(column, value(row, column), Unmanaged.passUnretained(self).toOpaque())
    }

    @inline(never)
    func decode<Value: SQLiteDecodable>(
        _: Value.Type = Value.self,
        row: Int,
        at column: inout Int
    ) throws(SQLiteError) -> Value {
        defer { withExtendedLifetime(self) {} }
        let cell = cell(row, column)
        column += 1
        return try Value(cell: cell)
    }

    /// Decodes a row, which has as many columns as the tuple has types.
    func decode<each Column: SQLiteDecodable>(
        row: Int,
        as columns: (repeat each Column).Type
    ) throws(SQLiteError) -> (repeat each Column) {
        var column = 0
        return (repeat try decode((each Column).self, row: row, at: &column))
    }
}

extension Session {
    /// Runs a statement and copies its rows.
    func copyRows(of sql: SQLiteQuery) throws(SQLiteError) -> CopiedRows {
        let statement = try begin(sql)
        defer { end(statement) }
        // The first step may detect a change of the schema and thus of the columns.
        var hasRow = try step(statement)
        let rows = CopiedRows(columnsOf: statement)
        while hasRow {
            try rows.append(statement)
            hasRow = try step(statement)
        }
        return rows
    }

    /// Runs a statement up to its first row, and copies that row.
    func copyFirstRow(of sql: SQLiteQuery) throws(SQLiteError) -> CopiedRows {
        let statement = try begin(sql)
        defer { end(statement) }
        let hasRow = try step(statement)
        let rows = CopiedRows(columnsOf: statement)
        guard hasRow else { return rows }
        try rows.append(statement)
        try finish(statement)
        return rows
    }
}
