// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A value of a row, lent to the initialiser that decodes it.
@safe
public struct PostgresCell: ~Copyable {
    /// The object identifier of the value's type.
    public let type: UInt32

    /// The index of the column, from 0.
    public let column: Int

    private let result: PostgresResult
    private let buffer: UnsafeRawBufferPointer?

    init(_ result: PostgresResult, row: Int, column: Int) {
        self.result = result
        self.column = column
        type = result.columnType(column)
        unsafe buffer = result.bytes(row: row, column: column)
    }

    /// An element of an array that stands in `result`.
    init(elementOf result: PostgresResult, column: Int, type: UInt32, _ bytes: UnsafeRawBufferPointer?) {
        self.result = result
        self.column = column
        self.type = type
        unsafe buffer = unsafe bytes
    }

    /// Whether the value is `NULL`.
    public var isNull: Bool { unsafe buffer == nil }

    /// A copy of the value's bytes in PostgreSQL's binary format; `nil` for `NULL`.
    public var bytes: [UInt8]? { unsafe buffer.map { unsafe Array($0) } }

    /// The error for a value that does not fit. It names the column and its type, and not the value.
    ///
    /// - Parameter reason: Why it does not fit, such as "the colour is unknown".
    public func mismatch(_ reason: String) -> PostgresError {
        PostgresError(
            .decoding,
            "Column \(column) (“\(result.columnName(column))”) is \(PostgresType.name(of: type)): \(reason)."
        )
    }

    /// The bytes of a value that is not `NULL` and has one of `types`; they live as long as the cell.
    func require(_ types: UInt32..., for name: String) throws(PostgresError) -> UnsafeRawBufferPointer {
        guard let bytes = unsafe buffer else {
            throw mismatch("the value is NULL, which \(name) is not; decode \(name)?")
        }
        guard types.contains(type) else { throw mismatch("it cannot be decoded as \(name)") }
        return unsafe bytes
    }

    /// The only number in a value.
    func number<Number: FixedWidthInteger>(
        _: Number.Type,
        _ bytes: UnsafeRawBufferPointer
    ) throws(PostgresError) -> Number {
        var reader = unsafe ByteReader(bytes)
        guard let number = reader.next(Number.self), reader.rest == 0 else { throw mismatch("its bytes are malformed") }
        return number
    }

    /// The elements of an array of one dimension, decoded one by one.
    func elements<Element>(
        _ decode: (borrowing PostgresCell) throws(PostgresError) -> Element
    ) throws(PostgresError) -> [Element] {
        guard let bytes = unsafe buffer else {
            throw mismatch("the value is NULL, which an array is not; decode an optional")
        }
        var reader = unsafe ByteReader(bytes)
        guard
            let dimensions = reader.next(Int32.self), reader.next(Int32.self) != nil,
            let elementType = reader.next(UInt32.self),
            PostgresType.array(of: elementType) == type || type >= PostgresType.firstOfUsers
        else { throw mismatch("it is not an array") }
        if dimensions == 0 { return [] }
        guard dimensions == 1 else { throw mismatch("arrays of more than one dimension cannot be decoded") }
        guard let count = reader.next(Int32.self), reader.next(Int32.self) != nil, 0...Int(Int32.max) ~= Int(count)
        else {
            throw mismatch("its bytes are malformed")
        }
        var elements: [Element] = []
        for _ in 0..<count {
            guard let length = reader.next(Int32.self) else { throw mismatch("its bytes are malformed") }
            if length == -1 {
                elements.append(
                    try decode(unsafe PostgresCell(elementOf: result, column: column, type: elementType, nil))
                )
                continue
            }
            guard let item = unsafe reader.next(Int(length)) else { throw mismatch("its bytes are malformed") }
            elements.append(try decode(unsafe PostgresCell(elementOf: result, column: column, type: elementType, item)))
        }
        return elements
    }
}

@available(*, unavailable)
extension PostgresCell: Sendable {}
