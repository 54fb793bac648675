// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// One value of a row, or one element or field of it, from which ``PostgresDecodable`` types
/// decode.
///
/// A cell is borrowed and cannot be kept.
@safe
public struct PostgresCell: ~Copyable {
    /// The result that owns the bytes. The reference is not counted: the code that makes a cell
    /// keeps the result alive while the cell is borrowed.
    @safe private unowned(unsafe) let result: PostgresResult

    /// The index of the column, from 0.
    public let index: Int

    /// The type of the value. For a domain it is the base type. If the rows are in text format, it
    /// is `text`.
    public let type: PostgresType

    /// The part of the column's value that the cell represents.
    private let part: Part

    /// A value, or a part of one.
    enum Part {
        case whole
        case element(Int)
        case field(Int)
        /// A bound of a range.
        case bound
    }

    private let content: UnsafeRawBufferPointer?

    @usableFromInline
    init(_ result: PostgresResult, row: Int, column: Int) {
        self.result = result
        index = column
        type = PostgresType(oid: result.columnType(column))
        part = .whole
        unsafe content = result.bytes(row: row, column: column)
    }

    /// Creates the value of a column of `result` that is not stored in it.
    init(_ result: PostgresResult, column: Int, type: UInt32, content: UnsafeRawBufferPointer?) {
        self.result = result
        index = column
        self.type = PostgresType(oid: type)
        part = .whole
        unsafe self.content = content
    }

    /// Creates a part of the value of `cell`.
    ///
    /// The server reports a column's type without its domain, but the types of elements and fields
    /// with it.
    init(_ part: Part, of cell: borrowing PostgresCell, type: UInt32, content: UnsafeRawBufferPointer?) {
        result = cell.result
        index = cell.index
        let type = PostgresType(oid: type)
        self.type = type.isUserDefined ? PostgresType(oid: result.domains[type.oid] ?? type.oid) : type
        self.part = part
        unsafe self.content = content
    }

    /// The name of the column in the statement.
    public var name: String { result.columnName(index) }

    /// Whether the value is `NULL`.
    public var isNull: Bool { unsafe content == nil }

    /// A copy of the value's bytes, in PostgreSQL's binary format of the type, for types that this
    /// library does not know; `nil` for `NULL`. In the rows of ``PostgresQuery/asText(_:)`` they
    /// are the text.
    public var bytes: [UInt8]? { unsafe content.map { unsafe Array($0) } }

    /// Returns an error for a value that cannot be decoded, which a type throws from its
    /// ``PostgresDecodable/init(cell:)``.
    ///
    /// It names the column, its index, the type of the value, and the element or the field, but
    /// not the value.
    ///
    /// - Parameter reason: The reason, as a clause such as “Colour has no such case”.
    public func mismatch(_ reason: String) -> PostgresError {
        let place =
            switch part {
            case .whole: "column"
            case .element(let element): "element \(element) of column"
            case .field(let field): "field \(field) of column"
            case .bound: "bound of column"
            }
        let type = result.isText ? "\(PostgresType(oid: result.declaredType(index))) in text format" : "\(type)"
        return PostgresError(.decoding, "\(place) “\(name)” (index \(index), type \(type)): \(reason)", sql: result.sql)
    }
}

@available(*, unavailable)
extension PostgresCell: Sendable {}

extension PostgresCell {
    /// Returns the bytes of the value, which are valid while the cell is.
    ///
    /// - Parameter needs: The type that is decoded, such as “Int”.
    /// - Throws: `PostgresError` if the value is `NULL`.
    func value(for needs: String) throws(PostgresError) -> UnsafeRawBufferPointer {
        guard let content = unsafe content else { throw mismatch("\(needs) cannot be NULL; decode an optional") }
        return unsafe content
    }

    /// Checks that the value is not `NULL` and has this type.
    func require(_ type: PostgresType, for needs: String) throws(PostgresError) {
        _ = try unsafe value(for: needs)
        if self.type != type { throw mismatch("\(needs) needs \(type)") }
    }

    /// Returns the value as an integer with exactly as many bytes.
    func integer<Number: FixedWidthInteger & BitwiseCopyable>(
        _: Number.Type = Number.self
    ) throws(PostgresError) -> Number {
        guard let content = unsafe content, content.count == MemoryLayout<Number>.size else { throw malformed }
        return unsafe Number(bigEndian: content.loadUnaligned(as: Number.self))
    }

    /// The error for bytes that do not match the type.
    var malformed: PostgresError { mismatch("the bytes are not those of the type") }
}
