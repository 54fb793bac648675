// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresDecodable where Self: FixedWidthInteger {
    /// The value, if it is an integer that fits.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if it is not, or is out of range.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        guard let number = Self(exactly: try cell.wholeNumber(for: Self.self)) else {
            throw cell.mismatch("the number is out of the range of \(Self.self)")
        }
        self = number
    }
}

extension PostgresCell {
    /// The value, if its type is one of integers.
    func wholeNumber(for needs: Any.Type) throws(PostgresError) -> Int64 {
        switch (type, isNull) {
        case (.int8, false): return try integer(Int64.self)
        case (.int4, false): return Int64(try integer(Int32.self))
        case (.int2, false): return Int64(try integer(Int16.self))
        case (.oid, false): return Int64(try integer(UInt32.self))
        default:
            _ = try unsafe value(for: "\(needs)")
            throw mismatch("\(needs) needs int2, int4, int8 or oid")
        }
    }
}

extension Int: PostgresArrayDecodable {}
extension Int8: PostgresArrayDecodable {}
extension Int16: PostgresArrayDecodable {}
extension Int32: PostgresArrayDecodable {}
extension Int64: PostgresArrayDecodable {}
extension UInt16: PostgresArrayDecodable {}
extension UInt32: PostgresArrayDecodable {}

extension UInt: PostgresArrayDecodable {
    /// The value, if it is an integer that fits, also one that is a `numeric`, as which it is sent.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if it is not, or is out of range.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        guard let number = Self(exactly: try cell.unsignedNumber(for: Self.self)) else {
            throw cell.mismatch("the number is out of the range of \(Self.self)")
        }
        self = number
    }
}

extension UInt64: PostgresArrayDecodable {
    /// The value, if it is an integer that fits, also one that is a `numeric`, as which it is sent.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if it is not, or is out of range.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        self = try cell.unsignedNumber(for: Self.self)
    }
}

extension PostgresCell {
    /// The value, if its type is one of integers or `numeric`.
    fileprivate func unsignedNumber(for needs: Any.Type) throws(PostgresError) -> UInt64 {
        guard type == .numeric else {
            guard let number = UInt64(exactly: try wholeNumber(for: needs)) else {
                throw mismatch("the number is out of the range of \(needs)")
            }
            return number
        }
        guard let number = try unsafe Numeric(value(for: "\(needs)")) else { throw malformed }
        guard let whole = number.unsigned else {
            throw mismatch("the number is not whole, or is out of the range of \(needs)")
        }
        return whole
    }
}

extension UInt8: PostgresArrayDecodable {
    /// The bytes of a `bytea`, and not the numbers of an array.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is not a `bytea`.
    public static func decodeArray(_ cell: borrowing PostgresCell) throws(PostgresError) -> [UInt8] {
        try unsafe Array(cell.byteString(for: "[UInt8]"))
    }
}

extension PostgresCell {
    /// The bytes of a `bytea`.
    func byteString(for needs: String) throws(PostgresError) -> UnsafeRawBufferPointer {
        let bytes = try unsafe value(for: needs)
        guard type == .bytea else { throw mismatch("\(needs) needs bytea; cast it, or use convert_to for a text") }
        return unsafe bytes
    }
}

extension Double: PostgresArrayDecodable {
    /// The value, if it is a floating-point number.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if it is not.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        _ = try unsafe cell.value(for: "Double")
        switch cell.type {
        case .float8: self.init(bitPattern: try cell.integer())
        case .float4: self.init(Float(bitPattern: try cell.integer()))
        default: throw cell.mismatch("Double needs float8 or float4")
        }
    }
}

extension Float: PostgresArrayDecodable {
    /// The value as for `Double`, rounded.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if it is no floating-point number, or greater than the greatest
    ///   `Float`.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        _ = try unsafe cell.value(for: "Float")
        switch cell.type {
        case .float4:
            self.init(bitPattern: try cell.integer())
        case .float8:
            let number = Double(bitPattern: try cell.integer())
            self.init(number)
            if isInfinite, number.isFinite { throw cell.mismatch("the number is out of the range of Float") }
        default:
            throw cell.mismatch("Float needs float4 or float8")
        }
    }
}

extension Bool: PostgresArrayDecodable {
    /// The value, if it is a `bool`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if it is not.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        try cell.require(.bool, for: "Bool")
        switch try cell.integer(UInt8.self) {
        case 0: self = false
        case 1: self = true
        default: throw cell.malformed
        }
    }
}
