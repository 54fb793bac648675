// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A type that can be decoded from the value of a cell.
///
/// A custom type decodes one of the standard types, and initializes itself from it:
///
/// ```swift
/// extension Colour: SQLiteDecodable {
///     init(cell: borrowing SQLiteCell) throws(SQLiteError) {
///         guard let colour = try Colour(rawValue: String(cell: cell)) else {
///             throw cell.mismatch("no colour has this name")
///         }
///         self = colour
///     }
/// }
/// ```
///
/// A type with raw values needs only the conformance.
///
/// Decoding is strict: a number does not become a text, nor a text a number. Use `CAST` in the
/// statement for that.
public protocol SQLiteDecodable {
    /// Decodes the value of a cell.
    ///
    /// - Throws: ``SQLiteCell/mismatch(_:)`` if the value does not fit.
    init(cell: borrowing SQLiteCell) throws(SQLiteError)
}

extension SQLiteDecodable where Self: RawRepresentable, RawValue: SQLiteDecodable {
    /// Decodes the value with this raw value.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if there is none, or if the column does
    ///   not fit the raw type.
    public init(cell: borrowing SQLiteCell) throws(SQLiteError) {
        guard let value = Self(rawValue: try RawValue(cell: cell)) else {
            throw cell.mismatch("no \(Self.self) has this raw value")
        }
        self = value
    }
}

extension SQLiteValue: SQLiteDecodable {
    /// Copies the value, whatever its type is.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if a text is not UTF-8.
    public init(cell: borrowing SQLiteCell) throws(SQLiteError) {
        self = cell.storageType == .text ? .text(try String(cell: cell)) : cell.value
    }
}

extension Optional: SQLiteDecodable where Wrapped: SQLiteDecodable {
    /// Decodes `NULL` as `nil`.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if the value is not `NULL` and does not
    ///   fit the wrapped type.
    public init(cell: borrowing SQLiteCell) throws(SQLiteError) {
        self = cell.storageType == .null ? nil : try Wrapped(cell: cell)
    }
}

extension String: SQLiteDecodable {
    /// Decodes a text.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if the value is not text, or is not
    ///   UTF-8.
    @inlinable
    public init(cell: borrowing SQLiteCell) throws(SQLiteError) { self = try cell.text() }
}

extension [UInt8]: SQLiteDecodable {
    /// Decodes a blob.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if the value is not a blob.
    public init(cell: borrowing SQLiteCell) throws(SQLiteError) {
        guard cell.storageType == .blob else { throw cell.mismatch("[UInt8] needs a BLOB") }
        self = unsafe Array(cell.rawBytes)
    }
}
