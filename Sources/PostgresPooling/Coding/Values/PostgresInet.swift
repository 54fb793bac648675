// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The address of a host, with the length of its network prefix: PostgreSQL's `inet`.
public struct PostgresInet: Hashable, Sendable {
    private let value: NetworkAddress

    /// The address: 4 bytes for IPv4, 16 for IPv6.
    public var address: [UInt8] { value.bytes }

    /// The number of bits in the network prefix, up to 32 or 128, which means a single host.
    public var prefixLength: Int { value.prefixLength }

    /// Creates an address from 4 or 16 bytes.
    ///
    /// - Parameters:
    ///   - address: The bytes in network order.
    ///   - prefixLength: The number of bits in the network prefix; by default all.
    /// - Returns: `nil` for another number of bytes, or a longer prefix.
    public init?(address: [UInt8], prefixLength: Int? = nil) {
        guard let value = NetworkAddress(address, prefixLength: prefixLength) else { return nil }
        self.value = value
    }

    /// Parses an address such as `192.0.2.1`, `192.0.2.1/24` or `2001:db8::1`.
    ///
    /// - Returns: `nil` if the text is not an address.
    public init?(_ text: String) {
        guard let value = NetworkAddress(text) else { return nil }
        self.value = value
    }
}

extension PostgresInet: CustomStringConvertible {
    /// The address in PostgreSQL's notation: with the prefix length, unless it means a single
    /// host.
    public var description: String {
        value.addressText + (prefixLength == 8 * address.count ? "" : "/\(prefixLength)")
    }
}

extension PostgresInet: PostgresArrayEncodable {
    /// `inet`
    public static var postgresType: PostgresType { PostgresType(oid: 869) }

    /// The address as `inet`.
    public var postgresParameter: PostgresParameter { value.parameter(Self.postgresType, isNetwork: false) }
}

extension PostgresInet: PostgresArrayDecodable {
    /// Decodes an `inet` or a `cidr`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        let value = try NetworkAddress(cell, for: "PostgresInet")
        guard cell.type == Self.postgresType || cell.type == PostgresCIDR.postgresType else {
            throw cell.mismatch("PostgresInet needs inet or cidr")
        }
        self.value = value
    }
}

/// A network: PostgreSQL's `cidr`, an address whose bits after the prefix are zero.
public struct PostgresCIDR: Hashable, Sendable {
    private let value: NetworkAddress

    /// The address of the network: 4 bytes for IPv4, 16 for IPv6.
    public var address: [UInt8] { value.bytes }

    /// The number of bits in the network prefix.
    public var prefixLength: Int { value.prefixLength }

    /// Creates a network from an address of 4 or 16 bytes.
    ///
    /// - Returns: `nil` for another number of bytes, a longer prefix, or bits that are set after
    ///   the prefix.
    public init?(address: [UInt8], prefixLength: Int) {
        guard let value = NetworkAddress(address, prefixLength: prefixLength), value.isNetwork else { return nil }
        self.value = value
    }

    /// Parses a network such as `192.0.2.0/24` or `2001:db8::/32`. An address alone is a network
    /// of one host.
    ///
    /// - Returns: `nil` if the text is not a network.
    public init?(_ text: String) {
        guard let value = NetworkAddress(text), value.isNetwork else { return nil }
        self.value = value
    }
}

extension PostgresCIDR: CustomStringConvertible {
    /// The network in PostgreSQL's notation, such as `192.0.2.0/24`.
    public var description: String { "\(value.addressText)/\(prefixLength)" }
}

extension PostgresCIDR: PostgresArrayEncodable {
    /// `cidr`
    public static var postgresType: PostgresType { PostgresType(oid: 650) }

    /// The network as `cidr`.
    public var postgresParameter: PostgresParameter { value.parameter(Self.postgresType, isNetwork: true) }
}

extension PostgresCIDR: PostgresArrayDecodable {
    /// Decodes a `cidr`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        try cell.require(Self.postgresType, for: "PostgresCIDR")
        let value = try NetworkAddress(cell, for: "PostgresCIDR")
        guard value.isNetwork else { throw cell.malformed }
        self.value = value
    }
}
