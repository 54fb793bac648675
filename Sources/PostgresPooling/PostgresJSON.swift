// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// A value that is stored as JSON, by the coders of ``PostgresDefaultJSONCoders``.
///
/// ```swift
/// try await pool.execute("INSERT INTO orders (content) VALUES (\(PostgresJSON(order)))")
/// ```
///
/// JSON that the program codes itself is sent as a `String`, or as bytes by ``PostgresParameter/jsonb(_:)``. Both
/// `String` and `[UInt8]` decode `json` and `jsonb`.
public typealias PostgresJSON<Value> = PostgresCodedJSON<Value, PostgresDefaultJSONCoders>

/// A value that is stored as JSON, by coders of your own.
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

    /// The value as `jsonb`, in the form that the encoder gives it.
    ///
    /// One that cannot be encoded is refused when the statement is sent, with the code `encoding`.
    public var postgresParameter: PostgresParameter {
        guard let json = try? Coders.makeEncoder().encode(value) else {
            // The encoder's error is not shown, because it may quote the value.
            return PostgresParameter(.jsonb, .failure("\(Value.self) cannot be encoded as JSON"))
        }
        return .jsonb(json)
    }
}

extension PostgresParameter {
    /// Returns JSON that the program has coded itself, as `jsonb`.
    ///
    /// - Parameter json: The JSON in UTF-8. The server refuses what is none.
    public static func jsonb(_ json: some Sequence<UInt8>) -> PostgresParameter {
        // The version of the format comes first.
        PostgresParameter(.jsonb, .bytes([1] + json))
    }
}

extension PostgresCodedJSON: PostgresDecodable, PostgresArrayDecodable where Value: Decodable {
    /// Decodes a `json` or `jsonb` that the decoder makes a `Value` of.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type, or does not fit.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        let bytes = try unsafe cell.json(for: "PostgresJSON<\(Value.self)>")
        do {
            value = try Coders.makeDecoder().decode(Value.self, from: unsafe Data(bytes))
        } catch {
            throw cell.mismatch("the JSON is not that of \(Value.self): \(Self.reason(error))")
        }
    }

    /// Returns what is wrong, without what the value says: not where either, since that may be the keys of a dictionary.
    private static func reason(_ error: any Error) -> String {
        if error is UnfitDate { return "a date is no ISO 8601 time with an offset from UTC" }
        return switch error as? DecodingError {
        case .keyNotFound(let key, _): "there is no key “\(key.stringValue)”"
        case .typeMismatch(let type, _): "a value is not of type \(type)"
        case .valueNotFound(let type, _): "a value of type \(type) is null"
        default: "it is not valid"
        }
    }
}

extension PostgresCell {
    /// The text of a `json` or `jsonb`.
    func json(for needs: String) throws(PostgresError) -> UnsafeRawBufferPointer {
        let bytes = try unsafe value(for: needs)
        switch type {
        case .json: return unsafe bytes
        case .jsonb:
            // The version of the format comes first.
            guard unsafe bytes.first == 1 else { throw malformed }
            return unsafe UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
        default: throw mismatch("\(needs) needs jsonb or json")
        }
    }
}
