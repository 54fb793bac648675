// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresType {
    /// The type of arrays of this type; `unspecified` if it is not known.
    var arrayType: PostgresType {
        if reference == .name { return PostgresType(number, .arrayOfName) }
        return PostgresType(oid: Self.wellKnown.first { $0.oid == oid }?.arrayOID ?? 0)
    }

    /// Whether the type is known to be one of arrays.
    var isArray: Bool {
        reference == .arrayOfName || oid != 0 && Self.wellKnown.contains { $0.arrayOID == oid }
    }

    /// Whether it is known, and is not an array.
    var isKnownScalar: Bool { Self.wellKnown.contains { $0.oid == oid } }

    /// Whether a database has defined it itself: the server gives such types object identifiers from here on.
    var isUserDefined: Bool { oid >= 16_384 }

    /// The types that every PostgreSQL has, most frequent first, with those of their arrays; 0 where there is none.
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
