// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresDecodable where Self: FixedWidthInteger {
    /// Decodes an integer, or a whole `numeric`, such as the `sum` of `bigint` values.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type, not
    ///   whole, or out of range.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        guard cell.type != .numeric else {
            self = try cell.wholeNumeric(Self.self)
            return
        }
        guard let number = Self(exactly: try cell.wholeNumber(for: Self.self)) else {
            throw cell.mismatch("the number is out of the range of \(Self.self)")
        }
        self = number
    }
}

extension PostgresCell {
    /// Returns the value of an integer type.
    func wholeNumber(for needs: Any.Type) throws(PostgresError) -> Int64 {
        switch (type, isNull) {
        case (.int8, false): return try integer(Int64.self)
        case (.int4, false): return Int64(try integer(Int32.self))
        case (.int2, false): return Int64(try integer(Int16.self))
        case (.oid, false): return Int64(try integer(UInt32.self))
        default:
            _ = try unsafe value(for: "\(needs)")
            throw mismatch("\(needs) needs int2, int4, int8, oid or numeric")
        }
    }

    /// Returns the value of a whole `numeric`.
    fileprivate func wholeNumeric<Number: FixedWidthInteger>(_: Number.Type) throws(PostgresError) -> Number {
        guard let number = try unsafe Numeric(value(for: "\(Number.self)")) else { throw malformed }
        guard let whole = number.integer(Number.self) else {
            throw mismatch("the number is not whole, or is out of the range of \(Number.self)")
        }
        return whole
    }
}

extension Int: PostgresArrayDecodable {}
extension Int8: PostgresArrayDecodable {}
extension Int16: PostgresArrayDecodable {}
extension Int32: PostgresArrayDecodable {}
extension Int64: PostgresArrayDecodable {}
extension UInt16: PostgresArrayDecodable {}
extension UInt32: PostgresArrayDecodable {}

extension UInt: PostgresArrayDecodable {}
extension UInt64: PostgresArrayDecodable {}

extension UInt8: PostgresArrayDecodable {
    /// Decodes the bytes of a `bytea`, or the text of a `json` or `jsonb`, but not an array of
    /// numbers.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public static func decodeArray(_ cell: borrowing PostgresCell) throws(PostgresError) -> [UInt8] {
        try unsafe Array(cell.byteString(for: "[UInt8]"))
    }
}

extension PostgresCell {
    /// Returns the bytes of a `bytea`, or of the text of a `json` or `jsonb`.
    func byteString(for needs: String) throws(PostgresError) -> UnsafeRawBufferPointer {
        switch type {
        case .bytea: return try unsafe value(for: needs)
        case .json, .jsonb: return try unsafe json(for: needs)
        default:
            _ = try unsafe value(for: needs)
            throw mismatch("\(needs) needs bytea, json or jsonb; cast it, or use convert_to for a text")
        }
    }
}

extension PostgresDecodable where Self: BinaryFloatingPoint & LosslessStringConvertible {
    /// Decodes an integer or a `numeric`.
    fileprivate init(exactly cell: borrowing PostgresCell) throws(PostgresError) {
        let bytes = try unsafe cell.value(for: "\(Self.self)")
        let number: Self?
        switch cell.type {
        case .numeric:
            guard let numeric = unsafe Numeric(bytes) else { throw cell.malformed }
            number = numeric.floatingPoint()
        case .int2, .int4, .int8, .oid:
            number = Self(exactly: try cell.wholeNumber(for: Self.self))
        default:
            throw cell.mismatch("\(Self.self) needs float8, float4, numeric, int2, int4 or int8")
        }
        guard let number else { throw cell.mismatch("the number has more digits than \(Self.self); cast it to float8") }
        self = number
    }
}

extension Double: PostgresArrayDecodable {
    /// Decodes a floating-point number, an integer or a `numeric`, without rounding.
    ///
    /// A `numeric` is decoded if its digits are those of the description of the `Double`. That is
    /// true for all values with up to 15 significant digits, and for some with up to 17. A cast to
    /// `float8` rounds all others.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type, or
    ///   has more digits than a `Double`.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        switch (cell.type, cell.isNull) {
        case (.float8, false): self.init(bitPattern: try cell.integer())
        case (.float4, false): self.init(Float(bitPattern: try cell.integer()))
        default: try self.init(exactly: cell)
        }
    }
}

extension Float: PostgresArrayDecodable {
    /// Decodes a floating-point number, rounding a `double precision`; or an integer or a
    /// `numeric` without rounding, as for `Double`, with up to 6 significant digits.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type, is
    ///   greater than the greatest `Float`, or has more digits.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        switch (cell.type, cell.isNull) {
        case (.float4, false):
            self.init(bitPattern: try cell.integer())
        case (.float8, false):
            let number = Double(bitPattern: try cell.integer())
            self.init(number)
            if isInfinite, number.isFinite { throw cell.mismatch("the number is out of the range of Float") }
        default: try self.init(exactly: cell)
        }
    }
}

extension Bool: PostgresArrayDecodable {
    /// Decodes a `bool`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        try cell.require(.bool, for: "Bool")
        switch try cell.integer(UInt8.self) {
        case 0: self = false
        case 1: self = true
        default: throw cell.malformed
        }
    }
}
