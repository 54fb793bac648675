// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

extension SQLiteRow {
    /// The treatment of an optional property without a column.
    public enum MissingColumns: Hashable, Sendable {
        /// A property without a column is an error, even if it is an optional.
        case areErrors
        /// An optional property without a column is `nil`.
        case areNil
    }
}

/// Decodes the rows of a statement as `Decodable` values: each property from the column with its
/// name.
///
/// A value may keep its decoder, which throws after the end of the row.
@safe
@usableFromInline
final class RowDecoder {
    let source: CellSource
    let missingColumns: SQLiteRow.MissingColumns
    /// The index of each column, by the name of its property. If several columns have one name,
    /// the first counts.
    private let columns: [ExactText: Int]
    /// The names in the order in which the first row requested them, and their columns. A type
    /// requests the same names for each row.
    // Unchecked: the decoder is used on one thread, and no access calls code that could begin
    // another access.
    @exclusivity(unchecked) private var lookups: [(name: String, index: Int?)] = []
    /// The memory of the current row. Its `index` is the position in `lookups` of the name that is
    /// expected next.
    @usableFromInline let row: UnsafeMutablePointer<CurrentRow>
    @usableFromInline let reference: RowReference

    /// The index of the row that is decoded, if the rows were copied.
    private var rowIndex = 0

    /// The statement whose rows are decoded.
    @usableFromInline var statement: Statement { unsafe unsafeDowncast(source, to: Statement.self) }

    /// - Precondition: The statement has taken its first step, after which its columns do not
    ///   change.
    convenience init(_ statement: Statement, missingColumns: SQLiteRow.MissingColumns) {
        self.init(source: statement, missingColumns)
        unsafe row.pointee.source = statement.handle
    }

    /// Creates a decoder of rows that were copied.
    convenience init(_ result: CopiedRows, missingColumns: SQLiteRow.MissingColumns) {
        self.init(source: result, missingColumns)
        unsafe row.pointee.source = nil
    }

    private init(source: CellSource, _ missingColumns: SQLiteRow.MissingColumns) {
        self.source = source
        self.missingColumns = missingColumns
        columns = Dictionary(
            (0..<source.columnCount).map { (ExactText(source.propertyName($0)), $0) },
            uniquingKeysWith: { first, _ in first }
        )
        unsafe row = CurrentRow.acquire()
        reference = unsafe RowReference(row)
        unsafe row.pointee.decoder = Unmanaged.passUnretained(self).toOpaque()
        unsafe row.pointee.owner = Unmanaged.passUnretained(source).toOpaque()
    }

    deinit { unsafe CurrentRow.release(row) }

    var propertyNames: [String] { (0..<source.columnCount).map { source.propertyName($0) } }

    /// Decodes the current row.
    ///
    /// - Throws: The error of the type; ``SQLiteError`` instead of a `DecodingError`.
    @inlinable
    func decode<Value: Decodable>(_: Value.Type) throws -> Value {
        unsafe row.pointee.index = 0
        reference.begin()
        defer { reference.end() }
        do {
            return try Value(from: Row(row: reference))
        } catch let error as DecodingError {
            throw translate(error)
        }
    }

    /// Decodes a row that was copied.
    func decode<Value: Decodable>(_ type: Value.Type, row index: Int) throws -> Value {
        rowIndex = index
        return try decode(type)
    }

    /// Returns a value of the current row, if the rows were copied.
    func copiedValue(_ column: Int) -> OpaquePointer {
        unsafe unsafeDowncast(source, to: CopiedRows.self).value(rowIndex, column)
    }

    // MARK: Columns by name

    /// Returns the index of the column for a property.
    func index(of name: String) -> Int? {
        let next = unsafe row.pointee.index
        if unsafe next < lookups.count, unsafe lookups[next].name == name {
            unsafe row.pointee.index = next &+ 1
            return unsafe lookups[next].index
        }
        return newIndex(of: name)
    }

    @inline(never)
    private func newIndex(of name: String) -> Int? {
        let index = columns[ExactText(name)]
        if unsafe row.pointee.index == lookups.count {
            unsafe lookups.append((name, index))
            unsafe row.pointee.index += 1
        }
        return index
    }

    // MARK: Values

    /// Decodes a value of any type.
    func decode<Value: Decodable>(_ type: Value.Type, at index: Int, path: [any CodingKey]) throws -> Value {
        if let type = type as? any SQLiteDecodable.Type {
            // The cast cannot fail: the types are the same.
            return try value(of: type, at: index) as! Value
        }
        do {
            return try Value(from: Cell(row: reference, index: index, codingPath: path))
        } catch is JSONIsNeeded {
            // Named, because the optimizer of Swift 6.3 fails on a noncopyable temporary here.
            let cell = try reference.cell(index)
            return try cell.decodeJSON(type)
        }
    }

    /// Separate from the generic function, because the optimizer of Swift 6.3.1 crashes when it
    /// specializes that with the cast.
    @inline(never)
    @_optimize(none)
    func value(of type: any SQLiteDecodable.Type, at index: Int) throws -> Any {
        try type.init(cell: reference.cell(index))
    }

    // MARK: Errors

    func missing(_ name: String) -> SQLiteError {
        source.missing(name)
    }

    func noContainer(_ path: [any CodingKey]) -> SQLiteError {
        let name = path.last.map { "column “\($0.stringValue)”" } ?? "a row"
        return SQLiteError(.decoding, "\(name) is a single value, not a list or an object", sql: source.text)
    }

    /// Returns the error without the quoted parts of its context, which may be values.
    @usableFromInline
    func translate(_ error: DecodingError) -> SQLiteError {
        switch error {
        case .keyNotFound(let key, _):
            return missing(key.stringValue)
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            if let name = context.codingPath.last?.stringValue, let index = columns[ExactText(name)] {
                return mismatch(at: index)
            }
        @unknown default:
            break
        }
        return SQLiteError(.decoding, "the type cannot be decoded from a row", sql: source.text)
    }

    private func mismatch(at index: Int) -> SQLiteError {
        // Named, because the optimizer of Swift 6.3 fails on a noncopyable temporary here.
        let owner = unsafe Unmanaged.passUnretained(source).toOpaque()
        if let statement = unsafe row.pointee.source {
            let cell = unsafe SQLiteCell(index, of: statement, owner)
            return cell.mismatch("the property’s type does not accept it")
        }
        let cell = unsafe SQLiteCell(index, copiedValue(index), owner)
        return cell.mismatch("the property’s type does not accept it")
    }
}

/// Signals that a type requests a list or an object from a column with a single value, which is
/// then decoded as JSON.
struct JSONIsNeeded: Error {}
