// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

extension SQLiteError {
    /// When SQLite reported an error.
    enum Phase {
        /// While it prepared a statement: its messages quote the statement and the schema.
        case preparation
        /// While it ran a statement: its messages may quote values.
        case run
    }

    /// The last error of a connection.
    ///
    /// - Parameters:
    ///   - code: What the call returned.
    ///   - database: The connection.
    ///   - sql: The statement.
    ///   - start: Where in `sql` the text begins that SQLite was given.
    ///   - phase: When SQLite reported it.
    ///   - detail: Whether the message may hold values.
    init(
        _ code: Int32,
        of database: OpaquePointer,
        sql: String? = nil,
        start: Int = 0,
        phase: Phase = .run,
        detail: SQLiteConfiguration.ErrorDetail = .redacted
    ) {
        let original = unsafe String(cString: sqlite3_errmsg(database))
        let isSafe = phase == .preparation || detail == .full
        let message = isSafe ? original : Self.redacted(original, code)
        let offset = Int(unsafe clockpool_sqlite_error_offset(database))
        self.init(
            Code(rawValue: code),
            message,
            sql: sql,
            offset: sql != nil && offset >= 0 ? start + offset : nil
        )
    }
}
