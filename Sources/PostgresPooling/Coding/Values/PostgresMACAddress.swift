// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A hardware address of 6 bytes: PostgreSQL's `macaddr`.
public struct PostgresMACAddress: Hashable, Sendable {
    /// The 6 bytes, in transmission order.
    public let bytes: [UInt8]

    /// Creates an address from 6 bytes.
    ///
    /// - Returns: `nil` for another number of bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 6 else { return nil }
        self.bytes = bytes
    }

    /// Parses an address such as `08:00:2b:01:02:03`.
    ///
    /// - Returns: `nil` if the text is not an address.
    public init?(_ text: String) {
        guard let bytes = [UInt8](pairs: text) else { return nil }
        self.init(bytes: bytes)
    }
}

extension PostgresMACAddress: CustomStringConvertible {
    /// The address in PostgreSQL's notation, such as `08:00:2b:01:02:03`.
    public var description: String { bytes.pairs }
}

extension PostgresMACAddress: PostgresArrayEncodable {
    /// `macaddr`
    public static var postgresType: PostgresType { PostgresType(oid: 829) }

    /// The address as `macaddr`.
    public var postgresParameter: PostgresParameter { PostgresParameter(Self.postgresType, .bytes(bytes)) }
}

extension PostgresMACAddress: PostgresArrayDecodable {
    /// Decodes a `macaddr`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        try cell.require(Self.postgresType, for: "PostgresMACAddress")
        guard let value = try unsafe PostgresMACAddress(bytes: Array(cell.value(for: "PostgresMACAddress"))) else {
            throw cell.malformed
        }
        self = value
    }
}

/// A hardware address of 8 bytes: PostgreSQL's `macaddr8`.
public struct PostgresMACAddress8: Hashable, Sendable {
    /// The 8 bytes, in transmission order.
    public let bytes: [UInt8]

    /// Creates an address from 8 bytes.
    ///
    /// - Returns: `nil` for another number of bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 8 else { return nil }
        self.bytes = bytes
    }

    /// Parses an address such as `08:00:2b:01:02:03:04:05`.
    ///
    /// - Returns: `nil` if the text is not an address.
    public init?(_ text: String) {
        guard let bytes = [UInt8](pairs: text) else { return nil }
        self.init(bytes: bytes)
    }
}

extension PostgresMACAddress8: CustomStringConvertible {
    /// The address in PostgreSQL's notation, such as `08:00:2b:01:02:03:04:05`.
    public var description: String { bytes.pairs }
}

extension PostgresMACAddress8: PostgresArrayEncodable {
    /// `macaddr8`
    public static var postgresType: PostgresType { PostgresType(oid: 774) }

    /// The address as `macaddr8`.
    public var postgresParameter: PostgresParameter { PostgresParameter(Self.postgresType, .bytes(bytes)) }
}

extension PostgresMACAddress8: PostgresArrayDecodable {
    /// Decodes a `macaddr8`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        try cell.require(Self.postgresType, for: "PostgresMACAddress8")
        guard let value = try unsafe PostgresMACAddress8(bytes: Array(cell.value(for: "PostgresMACAddress8"))) else {
            throw cell.malformed
        }
        self = value
    }
}

extension [UInt8] {
    /// Parses bytes of two hexadecimal digits, separated by colons.
    fileprivate init?(pairs text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.allSatisfy({ $0.utf8.count == 2 && $0.utf8.allSatisfy(\.isHexadecimal) }) else { return nil }
        self = parts.compactMap { UInt8($0, radix: 16) }
    }

    fileprivate var pairs: String {
        map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }
}
