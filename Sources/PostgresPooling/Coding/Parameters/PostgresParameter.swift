// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The value of a statement's parameter, in the form in which it is sent.
///
/// It comes from a ``PostgresEncodable`` value. No description shows it.
public struct PostgresParameter: Sendable {
    // Before the type, whose parts then fit behind it into the same word.
    let content: Content
    private let typeReference: PostgresType.Reference
    private let typeNumber: UInt32

    /// The type that the server is told; ``PostgresType/unspecified`` lets it find one.
    public var type: PostgresType { PostgresType(typeNumber, typeReference) }

    enum Content: Sendable {
        case null

        /// Up to 16 bytes, in two numbers whose big-endian bytes follow each other, without an allocation.
        case short(UInt64, UInt64 = 0, count: UInt8)
        case bytes([UInt8])

        /// The only one in text format, which the server takes for any type.
        case text(String)

        /// Why there is no value; to be reported when the statement is sent, because an interpolation cannot fail.
        case failure(String)

        /// A value whose bytes contain the identifiers of types that are known by their names. A
        /// ``TypeCatalog`` makes `bytes` of it.
        case structure(Structure)
    }

    init(_ type: PostgresType, _ content: Content) {
        self.content = content
        typeReference = type.reference
        typeNumber = type.number
    }

    /// What another value is sent as, which is how a type of your own makes its parameter.
    public init(_ value: some PostgresEncodable) {
        self = value.postgresParameter
    }

    /// Bytes in PostgreSQL's binary format of a type, for types that this library does not know.
    ///
    /// - Parameters:
    ///   - bytes: What the server's function `…recv` of the type reads.
    ///   - type: The type.
    public init(binary bytes: [UInt8], type: PostgresType) {
        self.init(type, .bytes(bytes))
    }

    /// `NULL`.
    ///
    /// - Parameter type: Its type.
    public static func null(_ type: PostgresType) -> PostgresParameter { PostgresParameter(type, .null) }

    static func failure(_ reason: String) -> PostgresParameter { PostgresParameter(.unspecified, .failure(reason)) }

    /// An integer or the bits of a floating-point number, big-endian.
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
