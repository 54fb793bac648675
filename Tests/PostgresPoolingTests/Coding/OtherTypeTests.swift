// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct OtherTypeTests {
    private func number() -> Double {
        [0, -0.0, 1, -1.5, .infinity, -.infinity, 1e300, .leastNonzeroMagnitude, .random(in: -9...9)].randomElement()!
    }

    private func point() -> PostgresPoint { PostgresPoint(x: number(), y: number()) }

    @Test("Geometric values round-trip")
    func geometry() async throws {
        let server = try await TestServer.shared
        try await server.withPool { pool in
            try await expectRoundTrip((0..<30).map { _ in point() }, on: pool)
            try await expectRoundTrip((0..<30).map { _ in PostgresLineSegment(from: point(), to: point()) }, on: pool)
            try await expectRoundTrip((0..<30).map { _ in PostgresBox(point(), point()) }, on: pool)
            try await expectRoundTrip(
                (0..<30).compactMap { _ in PostgresCircle(center: point(), radius: abs(number())) },
                on: pool
            )
            try await expectRoundTrip(
                (0..<30).compactMap { _ in PostgresLine(a: .random(in: 1...9), b: number(), c: number()) },
                on: pool
            )
            let points = (0..<20).map { count in (0...count).map { _ in point() } }
            try await expectRoundTrip(points.compactMap { PostgresPath($0, isClosed: Bool.random()) }, on: pool)
            try await expectRoundTrip(points.compactMap { PostgresPolygon($0) }, on: pool)
        }
        #expect(PostgresPath([], isClosed: true) == nil && PostgresPolygon([]) == nil)
        #expect(PostgresLine(a: 0, b: 0, c: 1) == nil && PostgresCircle(center: point(), radius: -1) == nil)
    }

    @Test("The server reads and writes geometric values in the form of their descriptions")
    func geometryTexts() async throws {
        let server = try await TestServer.shared
        let one = PostgresPoint(x: 1.5, y: 2.5)
        let other = PostgresPoint(x: -0.5, y: 3.5)
        let path = try #require(PostgresPath([one, other], isClosed: false))
        let closed = try #require(PostgresPath([one, other], isClosed: true))
        try await server.withPool { pool in
            try await expectText([one, other], as: "point", on: pool)
            try await expectText([PostgresLineSegment(from: one, to: other)], as: "lseg", on: pool)
            try await expectText([PostgresBox(other, one)], as: "box", on: pool)
            try await expectText([path, closed], as: "path", on: pool)
            try await expectText([try #require(PostgresPolygon([one, other]))], as: "polygon", on: pool)
            try await expectText([try #require(PostgresCircle(center: one, radius: 0.5))], as: "circle", on: pool)
            try await expectText([try #require(PostgresLine(a: 1.5, b: 0.5, c: -2.5))], as: "line", on: pool)
            try await server.psql("CREATE TABLE other_points (p point)")
            try await pool.execute("INSERT INTO other_points VALUES (\(one))")
            try await equal(server.psql("SELECT p FROM other_points"), "(1.5,2.5)")
        }
    }

    @Test("Bit strings round-trip, and match the server's")
    func bits() async throws {
        let server = try await TestServer.shared
        try await server.psql("CREATE TABLE other_bits (fixed bit(4), free varbit)")
        try await server.withPool { pool in
            let bits = try (0..<200).map { _ in
                try #require(PostgresBits(String((0..<Int.random(in: 0...40)).map { _ in Bool.random() ? "1" : "0" })))
            }
            try await expectRoundTrip(Array(bits.prefix(30)), on: pool)
            try await expectText(bits, as: "varbit", on: pool)
            let four = try #require(PostgresBits("0110"))
            try await pool.execute("INSERT INTO other_bits VALUES (\(four), \(four))")
            try await equal(server.psql("SELECT fixed, free FROM other_bits"), "0110|0110")
            let row = try await pool.query(
                "SELECT fixed, free FROM other_bits WHERE fixed = \(four)",
                as: (PostgresBits, PostgresBits).self
            )[0]
            #expect(row == (four, four))
            let short = try #require(PostgresBits("01"))
            let error = await postgresFailure {
                try await pool.execute("INSERT INTO other_bits (fixed) VALUES (\(short))")
            }
            #expect(error?.sqlState == "22026")
        }
        #expect(
            PostgresBits("012") == nil && PostgresBits(bytes: [0], count: 9) == nil
                && PostgresBits(bytes: [], count: -1) == nil
        )
        #expect(PostgresBits(bytes: [0xFF, 0xFF], count: 3) == PostgresBits("111"))
        #expect(PostgresBits("010").map { [$0[0], $0[1]] } == [false, true])
    }

    @Test("Values of hstore and ltree round-trip")
    func extensions() async throws {
        let server = try await TestServer.shared
        try await server.psql("CREATE EXTENSION hstore; CREATE EXTENSION ltree")
        try await server.withPool { pool in
            let stores: [PostgresHStore] = [
                [:], ["a": "1", "b": nil, "": ""], ["ä\"=>": "{},'\\"],
                PostgresHStore(Dictionary(uniqueKeysWithValues: (0..<100).map { ("k\($0)", "v") })),
            ]
            try await expectRoundTrip(stores, on: pool)
            let (value, isNull) = try await pool.query(
                "SELECT \(stores[1]) -> 'a', (\(stores[1]) -> 'b') IS NULL",
                as: (String, Bool).self
            )[0]
            #expect(value == "1" && isNull)
            try await equal(
                pool.query(#"SELECT '"x"=>"y", z=>NULL'::hstore"#, as: PostgresHStore.self),
                [["x": "y", "z": nil]]
            )
            let paths = ["", "Top", "Top.Science.Astronomy"].map(PostgresLTree.init)
            try await expectRoundTrip(paths, on: pool)
            try await expectText(paths, as: "ltree", on: pool)
            try await equal(pool.query("SELECT \(paths[2]) <@ \(paths[1])", as: Bool.self), [true])
            #expect(paths[2].labels == ["Top", "Science", "Astronomy"])
            let error = await postgresFailure { try await pool.query("SELECT \(PostgresLTree("a b"))") }
            #expect(error?.code == .server)
            #expect(refusal(PostgresLTree("a\0")) == "parameter $1: the text has a NUL character")
            #expect(refusal(["a": "\0"] as PostgresHStore) == "parameter $1: the text has a NUL character")
            // Composed and decomposed letters are two keys on the server.
            let twins = await postgresFailure {
                try await pool.query(
                    "SELECT hstore(ARRAY[\("\u{e9}"), 'x', \("e\u{301}"), 'y'])",
                    as: PostgresHStore.self
                )
            }
            #expect(twins?.code == .decoding)
            let wrong = await postgresFailure { try await pool.query("SELECT 1", as: PostgresHStore.self) }
            #expect(wrong?.code == .decoding)
        }
    }

    @Test("A document and a query of full-text search are sent and decoded as texts")
    func textSearch() async throws {
        try await TestServer.shared.withPool { pool in
            let (document, query) = ("'cat':1,3A 'fat''s':2", "'fat' & !'rat'")
            let row = try await pool.query(
                .asText("SELECT (\(document))::tsvector, (\(query))::tsquery"),
                as: (String, String).self
            )[0]
            #expect(row == ("'cat':1,3A 'fat''s':2", query))
            let again = try await pool.query(
                "SELECT (\(row.0))::tsvector = (\(document))::tsvector, (\(row.1))::tsquery = (\(query))::tsquery",
                as: (Bool, Bool).self
            )[0]
            #expect(again == (true, true))
        }
    }

    @Test("Names of system objects are sent and decoded as texts")
    func objectNames() async throws {
        try await TestServer.shared.withPool { pool in
            try await equal(
                pool.query(
                    .asText("SELECT oid::regclass FROM pg_class WHERE oid = \("pg_type")::regclass"),
                    as: String.self
                ),
                ["pg_type"]
            )
            try await equal(pool.query("SELECT \("pg_type")::regclass::oid", as: UInt32.self), [1247])
        }
    }

    @Test("Damaged values yield a value or an error, and never trap")
    func damaged() throws {
        func check<Value: PostgresArrayEncodable & PostgresArrayDecodable>(
            _ value: Value,
            _ type: PostgresType = Value.postgresType
        ) throws {
            let bytes: [UInt8]
            switch value.postgresParameter.content {
            case .bytes(let content): bytes = content
            default: return
            }
            let type = type.isNamed ? PostgresType(oid: 20_000) : type
            for index in 0...bytes.count {
                _ = try? decode(Array(bytes[..<index]), type, as: Value.self)
                _ = try? decode(bytes + [0], type, as: Value.self)
                for byte in [0, 1, 2, 3, 24, 127, 128, 255] as [UInt8] where index < bytes.count {
                    var changed = bytes
                    changed[index] = byte
                    if let value = try? decode(changed, type, as: Value.self) { _ = "\(value)" }
                }
            }
        }
        let point = PostgresPoint(x: 1, y: 2)
        try check(point)
        try check(try #require(PostgresPath([point, point], isClosed: true)))
        try check(try #require(PostgresPolygon([point])))
        try check(PostgresBox(point, point))
        try check(try #require(PostgresCircle(center: point, radius: 1)))
        try check(try #require(PostgresLine(a: 1, b: 1, c: 1)))
        try check(try #require(PostgresBits("010101010")))
        try check(["a": "b", "c": nil] as PostgresHStore)
        try check(PostgresLTree("a.b"))
        try check(PostgresRange(1..<5))
        try check(PostgresRange(Decimal(1)...))
        try check(PostgresMultirange([PostgresRange(1..<5), PostgresRange(7...)]))
        try check(try #require(PostgresInet("::1/64")))
        try check(try #require(PostgresCIDR("10.0.0.0/8")))
        try check(try #require(PostgresMACAddress("08:00:2b:01:02:03")))
    }
}
