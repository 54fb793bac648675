// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// An `inet`: the address of a host, and how many of its bits are its network's.
public struct PostgresInet: Hashable, Sendable {
    private let value: NetworkAddress

    /// The address: 4 bytes for IPv4, 16 for IPv6.
    public var address: [UInt8] { value.bytes }

    /// How many bits of the address are the network's: up to 32 or 128, which is the host alone.
    public var prefixLength: Int { value.prefixLength }

    /// An address of 4 or 16 bytes.
    ///
    /// - Parameters:
    ///   - address: Its bytes, the first one first.
    ///   - prefixLength: How many bits are the network's; by default all.
    /// - Returns: `nil` for another number of bytes or more bits than they have.
    public init?(address: [UInt8], prefixLength: Int? = nil) {
        guard let value = NetworkAddress(address, prefixLength: prefixLength) else { return nil }
        self.value = value
    }

    /// An address such as `192.0.2.1`, `192.0.2.1/24` or `2001:db8::1`.
    ///
    /// - Returns: `nil` if it is none.
    public init?(_ text: String) {
        guard let value = NetworkAddress(text) else { return nil }
        self.value = value
    }
}

extension PostgresInet: CustomStringConvertible {
    /// The address as PostgreSQL writes it: with the network's bits, unless all are.
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
    /// The value, if it is an `inet` or a `cidr`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if it is not.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        let value = try NetworkAddress(cell, for: "PostgresInet")
        guard cell.type == Self.postgresType || cell.type == PostgresCIDR.postgresType else {
            throw cell.mismatch("PostgresInet needs inet or cidr")
        }
        self.value = value
    }
}

/// A `cidr`: a network, that is an address whose bits behind the network's are zero.
public struct PostgresCIDR: Hashable, Sendable {
    private let value: NetworkAddress

    /// The address of the network: 4 bytes for IPv4, 16 for IPv6.
    public var address: [UInt8] { value.bytes }

    /// How many bits of the address are the network's.
    public var prefixLength: Int { value.prefixLength }

    /// A network with an address of 4 or 16 bytes.
    ///
    /// - Returns: `nil` for another number of bytes, more bits than they have, or bits that are set behind the network's.
    public init?(address: [UInt8], prefixLength: Int) {
        guard let value = NetworkAddress(address, prefixLength: prefixLength), value.isNetwork else { return nil }
        self.value = value
    }

    /// A network such as `192.0.2.0/24` or `2001:db8::/32`; an address alone is a network of one host.
    ///
    /// - Returns: `nil` if it is none.
    public init?(_ text: String) {
        guard let value = NetworkAddress(text), value.isNetwork else { return nil }
        self.value = value
    }
}

extension PostgresCIDR: CustomStringConvertible {
    /// The network as PostgreSQL writes it, such as `192.0.2.0/24`.
    public var description: String { "\(value.addressText)/\(prefixLength)" }
}

extension PostgresCIDR: PostgresArrayEncodable {
    /// `cidr`
    public static var postgresType: PostgresType { PostgresType(oid: 650) }

    /// The network as `cidr`.
    public var postgresParameter: PostgresParameter { value.parameter(Self.postgresType, isNetwork: true) }
}

extension PostgresCIDR: PostgresArrayDecodable {
    /// The value, if it is a `cidr`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if it is not.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        try cell.require(Self.postgresType, for: "PostgresCIDR")
        let value = try NetworkAddress(cell, for: "PostgresCIDR")
        guard value.isNetwork else { throw cell.malformed }
        self.value = value
    }
}
