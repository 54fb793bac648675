// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLiteColumn {
    /// The bytes of a blob, or of a text in UTF-8, where SQLite keeps them: nothing is copied.
    ///
    /// The span lives no longer than the column. O(1).
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if the value is neither.
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get throws(SQLiteError) {
            guard storageType == .blob || storageType == .text else { throw mismatch("bytes need a BLOB or TEXT") }
            let bytes = unsafe rawBytes
            // The memory is the statement's, which stays where it is while the column is lent: nothing that a column or a row
            // offers converts a blob or a text into something else.
            return unsafe _overrideLifetime(RawSpan(_unsafeBytes: bytes), borrowing: self)
        }
    }
}

extension SQLiteRow {
    /// The bytes of a blob, or of a text in UTF-8, where SQLite keeps them: nothing is copied.
    ///
    /// ```swift
    /// try db.forEachRow("SELECT image FROM photo") { row in
    ///     size += try row.bytes(at: 0).byteCount
    /// }
    /// ```
    ///
    /// O(1).
    ///
    /// - Parameter index: The index of the column, from 0.
    /// - Returns: The bytes, which live no longer than the row.
    /// - Throws: ``SQLiteError`` with the code `decoding` if the value is neither, `columnCount` if there is no such column.
    @_lifetime(borrow self)
    public func bytes(at index: Int) throws(SQLiteError) -> RawSpan {
        let column = try column(index)
        // The memory is the statement's, and not the column's, which is only a name for it.
        return unsafe _overrideLifetime(try column.bytes, borrowing: self)
    }
}
