// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// A value of the extension `hstore`: a dictionary of texts.
public struct PostgresHStore: Hashable, Sendable {
    /// The texts by key; `nil` for `NULL`.
    public var values: [String: String?]

    /// Creates a value from a dictionary.
    public init(_ values: [String: String?]) { self.values = values }
}

extension PostgresHStore: ExpressibleByDictionaryLiteral {
    /// Creates a value from a literal, whose keys must differ.
    public init(dictionaryLiteral elements: (String, String?)...) {
        values = Dictionary(uniqueKeysWithValues: elements)
    }
}

extension PostgresHStore: PostgresArrayEncodable {
    /// `hstore`, looked up by name on the search path.
    public static let postgresType = PostgresType(named: "hstore")

    /// The dictionary as `hstore`.
    ///
    /// Sending a text with a NUL character fails with the code `encoding`.
    public var postgresParameter: PostgresParameter {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: Int32(truncatingIfNeeded: values.count))
        for (key, value) in values {
            for text in [key, value] {
                let content = text.map { PostgresParameter.Content.text($0) } ?? .null
                if let obstacle = content.obstacle { return .failure(obstacle) }
                bytes.append(counted: content)
            }
        }
        return PostgresParameter(Self.postgresType, .bytes(bytes))
    }
}

extension PostgresHStore: PostgresArrayDecodable {
    /// Decodes an `hstore`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type, or
    ///   has two keys that are equal in Swift, such as composed and decomposed letters.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        var reader = try unsafe ByteReader(cell.value(for: "PostgresHStore"))
        // The identifier of the type depends on the database.
        guard cell.type.isUserDefined else { throw cell.mismatch("PostgresHStore needs hstore") }
        guard let count = reader.integer(Int32.self), count >= 0, Int(count) <= reader.count / 8 else {
            throw cell.malformed
        }
        var values: [String: String?] = [:]
        for _ in 0..<count {
            guard let key = reader.countedText(), let key, let value = reader.countedText() else {
                throw cell.malformed
            }
            if values.updateValue(value, forKey: key) != nil { throw cell.mismatch("two keys are equal as String") }
        }
        guard reader.isAtEnd else { throw cell.malformed }
        self.values = values
    }
}

extension ByteReader {
    /// Reads a text after its length; the inner `nil` for `NULL`, the outer one at the end of the
    /// bytes.
    fileprivate mutating func countedText() -> String?? {
        guard let length = integer(Int32.self) else { return nil }
        if length == -1 { return .some(nil) }
        guard let bytes = unsafe bytes(Int(length)), let text = unsafe String(validUTF8: bytes) else { return nil }
        return text
    }
}
