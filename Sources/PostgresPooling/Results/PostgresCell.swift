// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// One value of a row, or one element or field of it: what ``PostgresDecodable`` types decode from.
///
/// It is only lent, and cannot be kept.
@safe
public struct PostgresCell: ~Copyable {
    /// The result that has the bytes. The reference is not counted: a cell is lent, and the code that makes a cell keeps the result
    /// for as long as the cell lives.
    @safe private unowned(unsafe) let result: PostgresResult

    /// The index of the column, from 0.
    public let index: Int

    /// The type of the value: of a domain the type that it is based on, and `text` if the rows are in text format.
    public let type: PostgresType

    /// Which part of the column's value it is.
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

    /// A part of what `cell` holds.
    ///
    /// The server tells a column's type without its domain, and those of elements and fields with it.
    init(_ part: Part, of cell: borrowing PostgresCell, type: UInt32, content: UnsafeRawBufferPointer?) {
        result = cell.result
        index = cell.index
        let type = PostgresType(oid: type)
        self.type = type.isUserDefined ? PostgresType(oid: result.domains[type.oid] ?? type.oid) : type
        self.part = part
        unsafe self.content = content
    }

    /// The name of the column, as the statement gives it.
    public var name: String { result.columnName(index) }

    /// Whether the value is `NULL`.
    public var isNull: Bool { unsafe content == nil }

    /// A copy of the bytes of the value, in PostgreSQL's binary format of the type, for types that this library does not
    /// know; `nil` for `NULL`. In the rows of ``PostgresQuery/asText(_:)`` they are the text.
    public var bytes: [UInt8]? { unsafe content.map { unsafe Array($0) } }

    /// An error that says that this value does not fit, which a type throws from its ``PostgresDecodable/init(cell:)``.
    ///
    /// It names the column, its index, the type of the value, and the element or the field, but not the value.
    ///
    /// - Parameter reason: Why, as a clause such as “Colour has no such case”.
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
    /// The bytes of the value, which live as long as the cell.
    ///
    /// - Parameter needs: What is decoded, such as “Int”.
    /// - Throws: That `NULL` is no such thing.
    func value(for needs: String) throws(PostgresError) -> UnsafeRawBufferPointer {
        guard let content = unsafe content else { throw mismatch("\(needs) cannot be NULL; decode an optional") }
        return unsafe content
    }

    /// Checks that the value is not `NULL` and has this type.
    func require(_ type: PostgresType, for needs: String) throws(PostgresError) {
        _ = try unsafe value(for: needs)
        if self.type != type { throw mismatch("\(needs) needs \(type)") }
    }

    /// The value as an integer of exactly as many bytes.
    func integer<Number: FixedWidthInteger & BitwiseCopyable>(
        _: Number.Type = Number.self
    ) throws(PostgresError) -> Number {
        guard let content = unsafe content, content.count == MemoryLayout<Number>.size else { throw malformed }
        return unsafe Number(bigEndian: content.loadUnaligned(as: Number.self))
    }

    /// The error that the bytes are not what the server sends for the type.
    var malformed: PostgresError { mismatch("the bytes are not those of the type") }
}
