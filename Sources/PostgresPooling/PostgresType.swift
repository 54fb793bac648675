// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The object identifiers of the types that are known here, as in `pg_type.dat` of PostgreSQL's source.
enum PostgresType {
    static let inferred: UInt32 = 0
    static let bool: UInt32 = 16
    static let bytea: UInt32 = 17
    static let char: UInt32 = 18
    static let name: UInt32 = 19
    static let int8: UInt32 = 20
    static let int2: UInt32 = 21
    static let int4: UInt32 = 23
    static let text: UInt32 = 25
    static let oid: UInt32 = 26
    static let json: UInt32 = 114
    static let xml: UInt32 = 142
    static let float4: UInt32 = 700
    static let float8: UInt32 = 701
    static let unknown: UInt32 = 705
    static let bpchar: UInt32 = 1_042
    static let varchar: UInt32 = 1_043
    static let date: UInt32 = 1_082
    static let timestamp: UInt32 = 1_114
    static let timestamptz: UInt32 = 1_184
    static let numeric: UInt32 = 1_700
    static let uuid: UInt32 = 2_950
    static let jsonb: UInt32 = 3_802

    /// The first number of types that are not built in: enumerations, domains, those of extensions.
    static let firstOfUsers: UInt32 = 16_384

    private static let known: [(type: UInt32, array: UInt32, name: String)] = [
        (bool, 1_000, "boolean"), (bytea, 1_001, "bytea"), (char, 1_002, "\"char\""), (name, 1_003, "name"),
        (int2, 1_005, "smallint"), (int4, 1_007, "integer"), (text, 1_009, "text"), (bpchar, 1_014, "character"),
        (varchar, 1_015, "character varying"), (int8, 1_016, "bigint"), (float4, 1_021, "real"),
        (float8, 1_022, "double precision"), (oid, 1_028, "oid"), (timestamp, 1_115, "timestamp"),
        (date, 1_182, "date"),
        (timestamptz, 1_185, "timestamp with time zone"), (numeric, 1_231, "numeric"), (uuid, 2_951, "uuid"),
        (json, 199, "json"), (jsonb, 3_807, "jsonb"), (xml, 143, "xml"), (unknown, 0, "unknown"),
    ]

    /// The type of arrays of a type; a text's for one that the server is to infer.
    static func array(of type: UInt32) -> UInt32 {
        known.first { $0.type == (type == inferred ? text : type) }?.array ?? inferred
    }

    /// What people call a type.
    static func name(of type: UInt32) -> String {
        if let entry = known.first(where: { $0.type == type }) { return entry.name }
        if let entry = known.first(where: { $0.array == type }) { return entry.name + "[]" }
        return "the type with the number \(type)"
    }
}

extension FixedWidthInteger {
    /// The bytes of the number in the network's order.
    var networkBytes: [UInt8] { unsafe withUnsafeBytes(of: bigEndian) { unsafe Array($0) } }
}
