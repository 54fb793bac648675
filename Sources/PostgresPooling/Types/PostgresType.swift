// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A data type of PostgreSQL, by its object identifier or by its name.
public struct PostgresType: Hashable, Sendable {
    /// What `number` is.
    enum Reference: UInt8 {
        /// The object identifier.
        case identifier
        /// The number of a name in ``TypeNames``.
        case name
        /// The number of the name of the elements' type.
        case arrayOfName
    }

    let number: UInt32
    let reference: Reference

    /// The object identifier, as in the server's table `pg_type`; 0 for ``unspecified`` and for a type
    /// that is known by its name.
    public var oid: UInt32 { isNamed ? 0 : number }

    /// The type with this object identifier.
    ///
    /// The built-in types have the same identifier in each database, below 16384. The types that a
    /// database defines, such as enumerations, have other identifiers in each; ``init(named:)`` finds
    /// them.
    public init(oid: UInt32) { self.init(oid, .identifier) }

    init(_ number: UInt32, _ reference: Reference) {
        self.number = number
        self.reference = reference
    }

    /// No type: the server takes the one that the place of the parameter asks for.
    public static var unspecified: PostgresType { PostgresType(oid: 0) }

    /// `boolean`
    public static var bool: PostgresType { PostgresType(oid: 16) }

    /// `bytea`: bytes.
    public static var bytea: PostgresType { PostgresType(oid: 17) }

    /// `"char"`: one byte, used in the system's own tables.
    public static var char: PostgresType { PostgresType(oid: 18) }

    /// `name`: the name of an object of the database.
    public static var name: PostgresType { PostgresType(oid: 19) }

    /// `bigint`: an integer of 64 bits.
    public static var int8: PostgresType { PostgresType(oid: 20) }

    /// `smallint`: an integer of 16 bits.
    public static var int2: PostgresType { PostgresType(oid: 21) }

    /// `integer`: an integer of 32 bits.
    public static var int4: PostgresType { PostgresType(oid: 23) }

    /// `text`
    public static var text: PostgresType { PostgresType(oid: 25) }

    /// `oid`: an object identifier.
    public static var oid: PostgresType { PostgresType(oid: 26) }

    /// `json`: JSON, kept as text.
    public static var json: PostgresType { PostgresType(oid: 114) }

    /// `xml`
    public static var xml: PostgresType { PostgresType(oid: 142) }

    /// `real`: a floating-point number of 32 bits.
    public static var float4: PostgresType { PostgresType(oid: 700) }

    /// `double precision`: a floating-point number of 64 bits.
    public static var float8: PostgresType { PostgresType(oid: 701) }

    /// The type of a literal that nothing has given another type.
    public static var unknown: PostgresType { PostgresType(oid: 705) }

    /// `character(n)`: a text padded with spaces.
    public static var bpchar: PostgresType { PostgresType(oid: 1042) }

    /// `character varying`
    public static var varchar: PostgresType { PostgresType(oid: 1043) }

    /// `date`
    public static var date: PostgresType { PostgresType(oid: 1082) }

    /// `timestamp without time zone`
    public static var timestamp: PostgresType { PostgresType(oid: 1114) }

    /// `timestamp with time zone`
    public static var timestamptz: PostgresType { PostgresType(oid: 1184) }

    /// `time without time zone`
    public static var time: PostgresType { PostgresType(oid: 1083) }

    /// `time with time zone`
    public static var timetz: PostgresType { PostgresType(oid: 1266) }

    /// `interval`: months, days and microseconds.
    public static var interval: PostgresType { PostgresType(oid: 1186) }

    /// `money`: an amount in the smallest unit of a currency that the server's settings name.
    public static var money: PostgresType { PostgresType(oid: 790) }

    /// `xid`: a transaction identifier of 32 bits, which wraps around.
    public static var xid: PostgresType { PostgresType(oid: 28) }

    /// `cid`: the number of a command within its transaction.
    public static var cid: PostgresType { PostgresType(oid: 29) }

    /// `xid8`: a transaction identifier of 64 bits.
    public static var xid8: PostgresType { PostgresType(oid: 5069) }

    /// `pg_lsn`: a position in the write-ahead log.
    public static var lsn: PostgresType { PostgresType(oid: 3220) }

    /// `numeric`: a decimal number.
    public static var numeric: PostgresType { PostgresType(oid: 1700) }

    /// `uuid`
    public static var uuid: PostgresType { PostgresType(oid: 2950) }

    /// `jsonb`: JSON, kept in a form that is fast to search.
    public static var jsonb: PostgresType { PostgresType(oid: 3802) }
}

extension PostgresType: CustomStringConvertible {
    /// The short name of a built-in type, such as `int4`; else the name that the program gave, or the
    /// object identifier.
    public var description: String {
        switch reference {
        case .name: return TypeNames.name(number)
        case .arrayOfName: return TypeNames.name(number) + "[]"
        case .identifier: break
        }
        for type in Self.wellKnown {
            if type.oid == oid { return type.name }
            if type.arrayOID == oid, oid != 0 { return "\(type.name)[]" }
        }
        return oid == 0 ? "unspecified" : "with OID \(oid)"
    }
}
