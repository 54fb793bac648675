// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What a value of a column can be decoded as.
///
/// A type of your own decodes one of the types here, and makes itself of it:
///
/// ```swift
/// extension Colour: SQLiteDecodable {
///     init(column: borrowing SQLiteColumn) throws(SQLiteError) {
///         guard let colour = try Colour(rawValue: String(column: column)) else {
///             throw column.mismatch("no colour has this name")
///         }
///         self = colour
///     }
/// }
/// ```
///
/// A type with raw values needs no more than the conformance.
///
/// Decoding is strict: a number does not become a text, nor a text a number. `CAST` in the statement does that.
public protocol SQLiteDecodable {
    /// Decodes the value of a column.
    ///
    /// - Throws: ``SQLiteColumn/mismatch(_:)`` if the value does not fit.
    init(column: borrowing SQLiteColumn) throws(SQLiteError)
}

extension SQLiteDecodable where Self: RawRepresentable, RawValue: SQLiteDecodable {
    /// The value that has this raw value.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if there is none, or if it does not fit the type of raw values.
    public init(column: borrowing SQLiteColumn) throws(SQLiteError) {
        guard let value = Self(rawValue: try RawValue(column: column)) else {
            throw column.mismatch("no \(Self.self) has this raw value")
        }
        self = value
    }
}

extension SQLiteValue: SQLiteDecodable {
    /// A copy of the value, whatever its type.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if a text is not UTF-8.
    public init(column: borrowing SQLiteColumn) throws(SQLiteError) {
        self = column.storageType == .text ? .text(try String(column: column)) : column.value
    }
}

extension Optional: SQLiteDecodable where Wrapped: SQLiteDecodable {
    /// `nil` if the value is `NULL`.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if it is neither that nor fits the wrapped type.
    public init(column: borrowing SQLiteColumn) throws(SQLiteError) {
        self = column.storageType == .null ? nil : try Wrapped(column: column)
    }
}

extension String: SQLiteDecodable {
    /// The value, if it is a text.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if it is not, or is not UTF-8.
    @inlinable
    public init(column: borrowing SQLiteColumn) throws(SQLiteError) { self = try column.text() }
}

extension [UInt8]: SQLiteDecodable {
    /// The value, if it is a blob.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if it is not.
    public init(column: borrowing SQLiteColumn) throws(SQLiteError) {
        guard column.storageType == .blob else { throw column.mismatch("[UInt8] needs a BLOB") }
        self = unsafe Array(column.rawBytes)
    }
}
