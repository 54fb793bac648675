// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension Int: PostgresArrayEncodable {
    /// `int8`
    public static var postgresType: PostgresType { .int8 }

    /// The number as `int8`.
    public var postgresParameter: PostgresParameter { .fixed(.int8, Int64(self)) }
}

extension Int8: PostgresArrayEncodable {
    /// `int2`
    public static var postgresType: PostgresType { .int2 }

    /// The number as `int2`.
    public var postgresParameter: PostgresParameter { .fixed(.int2, Int16(self)) }
}

extension Int16: PostgresArrayEncodable {
    /// `int2`
    public static var postgresType: PostgresType { .int2 }

    /// The number as `int2`.
    public var postgresParameter: PostgresParameter { .fixed(.int2, self) }
}

extension Int32: PostgresArrayEncodable {
    /// `int4`
    public static var postgresType: PostgresType { .int4 }

    /// The number as `int4`.
    public var postgresParameter: PostgresParameter { .fixed(.int4, self) }
}

extension Int64: PostgresArrayEncodable {
    /// `int8`
    public static var postgresType: PostgresType { .int8 }

    /// The number as `int8`.
    public var postgresParameter: PostgresParameter { .fixed(.int8, self) }
}

extension UInt: PostgresArrayEncodable {
    /// `numeric`, because no integer type of PostgreSQL can hold all values.
    public static var postgresType: PostgresType { .numeric }

    /// The number as `numeric`.
    public var postgresParameter: PostgresParameter { UInt64(self).postgresParameter }
}

extension UInt8: PostgresArrayEncodable {
    /// `int2`
    public static var postgresType: PostgresType { .int2 }

    /// The number as `int2`.
    public var postgresParameter: PostgresParameter { .fixed(.int2, Int16(self)) }

    /// `bytea`
    public static var postgresArrayType: PostgresType { .bytea }

    /// The bytes as `bytea`, not as an array of numbers.
    public static func postgresParameter(of array: [UInt8]) -> PostgresParameter {
        PostgresParameter(.bytea, .bytes(array))
    }
}

extension UInt16: PostgresArrayEncodable {
    /// `int4`
    public static var postgresType: PostgresType { .int4 }

    /// The number as `int4`.
    public var postgresParameter: PostgresParameter { .fixed(.int4, Int32(self)) }
}

extension UInt32: PostgresArrayEncodable {
    /// `int8`
    public static var postgresType: PostgresType { .int8 }

    /// The number as `int8`.
    public var postgresParameter: PostgresParameter { .fixed(.int8, Int64(self)) }
}

extension UInt64: PostgresArrayEncodable {
    /// `numeric`, because no integer type of PostgreSQL can hold all values.
    public static var postgresType: PostgresType { .numeric }

    /// The number as `numeric`.
    public var postgresParameter: PostgresParameter {
        PostgresParameter(.numeric, .bytes(Numeric.bytes(of: description)))
    }
}

extension Double: PostgresArrayEncodable {
    /// `float8`
    public static var postgresType: PostgresType { .float8 }

    /// The number as `float8`.
    public var postgresParameter: PostgresParameter { .fixed(.float8, bitPattern) }
}

extension Float: PostgresArrayEncodable {
    /// `float4`
    public static var postgresType: PostgresType { .float4 }

    /// The number as `float4`.
    public var postgresParameter: PostgresParameter { .fixed(.float4, bitPattern) }
}

extension Bool: PostgresArrayEncodable {
    /// `bool`
    public static var postgresType: PostgresType { .bool }

    /// The value as `bool`.
    public var postgresParameter: PostgresParameter { .fixed(.bool, UInt8(self ? 1 : 0)) }
}
