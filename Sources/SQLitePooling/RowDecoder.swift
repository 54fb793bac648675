// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// Whether an optional property without a column is an error.
public enum SQLiteMissingColumns: Hashable, Sendable {
    /// A property without a column is an error, also if it is an optional.
    case areErrors
    /// An optional property without a column is `nil`.
    case areNil
}

/// Decodes the rows of a statement as `Decodable` values: each property from the column of its name.
///
/// A value may keep its decoder, which decodes nothing once the row is over.
final class RowDecoder {
    let statement: Statement
    private let missingColumns: SQLiteMissingColumns
    /// The index of each column, by the name of its property; of several columns with one name the first.
    private let columns: [ExactText: Int]
    /// The names in the order in which the first row has asked for them, and their columns: a type asks for the same names in
    /// each row.
    private var lookups: [(name: String, index: Int?)] = []
    /// Which of `lookups` the row is expected to ask for next.
    private var nextLookup = 0
    /// The container that the type asks for in each row, for one type of keys.
    private var container: (keys: ObjectIdentifier, object: AnyObject)?
    /// Whether the statement is on the row that is decoded.
    private var isOnRow = false

    /// - Precondition: The statement has taken its first step, after which its columns do not change.
    init(_ statement: Statement, missingColumns: SQLiteMissingColumns) {
        self.statement = statement
        self.missingColumns = missingColumns
        columns = Dictionary(
            (0..<statement.columnCount).map { (ExactText(statement.propertyName($0)), $0) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    var propertyNames: [String] { (0..<statement.columnCount).map { statement.propertyName($0) } }

    /// Decodes the current row.
    ///
    /// - Throws: What the type throws; `SQLiteError` instead of a `DecodingError`.
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        isOnRow = true
        nextLookup = 0
        defer { isOnRow = false }
        do {
            return try Value(from: Row(row: self))
        } catch let error as DecodingError {
            throw translate(error)
        }
    }

    /// Returns the columns for keys of a type. They are the same in each row, and to make them costs more than to decode a number.
    func properties<Key: CodingKey>(_: Key.Type) -> KeyedDecodingContainer<Key> {
        if let container, container.keys == ObjectIdentifier(Key.self) {
            return unsafe unsafeDowncast(container.object, to: Container<Key>.self).properties
        }
        let new = Container(properties: KeyedDecodingContainer(Properties<Key>(row: self)))
        container = (ObjectIdentifier(Key.self), new)
        return new.properties
    }

    private final class Container<Key: CodingKey> {
        let properties: KeyedDecodingContainer<Key>
        init(properties: KeyedDecodingContainer<Key>) { self.properties = properties }
    }

    /// Ends the decoding of a statement, and with it the cycle of references to the container.
    func end() { container = nil }

    // MARK: Columns by name

    /// Returns the index of the column for a property.
    func index(of name: String) -> Int? {
        if nextLookup < lookups.count, lookups[nextLookup].name == name {
            defer { nextLookup += 1 }
            return lookups[nextLookup].index
        }
        let index = columns[ExactText(name)]
        if nextLookup == lookups.count {
            lookups.append((name, index))
            nextLookup += 1
        }
        return index
    }

    /// Returns the column for a property.
    func column(for name: String) throws(SQLiteError) -> SQLiteColumn {
        guard let index = index(of: name) else { throw missing(name) }
        return try column(index)
    }

    /// Returns the index of the column for an optional property; `nil` if there is no column, which may be an error, and if
    /// the value is `NULL`.
    func indexUnlessNull(of name: String) throws(SQLiteError) -> Int? {
        guard let index = index(of: name) else {
            if missingColumns == .areNil { return nil }
            throw missing(name)
        }
        return try isNull(index) ? nil : index
    }

    func column(_ index: Int) throws(SQLiteError) -> SQLiteColumn {
        guard isOnRow else {
            throw SQLiteError(.decoding, "the row of this decoder is over", sql: statement.text)
        }
        return SQLiteColumn(index, of: statement)
    }

    func isNull(_ index: Int) throws(SQLiteError) -> Bool {
        let column = try column(index)
        return column.isNull
    }

    // MARK: Values

    /// Decodes the value of a property.
    func value<Value: SQLiteDecodable>(for name: String) throws(SQLiteError) -> Value {
        guard let index = index(of: name) else { throw missing(name) }
        return try value(at: index)
    }

    /// Decodes the value of a column.
    func value<Value: SQLiteDecodable>(at index: Int) throws(SQLiteError) -> Value {
        // Named, because the optimizer of Swift 6.3 fails on a noncopyable temporary here.
        let column = try column(index)
        return try Value(column: column)
    }

    /// Decodes a value of any type.
    func decode<Value: Decodable>(_ type: Value.Type, at index: Int, path: [any CodingKey]) throws -> Value {
        if let type = type as? any SQLiteDecodable.Type {
            // The cast cannot fail: it is the same type.
            return try value(of: type, at: index) as! Value
        }
        do {
            return try Value(from: Cell(row: self, index: index, codingPath: path))
        } catch is JSONIsNeeded {
            // Named, because the optimizer of Swift 6.3 fails on a noncopyable temporary here.
            let column = try column(index)
            return try column.decodeJSON(type)
        }
    }

    /// Not a part of the generic function: the optimizer of Swift 6.3.1 crashes when it specializes that with the cast.
    @inline(never)
    @_optimize(none)
    func value(of type: any SQLiteDecodable.Type, at index: Int) throws -> Any {
        try type.init(column: column(index))
    }

    // MARK: Errors

    func missing(_ name: String) -> SQLiteError {
        SQLiteError(.columnCount, "there is no column “\(name)”", sql: statement.text)
    }

    func noContainer(_ path: [any CodingKey]) -> SQLiteError {
        let name = path.last.map { "column “\($0.stringValue)”" } ?? "a row"
        return SQLiteError(.decoding, "\(name) is one value, and neither a list nor an object", sql: statement.text)
    }

    /// Returns the error without what it quotes, which may be a value.
    private func translate(_ error: DecodingError) -> SQLiteError {
        switch error {
        case .keyNotFound(let key, _):
            return missing(key.stringValue)
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            if let name = context.codingPath.last?.stringValue, let index = columns[ExactText(name)] {
                // Named, because the optimizer of Swift 6.3 fails on a noncopyable temporary here.
                let column = SQLiteColumn(index, of: statement)
                return column.mismatch("the property’s type does not take it")
            }
        @unknown default:
            break
        }
        return SQLiteError(.decoding, "the type cannot be decoded from a row", sql: statement.text)
    }
}

/// A type asks for a list or an object where a column has one value, which is JSON then.
struct JSONIsNeeded: Error {}
