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
/// try await pool.execute("INSERT INTO orders (content) VALUES (\(SQLiteJSON(order)))")
/// ```
///
/// The value is encoded by a `JSONEncoder` and decoded by a `JSONDecoder` with default settings,
/// whatever the pool's strategies are.
public struct SQLiteJSON<Value> {
    /// The value.
    public var value: Value

    /// Wraps a value.
    public init(_ value: Value) { self.value = value }
}

extension SQLiteJSON: Sendable where Value: Sendable {}
extension SQLiteJSON: Equatable where Value: Equatable {}
extension SQLiteJSON: Hashable where Value: Hashable {}

extension SQLiteJSON: SQLiteEncodable where Value: Encodable {
    /// The JSON as text.
    ///
    /// A statement with a value that cannot be encoded fails with the code `encoding`.
    public var sqliteParameter: SQLiteParameter {
        guard let json = try? JSONEncoder().encode(value) else {
            // The encoder's error is omitted, because it may quote the value.
            return .invalid("is a \(Value.self) that cannot be encoded as JSON")
        }
        return .text(String(decoding: json, as: UTF8.self))
    }
}

extension SQLiteJSON: SQLiteDecodable where Value: Decodable {
    /// Decodes a text that a `JSONDecoder` can decode as `Value`.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if the value is not such a text.
    public init(cell: borrowing SQLiteCell) throws(SQLiteError) {
        value = try cell.decodeJSON(Value.self)
    }
}

extension SQLiteCell {
    /// Decodes the JSON in a text.
    func decodeJSON<Value: Decodable>(_ type: Value.Type) throws(SQLiteError) -> Value {
        guard storageType == .text else { throw mismatch("\(type) needs TEXT that is JSON") }
        do {
            return try JSONDecoder().decode(type, from: unsafe Data(rawBytes))
        } catch {
            throw mismatch("the JSON does not fit \(type): \(Self.reason(error))")
        }
    }

    /// Returns the reason without values, and without the path, which may contain the keys of a
    /// dictionary.
    private static func reason(_ error: any Error) -> String {
        switch error as? DecodingError {
        case .keyNotFound(let key, _): "there is no key “\(key.stringValue)”"
        case .typeMismatch(let type, _): "a value is not of type \(type)"
        case .valueNotFound(let type, _): "a value of type \(type) is null"
        default: "it is not valid"
        }
    }
}
