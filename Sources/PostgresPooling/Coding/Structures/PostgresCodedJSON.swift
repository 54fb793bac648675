// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// A value that is stored as JSON with custom coders; see ``PostgresJSONCoders``.
public struct PostgresCodedJSON<Value, Coders: PostgresJSONCoders> {
    /// The value.
    public var value: Value

    /// Wraps a value.
    public init(_ value: Value) { self.value = value }
}

extension PostgresCodedJSON: Sendable where Value: Sendable {}
extension PostgresCodedJSON: Equatable where Value: Equatable {}
extension PostgresCodedJSON: Hashable where Value: Hashable {}

extension PostgresCodedJSON: PostgresEncodable, PostgresArrayEncodable where Value: Encodable {
    /// `jsonb`
    public static var postgresType: PostgresType { .jsonb }

    /// The value as `jsonb`, as the encoder encodes it.
    ///
    /// If the value cannot be encoded, sending it fails with the code `encoding`.
    public var postgresParameter: PostgresParameter { Coders.parameter(value) }
}

extension PostgresCodedJSON: PostgresDecodable, PostgresArrayDecodable where Value: Decodable {
    /// Decodes a `json` or `jsonb` with the decoder.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type, or
    ///   cannot be decoded.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        value = try Coders.decode(cell, for: Self.self)
    }
}

extension PostgresJSONCoders {
    static func parameter(_ value: some Encodable) -> PostgresParameter {
        guard let json = try? makeEncoder().encode(value) else {
            // The encoder's error is omitted, because it may quote the value.
            return PostgresParameter(.jsonb, .failure("\(type(of: value)) cannot be encoded as JSON"))
        }
        return .jsonb(json)
    }

    /// Decodes a `json` or `jsonb`.
    ///
    /// - Parameter needs: The type for error messages.
    static func decode<Value: Decodable>(
        _ cell: borrowing PostgresCell,
        for needs: Any.Type
    ) throws(PostgresError) -> Value {
        let bytes = try unsafe cell.json(for: "\(needs)")
        do {
            return try makeDecoder().decode(Value.self, from: unsafe Data(bytes))
        } catch {
            throw cell.mismatch("the JSON is not that of \(Value.self): \(reason(error))")
        }
    }

    /// Returns the reason without the value, and without the path, which may contain the keys of a
    /// dictionary.
    private static func reason(_ error: any Error) -> String {
        if error is InvalidDate { return "a date is not an ISO 8601 time with an offset from UTC" }
        return switch error as? DecodingError {
        case .keyNotFound(let key, _): "there is no key “\(key.stringValue)”"
        case .typeMismatch(let type, _): "a value is not of type \(type)"
        case .valueNotFound(let type, _): "a value of type \(type) is null"
        default: "it is not valid"
        }
    }
}
