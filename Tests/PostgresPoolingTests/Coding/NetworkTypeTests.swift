// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct NetworkTypeTests {
    /// A random address with runs of zeros, which affect the text.
    private func randomAddress() -> [UInt8] {
        let bytes = (0..<(Bool.random() ? 4 : 16)).map { _ in UInt8.random(in: 0...255) }
        guard bytes.count == 16 else { return bytes }
        var groups: [UInt8] = []
        for index in 0..<8 {
            groups += Bool.random() ? [0, 0] : [bytes[2 * index] % 3, bytes[2 * index + 1]]
        }
        switch Int.random(in: 0...5) {
        case 0: return Array(repeating: 0, count: 10) + [0xFF, 0xFF] + bytes[..<4]
        case 1: return Array(repeating: 0, count: 12) + bytes[..<4]
        case 2: return Array(repeating: 0, count: 15) + [1]
        case 3: return Array(repeating: 0, count: 16)
        default: return groups
        }
    }

    @Test("Addresses and networks round-trip, and their texts are the server's")
    func addresses() async throws {
        let server = try await TestServer.shared
        try await server.withPool { pool in
            let inets = try (0..<1_000).map { _ in
                let bytes = randomAddress()
                return try #require(
                    PostgresInet(address: bytes, prefixLength: Bool.random() ? nil : .random(in: 0...8 * bytes.count))
                )
            }
            try await expectRoundTrip(Array(inets.prefix(20)), on: pool)
            try await expectText(inets, as: "inet", on: pool)
            for inet in inets { #expect(PostgresInet("\(inet)") == inet, "\(inet)") }
            let cidrs = try inets.map { inet in
                let text = try #require(PostgresInet(address: inet.address, prefixLength: inet.prefixLength))
                var bytes = text.address
                for bit in inet.prefixLength..<8 * bytes.count { bytes[bit / 8] &= ~(0x80 >> UInt8(bit % 8)) }
                return try #require(PostgresCIDR(address: bytes, prefixLength: inet.prefixLength))
            }
            try await expectRoundTrip(Array(cidrs.prefix(20)), on: pool)
            try await expectText(cidrs, as: "cidr", on: pool)
            for cidr in cidrs { #expect(PostgresCIDR("\(cidr)") == cidr, "\(cidr)") }
            let net = try #require(PostgresCIDR("192.0.2.0/24"))
            let host = try #require(PostgresInet("192.0.2.7"))
            try await equal(pool.query("SELECT \(host) << \(net)", as: Bool.self), [true])
            try await equal(
                pool.query("SELECT \(net)", as: PostgresInet.self),
                [try #require(PostgresInet("192.0.2.0/24"))]
            )
            let error = await postgresFailure { try await pool.query("SELECT \(host)", as: PostgresCIDR.self) }
            #expect(error?.code == .decoding)
        }
    }

    @Test("Invalid addresses are rejected")
    func noAddresses() {
        for text in [
            "", "1", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1",
            "1.2.3.4/1/2", "::/129",
            ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::", "1:2:3:4:5:6:7::8", "::1.2.3",
            "1.2.3.4::", ":1", "1:",
            "+1.2.3.4", "::+1", " 1.2.3.4",
        ] { #expect(PostgresInet(text) == nil, "\(text)") }
        #expect(PostgresCIDR("192.0.2.1/24") == nil && PostgresCIDR("::1/127") == nil)
        #expect(PostgresCIDR("192.0.2.1")?.prefixLength == 32)
        #expect(
            PostgresInet(address: [1, 2, 3]) == nil && PostgresInet(address: [1, 2, 3, 4], prefixLength: -1) == nil
        )
        #expect(PostgresInet("1:2:3:4:5:6:1.2.3.4")?.description == "1:2:3:4:5:6:102:304")
    }

    @Test("Hardware addresses round-trip, and their texts are the server's")
    func macAddresses() async throws {
        try await TestServer.shared.withPool { pool in
            let random = { (count: Int) in (0..<count).map { _ in UInt8.random(in: 0...255) } }
            let short = try (0..<200).map { _ in try #require(PostgresMACAddress(bytes: random(6))) }
            let long = try (0..<200).map { _ in try #require(PostgresMACAddress8(bytes: random(8))) }
            try await expectRoundTrip(Array(short.prefix(10)), on: pool)
            try await expectRoundTrip(Array(long.prefix(10)), on: pool)
            try await expectText(short, as: "macaddr", on: pool)
            try await expectText(long, as: "macaddr8", on: pool)
            for address in short { #expect(PostgresMACAddress("\(address)") == address) }
            for address in long { #expect(PostgresMACAddress8("\(address)") == address) }
            #expect(PostgresMACAddress("08:00:2b:01:02") == nil && PostgresMACAddress("08:00:2b:01:02:0g") == nil)
            #expect(PostgresMACAddress8("08:00:2b:01:02:03") == nil && PostgresMACAddress(bytes: [1]) == nil)
        }
    }
}
