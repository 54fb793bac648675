// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The encoded value of a statement's parameter.
///
/// It is created from a ``PostgresEncodable`` value. No description contains the value.
public struct PostgresParameter: Sendable {
    // Before the type, whose parts then share its last word.
    let content: Content
    private let typeReference: PostgresType.Reference
    private let typeNumber: UInt32

    /// The type that is sent to the server. With ``PostgresType/unspecified`` the server infers
    /// one.
    public var type: PostgresType { PostgresType(typeNumber, typeReference) }

    enum Content: Sendable {
        case null

        /// Up to 16 bytes, as two numbers whose big-endian bytes are concatenated. Without an
        /// allocation.
        case short(UInt64, UInt64 = 0, count: UInt8)
        case bytes([UInt8])

        /// A value in text format, the only such content. The server accepts it for any type.
        case text(String)

        /// The reason why there is no value. It is reported when the statement is sent, because an
        /// interpolation cannot fail.
        case failure(String)

        /// A value whose bytes contain the identifiers of types that are known by name. A
        /// ``TypeCatalog`` converts it to `bytes`.
        case structure(Structure)
    }

    init(_ type: PostgresType, _ content: Content) {
        self.content = content
        typeReference = type.reference
        typeNumber = type.number
    }

    /// Creates the parameter of another value. Custom types use it to make their parameters.
    public init(_ value: some PostgresEncodable) {
        self = value.postgresParameter
    }

    /// Creates a parameter from bytes in PostgreSQL's binary format, for types that this library
    /// does not know.
    ///
    /// - Parameters:
    ///   - bytes: The input of the type's `…recv` function on the server.
    ///   - type: The type.
    public init(binary bytes: [UInt8], type: PostgresType) {
        self.init(type, .bytes(bytes))
    }

    /// Returns `NULL` of a type.
    ///
    /// - Parameter type: The type.
    public static func null(_ type: PostgresType) -> PostgresParameter { PostgresParameter(type, .null) }

    static func failure(_ reason: String) -> PostgresParameter { PostgresParameter(.unspecified, .failure(reason)) }

    /// Returns an integer, or the bits of a floating-point number, in big-endian order.
    static func fixed<Bits: FixedWidthInteger>(_ type: PostgresType, _ bits: Bits) -> PostgresParameter {
        let word = UInt64(truncatingIfNeeded: bits) << (64 - Bits.bitWidth)
        return PostgresParameter(type, .short(word, count: UInt8(Bits.bitWidth / 8)))
    }
}

extension PostgresParameter: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The type of the parameter, without its value.
    public var description: String { "parameter of type \(type)" }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// The type of the parameter, without its value.
    public var customMirror: Mirror { Mirror(self, children: ["type": "\(type)"]) }
}

extension PostgresParameter {
    /// A value with component values, of a type that is known by name.
    ///
    /// Its binary format contains the identifiers of types, which a session looks up.
    indirect enum Structure: Sendable {
        /// An array: the number of elements in each dimension, and the elements, each of the named
        /// type or `NULL`.
        case array(dimensions: [Int32], elements: [PostgresParameter])
        /// A value of a composite type.
        case record(fields: [PostgresParameter])
    }

    /// Adds the names of the value's types, including those of its components.
    func collectTypeNames(into names: inout [UInt32]) {
        if type.isNamed, !names.contains(type.number) { names.append(type.number) }
        guard case .structure(let structure) = content else { return }
        switch structure {
        case .array(_, let parameters), .record(let parameters):
            for parameter in parameters { parameter.collectTypeNames(into: &names) }
        }
    }
}
