// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

/// A value of a row that is read and written in parts, without a copy of the whole value in
/// memory.
///
/// ``SQLiteConnection/withBlob(column:of:rowID:database:access:_:)`` lends it to a body.
///
/// ```swift
/// try await pool.read { db in
///     try db.withBlob(column: "content", of: "file", rowID: id) { blob in
///         for start in stride(from: 0, to: blob.byteCount, by: 65_536) {
///             hash.update(try blob.read(start..<min(start + 65_536, blob.byteCount)))
///         }
///     }
/// }
/// ```
///
/// Its size cannot change. To write a large value, insert `zeroblob(size)` first, and fill it.
@safe
public struct SQLiteBlob: ~Copyable {
    /// What a body does with a value.
    public enum Access: Hashable, Sendable {
        /// It reads.
        case read
        /// It reads and writes.
        case readWrite
    }

    private let session: Session
    private let handle: OpaquePointer
    /// What errors name.
    private let subject: String
    private let table: SQLiteChanges.Table
    private let rowID: Int64

    /// The size of the value, in bytes; of a text, in the database's encoding.
    public let byteCount: Int

    init(_ session: Session, _ handle: OpaquePointer, subject: String, of table: SQLiteChanges.Table, rowID: Int64) {
        self.session = session
        unsafe self.handle = handle
        self.subject = subject
        self.table = table
        self.rowID = rowID
        byteCount = unsafe Int(sqlite3_blob_bytes(handle))
    }

    /// Returns a part of the value. O(length of the part), and of the pages before it in large
    /// values.
    ///
    /// - Parameter range: The part, in bytes.
    /// - Throws: ``SQLiteError``, with the code `range` if the value has no such part, `abort` if
    ///   another statement has changed the row, and `interrupted` after a cancellation.
    public func read(_ range: Range<Int>) throws(SQLiteError) -> [UInt8] {
        try check(range)
        var code = SQLITE_OK
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
            code = unsafe sqlite3_blob_read(handle, buffer.baseAddress, Int32(range.count), Int32(range.lowerBound))
            count = code == SQLITE_OK ? range.count : 0
        }
        if code != SQLITE_OK { throw session.failure(code, sql: subject) }
        return bytes
    }

    /// Replaces a part of the value. O(length of the part), and of the pages before it in large
    /// values.
    ///
    /// - Parameters:
    ///   - bytes: The new bytes.
    ///   - offset: The position of the first one.
    /// - Throws: As ``read(_:)``; with the code `readOnly` if the body only reads.
    public func write(_ bytes: [UInt8], at offset: Int) throws(SQLiteError) { try write(bytes.span, at: offset) }

    /// Replaces a part of the value. O(length of the part), and of the pages before it in large
    /// values.
    ///
    /// - Parameters:
    ///   - bytes: The new bytes.
    ///   - offset: The position of the first one.
    /// - Throws: As ``read(_:)``; with the code `readOnly` if the body only reads.
    public func write(_ bytes: borrowing Span<UInt8>, at offset: Int) throws(SQLiteError) {
        let (end, overflow) = offset.addingReportingOverflow(bytes.count)
        guard !overflow, offset <= end else { throw Self.outOfRange(subject) }
        try check(offset..<end)
        let code = unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe sqlite3_blob_write(handle, bytes.baseAddress, Int32(bytes.count), Int32(offset))
        }
        if code != SQLITE_OK { throw session.failure(code, sql: subject) }
        session.changes?.note(ChangeSet.Entry(rows: [rowID], columns: nil), of: table)
    }

    private func check(_ range: Range<Int>) throws(SQLiteError) {
        if session.interruption?.isRaised == true { throw SQLiteError(.interrupted, "interrupted", sql: subject) }
        guard range.lowerBound >= 0, range.upperBound <= byteCount else { throw Self.outOfRange(subject) }
    }

    private static func outOfRange(_ subject: String) -> SQLiteError {
        SQLiteError(.range, "the value has no such part", sql: subject)
    }
}

@available(*, unavailable)
extension SQLiteBlob: Sendable {}

extension SQLiteConnection {
    /// Lends a blob or text of a row to `body`, to be read or written in parts.
    ///
    /// If `body` writes and throws, its changes are undone.
    ///
    /// - Parameters:
    ///   - column: The name of the column. To be written, it must not be part of an index, a
    ///     primary key or a foreign key.
    ///   - table: The name of the table, which has row IDs. Not a view or a virtual table.
    ///   - rowID: The row ID.
    ///   - database: The name of the database, such as that of an attached one.
    ///   - access: Whether `body` writes.
    ///   - body: Uses the value.
    /// - Returns: The result of `body`.
    /// - Throws: The error of `body`, unchanged. ``SQLiteError``, with the code `error` without
    ///   such a row, column or table, or if it contains neither a blob nor a text; `readOnly` if
    ///   a reader would write.
    @discardableResult
    public func withBlob<Value>(
        column: String,
        of table: String,
        rowID: Int64,
        database: String = "main",
        access: SQLiteBlob.Access = .read,
        _ body: (borrowing SQLiteBlob) throws -> Value
    ) throws -> Value {
        var value: Value?
        switch access {
        case .read: try session.withBlob(column, table, rowID, database, access) { value = try body($0) }
        case .readWrite:
            guard !isReader else {
                throw SQLiteError(.readOnly, "a reader cannot write to a blob: open it in write { db in … }")
            }
            try session.performInSavepoint { db in
                try db.session.withBlob(column, table, rowID, database, access) { value = try body($0) }
            }
        }
        return value.take()!
    }
}

extension Session {
    fileprivate func withBlob(
        _ column: String,
        _ table: String,
        _ rowID: Int64,
        _ database: String,
        _ access: SQLiteBlob.Access,
        _ body: (borrowing SQLiteBlob) throws -> Void
    ) throws {
        let subject = "\(database).\(table).\(column)"
        guard !subject.utf8.contains(0) else {
            throw SQLiteError(.nulCharacter, "the name of a blob contains a NUL character", sql: subject)
        }
        if interruption?.isRaised == true { throw SQLiteError(.interrupted, "interrupted", sql: subject) }
        if isInTransaction || savepoints > 0, mustRollBack || isAutocommitting {
            throw transactionAborted(sql: subject)
        }
        var handle: OpaquePointer?
        let isWritten: Int32 = access == .readWrite ? 1 : 0
        let code = unsafe sqlite3_blob_open(self.handle, database, table, column, rowID, isWritten, &handle)
        guard code == SQLITE_OK, let handle = unsafe handle else { throw failure(code, sql: subject) }
        var isOpen = true
        defer { if isOpen { _ = unsafe sqlite3_blob_close(handle) } }
        // Named, because the optimizer of Swift 6.3 fails on a noncopyable temporary here.
        let blob = unsafe SQLiteBlob(
            self,
            handle,
            subject: subject,
            of: SQLiteChanges.Table(table, in: database),
            rowID: rowID
        )
        try body(blob)
        isOpen = false
        let end = unsafe sqlite3_blob_close(handle)
        if end != SQLITE_OK { throw failure(end, sql: subject) }
    }
}
