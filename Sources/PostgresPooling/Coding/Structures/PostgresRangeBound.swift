// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// A type of the bounds of a ``PostgresRange``.
///
/// For a range type that the database defines, conform the type of its bounds and name the range
/// type:
///
/// ```swift
/// // CREATE TYPE floatrange AS RANGE (subtype = float8)
/// extension Double: PostgresRangeBound {
///     static let postgresRangeType = PostgresType(named: "floatrange")
///     static let postgresMultirangeType = PostgresType(named: "floatmultirange")
/// }
/// ```
public protocol PostgresRangeBound: PostgresArrayEncodable, PostgresArrayDecodable, Comparable, Hashable, Sendable {
    /// The type of ranges with these bounds.
    static var postgresRangeType: PostgresType { get }

    /// The type of multiranges with these bounds.
    static var postgresMultirangeType: PostgresType { get }

    /// The next value, for discrete types, whose ranges PostgreSQL writes as `[lower, upper)`;
    /// `nil` for the last value, and by default.
    var postgresSuccessor: Self? { get }
}

extension PostgresRangeBound {
    /// `nil`, for continuous types.
    public var postgresSuccessor: Self? { nil }
}

extension Int32: PostgresRangeBound {
    /// `int4range`
    public static var postgresRangeType: PostgresType { PostgresType(oid: 3904) }

    /// `int4multirange`
    public static var postgresMultirangeType: PostgresType { PostgresType(oid: 4451) }

    /// The next number.
    public var postgresSuccessor: Int32? { self == .max ? nil : self + 1 }
}

extension Int64: PostgresRangeBound {
    /// `int8range`
    public static var postgresRangeType: PostgresType { PostgresType(oid: 3926) }

    /// `int8multirange`
    public static var postgresMultirangeType: PostgresType { PostgresType(oid: 4536) }

    /// The next number.
    public var postgresSuccessor: Int64? { self == .max ? nil : self + 1 }
}

extension Int: PostgresRangeBound {
    /// `int8range`
    public static var postgresRangeType: PostgresType { Int64.postgresRangeType }

    /// `int8multirange`
    public static var postgresMultirangeType: PostgresType { Int64.postgresMultirangeType }

    /// The next number.
    public var postgresSuccessor: Int? { self == .max ? nil : self + 1 }
}

extension Decimal: PostgresRangeBound {
    /// `numrange`
    public static var postgresRangeType: PostgresType { PostgresType(oid: 3906) }

    /// `nummultirange`
    public static var postgresMultirangeType: PostgresType { PostgresType(oid: 4532) }
}

extension Date: PostgresRangeBound {
    /// `tstzrange`
    public static var postgresRangeType: PostgresType { PostgresType(oid: 3910) }

    /// `tstzmultirange`
    public static var postgresMultirangeType: PostgresType { PostgresType(oid: 4534) }
}

extension PostgresTimestamp: PostgresRangeBound {
    /// `tsrange`
    public static var postgresRangeType: PostgresType { PostgresType(oid: 3908) }

    /// `tsmultirange`
    public static var postgresMultirangeType: PostgresType { PostgresType(oid: 4533) }
}

extension PostgresNumeric: PostgresRangeBound {
    /// `numrange`
    public static var postgresRangeType: PostgresType { PostgresType(oid: 3906) }

    /// `nummultirange`
    public static var postgresMultirangeType: PostgresType { PostgresType(oid: 4532) }
}

extension PostgresDate: PostgresRangeBound {
    /// `daterange`
    public static var postgresRangeType: PostgresType { PostgresType(oid: 3912) }

    /// `datemultirange`
    public static var postgresMultirangeType: PostgresType { PostgresType(oid: 4535) }

    /// The next day.
    public var postgresSuccessor: PostgresDate? { days == .max ? nil : PostgresDate(days: days + 1) }
}
