// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A type of array elements that can be the value of a parameter.
///
/// A custom type only needs to declare the conformance.
public protocol PostgresArrayEncodable: PostgresEncodable {
    /// The type of an array of this type. By default it is the array type of
    /// ``PostgresEncodable/postgresType``, or `text[]` if that is unspecified.
    static var postgresArrayType: PostgresType { get }

    /// Encodes an array of this type. The default implementation suffices; the requirement lets
    /// `[UInt8]` encode a `bytea`.
    static func postgresParameter(of array: [Self]) -> PostgresParameter
}

extension PostgresArrayEncodable {
    /// The type of an array of the elements' type.
    public static var postgresArrayType: PostgresType { elementType.arrayType }

    /// The type of an element. Elements without a type are sent as texts, so they are `text`.
    private static var elementType: PostgresType { postgresType == .unspecified ? .text : postgresType }

    /// Returns an array of one dimension in binary format. For elements that are arrays, see the
    /// conformance of `Array`.
    ///
    /// Sending it fails with the code `encoding` if one of its elements cannot be sent, or if the
    /// elements are optional arrays, because PostgreSQL has no `NULL` in place of an inner array.
    public static func postgresParameter(of array: [Self]) -> PostgresParameter { oneDimension(array) }

    static func oneDimension(_ array: [Self]) -> PostgresParameter {
        let (type, elementType) = (postgresType, elementType)
        if elementType.isNamed { return namedElements(array) }
        if !elementType.isKnownScalar, elementType.isArray {
            return .failure("an array within an array cannot be NULL")
        }
        let dimensions = array.isEmpty ? [] : [Int32(truncatingIfNeeded: array.count)]
        var bytes = [UInt8](arrayOf: elementType, dimensions: dimensions, hasNull: false)
        bytes.reserveCapacity(20 + 12 * array.count)
        for (index, element) in array.enumerated() {
            let parameter = element.postgresParameter
            if let obstacle = parameter.content.obstacle { return .failure("element \(index): \(obstacle)") }
            if parameter.type != type { return mismatch(index, parameter) }
            // The flag for the presence of NULL.
            if parameter.isNull { bytes[7] = 1 }
            bytes.append(counted: parameter.content)
        }
        return PostgresParameter(postgresArrayType, .bytes(bytes))
    }

    /// Returns an array that still needs the identifier of its elements' type.
    private static func namedElements(_ array: [Self]) -> PostgresParameter {
        if elementType.isArray { return .failure("an array within an array cannot be NULL") }
        let elements = array.map(\.postgresParameter)
        for (index, element) in elements.enumerated() {
            if case .failure(let reason) = element.content { return .failure("element \(index): \(reason)") }
            if element.type != postgresType { return mismatch(index, element) }
        }
        let dimensions = array.isEmpty ? [] : [Int32(truncatingIfNeeded: array.count)]
        return PostgresParameter(
            postgresArrayType,
            .structure(.array(dimensions: dimensions, elements: elements))
        )
    }

    private static func mismatch(_ index: Int, _ element: PostgresParameter) -> PostgresParameter {
        .failure("element \(index) has the type \(element.type), and the array \(elementType)")
    }
}

extension Array: PostgresEncodable where Element: PostgresArrayEncodable {
    /// The type of an array of the elements' type, or `bytea`.
    public static var postgresType: PostgresType { Element.postgresArrayType }

    /// The elements as an array, or bytes as `bytea`.
    public var postgresParameter: PostgresParameter { Element.postgresParameter(of: self) }
}

extension Optional: PostgresArrayEncodable where Wrapped: PostgresArrayEncodable {}

extension [UInt8] {
    mutating func append(bigEndian number: some FixedWidthInteger) {
        for shift in stride(from: number.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }
}
