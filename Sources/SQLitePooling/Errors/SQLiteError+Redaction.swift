// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

extension SQLiteError {
    /// The phase in which SQLite reported an error.
    enum Phase {
        /// Preparing a statement. Messages quote the statement and the schema.
        case preparation
        /// Running a statement. Messages may quote values.
        case run
    }

    /// Creates an error from the last error of a connection.
    ///
    /// - Parameters:
    ///   - code: The result code.
    ///   - database: The connection.
    ///   - sql: The statement.
    ///   - start: The byte offset in `sql` of the text that SQLite received.
    ///   - phase: The phase in which SQLite reported the error.
    ///   - detail: Whether the message may contain values.
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

extension SQLiteError {
    /// Returns the part of a run-time message that contains no value.
    ///
    /// Functions, virtual tables and triggers compose messages from their arguments. So only known
    /// messages are kept: SQLite's text for the code, and the messages below. Any other message is
    /// replaced by the text for the code.
    ///
    /// - Parameters:
    ///   - message: SQLite's message.
    ///   - code: SQLite's code.
    ///   - version: The version number of SQLite.
    static func redacted(_ message: String, _ code: Int32, version: Int32 = sqlite3_libversion_number()) -> String {
        let standard = unsafe String(cString: sqlite3_errstr(code))
        if message == standard || constantMessages.contains(message) { return message }
        if schemaMessages.contains(where: { message.hasPrefix($0) }) { return message }
        // Up to 3.46 the text of a RAISE is a literal of the schema; since 3.47 it is an
        // expression.
        if Code(rawValue: code) == .constraintTrigger, version < 3_047_000 { return message }
        for (start, end) in messagesWithValues where message.hasPrefix(start) && message.hasSuffix(end) {
            return start + "…" + end
        }
        return standard + "; the message may contain values: set errorDetail to full to see it"
    }

    /// Messages without variable parts.
    private static let constantMessages: Set<String> = [
        // Functions.
        "malformed JSON", "JSON cannot hold BLOB values", "json_object() labels must be TEXT",
        "json_object() requires an even number of arguments", "json_insert() needs an odd number of arguments",
        "json_replace() needs an odd number of arguments", "json_set() needs an odd number of arguments",
        "jsonb_insert() needs an odd number of arguments", "jsonb_replace() needs an odd number of arguments",
        "jsonb_set() needs an odd number of arguments", "jsonb_object() labels must be TEXT",
        "jsonb_object() requires an even number of arguments", "integer overflow", "LIKE or GLOB pattern too complex",
        "ESCAPE expression must be a single character", "invalid Unicode escape", "not authorized",
        "second argument to nth_value must be a positive integer", "argument of ntile must be a positive integer",
        "frame starting offset must be a non-negative integer", "frame ending offset must be a non-negative integer",
        "frame starting offset must be a non-negative number", "frame ending offset must be a non-negative number",
        "too many levels of trigger recursion",
        // Full-text search.
        "unterminated string", "fts5: parser stack overflow",
        "fts5: column queries are not supported (detail=none)",
        "fts5: phrase queries are not supported (detail!=full)", "fts5: NEAR queries are not supported (detail!=full)",
        "fts5 expression tree is too large (maximum depth 256)",
        "FTS expression tree is too large (maximum depth 12)",
        ListTable.argumentError,
        // Transactions and the file.
        "cannot start a transaction within a transaction", "cannot commit - no transaction is active",
        "cannot rollback - no transaction is active", "cannot commit transaction - SQL statements in progress",
        "cannot release savepoint - SQL statements in progress", "cannot open savepoint - SQL statements in progress",
        "cannot VACUUM from within a transaction", "cannot VACUUM - SQL statements in progress",
        "cannot change into wal mode from within a transaction",
        "cannot change out of wal mode from within a transaction", "cannot ATTACH database within transaction",
        "attached databases must use the same text encoding as main database", "output file already exists",
        "non-text filename", "Safety level may not be changed inside a transaction",
        "temporary storage cannot be changed from within a transaction",
        // Changes of the schema.
        "Cannot add a NOT NULL column with default value NULL", "Cannot add a column with non-constant default",
        "Cannot add a REFERENCES column with non-NULL default value", "cannot add a STORED column",
    ]

    /// The beginnings of messages that name parts of the schema or of the statement, and no
    /// values. They include the messages of a preparation, because SQLite prepares a statement
    /// again after a change of the schema.
    private static let schemaMessages = [
        "UNIQUE constraint failed: ", "CHECK constraint failed: ", "NOT NULL constraint failed: ",
        "FOREIGN KEY constraint failed", "rtree constraint failed: ", "cannot store ", "foreign key mismatch - ",
        "duplicate column name: ", "malformed database schema", "database table is locked: ", "no such table: ",
        "no such savepoint: ", "no such module: ", "no such function: ", "no such index: ", "no such view: ",
        "no such collation sequence: ", "wrong number of arguments to function ", "unable to use function ",
        "non-deterministic use of ", "unsafe use of ", "too many attached databases - max ", "error in table ",
        "error in index ", "error in view ", "error in trigger ", "cannot UPDATE contentless fts5 table: ",
        "cannot DELETE from contentless fts5 table: ",
    ]

    /// The constant beginnings and ends of messages that contain a value.
    private static let messagesWithValues = [
        ("JSON path error near ", ""), ("bad JSON path: ", ""), ("fts5: syntax error near ", ""),
        ("fts5: corruption", ""), ("no such column: ", ""), ("unknown special query: ", ""),
        ("malformed MATCH expression: ", ""), ("parse error in rank function: ", ""), ("unknown tokenizer: ", ""),
        ("unable to open database: ", ""), ("no such database: ", ""), ("cannot detach database ", ""),
        ("no such vfs: ", ""), ("no such access mode: ", ""), ("no such cache mode: ", ""),
        ("invalid uri authority: ", ""), ("database ", " is already in use"), ("database ", " is locked"),
    ]
}
