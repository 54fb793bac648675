// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A type whose values can be parameters of a statement.
///
/// A custom type returns the parameter of one of the standard types:
///
/// ```swift
/// extension Colour: SQLiteEncodable {
///     var sqliteParameter: SQLiteParameter { name.sqliteParameter }
/// }
/// ```
///
/// A type with raw values needs only the conformance.
public protocol SQLiteEncodable {
    /// The parameter. When it is bound, the pool's strategies determine the stored form of a
    /// `Date` or a `UUID`.
    var sqliteParameter: SQLiteParameter { get }
}

extension SQLiteEncodable where Self: RawRepresentable, RawValue: SQLiteEncodable {
    /// The raw value.
    public var sqliteParameter: SQLiteParameter { rawValue.sqliteParameter }
}

extension SQLiteEncodable where Self: SignedInteger & FixedWidthInteger {
    /// The number as an integer.
    public var sqliteParameter: SQLiteParameter { .integer(Int64(self)) }
}

extension Int: SQLiteEncodable {}
extension Int8: SQLiteEncodable {}
extension Int16: SQLiteEncodable {}
extension Int32: SQLiteEncodable {}
extension Int64: SQLiteEncodable {}

extension UInt: SQLiteEncodable {
    /// The number as an integer. A statement with a number above `Int64.max` fails with the code
    /// `encoding`.
    public var sqliteParameter: SQLiteParameter { UInt64(self).sqliteParameter }
}

extension UInt64: SQLiteEncodable {
    /// The number as an integer. A statement with a number above `Int64.max` fails with the code
    /// `encoding`.
    public var sqliteParameter: SQLiteParameter {
        Int64(exactly: self).map { .integer($0) }
            ?? .invalid("is greater than Int64.max, the greatest integer that SQLite stores")
    }
}

extension UInt8: SQLiteEncodable {
    /// The number as an integer.
    public var sqliteParameter: SQLiteParameter { .integer(Int64(self)) }
}

extension UInt16: SQLiteEncodable {
    /// The number as an integer.
    public var sqliteParameter: SQLiteParameter { .integer(Int64(self)) }
}

extension UInt32: SQLiteEncodable {
    /// The number as an integer.
    public var sqliteParameter: SQLiteParameter { .integer(Int64(self)) }
}

extension Double: SQLiteEncodable {
    /// The number as a floating-point number. A statement with a NaN fails with the code
    /// `encoding`.
    public var sqliteParameter: SQLiteParameter { .real(self) }
}

extension Float: SQLiteEncodable {
    /// The number as a floating-point number of 64 bits. A statement with a NaN fails with the
    /// code `encoding`.
    public var sqliteParameter: SQLiteParameter { .real(Double(self)) }
}

extension Bool: SQLiteEncodable {
    /// 1 for `true`, 0 for `false`.
    public var sqliteParameter: SQLiteParameter { .integer(self ? 1 : 0) }
}

extension String: SQLiteEncodable {
    /// The string as text.
    public var sqliteParameter: SQLiteParameter { .text(self) }
}

extension [UInt8]: SQLiteEncodable {
    /// The bytes.
    public var sqliteParameter: SQLiteParameter { .blob(self) }
}

extension Optional: SQLiteEncodable where Wrapped: SQLiteEncodable {
    /// The wrapped value, or `NULL`.
    public var sqliteParameter: SQLiteParameter { self?.sqliteParameter ?? .null }
}

extension SQLiteValue: SQLiteEncodable {
    /// The value itself.
    public var sqliteParameter: SQLiteParameter { SQLiteParameter(self) }
}

extension SQLiteParameter: SQLiteEncodable {
    /// The parameter itself.
    public var sqliteParameter: SQLiteParameter { self }
}
