// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What can be an element of an array that is the value of a parameter.
///
/// A type of your own needs no more than the conformance.
public protocol PostgresArrayEncodable: PostgresEncodable {
    /// The type of an array of these. By default the one that belongs to ``PostgresEncodable/postgresType``, or `text[]` if
    /// that is unspecified.
    static var postgresArrayType: PostgresType { get }

    /// An array of these as it is sent. There is nothing to implement: it is what makes `[UInt8]` a `bytea`.
    static func postgresParameter(of array: [Self]) -> PostgresParameter
}

extension PostgresArrayEncodable {
    /// The type of an array of the elements' type.
    public static var postgresArrayType: PostgresType { elementType.arrayType }

    /// The type of an element: what has no type is sent as a text, as which it is a `text` too.
    private static var elementType: PostgresType { postgresType == .unspecified ? .text : postgresType }

    /// An array of one dimension in binary format.
    ///
    /// It is refused when the statement is sent, with the code `encoding`, if one of its elements is.
    public static func postgresParameter(of array: [Self]) -> PostgresParameter {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(20 + 12 * array.count)
        // The number of dimensions, whether there is a NULL, the elements' type, and of the one dimension how many elements
        // there are and the number of the first one.
        bytes.append(bigEndian: Int32(array.isEmpty ? 0 : 1))
        bytes.append(bigEndian: Int32(0))
        bytes.append(bigEndian: elementType.oid)
        if !array.isEmpty {
            bytes.append(bigEndian: Int32(truncatingIfNeeded: array.count))
            bytes.append(bigEndian: Int32(1))
        }
        for (index, element) in array.enumerated() {
            let parameter = element.postgresParameter
            if let obstacle = parameter.content.obstacle { return .failure("element \(index): \(obstacle)") }
            if parameter.type != postgresType {
                return .failure("element \(index) has the type \(parameter.type), and the array \(elementType)")
            }
            if case .null = parameter.content {
                bytes[7] = 1
                bytes.append(bigEndian: Int32(-1))
            } else {
                bytes.append(bigEndian: Int32(parameter.content.byteCount))
                parameter.content.append(to: &bytes)
            }
        }
        return PostgresParameter(postgresArrayType, .bytes(bytes))
    }
}

extension Array: PostgresEncodable where Element: PostgresArrayEncodable {
    /// The type of an array of the elements' type, or `bytea`.
    public static var postgresType: PostgresType { Element.postgresArrayType }

    /// The elements as an array of one dimension, or as `bytea` if they are bytes.
    public var postgresParameter: PostgresParameter { Element.postgresParameter(of: self) }
}

extension [UInt8]: PostgresArrayEncodable {}

extension Optional: PostgresArrayEncodable where Wrapped: PostgresArrayEncodable {}

extension [UInt8] {
    mutating func append(bigEndian number: some FixedWidthInteger) {
        for shift in stride(from: number.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }
}
