// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// What a value of a column can be decoded as.
///
/// A type of your own decodes one of the types here, and makes itself of it:
///
/// ```swift
/// extension Colour: PostgresDecodable {
///     init(cell: borrowing PostgresCell) throws(PostgresError) {
///         guard let colour = try Colour(name: String(cell: cell)) else {
///             throw cell.mismatch("no colour has this name")
///         }
///         self = colour
///     }
/// }
/// ```
///
/// A type with raw values needs no more than the conformance.
///
/// Decoding is strict: a number does not become a text, nor a text a number. A cast in the statement does that.
public protocol PostgresDecodable {
    /// Decodes a value.
    ///
    /// - Throws: ``PostgresCell/mismatch(_:)`` if the value does not fit.
    init(cell: borrowing PostgresCell) throws(PostgresError)
}

extension PostgresDecodable where Self: RawRepresentable, RawValue: PostgresDecodable {
    /// The value that has this raw value.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if there is none, or if it does not fit the type of raw values.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        guard let value = Self(rawValue: try RawValue(cell: cell)) else {
            throw cell.mismatch("no \(Self.self) has this raw value")
        }
        self = value
    }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    /// `nil` if the value is `NULL`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if it is neither that nor fits the wrapped type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        self = cell.isNull ? nil : try Wrapped(cell: cell)
    }
}

extension String: PostgresArrayDecodable {
    /// The value, if it is a text, JSON, XML, an enumeration or the like, or the digits of a `numeric`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if it is not, or is not UTF-8.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        var bytes = try unsafe cell.value(for: "String")
        switch cell.type {
        case .text, .varchar, .bpchar, .name, .char, .unknown, .json, .xml:
            break
        case .jsonb:
            // The version of the format comes first.
            guard unsafe bytes.first == 1 else { throw cell.malformed }
            unsafe bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
        case .numeric:
            guard let number = unsafe Numeric(bytes) else { throw cell.malformed }
            self = number.text
            return
        case let type where type.isUserDefined:
            if unsafe !bytes.mayBeText { throw cell.mismatch("the type is not sent as text; cast it to text") }
        default:
            throw cell.mismatch("String needs a text; cast it to text")
        }
        guard let text = unsafe String(validUTF8: bytes) else {
            throw cell.mismatch("the text is not UTF-8")
        }
        self = text
    }
}

extension UnsafeRawBufferPointer {
    /// Whether these can be the text of a type that is not known, rather than its binary format.
    ///
    /// No text of PostgreSQL has a NUL, and the binary format of a composite type, an array or a number has some. Others begin
    /// with the version of the format, such as that of `ltree`, and a range without bounds is one byte of flags.
    fileprivate var mayBeText: Bool {
        guard let first = unsafe first else { return true }
        if 1...8 ~= first || first == 0x18 && count == 1 { return false }
        return unsafe !contains(0)
    }
}
