// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite
internal import ConnectionPooling

/// The value of a row in one column, from which ``SQLiteDecodable`` types decode.
///
/// The cell is borrowed and cannot be kept.
@safe
public struct SQLiteCell: ~Copyable {
    // Trivial, so that a cell costs nothing, and because the optimizer of Swift 6.3 fails on
    // noncopyable temporaries that hold a reference. The source outlives the cell, which is only
    // borrowed.
    private let reference: UnsafeMutableRawPointer
    /// SQLite's value, which is read without the checks that each `sqlite3_column_…` function
    /// makes. The value functions are not thread-safe, and need not be, because a connection is
    /// used on one thread.
    private let pointer: OpaquePointer

    /// The index of the column, from 0.
    public let index: Int

    @usableFromInline
    init(_ index: Int, of statement: borrowing Statement) {
        unsafe self.init(index, of: statement.handle, statement.reference)
    }

    /// - Parameters:
    ///   - handle: SQLite's statement.
    ///   - reference: The `Statement` that owns the handle.
    @inline(__always)
    init(_ index: Int, of handle: OpaquePointer, _ reference: UnsafeMutableRawPointer) {
        // Never null: an index without a column yields a value that is NULL.
        unsafe self.init(index, sqlite3_column_value(handle, Int32(truncatingIfNeeded: index)), reference)
    }

    /// - Parameters:
    ///   - value: SQLite's value.
    ///   - reference: The `CellSource` that owns the value.
    @inline(__always)
    init(_ index: Int, _ value: OpaquePointer, _ reference: UnsafeMutableRawPointer) {
        unsafe self.reference = reference
        unsafe pointer = value
        self.index = index
    }

    /// The columns that the cell belongs to.
    var source: CellSource { unsafe Unmanaged.fromOpaque(reference).takeUnretainedValue() }

    /// Whether the value is `NULL`.
    var isNull: Bool { unsafe sqlite3_value_type(pointer) == SQLITE_NULL }

    /// The name of the column in the statement.
    public var name: String { source.columnName(index) }

    /// The declared type of the column; `nil` for an expression.
    public var declaredType: String? { source.declaredType(index) }

    /// The storage class of the value.
    public var storageType: SQLiteValue.StorageType {
        switch unsafe sqlite3_value_type(pointer) {
        case SQLITE_INTEGER: .integer
        case SQLITE_FLOAT: .real
        case SQLITE_TEXT: .text
        case SQLITE_BLOB: .blob
        default: .null
        }
    }

    /// A copy of the value. In a text, bytes that are not UTF-8 become U+FFFD.
    public var value: SQLiteValue {
        switch storageType {
        case .null: .null
        case .integer: .integer(integer)
        case .real: .real(real)
        case .text: .text(unsafe String(decoding: rawBytes, as: UTF8.self))
        case .blob: .blob(unsafe Array(rawBytes))
        }
    }

    /// Returns the error that a type throws from its ``SQLiteDecodable/init(cell:)`` if the
    /// value does not fit.
    ///
    /// The error names the column, its index, its declared type and the storage class of the
    /// value, but not the value.
    ///
    /// - Parameter reason: The reason, as a clause such as “Colour has no such case”.
    public func mismatch(_ reason: String) -> SQLiteError {
        SQLiteError(.decoding, "\(source.description(index, stored: storageType)): \(reason)", sql: source.text)
    }

    // MARK: The value as one type; valid only for a value with that storage class

    var integer: Int64 { unsafe sqlite3_value_int64(pointer) }

    var real: Double { unsafe sqlite3_value_double(pointer) }

    /// The bytes of a text, in UTF-8, or of a blob; valid until the statement advances.
    var rawBytes: UnsafeRawBufferPointer {
        if unsafe sqlite3_value_type(pointer) == SQLITE_TEXT { return unsafe textBytes }
        // An empty blob has no address.
        let start = unsafe sqlite3_value_blob(pointer)
        return unsafe UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(sqlite3_value_bytes(pointer)))
    }

    /// The bytes of a text, in UTF-8; valid until the statement advances.
    private var textBytes: UnsafeRawBufferPointer {
        // The address first: requesting it performs a conversion, for example in a database with
        // UTF-16 text.
        let start = unsafe UnsafeRawPointer(sqlite3_value_text(pointer))
        return unsafe UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(sqlite3_value_bytes(pointer)))
    }

    /// Returns the value as a string.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if the value is not text, or is not
    ///   UTF-8.
    @usableFromInline
    func text() throws(SQLiteError) -> String {
        guard unsafe sqlite3_value_type(pointer) == SQLITE_TEXT else { throw mismatch("a String needs TEXT") }
        guard let text = unsafe String(validUTF8: textBytes) else {
            throw mismatch("the text is not UTF-8; select CAST(… AS BLOB) to get its bytes")
        }
        return text
    }
}

extension SQLiteCell {
    /// The bytes of a blob, or of a text in UTF-8, in SQLite's memory, without a copy.
    ///
    /// The span cannot outlive the cell. O(1).
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if the value is neither.
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get throws(SQLiteError) {
            guard storageType == .blob || storageType == .text else { throw mismatch("bytes need a BLOB or TEXT") }
            let bytes = unsafe rawBytes
            // The memory belongs to the source and does not move while the cell is borrowed: no
            // method of a cell or a row converts a blob or a text to another type.
            return unsafe _overrideLifetime(RawSpan(_unsafeBytes: bytes), borrowing: self)
        }
    }
}

@available(*, unavailable)
extension SQLiteCell: Sendable {}
