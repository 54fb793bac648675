// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A row, as the decoder of a type with properties.
struct Row: Decoder {
    let row: RowDecoder

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy: Key.Type) -> KeyedDecodingContainer<Key> {
        row.properties(Key.self)
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw row.noContainer([]) }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        try row.statement.expect(columnCount: 1)
        return Cell(row: row, index: 0, codingPath: [])
    }
}

/// The columns of a row, by name.
///
/// The common types have functions of their own, which look up no conformance at run time.
struct Properties<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let row: RowDecoder

    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { row.propertyNames.compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool { row.index(of: key.stringValue) != nil }

    func decodeNil(forKey key: Key) throws -> Bool {
        let column = try row.column(for: key.stringValue)
        return column.isNull
    }

    func decode(_: Bool.Type, forKey key: Key) throws -> Bool { try row.bool(key.stringValue) }
    func decode(_: String.Type, forKey key: Key) throws -> String { try row.string(key.stringValue) }
    func decode(_: Double.Type, forKey key: Key) throws -> Double { try row.double(key.stringValue) }
    func decode(_: Float.Type, forKey key: Key) throws -> Float { try row.float(key.stringValue) }
    func decode(_: Int.Type, forKey key: Key) throws -> Int { try row.int(key.stringValue) }
    func decode(_: Int32.Type, forKey key: Key) throws -> Int32 { try row.int32(key.stringValue) }
    func decode(_: Int64.Type, forKey key: Key) throws -> Int64 { try row.int64(key.stringValue) }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        guard let index = row.index(of: key.stringValue) else { throw row.missing(key.stringValue) }
        return try row.decode(type, at: index, path: [key])
    }

    func decodeIfPresent(_: Bool.Type, forKey key: Key) throws -> Bool? { try row.optionalBool(key.stringValue) }
    func decodeIfPresent(_: String.Type, forKey key: Key) throws -> String? { try row.optionalString(key.stringValue) }
    func decodeIfPresent(_: Double.Type, forKey key: Key) throws -> Double? { try row.optionalDouble(key.stringValue) }
    func decodeIfPresent(_: Float.Type, forKey key: Key) throws -> Float? { try row.optionalFloat(key.stringValue) }
    func decodeIfPresent(_: Int.Type, forKey key: Key) throws -> Int? { try row.optionalInt(key.stringValue) }
    func decodeIfPresent(_: Int32.Type, forKey key: Key) throws -> Int32? { try row.optionalInt32(key.stringValue) }
    func decodeIfPresent(_: Int64.Type, forKey key: Key) throws -> Int64? { try row.optionalInt64(key.stringValue) }

    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        guard let index = try row.indexUnlessNull(of: key.stringValue) else { return nil }
        return try row.decode(type, at: index, path: [key])
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy: Nested.Type,
        forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        throw row.noContainer([key])
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw row.noContainer([key]) }

    func superDecoder() -> any Decoder { Row(row: row) }

    func superDecoder(forKey key: Key) throws -> any Decoder {
        guard let index = row.index(of: key.stringValue) else { throw row.missing(key.stringValue) }
        return Cell(row: row, index: index, codingPath: [key])
    }
}

/// One column, as the decoder of a type that is made of one value, such as an enumeration with raw values.
struct Cell: Decoder, SingleValueDecodingContainer {
    let row: RowDecoder
    let index: Int
    let codingPath: [any CodingKey]

    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy: Key.Type) throws -> KeyedDecodingContainer<Key> { throw JSONIsNeeded() }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw JSONIsNeeded() }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    func decodeNil() -> Bool { (try? row.isNull(index)) ?? false }

    func decode(_: String.Type) throws -> String { try row.value(at: index) }
    func decode(_: Int.Type) throws -> Int { try row.value(at: index) }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        // A wrapper around a wrapper asks for one value in its turn.
        try row.decode(type, at: index, path: codingPath)
    }
}
