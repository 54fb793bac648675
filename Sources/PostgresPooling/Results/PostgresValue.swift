// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The value of a row and a column, which is not decoded yet.
///
/// ```swift
/// if row[0].isNull { … }
/// let name = try row["name"]?.decode(String.self)
/// ```
///
/// A value that is kept retains all rows of its result.
public struct PostgresValue: Sendable {
    private let row: PostgresRow

    /// The index of the column, from 0.
    public let index: Int

    fileprivate init(_ row: PostgresRow, _ index: Int) {
        self.row = row
        self.index = index
    }

    /// The name of the column in the statement.
    public var name: String { row.result.columnName(index) }

    /// The type of the value. If the rows are in text format, it is `text`.
    public var type: PostgresType { PostgresType(oid: row.result.columnType(index)) }

    /// Whether the value is `NULL`.
    public var isNull: Bool { unsafe row.result.bytes(row: row.index, column: index) == nil }

    /// A copy of the value's bytes, as ``PostgresCell/bytes``; `nil` for `NULL`.
    public var bytes: [UInt8]? { unsafe row.result.bytes(row: row.index, column: index).map { unsafe Array($0) } }

    /// Decodes the value.
    ///
    /// - Parameter type: The type to decode.
    /// - Returns: The decoded value.
    /// - Throws: ``PostgresError`` with the code `decoding` if the value cannot be decoded as the
    ///   type.
    public func decode<Value: PostgresDecodable>(
        _ type: Value.Type = Value.self
    ) throws(PostgresError) -> Value {
        try row.decode(type, at: index)
    }
}

extension PostgresValue: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The name and the type of the column, without the value.
    public var description: String { "value of column “\(name)” of type \(type)" }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// The name and the type of the column, without the value.
    public var customMirror: Mirror { Mirror(self, children: ["name": name, "type": "\(type)"]) }
}

extension PostgresRow {
    /// The value of a column.
    ///
    /// - Parameter index: The index of the column, from 0; must be less than ``columnCount``.
    public subscript(index: Int) -> PostgresValue {
        precondition(
            0..<columnCount ~= index,
            "The column index \(index) is out of range: the row has \(columnCount) columns."
        )
        return PostgresValue(self, index)
    }

    /// The value of the first column with a name; `nil` if there is no such column.
    ///
    /// - Parameter name: The name of the column, in the case that the statement uses. It is
    ///   searched for in each row: in a loop over many rows, an index is faster.
    public subscript(name: String) -> PostgresValue? {
        result.column(named: name).map { PostgresValue(self, $0) }
    }
}
