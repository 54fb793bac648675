// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

/// The decoder of a row, for a type with properties.
///
/// Inlined into the `init(from:)` of the type, if that is inlined into the loop over the rows.
@usableFromInline
struct Row: Decoder {
    @usableFromInline let row: RowReference

    @inlinable
    init(row: RowReference) { self.row = row }

    @usableFromInline var codingPath: [any CodingKey] { [] }
    @usableFromInline var userInfo: [CodingUserInfoKey: Any] { [:] }

    @inlinable
    func container<Key: CodingKey>(keyedBy: Key.Type) -> KeyedDecodingContainer<Key> {
        row.container(keyedBy: Key.self) ?? newContainer(Key.self)
    }

    @usableFromInline
    @inline(never)
    func newContainer<Key: CodingKey>(_: Key.Type) -> KeyedDecodingContainer<Key> {
        row.newContainer { Properties<Key>(row: $0) }
    }

    @usableFromInline
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        throw try row.decoder().refusal([], "is not a list")
    }

    @usableFromInline
    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        try row.decoder().result.expect(columnCount: 1)
        return SingleValue(row: row, index: 0, codingPath: [])
    }
}

/// The columns of a row, by name.
///
/// The common types have methods of their own, which look up no conformance at run time.
@safe
struct Properties<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let row: RowReference
    /// The columns of the keys that are stored.
    private let columns: UnsafeMutablePointer<Int16>?

    init(row: RowReference) {
        self.row = row
        unsafe columns = row.columns(Key.self)
    }

    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { (try? row.decoder().propertyNames.compactMap { Key(stringValue: $0) }) ?? [] }

    func contains(_ key: Key) -> Bool { (try? find(key)) != nil }

    func decodeNil(forKey key: Key) throws -> Bool { try row.isNull(index(of: key)) }

    @inline(__always) func decode(_: Bool.Type, forKey key: Key) throws -> Bool { try value(key) }
    @inline(__always) func decode(_: String.Type, forKey key: Key) throws -> String { try value(key) }
    @inline(__always) func decode(_: Double.Type, forKey key: Key) throws -> Double { try value(key) }
    @inline(__always) func decode(_: Float.Type, forKey key: Key) throws -> Float { try value(key) }
    @inline(__always) func decode(_: Int.Type, forKey key: Key) throws -> Int { try value(key) }
    @inline(__always) func decode(_: Int32.Type, forKey key: Key) throws -> Int32 { try value(key) }
    @inline(__always) func decode(_: Int64.Type, forKey key: Key) throws -> Int64 { try value(key) }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        let index = try index(of: key)
        return try row.decoder().decode(type, at: index, path: [key])
    }

    func decodeIfPresent(_: Bool.Type, forKey key: Key) throws -> Bool? { try optional(key) }
    func decodeIfPresent(_: String.Type, forKey key: Key) throws -> String? { try optional(key) }
    func decodeIfPresent(_: Double.Type, forKey key: Key) throws -> Double? { try optional(key) }
    func decodeIfPresent(_: Float.Type, forKey key: Key) throws -> Float? { try optional(key) }
    func decodeIfPresent(_: Int.Type, forKey key: Key) throws -> Int? { try optional(key) }
    func decodeIfPresent(_: Int32.Type, forKey key: Key) throws -> Int32? { try optional(key) }
    func decodeIfPresent(_: Int64.Type, forKey key: Key) throws -> Int64? { try optional(key) }

    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        guard let index = try indexIfPresent(of: key) else { return nil }
        return try row.decoder().decodeOptional(type, at: index, path: [key])
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy: Nested.Type,
        forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        throw try row.decoder().refusal([key], "is one value; decode a type of its own from its JSON")
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        throw try row.decoder().refusal([key], "is one value; decode an array")
    }

    // A row is one scope: a superclass decodes from the same columns.
    func superDecoder() -> any Decoder { Row(row: row) }

    func superDecoder(forKey key: Key) throws -> any Decoder {
        SingleValue(row: row, index: try index(of: key), codingPath: [key])
    }
}

