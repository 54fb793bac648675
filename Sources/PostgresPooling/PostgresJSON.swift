// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// A value that is stored as JSON.
///
/// ```swift
/// try await pool.execute("INSERT INTO orders (content) VALUES (\(PostgresJSON(order)))")
/// ```
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

    /// The value as `jsonb`, in the form that a `JSONEncoder` gives it.
    ///
    /// One that cannot be encoded is refused when the statement is sent, with the code `encoding`.
    public var postgresParameter: PostgresParameter {
        guard let json = try? JSONEncoder().encode(value) else {
            // The encoder's error is not shown, because it may quote the value.
            return PostgresParameter(.jsonb, .failure("\(Value.self) cannot be encoded as JSON"))
        }
        // The version of the format comes first.
        return PostgresParameter(.jsonb, .bytes([1] + json))
    }
}

extension PostgresJSON: PostgresDecodable, PostgresArrayDecodable where Value: Decodable {
    /// The value, if it is `json` or `jsonb` that a `JSONDecoder` makes a `Value` of.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if it is not.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        var bytes = try unsafe cell.value(for: "PostgresJSON<\(Value.self)>")
        switch cell.type {
        case .json:
            break
        case .jsonb:
            // The version of the format comes first.
            guard unsafe bytes.first == 1 else { throw cell.malformed }
            unsafe bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
        default:
            throw cell.mismatch("PostgresJSON<\(Value.self)> needs jsonb or json")
        }
        do {
            value = try JSONDecoder().decode(Value.self, from: unsafe Data(bytes))
        } catch {
            throw cell.mismatch("the JSON is not that of \(Value.self): \(Self.reason(error))")
        }
    }

    /// What was wrong, without what the value says: not where either, since that may be the keys of a dictionary.
    private static func reason(_ error: any Error) -> String {
        switch error as? DecodingError {
        case .keyNotFound(let key, _): "there is no key “\(key.stringValue)”"
        case .typeMismatch(let type, _): "a value is not of type \(type)"
        case .valueNotFound(let type, _): "a value of type \(type) is null"
        default: "it is not valid"
        }
    }
}
