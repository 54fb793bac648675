// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLiteDecodable where Self: FixedWidthInteger {
    /// Decodes an integer that fits the type.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if the value is not an integer, or is
    ///   out of range.
    public init(cell: borrowing SQLiteCell) throws(SQLiteError) {
        guard cell.storageType == .integer else { throw cell.mismatch("\(Self.self) needs an INTEGER") }
        guard let number = Self(exactly: cell.integer) else {
            throw cell.mismatch("the number is out of the range of \(Self.self)")
        }
        self = number
    }
}

extension Int: SQLiteDecodable {}
extension Int8: SQLiteDecodable {}
extension Int16: SQLiteDecodable {}
extension Int32: SQLiteDecodable {}
extension Int64: SQLiteDecodable {}
extension UInt: SQLiteDecodable {}
extension UInt8: SQLiteDecodable {}
extension UInt16: SQLiteDecodable {}
extension UInt32: SQLiteDecodable {}
extension UInt64: SQLiteDecodable {}

extension Double: SQLiteDecodable {
    /// Decodes a floating-point number, or an integer that a `Double` represents exactly. In a
    /// column without a type, SQLite stores whole numbers as integers.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if the value is neither.
    public init(cell: borrowing SQLiteCell) throws(SQLiteError) {
        switch cell.storageType {
        case .real:
            self = cell.real
        case .integer:
            guard let number = Double(exactly: cell.integer) else {
                throw cell.mismatch("a Double cannot represent this number exactly")
            }
            self = number
        default:
            throw cell.mismatch("a Double needs a REAL or an INTEGER")
        }
    }
}

extension Float: SQLiteDecodable {
    /// Decodes a number as `Double` does, and rounds it.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if the value is not a number, or exceeds
    ///   the greatest `Float`.
    public init(cell: borrowing SQLiteCell) throws(SQLiteError) {
        let number = try Double(cell: cell)
        self = Float(number)
        if isInfinite, number.isFinite { throw cell.mismatch("the number is out of the range of Float") }
    }
}

extension Bool: SQLiteDecodable {
    /// Decodes the integer 0 or 1.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if the value is another one.
    public init(cell: borrowing SQLiteCell) throws(SQLiteError) {
        let number = cell.storageType == .integer ? cell.integer : -1
        guard 0...1 ~= number else { throw cell.mismatch("a Bool needs the INTEGER 0 or 1") }
        self = number == 1
    }
}
