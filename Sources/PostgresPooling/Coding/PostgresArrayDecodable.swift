// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A type of array elements that can be decoded.
///
/// A custom type only needs to declare the conformance.
public protocol PostgresArrayDecodable: PostgresDecodable {
    /// Decodes an array of this type. The default implementation suffices; the requirement lets
    /// `[UInt8]` decode a `bytea`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is not an array of one
    ///   dimension, or if an element cannot be decoded.
    static func decodeArray(_ cell: borrowing PostgresCell) throws(PostgresError) -> [Self]
}

extension PostgresArrayDecodable {
    /// Decodes an array of one dimension, or an empty array.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is no such array, or if
    ///   an element cannot be decoded.
    public static func decodeArray(_ cell: borrowing PostgresCell) throws(PostgresError) -> [Self] {
        try decodeOneDimension(cell)
    }

    static func decodeOneDimension(_ cell: borrowing PostgresCell) throws(PostgresError) -> [Self] {
        var reader = try unsafe ByteReader(cell.value(for: "[\(Self.self)]"))
        if !cell.type.isArray, cell.type.isKnownScalar { throw cell.mismatch("[\(Self.self)] needs an array") }
        guard
            let dimensions = reader.integer(Int32.self), 0...6 ~= dimensions,
            let flags = reader.integer(Int32.self), 0...1 ~= flags,
            let type = reader.integer(UInt32.self)
        else { throw cell.mismatch("the bytes are not those of an array") }
        if dimensions == 0 {
            guard reader.isAtEnd else { throw cell.malformed }
            return []
        }
        if dimensions > 1 { throw cell.mismatch("the array has \(dimensions) dimensions, and only one can be decoded") }
        guard let count = reader.integer(Int32.self), count >= 0, reader.integer(Int32.self) != nil else {
            throw cell.malformed
        }

        var elements: [Self] = []
        // Each element has at least its length, so the bytes bound the capacity, whatever the
        // count says.
        elements.reserveCapacity(min(Int(count), reader.count / 4))
        for index in 0..<Int(count) {
            guard let length = reader.integer(Int32.self) else { throw cell.malformed }
            var content: UnsafeRawBufferPointer?
            if length != -1 {
                guard let bytes = unsafe reader.bytes(Int(length)) else { throw cell.malformed }
                unsafe content = bytes
            }
            let element = unsafe PostgresCell(.element(index), of: cell, type: type, content: content)
            elements.append(try Self(cell: element))
        }
        guard reader.isAtEnd else { throw cell.malformed }
        return elements
    }
}

extension Array: PostgresDecodable where Element: PostgresArrayDecodable {
    /// Decodes an array of as many dimensions, or for bytes a `bytea`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is no such array, or if
    ///   an element cannot be decoded.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        self = try Element.decodeArray(cell)
    }
}

extension Optional: PostgresArrayDecodable where Wrapped: PostgresArrayDecodable {}
