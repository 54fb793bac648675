// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A value that is stored as JSON with the coders of ``PostgresDefaultJSONCoders``.
///
/// ```swift
/// try await pool.execute("INSERT INTO orders (content) VALUES (\(PostgresJSON(order)))")
/// ```
///
/// Send JSON that the program has encoded itself as a `String`, or as bytes with
/// ``PostgresParameter/jsonb(_:)``. Both `String` and `[UInt8]` decode `json` and `jsonb`.
public struct PostgresJSON<Value> {
    /// The value.
    public var value: Value

    /// Wraps a value.
    public init(_ value: Value) { self.value = value }
}

extension PostgresJSON: Sendable where Value: Sendable {}
extension PostgresJSON: Equatable where Value: Equatable {}
extension PostgresJSON: Hashable where Value: Hashable {}

extension PostgresJSON: PostgresEncodable, PostgresArrayEncodable where Value: Encodable {
    /// `jsonb`
    public static var postgresType: PostgresType { .jsonb }

    /// The value as `jsonb`, as the encoder encodes it.
    ///
    /// If the value cannot be encoded, sending it fails with the code `encoding`.
    public var postgresParameter: PostgresParameter { PostgresDefaultJSONCoders.parameter(value) }
}

extension PostgresJSON: PostgresDecodable, PostgresArrayDecodable where Value: Decodable {
    /// Decodes a `json` or `jsonb` with the decoder.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type, or
    ///   cannot be decoded.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        value = try PostgresDefaultJSONCoders.decode(cell, for: Self.self)
    }
}

extension PostgresParameter {
    /// Returns JSON that the program has encoded itself, as `jsonb`.
    ///
    /// - Parameter json: The JSON in UTF-8. The server rejects invalid JSON.
    public static func jsonb(_ json: some Sequence<UInt8>) -> PostgresParameter {
        // The first byte is the version of the format.
        PostgresParameter(.jsonb, .bytes([1] + json))
    }
}

extension PostgresCell {
    /// Returns the text of a `json` or `jsonb`.
    func json(for needs: String) throws(PostgresError) -> UnsafeRawBufferPointer {
        let bytes = try unsafe value(for: needs)
        switch type {
        case .json: return unsafe bytes
        case .jsonb:
            // The first byte is the version of the format.
            guard unsafe bytes.first == 1 else { throw malformed }
            return unsafe UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
        default: throw mismatch("\(needs) needs jsonb or json")
        }
    }
}
