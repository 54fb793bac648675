// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

extension PostgresRow {
    /// Whether an optional property without a column is an error.
    public enum MissingColumns: Hashable, Sendable {
        /// A property without a column is an error, even an optional one.
        case areErrors
        /// An optional property without a column is `nil`.
        case areNil
    }
}

/// Decodes the rows of a statement as `Decodable` values: each property from the column of its
/// name.
///
/// A value may keep its decoder, which decodes nothing after its row.
@safe
@usableFromInline
final class RowDecoder {
    /// A result of the statement, for the properties that all its results share.
    let result: PostgresResult
    let missingColumns: PostgresRow.MissingColumns
    /// The index of each column by the name of its property; the first one if several columns have
    /// the same name.
    private let columns: [ExactText: Int]
    @usableFromInline let row: UnsafeMutablePointer<CurrentRow>
    @usableFromInline let reference: RowReference

    /// - Precondition: `result` describes its columns.
    @usableFromInline
    init(_ result: PostgresResult, _ missingColumns: PostgresRow.MissingColumns) {
        self.result = result
        self.missingColumns = missingColumns
        columns = Dictionary(
            (0..<result.columnCount).map { (ExactText(result.propertyName($0)), $0) },
            uniquingKeysWith: { first, _ in first }
        )
        unsafe row = CurrentRow.acquire()
        reference = unsafe RowReference(row)
        unsafe row.pointee.decoder = Unmanaged.passUnretained(self).toOpaque()
    }

    deinit { unsafe CurrentRow.release(row) }

    var propertyNames: [String] { (0..<result.columnCount).map { result.propertyName($0) } }

    /// Decodes a row of a result of the statement.
    ///
    /// - Throws: The error of the type; `PostgresError` instead of a `DecodingError`.
    @inlinable
    func decode<Value: Decodable>(_: Value.Type, row index: Int, of result: PostgresResult) throws -> Value {
        unsafe row.pointee.index = index
        unsafe row.pointee.owner = Unmanaged.passUnretained(result).toOpaque()
        reference.begin()
        defer {
            reference.end()
            withExtendedLifetime(result) {}
        }
        do {
            return try Value(from: Row(row: reference))
        } catch let error as DecodingError {
            throw translate(error)
        }
    }

    /// Returns the index of the column for a property. Looks the name up in a dictionary.
    func index(of name: String) -> Int? { columns[ExactText(name)] }

    // MARK: Values

    /// Decodes a value of any type.
    func decode<Value: Decodable>(_: Value.Type, at index: Int, path: [any CodingKey]) throws -> Value {
        let cell = try reference.cell(index)
        if let type = Value.self as? any PostgresDecodable.Type, !(cell.holdsJSON && Value.self is any JSONList.Type) {
            // The cast cannot fail: both are the same type.
            return try Self.value(of: type, cell) as! Value
        }
        if cell.holdsJSON, !cell.isNull { return try PostgresJSON<Value>(cell: cell).value }
        do {
            return try Value(from: SingleValue(row: reference, index: index, codingPath: path))
        } catch is RequiresJSON {
            _ = try unsafe cell.value(for: "\(Value.self)")
            throw cell.mismatch("\(Value.self) needs jsonb or json")
        }
    }

    /// Decodes the value of an optional property: `nil` for `NULL`, and for the `null` of a type
    /// that is decoded from JSON.
    func decodeOptional<Value: Decodable>(_: Value.Type, at index: Int, path: [any CodingKey]) throws -> Value? {
        let cell = try reference.cell(index)
        if cell.isNull { return nil }
        guard cell.holdsJSON, !(Value.self is any PostgresDecodable.Type) || Value.self is any JSONList.Type else {
            return try decode(Value.self, at: index, path: path)
        }
        return try PostgresJSON<Value?>(cell: cell).value
    }

    /// Separate from the generic function: the optimizer of Swift 6.3.1 crashes when it
    /// specializes that with the cast.
    @inline(never)
    @_optimize(none)
    private static func value(of type: any PostgresDecodable.Type, _ cell: borrowing PostgresCell) throws -> Any {
        try type.init(cell: cell)
    }

    // MARK: Errors

    func missing(_ name: String) -> PostgresError {
        PostgresError(.columnCount, "there is no column “\(name)”", sql: result.sql)
    }

    func refusal(_ path: [any CodingKey], _ reason: String) -> PostgresError {
        let name = path.last.map { "column “\($0.stringValue)”" } ?? "a row"
        return PostgresError(.decoding, "\(name) \(reason)", sql: result.sql)
    }

    /// Returns the error without its quotations, which may contain a value.
    @usableFromInline
    func translate(_ error: DecodingError) -> PostgresError {
        switch error {
        case .keyNotFound(let key, _):
            return missing(key.stringValue)
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            if let name = context.codingPath.last?.stringValue, let index = index(of: name),
                let cell = try? reference.cell(index)
            {
                return cell.mismatch("the property’s type cannot be decoded from it")
            }
        @unknown default:
            break
        }
        return PostgresError(.decoding, "the type cannot be decoded from a row", sql: result.sql)
    }
}

/// Thrown if a type asks for a list or an object, but the column has a single value that is not
/// JSON.
struct RequiresJSON: Error {}

/// A type that is decoded from an array, or from a list in a JSON column.
private protocol JSONList {}

extension Array: JSONList where Element: Decodable {}

extension PostgresCell {
    fileprivate var holdsJSON: Bool { type == .jsonb || type == .json }
}

extension PostgresResult {
    /// Returns the name of the property that is decoded from a column.
    fileprivate func propertyName(_ column: Int) -> String { columnNames.propertyName(columnName(column)) }
}
