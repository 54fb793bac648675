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
@usableFromInline
final class RowDecoder {
    @usableFromInline let statement: Statement
    private let missingColumns: SQLiteMissingColumns
    /// The index of each column, by the name of its property; of several columns with one name the first.
    private let columns: [ExactText: Int]
    /// The names in the order in which the first row has asked for them, and their columns: a type asks for the same names in
    /// each row.
    // Unchecked, here and below: the decoder is used on one thread, and no access calls anything that could begin another.
    @exclusivity(unchecked) private var lookups: [(name: String, index: Int?)] = []
    /// Which of `lookups` the row is expected to ask for next.
    @exclusivity(unchecked) private var nextLookup = 0
    /// The type of keys for which the type asks in each row, and a `Held` container for it.
    @exclusivity(unchecked) private var container: (keys: ObjectIdentifier, object: AnyObject)?
    /// Whether the statement is on the row that is decoded.
    @exclusivity(unchecked) private var isOnRow = false

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
    @inlinable
    func decode<Value: Decodable>(_: Value.Type) throws -> Value {
        let row = beginRow()
        defer { endRow() }
        do {
            return try Value(from: row)
        } catch let error as DecodingError {
            throw translate(error)
        }
    }

    @usableFromInline
    func beginRow() -> any Decoder {
        unsafe isOnRow = true
        unsafe nextLookup = 0
        return Row(row: self)
    }

    @usableFromInline
    func endRow() { unsafe isOnRow = false }

    /// Returns the columns for keys of a type. They are the same in each row, and to make them costs more than to decode a number.
    func properties<Key: CodingKey>(_: Key.Type) -> KeyedDecodingContainer<Key> {
        if let container = unsafe container, container.keys == ObjectIdentifier(Key.self) {
            return unsafe unsafeDowncast(container.object, to: Held<KeyedDecodingContainer<Key>>.self).copy()
        }
        return newProperties(Key.self)
    }

    @inline(never)
    private func newProperties<Key: CodingKey>(_: Key.Type) -> KeyedDecodingContainer<Key> {
        let new = Held(KeyedDecodingContainer(Properties<Key>(row: self)))
        // A decoder that a type has kept would keep itself by a container that it is asked for after its row.
        if unsafe isOnRow { unsafe container = (ObjectIdentifier(Key.self), new) }
        return new.copy()
    }

    /// A value whose type is known where the copy ends up, and need not be found out for each.
    private final class Held<Value> {
        private let value: Value

        init(_ value: Value) { self.value = value }

        /// Not inlined: there it would look up the type of the value, which costs more than to decode a text.
        @inline(never)
        func copy() -> Value { value }
    }

    /// Ends the decoding of a statement, and with it the cycle of references to the container.
    func end() { unsafe container = nil }

    // MARK: Columns by name

    /// Returns the index of the column for a property.
    @inline(__always)
    func index(of name: String) -> Int? {
        let next = unsafe nextLookup
        if unsafe next < lookups.count, unsafe lookups[next].name == name {
            unsafe nextLookup = next &+ 1
            return unsafe lookups[next].index
        }
        return newIndex(of: name)
    }

    @inline(never)
    private func newIndex(of name: String) -> Int? {
        let index = columns[ExactText(name)]
        if unsafe nextLookup == lookups.count {
            unsafe lookups.append((name, index))
            unsafe nextLookup += 1
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
    @inline(__always)
    func indexUnlessNull(of name: String) throws(SQLiteError) -> Int? {
        guard let index = index(of: name) else {
            if missingColumns == .areNil { return nil }
            throw missing(name)
        }
        return try isNull(index) ? nil : index
    }

    @inline(__always)
    func column(_ index: Int) throws(SQLiteError) -> SQLiteColumn {
        guard unsafe isOnRow else { throw rowIsOver() }
        return SQLiteColumn(index, of: statement)
    }

    func isNull(_ index: Int) throws(SQLiteError) -> Bool {
        let column = try column(index)
        return column.isNull
    }

    // MARK: Values

    // The common types have functions of their own, which look up nothing at run time.

    func bool(_ name: String) throws(SQLiteError) -> Bool { try value(for: name) }
    func string(_ name: String) throws(SQLiteError) -> String { try value(for: name) }
    func double(_ name: String) throws(SQLiteError) -> Double { try value(for: name) }
    func float(_ name: String) throws(SQLiteError) -> Float { try value(for: name) }
    func int(_ name: String) throws(SQLiteError) -> Int { try value(for: name) }
    func int32(_ name: String) throws(SQLiteError) -> Int32 { try value(for: name) }
    func int64(_ name: String) throws(SQLiteError) -> Int64 { try value(for: name) }

    func optionalBool(_ name: String) throws(SQLiteError) -> Bool? { try optional(for: name) }
    func optionalString(_ name: String) throws(SQLiteError) -> String? { try optional(for: name) }
    func optionalDouble(_ name: String) throws(SQLiteError) -> Double? { try optional(for: name) }
    func optionalFloat(_ name: String) throws(SQLiteError) -> Float? { try optional(for: name) }
    func optionalInt(_ name: String) throws(SQLiteError) -> Int? { try optional(for: name) }
    func optionalInt32(_ name: String) throws(SQLiteError) -> Int32? { try optional(for: name) }
    func optionalInt64(_ name: String) throws(SQLiteError) -> Int64? { try optional(for: name) }

    /// Decodes the value of a property.
    @inline(__always)
    private func value<Value: SQLiteDecodable>(for name: String) throws(SQLiteError) -> Value {
        guard let index = index(of: name) else { throw missing(name) }
        return try value(at: index)
    }

    /// Decodes the value of an optional property.
    @inline(__always)
    private func optional<Value: SQLiteDecodable>(for name: String) throws(SQLiteError) -> Value? {
        guard let index = try indexUnlessNull(of: name) else { return nil }
        return try value(at: index)
    }

    /// Decodes the value of a column.
    @inline(__always)
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

    private func rowIsOver() -> SQLiteError {
        SQLiteError(.decoding, "the row of this decoder is over", sql: statement.text)
    }

    func missing(_ name: String) -> SQLiteError {
        SQLiteError(.columnCount, "there is no column “\(name)”", sql: statement.text)
    }

    func noContainer(_ path: [any CodingKey]) -> SQLiteError {
        let name = path.last.map { "column “\($0.stringValue)”" } ?? "a row"
        return SQLiteError(.decoding, "\(name) is one value, and neither a list nor an object", sql: statement.text)
    }

    /// Returns the error without what it quotes, which may be a value.
    @usableFromInline
    func translate(_ error: DecodingError) -> SQLiteError {
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