extension Properties {
    /// Decodes the value of a property.
    @inline(__always)
    private func value<Value: PostgresDecodable>(_ key: Key) throws(PostgresError) -> Value {
        try row.value(at: try index(of: key))
    }

    /// Decodes the value of an optional property.
    @inline(__always)
    private func optional<Value: PostgresDecodable>(_ key: Key) throws(PostgresError) -> Value? {
        guard let index = try indexIfPresent(of: key) else { return nil }
        return try row.optional(at: index)
    }

    /// Returns the index of the column for a property.
    @inline(__always)
    private func index(of key: Key) throws(PostgresError) -> Int {
        guard let index = try find(key) else { throw try row.decoder().missing(key.stringValue) }
        return index
    }

    /// Returns the index of the column for an optional property; `nil` if there is no column,
    /// unless that is an error.
    @inline(__always)
    private func indexIfPresent(of key: Key) throws(PostgresError) -> Int? {
        if let index = try find(key) { return index }
        let decoder = try row.decoder()
        if decoder.missingColumns == .areNil { return nil }
        throw decoder.missing(key.stringValue)
    }

    /// Returns the index of the column for a property; `nil` if there is none.
    @inline(__always)
    private func find(_ key: Key) throws(PostgresError) -> Int? {
        let column = unsafe row.column(of: key, in: columns)
        if column >= 0 { return Int(column) }
        return try column == RowReference.missing ? nil : findByName(key)
    }

    @inline(never)
    private func findByName(_ key: Key) throws(PostgresError) -> Int? {
        let index = try row.decoder().index(of: key.stringValue)
        unsafe row.note(index, of: key, in: columns)
        return index
    }
}

/// The decoder of one column, for a type with a single value, such as an enumeration with raw
/// values.
struct SingleValue: Decoder, SingleValueDecodingContainer {
    let row: RowReference
    let index: Int
    let codingPath: [any CodingKey]

    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy: Key.Type) throws -> KeyedDecodingContainer<Key> { throw RequiresJSON() }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw RequiresJSON() }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    func decodeNil() -> Bool { (try? row.isNull(index)) ?? false }

    func decode(_: String.Type) throws -> String { try row.value(at: index) }
    func decode(_: Int.Type) throws -> Int { try row.value(at: index) }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        // A wrapper within a wrapper also decodes a single value.
        try row.decoder().decode(type, at: index, path: codingPath)
    }
}

extension RowReference {
    /// The decoder of the row.
    func decoder() throws(PostgresError) -> RowDecoder {
        guard isCurrent, let decoder = unsafe row.pointee.decoder else { throw Self.isOver }
        return unsafe Unmanaged.fromOpaque(decoder).takeUnretainedValue()
    }

    /// Returns a value of the row, whose result `RowDecoder.decode(_:row:of:)` retains.
    @inline(__always)
    func cell(_ index: Int) throws(PostgresError) -> PostgresCell {
        guard isCurrent, let result = unsafe row.pointee.owner else { throw Self.isOver }
        return unsafe PostgresCell(
            Unmanaged.fromOpaque(result).takeUnretainedValue(),
            row: row.pointee.index,
            column: index
        )
    }

    /// Decodes the value of a column.
    @inline(__always)
    func value<Value: PostgresDecodable>(at index: Int) throws(PostgresError) -> Value {
        // Named, because the optimizer of Swift 6.3 fails on a noncopyable temporary here.
        let cell = try cell(index)
        return try Value(cell: cell)
    }

    /// Decodes the value of a column, if it is not `NULL`.
    @inline(__always)
    func optional<Value: PostgresDecodable>(at index: Int) throws(PostgresError) -> Value? {
        let cell = try cell(index)
        return cell.isNull ? nil : try Value(cell: cell)
    }

    func isNull(_ index: Int) throws(PostgresError) -> Bool {
        let cell = try cell(index)
        return cell.isNull
    }

    private static var isOver: PostgresError {
        @inline(never) get { PostgresError(.decoding, "this decoder is only valid while its row is decoded") }
    }
}
