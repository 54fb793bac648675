// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A data type of PostgreSQL, by its object identifier or by its name.
public struct PostgresType: Hashable, Sendable {
    /// The meaning of `number`.
    enum Reference: UInt8 {
        /// The object identifier.
        case identifier
        /// The number of a name in ``TypeNames``.
        case name
        /// The number of the name of the element type.
        case arrayOfName
    }

    let number: UInt32
    let reference: Reference

    /// The object identifier, as in the server's table `pg_type`; 0 for ``unspecified`` and for a
    /// type that is known by name.
    public var oid: UInt32 { isNamed ? 0 : number }

    /// Creates a reference to the type with this object identifier.
    ///
    /// The built-in types have the same identifiers in each database, below 16384. The identifiers
    /// of types that a database defines, such as enumerations, differ between databases; use
    /// ``init(named:)`` for these.
    public init(oid: UInt32) { self.init(oid, .identifier) }

    init(_ number: UInt32, _ reference: Reference) {
        self.number = number
        self.reference = reference
    }

    /// No type: the server infers it from the position of the parameter.
    public static var unspecified: PostgresType { PostgresType(oid: 0) }

    /// `boolean`
    public static var bool: PostgresType { PostgresType(oid: 16) }

    /// `bytea`: bytes.
    public static var bytea: PostgresType { PostgresType(oid: 17) }

    /// `"char"`: one byte, used in system tables.
    public static var char: PostgresType { PostgresType(oid: 18) }

    /// `name`: the name of a database object.
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

    /// `json`: JSON, stored as text.
    public static var json: PostgresType { PostgresType(oid: 114) }

    /// `xml`
    public static var xml: PostgresType { PostgresType(oid: 142) }

    /// `real`: a floating-point number of 32 bits.
    public static var float4: PostgresType { PostgresType(oid: 700) }

    /// `double precision`: a floating-point number of 64 bits.
    public static var float8: PostgresType { PostgresType(oid: 701) }

    /// The type of a literal whose type is not determined.
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

    /// `money`: an amount in the smallest unit of the currency that the server's settings
    /// determine.
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

    /// `jsonb`: JSON, stored in a form that is fast to search.
    public static var jsonb: PostgresType { PostgresType(oid: 3802) }
}

extension PostgresType: CustomStringConvertible {
    /// The short name of a built-in type, such as `int4`; otherwise the name that the program has
    /// given, or the object identifier.
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

extension PostgresType {
    /// The type of arrays of this type; `unspecified` if it is not known.
    var arrayType: PostgresType {
        if reference == .name { return PostgresType(number, .arrayOfName) }
        return PostgresType(oid: Self.wellKnown.first { $0.oid == oid }?.arrayOID ?? 0)
    }

    /// Whether the type is known to be an array type.
    var isArray: Bool {
        reference == .arrayOfName || oid != 0 && Self.wellKnown.contains { $0.arrayOID == oid }
    }

    /// Whether the type is known and is not an array.
    var isKnownScalar: Bool { Self.wellKnown.contains { $0.oid == oid } }

    /// Whether a database defines the type: the server assigns such types object identifiers from
    /// 16384.
    var isUserDefined: Bool { oid >= 16_384 }

    /// The built-in types of PostgreSQL, most frequent first, with their array types; 0 if there
    /// is none.
    static let wellKnown: [(oid: UInt32, arrayOID: UInt32, name: String)] = [
        (20, 1016, "int8"), (25, 1009, "text"), (23, 1007, "int4"), (16, 1000, "bool"), (701, 1022, "float8"),
        (1184, 1185, "timestamptz"), (2950, 2951, "uuid"), (1700, 1231, "numeric"), (3802, 3807, "jsonb"),
        (1043, 1015, "varchar"), (1082, 1182, "date"), (21, 1005, "int2"), (17, 1001, "bytea"), (700, 1021, "float4"),
        (1114, 1115, "timestamp"), (114, 199, "json"), (1042, 1014, "bpchar"), (26, 1028, "oid"), (19, 1003, "name"),
        (18, 1002, "\"char\""), (705, 0, "unknown"), (142, 143, "xml"), (1083, 1183, "time"), (1266, 1270, "timetz"),
        (1186, 1187, "interval"), (869, 1041, "inet"), (650, 651, "cidr"), (829, 1040, "macaddr"), (790, 791, "money"),
        (1560, 1561, "bit"), (1562, 1563, "varbit"), (600, 1017, "point"), (3904, 3905, "int4range"),
        (3926, 3927, "int8range"), (3906, 3907, "numrange"), (3908, 3909, "tsrange"), (3910, 3911, "tstzrange"),
        (3912, 3913, "daterange"), (3614, 3643, "tsvector"), (3615, 3645, "tsquery"), (2249, 2287, "record"),
        (2278, 0, "void"), (774, 775, "macaddr8"), (628, 629, "line"), (601, 1018, "lseg"), (603, 1020, "box"),
        (602, 1019, "path"), (604, 1027, "polygon"), (718, 719, "circle"), (4451, 6150, "int4multirange"),
        (4536, 6157, "int8multirange"), (4532, 6151, "nummultirange"), (4533, 6152, "tsmultirange"),
        (4534, 6153, "tstzmultirange"), (4535, 6155, "datemultirange"), (2205, 2210, "regclass"),
        (2206, 2211, "regtype"), (24, 1008, "regproc"), (2202, 2207, "regprocedure"), (2203, 2208, "regoper"),
        (2204, 2209, "regoperator"), (4089, 4090, "regnamespace"), (4096, 4097, "regrole"),
        (3734, 3735, "regconfig"), (3769, 3770, "regdictionary"), (4191, 4192, "regcollation"),
        (28, 1011, "xid"), (5069, 271, "xid8"), (29, 1012, "cid"), (27, 1010, "tid"), (3220, 3221, "pg_lsn"),
        (1033, 1034, "aclitem"), (4072, 4073, "jsonpath"), (1790, 2201, "refcursor"),
        (5038, 5039, "pg_snapshot"), (2970, 2949, "txid_snapshot"),
    ]
}
