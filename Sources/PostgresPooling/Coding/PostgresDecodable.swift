// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// A type that can be decoded from the value of a column.
///
/// A custom type decodes one of the types here, and converts it:
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
/// A type with raw values only needs to declare the conformance.
///
/// Decoding is strict: a number does not decode as a text, nor a text as a number. Use a cast in
/// the statement.
public protocol PostgresDecodable {
    /// Decodes a value.
    ///
    /// - Throws: ``PostgresCell/mismatch(_:)`` if the value cannot be decoded.
    init(cell: borrowing PostgresCell) throws(PostgresError)
}

extension PostgresDecodable where Self: RawRepresentable, RawValue: PostgresDecodable {
    /// Decodes the raw value.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if no case has this raw value, or if
    ///   it cannot be decoded as the type of raw values.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        guard let value = Self(rawValue: try RawValue(cell: cell)) else {
            throw cell.mismatch("no \(Self.self) has this raw value")
        }
        self = value
    }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    /// Decodes the wrapped type, or `nil` from `NULL`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value cannot be decoded as the
    ///   wrapped type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        self = cell.isNull ? nil : try Wrapped(cell: cell)
    }
}

extension String: PostgresArrayDecodable {
    /// Decodes a text, JSON, XML, an enumeration or a similar type, or the digits of a `numeric`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type, or is
    ///   not UTF-8.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        var bytes = try unsafe cell.value(for: "String")
        switch cell.type {
        case .text, .varchar, .bpchar, .name, .char, .unknown, .json, .xml:
            break
        case .jsonb:
            // The first byte is the version of the format.
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
    /// Whether the bytes can be the text of an unknown type, rather than its binary format.
    ///
    /// Text in PostgreSQL contains no NUL, but the binary format of a composite type, an array or
    /// a number does. Other formats begin with a version, like that of `ltree`, and a range
    /// without bounds is one byte of flags.
    fileprivate var mayBeText: Bool {
        guard let first = unsafe first else { return true }
        if 1...8 ~= first || first == 0x18 && count == 1 { return false }
        return unsafe !contains(0)
    }
}
