// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The identifier of a database object: PostgreSQL's `oid`.
public struct PostgresOID: RawRepresentable, Hashable, Sendable, PostgresArrayEncodable, PostgresArrayDecodable {
    /// The number.
    public let rawValue: UInt32

    /// Creates an identifier from its number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// `oid`
    public static var postgresType: PostgresType { .oid }

    /// The number as `oid`.
    public var postgresParameter: PostgresParameter { .fixed(.oid, rawValue) }

    /// Decodes an `oid`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        try cell.require(.oid, for: "PostgresOID")
        self.init(rawValue: try cell.integer())
    }
}

/// A transaction identifier of 32 bits: PostgreSQL's `xid`. It wraps around, so it has no order.
public struct PostgresXID: RawRepresentable, Hashable, Sendable, PostgresArrayEncodable, PostgresArrayDecodable {
    /// The number.
    public let rawValue: UInt32

    /// Creates an identifier from its number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// `xid`
    public static var postgresType: PostgresType { .xid }

    /// The number as `xid`.
    public var postgresParameter: PostgresParameter { .fixed(.xid, rawValue) }

    /// Decodes an `xid`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        try cell.require(.xid, for: "PostgresXID")
        self.init(rawValue: try cell.integer())
    }
}

/// A transaction identifier of 64 bits: PostgreSQL's `xid8`.
public struct PostgresXID8: RawRepresentable, Hashable, Sendable, PostgresArrayEncodable, PostgresArrayDecodable {
    /// The number.
    public let rawValue: UInt64

    /// Creates an identifier from its number.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// `xid8`
    public static var postgresType: PostgresType { .xid8 }

    /// The number as `xid8`.
    public var postgresParameter: PostgresParameter { .fixed(.xid8, rawValue) }

    /// Decodes an `xid8`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        try cell.require(.xid8, for: "PostgresXID8")
        self.init(rawValue: try cell.integer())
    }
}

/// The number of a command within its transaction: PostgreSQL's `cid`.
public struct PostgresCID: RawRepresentable, Hashable, Sendable, PostgresArrayEncodable, PostgresArrayDecodable {
    /// The number.
    public let rawValue: UInt32

    /// Creates an identifier from its number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// `cid`
    public static var postgresType: PostgresType { .cid }

    /// The number as `cid`.
    public var postgresParameter: PostgresParameter { .fixed(.cid, rawValue) }

    /// Decodes a `cid`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        try cell.require(.cid, for: "PostgresCID")
        self.init(rawValue: try cell.integer())
    }
}

/// A position in the write-ahead log: PostgreSQL's `pg_lsn`, the number of bytes before the
/// position.
public struct PostgresLSN: RawRepresentable, Hashable, Sendable, PostgresArrayEncodable, PostgresArrayDecodable {
    /// The number.
    public let rawValue: UInt64

    /// Creates a position from its number.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// `pg_lsn`
    public static var postgresType: PostgresType { .lsn }

    /// The number as `pg_lsn`.
    public var postgresParameter: PostgresParameter { .fixed(.lsn, rawValue) }

    /// Decodes a `pg_lsn`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        try cell.require(.lsn, for: "PostgresLSN")
        self.init(rawValue: try cell.integer())
    }
}

extension PostgresLSN: LosslessStringConvertible {
    /// The position in the server's notation, such as `16/B374D848`.
    public var description: String {
        String(rawValue >> 32, radix: 16, uppercase: true) + "/"
            + String(UInt32(truncatingIfNeeded: rawValue), radix: 16, uppercase: true)
    }

    /// Creates a position from a text such as `16/B374D848`; `nil` if the text is no position.
    public init?(_ description: String) {
        let halves = description.split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2, halves.allSatisfy({ $0.utf8.count <= 8 && $0.first?.isHexDigit == true }),
            let high = UInt32(halves[0], radix: 16), let low = UInt32(halves[1], radix: 16)
        else { return nil }
        self.init(rawValue: UInt64(high) << 32 | UInt64(low))
    }
}

extension PostgresLSN: Comparable {
    /// Returns whether the first position is before the second one.
    public static func < (first: PostgresLSN, second: PostgresLSN) -> Bool { first.rawValue < second.rawValue }
}

extension PostgresXID8: Comparable {
    /// Returns whether the first transaction began before the second one.
    public static func < (first: PostgresXID8, second: PostgresXID8) -> Bool { first.rawValue < second.rawValue }
}
