// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension SQLitePool {
    /// Observes a reading statement: its rows now, and again whenever they may have changed.
    ///
    /// ```swift
    /// for try await rows in pool.observe("SELECT id, name FROM user", as: (Int, String).self) {
    ///     show(rows)
    /// }
    /// ```
    ///
    /// The statement runs again after a commit of the pool that changes a table that it reads, or
    /// definitions of tables. An update of columns that it does not read does not count. Tables
    /// that are read through views and subqueries are included. A statement that reads virtual
    /// tables or is a pragma runs again after each commit.
    ///
    /// - Parameters:
    ///   - sql: One statement. A writing statement fails.
    ///   - columns: The type of each column, in order, as a tuple.
    ///   - pollInterval: How often the pool looks for changes by other processes and pools; `nil`,
    ///     the default, for never. Required if the pool is read-only.
    ///   - timeout: The time limit of each read; `nil`, the default, for no limit once it has a
    ///     connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The sequence of results. It does nothing before its first element is requested.
    public func observe<each Column: SQLiteDecodable & Sendable>(
        _ sql: SQLiteQuery,
        as columns: (repeat each Column).Type = (repeat each Column).self,
        pollInterval: Duration? = nil,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> SQLiteObservation<[(repeat each Column)]> {
        let caller = CallSite(file, line)
        return SQLiteObservation(self, sql.text, pollInterval: pollInterval, timeout: timeout, for: caller) { db in
            try db.query(sql, as: (repeat each Column).self)
        }
    }

    /// Observes a reading statement whose rows have one column.
    ///
    /// Otherwise as `observe` for several columns.
    ///
    /// - Parameters:
    ///   - sql: One statement. A writing statement fails.
    ///   - column: The type of the column.
    ///   - pollInterval: How often the pool looks for changes by other processes and pools.
    ///   - timeout: The time limit of each read.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The sequence of results. It does nothing before its first element is requested.
    public func observe<Column: SQLiteDecodable & Sendable>(
        _ sql: SQLiteQuery,
        as column: Column.Type = Column.self,
        pollInterval: Duration? = nil,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> SQLiteObservation<[Column]> {
        let caller = CallSite(file, line)
        return SQLiteObservation(self, sql.text, pollInterval: pollInterval, timeout: timeout, for: caller) { db in
            try db.query(sql, as: Column.self)
        }
    }

    /// Observes a reading statement whose rows are decoded by the names of their columns.
    ///
    /// Otherwise as `observe` for several columns.
    ///
    /// - Parameters:
    ///   - sql: One statement. A writing statement fails.
    ///   - type: The type of a row.
    ///   - missingColumns: Whether a property without a column is an error.
    ///   - pollInterval: How often the pool looks for changes by other processes and pools.
    ///   - timeout: The time limit of each read.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The sequence of results. It does nothing before its first element is requested.
    public func observe<Value: Decodable & Sendable>(
        _ sql: SQLiteQuery,
        decoding type: Value.Type,
        missingColumns: SQLiteRow.MissingColumns = .areErrors,
        pollInterval: Duration? = nil,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> SQLiteObservation<[Value]> {
        let caller = CallSite(file, line)
        return SQLiteObservation(self, sql.text, pollInterval: pollInterval, timeout: timeout, for: caller) { db in
            try db.query(sql, decoding: Value.self, missingColumns: missingColumns)
        }
    }
}
