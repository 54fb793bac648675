// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What a value of a row can be decoded as.
///
/// A type of your own decodes one of the types here, and makes itself of it:
///
/// ```swift
/// extension Colour: PostgresDecodable {
///     init(cell: borrowing PostgresCell) throws(PostgresError) {
///         guard let colour = try Colour(rawValue: String(cell: cell)) else { throw cell.mismatch("no colour has this name") }
///         self = colour
///     }
/// }
/// ```
///
/// Decoding is strict: a number does not become a text, nor a text a number. A cast in the statement does that.
public protocol PostgresDecodable {
    /// Decodes a value.
    ///
    /// - Throws: ``PostgresCell/mismatch(_:)`` if the value does not fit.
    init(cell: borrowing PostgresCell) throws(PostgresError)

    /// Decodes an array whose elements are of this type. Not for you to write: there is one that does.
    static func decodeArray(cell: borrowing PostgresCell) throws(PostgresError) -> [Self]
}

extension PostgresDecodable {
    /// Decodes an array of one dimension, element by element.
    public static func decodeArray(cell: borrowing PostgresCell) throws(PostgresError) -> [Self] {
        try cell.elements { element throws(PostgresError) in try Self(cell: element) }
    }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    /// `nil` if the value is `NULL`.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        self = cell.isNull ? nil : try Wrapped(cell: cell)
    }
}

extension Array: PostgresDecodable where Element: PostgresDecodable {
    /// The elements of an array of one dimension; for `[UInt8]` the bytes of a `bytea`.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        self = try Element.decodeArray(cell: cell)
    }
}

extension Bool: PostgresDecodable {
    /// The value of a `boolean`.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        self = unsafe try cell.number(UInt8.self, cell.require(PostgresType.bool, for: "Bool")) != 0
    }
}

extension String: PostgresDecodable {
    /// The value of a `text` or one of its kin, of an enumeration or another type whose form is a text, of JSON, and of a `numeric`.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        let bytes: UnsafeRawBufferPointer
        switch cell.type {
        case PostgresType.numeric:
            var reader = unsafe ByteReader(try cell.require(PostgresType.numeric, for: "String"))
            guard let number = PostgresNumeric(&reader), reader.rest == 0 else {
                throw cell.mismatch("its bytes are malformed")
            }
            self = number.digits
            return
        case PostgresType.jsonb: unsafe bytes = unsafe try cell.json(for: "String")
        case PostgresType.firstOfUsers...: unsafe bytes = unsafe try cell.require(cell.type, for: "String")
        default:
            unsafe bytes = unsafe try cell.require(
                PostgresType.text,
                PostgresType.varchar,
                PostgresType.bpchar,
                PostgresType.name,
                PostgresType.char,
                PostgresType.unknown,
                PostgresType.json,
                PostgresType.xml,
                for: "String"
            )
        }
        guard let text = unsafe String(validating: bytes, as: UTF8.self) else {
            throw cell.mismatch("it is not a text in UTF-8; cast it to text in the statement")
        }
        self = text
    }
}

extension PostgresCell {
    /// The text of a `json` or a `jsonb`, which has a version before it.
    func json(for name: String) throws(PostgresError) -> UnsafeRawBufferPointer {
        let bytes = unsafe try require(PostgresType.json, PostgresType.jsonb, for: name)
        if type == PostgresType.json { return unsafe bytes }
        guard unsafe bytes.first == 1 else { throw mismatch("this version of its form is unknown") }
        return unsafe UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
    }
}
