// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What can be the value of a statement's parameter.
///
/// A type with raw values needs no more than the conformance.
public protocol SQLiteEncodable {
    /// The value as SQLite stores it.
    var sqliteValue: SQLiteValue { get }
}

extension SQLiteEncodable where Self: RawRepresentable, RawValue: SQLiteEncodable {
    /// The raw value.
    public var sqliteValue: SQLiteValue { rawValue.sqliteValue }
}

extension SQLiteEncodable where Self: SignedInteger & FixedWidthInteger {
    /// The number as an integer.
    public var sqliteValue: SQLiteValue { .integer(Int64(self)) }
}

extension Int: SQLiteEncodable {}
extension Int8: SQLiteEncodable {}
extension Int16: SQLiteEncodable {}
extension Int32: SQLiteEncodable {}
extension Int64: SQLiteEncodable {}

extension UInt: SQLiteEncodable {
    /// The number as an integer; above `Int64.max` as one that no statement takes.
    public var sqliteValue: SQLiteValue { UInt64(self).sqliteValue }
}

extension UInt64: SQLiteEncodable {
    /// The number as an integer; above `Int64.max` as one that no statement takes.
    public var sqliteValue: SQLiteValue {
        // An interpolation cannot fail: the statement does.
        Int64(exactly: self).map { .integer($0) } ?? .tooLarge(self)
    }
}

extension UInt8: SQLiteEncodable {
    /// The number as an integer.
    public var sqliteValue: SQLiteValue { .integer(Int64(self)) }
}

extension UInt16: SQLiteEncodable {
    /// The number as an integer.
    public var sqliteValue: SQLiteValue { .integer(Int64(self)) }
}

extension UInt32: SQLiteEncodable {
    /// The number as an integer.
    public var sqliteValue: SQLiteValue { .integer(Int64(self)) }
}

extension Double: SQLiteEncodable {
    /// The number as a floating-point number. SQLite turns a NaN into `NULL`.
    public var sqliteValue: SQLiteValue { .real(self) }
}

extension Float: SQLiteEncodable {
    /// The number as a floating-point number of 64 bits. SQLite turns a NaN into `NULL`.
    public var sqliteValue: SQLiteValue { .real(Double(self)) }
}

extension Bool: SQLiteEncodable {
    /// 1 for `true`, 0 for `false`.
    public var sqliteValue: SQLiteValue { .integer(self ? 1 : 0) }
}

extension String: SQLiteEncodable {
    /// The text.
    public var sqliteValue: SQLiteValue { .text(self) }
}

extension [UInt8]: SQLiteEncodable {
    /// The bytes.
    public var sqliteValue: SQLiteValue { .blob(self) }
}

extension Optional: SQLiteEncodable where Wrapped: SQLiteEncodable {
    /// The wrapped value, or `NULL`.
    public var sqliteValue: SQLiteValue { self?.sqliteValue ?? .null }
}

extension SQLiteValue: SQLiteEncodable {
    /// The value itself.
    public var sqliteValue: SQLiteValue { self }
}
