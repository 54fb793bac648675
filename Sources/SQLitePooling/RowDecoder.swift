// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Makes values of `Decodable` types out of the rows of a statement: each property out of the column of its name.
///
/// What such a type is handed may be kept by it, though nothing may be decoded from it any more when the row is over.
final class RowDecoder {
    fileprivate let statement: Statement
    /// Where each column is, by its name; of several with one name the first.
    fileprivate let columns: [String: Int]
    /// Whether the statement stands on the row that is being decoded.
    fileprivate var isOnRow = false

    init(_ statement: Statement) {
        self.statement = statement
        columns = Dictionary(
            (0..<statement.columnCount).map { (statement.columnName($0), $0) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// Decodes the row that the statement stands on.
    ///
    /// - Throws: What the type throws; `SQLiteError` for what `Decodable`'s own implementations refuse.
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        isOnRow = true
        defer { isOnRow = false }
        do {
            return try Value(from: Row(row: self))
        } catch let error as DecodingError {
            throw translate(error)
        }
    }

    /// The error without what it quotes, which may be a value.
    private func translate(_ error: DecodingError) -> SQLiteError {
        switch error {
        case .keyNotFound(let key, _):
            SQLiteError(.columnCount, "there is no column “\(key.stringValue)”", sql: statement.text)
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            if let name = context.codingPath.last?.stringValue, let index = columns[name] {
                SQLiteColumn(index, of: statement).mismatch("the property’s type does not take it")
            } else {
                SQLiteError(.decoding, "the type cannot be decoded from a row", sql: statement.text)
            }
        @unknown default:
            SQLiteError(.decoding, "the type cannot be decoded from a row", sql: statement.text)
        }
    }

    fileprivate func column(_ index: Int) throws(SQLiteError) -> SQLiteColumn {
        guard isOnRow else {
            throw SQLiteError(.decoding, "the row is over that the decoder belongs to", sql: statement.text)
        }
        return SQLiteColumn(index, of: statement)
    }

    fileprivate func isNull(_ index: Int) throws(SQLiteError) -> Bool {
        let column = try column(index)
        return column.storageType == .null
    }

    fileprivate func decode<Value: Decodable>(_ type: Value.Type, at index: Int, path: [any CodingKey]) throws -> Value
    {
        if let type = type as? any SQLiteDecodable.Type {
            // The cast cannot fail: it is the same type.
            return try type.init(column: column(index)) as! Value
        }
        return try Value(from: Cell(row: self, index: index, codingPath: path))
    }

    fileprivate func nested(_ path: [any CodingKey]) -> SQLiteError {
        let name = path.last.map { "column “\($0.stringValue)”" } ?? "a row"
        return SQLiteError(.decoding, "\(name) is one value, and neither a list nor an object", sql: statement.text)
    }
}

/// A row, as the decoder of a type with properties.
private struct Row: Decoder {
    let row: RowDecoder

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(Properties(row: row))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw row.nested([]) }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        guard row.columns.count == 1 else {
            throw SQLiteError(
                .columnCount,
                "the statement has \(row.statement.columnCount) columns, and one is to be decoded",
                sql: row.statement.text
            )
        }
        return Cell(row: row, index: 0, codingPath: [])
    }
}

/// The columns of a row, by name.
private struct Properties<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let row: RowDecoder

    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { row.columns.keys.compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool { row.columns[key.stringValue] != nil }

    func decodeNil(forKey key: Key) throws -> Bool { try row.isNull(index(key)) }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try row.decode(type, at: index(key), path: [key])
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy: Nested.Type,
        forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        throw row.nested([key])
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw row.nested([key]) }

    func superDecoder() -> any Decoder { Row(row: row) }

    func superDecoder(forKey key: Key) throws -> any Decoder {
        Cell(row: row, index: try index(key), codingPath: [key])
    }

    private func index(_ key: Key) throws -> Int {
        guard let index = row.columns[key.stringValue] else {
            throw DecodingError.keyNotFound(key, DecodingError.Context(codingPath: [], debugDescription: ""))
        }
        return index
    }
}

/// One column, as the decoder of a type that is made of one value, such as an enumeration with raw values.
private struct Cell: Decoder, SingleValueDecodingContainer {
    let row: RowDecoder
    let index: Int
    let codingPath: [any CodingKey]

    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy: Key.Type) throws -> KeyedDecodingContainer<Key> {
        throw row.nested(codingPath)
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw row.nested(codingPath) }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    func decodeNil() -> Bool { (try? row.isNull(index)) ?? false }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        if let type = type as? any SQLiteDecodable.Type {
            // The cast cannot fail: it is the same type.
            return try value(of: type) as! Value
        }
        // A wrapper around a wrapper: it asks for one value in its turn.
        return try Value(from: self)
    }

    /// Not a part of the generic function: the optimizer of Swift 6.3.1 crashes when it specializes that with the cast.
    @inline(never)
    @_optimize(none)
    private func value(of type: any SQLiteDecodable.Type) throws -> Any {
        try type.init(column: row.column(index))
    }
}
