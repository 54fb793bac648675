// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

/// The decoder of a row, for a type with properties.
///
/// Inlined into the type's `init(from:)` if that is inlined into the loop over the rows.
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
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw try row.decoder().noContainer([]) }

    @usableFromInline
    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        try row.decoder().source.expect(columnCount: 1)
        return Cell(row: row, index: 0, codingPath: [])
    }
}

/// The keyed container of a row: its columns by name.
///
/// The common types have their own functions, which look up no conformance at run time.
@safe
struct Properties<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let row: RowReference
    /// The cached columns of the keys.
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
        guard let index = try indexUnlessNull(of: key) else { return nil }
        return try row.decoder().decode(type, at: index, path: [key])
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy: Nested.Type,
        forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        throw try row.decoder().noContainer([key])
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        throw try row.decoder().noContainer([key])
    }

    // A row is one scope: a superclass decodes from the same columns.
    func superDecoder() -> any Decoder { Row(row: row) }

    func superDecoder(forKey key: Key) throws -> any Decoder {
        Cell(row: row, index: try index(of: key), codingPath: [key])
    }
}

extension Properties {
    /// Decodes the value of a property.
    @inline(__always)
    private func value<Value: SQLiteDecodable>(_ key: Key) throws(SQLiteError) -> Value {
        try row.value(at: try index(of: key))
    }

    /// Decodes the value of an optional property.
    @inline(__always)
    private func optional<Value: SQLiteDecodable>(_ key: Key) throws(SQLiteError) -> Value? {
        guard let index = try indexUnlessNull(of: key) else { return nil }
        return try row.value(at: index)
    }

    /// Returns the index of the column for a property.
    @inline(__always)
    private func index(of key: Key) throws(SQLiteError) -> Int {
        guard let index = try find(key) else { throw try row.decoder().missing(key.stringValue) }
        return index
    }

    /// Returns the index of the column for an optional property; `nil` if the value is `NULL`, or
    /// if the column is missing and that is no error.
    @inline(__always)
    private func indexUnlessNull(of key: Key) throws(SQLiteError) -> Int? {
        guard let index = try find(key) else {
            let decoder = try row.decoder()
            if decoder.missingColumns == .areNil { return nil }
            throw decoder.missing(key.stringValue)
        }
        return try row.isNull(index) ? nil : index
    }

    /// Returns the index of the column for a property; `nil` if there is no such column.
    @inline(__always)
    private func find(_ key: Key) throws(SQLiteError) -> Int? {
        let column = unsafe row.column(of: key, in: columns)
        if column >= 0 { return Int(column) }
        return try column == RowReference.missing ? nil : findByName(key)
    }

    @inline(never)
    private func findByName(_ key: Key) throws(SQLiteError) -> Int? {
        let index = try row.decoder().index(of: key.stringValue)
        unsafe row.note(index, of: key, in: columns)
        return index
    }
}

/// The decoder of one column, for a type that consists of one value, such as an enumeration with
/// raw values.
struct Cell: Decoder, SingleValueDecodingContainer {
    let row: RowReference
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
        // A wrapper of a wrapper requests a single value again.
        try row.decoder().decode(type, at: index, path: codingPath)
    }
}

extension RowReference {
    /// The decoder of the row.
    func decoder() throws(SQLiteError) -> RowDecoder {
        guard isCurrent, let decoder = unsafe row.pointee.decoder else { throw Self.isOver }
        return unsafe Unmanaged.fromOpaque(decoder).takeUnretainedValue()
    }

    /// Returns a cell of the row.
    @inline(__always)
    func cell(_ index: Int) throws(SQLiteError) -> SQLiteCell {
        guard isCurrent, let owner = unsafe row.pointee.owner else { throw Self.isOver }
        guard let statement = unsafe row.pointee.source else { return try unsafe copiedCell(index, owner) }
        return unsafe SQLiteCell(index, of: statement, owner)
    }

    /// Returns a cell of a row that was copied from its statement.
    @inline(never)
    private func copiedCell(_ index: Int, _ owner: UnsafeMutableRawPointer) throws(SQLiteError) -> SQLiteCell {
        let value = try unsafe decoder().copiedValue(index)
        return unsafe SQLiteCell(index, value, owner)
    }

    /// Decodes the value of a column.
    @inline(__always)
    func value<Value: SQLiteDecodable>(at index: Int) throws(SQLiteError) -> Value {
        // Named, because the optimizer of Swift 6.3 fails on a noncopyable temporary here.
        let cell = try cell(index)
        return try Value(cell: cell)
    }

    @inline(__always)
    func isNull(_ index: Int) throws(SQLiteError) -> Bool {
        let cell = try cell(index)
        return cell.isNull
    }

    private static var isOver: SQLiteError {
        @inline(never) get { SQLiteError(.decoding, "the decoder was used after the end of its row") }
    }
}
