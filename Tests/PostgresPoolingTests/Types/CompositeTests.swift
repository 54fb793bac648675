// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PostgresPooling

private enum Grade: String, PostgresArrayEncodable, PostgresArrayDecodable, Hashable, Sendable {
    static let postgresType = PostgresType(named: "composite_grade")
    case good, poor
}

private struct Address: PostgresComposite, PostgresArrayDecodable, Hashable, Sendable {
    static let postgresType = PostgresType(named: "composite_address")
    var street: String
    var number: Int?
    var grade: Grade?

    init(_ street: String, _ number: Int?, _ grade: Grade? = nil) {
        (self.street, self.number, self.grade) = (street, number, grade)
    }

    var postgresFields: [any PostgresEncodable] { [street, number, grade] }

    init(cell: borrowing PostgresCell) throws(PostgresError) {
        (street, number, grade) = try cell.decodeFields(as: (String, Int?, Grade?).self)
    }
}

private struct Person: PostgresComposite, PostgresArrayDecodable, Hashable, Sendable {
    static let postgresType = PostgresType(named: "composite_person")
    var name: String
    var addresses: [Address]
    var age: Int
    var born: PostgresDate

    var postgresFields: [any PostgresEncodable] { [name, addresses, age, born] }

    init(name: String, addresses: [Address], age: Int, born: PostgresDate) {
        (self.name, self.addresses, self.age, self.born) = (name, addresses, age, born)
    }

    init(cell: borrowing PostgresCell) throws(PostgresError) {
        (name, addresses, age, born) = try cell.decodeFields(as: (String, [Address], Int, PostgresDate).self)
    }
}

private struct Pair: PostgresArrayDecodable, Hashable, Sendable {
    var number: Int
    var text: String?

    init(cell: borrowing PostgresCell) throws(PostgresError) {
        (number, text) = try cell.decodeFields(as: (Int, String?).self)
    }
}

/// A value whose fields the test specifies.
private struct Loose: PostgresComposite {
    static let postgresType = PostgresType(named: "composite_address")
    var postgresFields: [any PostgresEncodable]
}

@Suite(.timeLimit(.minutes(10))) struct CompositeTests {
    private static let setup = """
        SELECT pg_advisory_xact_lock(161616);
        DO $$ BEGIN
            IF to_regtype('composite_grade') IS NULL THEN
                CREATE TYPE composite_grade AS ENUM ('good', 'poor');
                CREATE DOMAIN composite_age AS smallint CHECK (value >= 0);
                CREATE DOMAIN composite_years AS composite_age CHECK (value < 150);
                CREATE TYPE composite_address AS (street varchar(40), number integer, grade composite_grade);
                CREATE TYPE composite_person AS (name text, addresses composite_address[], age composite_years, born date);
            END IF;
        END $$;
        """

    private func withTypes(_ body: (TestServer, PostgresPool) async throws -> Void) async throws {
        let server = try await TestServer.shared
        try await server.psql(Self.setup)
        try await server.withPool { pool in try await body(server, pool) }
    }

    @Test("Composite values round-trip, alone, in arrays and nested")
    func roundTrips() async throws {
        try await withTypes { server, pool in
            let addresses = [Address("Main, \"St\" (a)", 7, .good), Address("", nil, nil), Address("ä", -1, .poor)]
            try await expectRoundTrip(addresses, on: pool)
            let born = try #require(PostgresDate(year: 1815, month: 12, day: 10))
            let people = [
                Person(name: "Ada", addresses: addresses, age: 36, born: born),
                Person(name: "", addresses: [], age: 0, born: born),
            ]
            try await expectRoundTrip(people, on: pool)
            let texts = try await pool.query(
                "SELECT (\(addresses[0]))::text, (\(people[1]))::text",
                as: (String, String).self
            )[0]
            #expect(texts == (#"("Main, ""St"" (a)",7,good)"#, #"("",{},0,1815-12-10)"#))
            try await pool.withConnection { db in
                try await db.execute("CREATE TABLE composite_people (p composite_person, a composite_address[])")
                try await db.execute("INSERT INTO composite_people VALUES (\(people[0]), \(addresses))")
                try await equal(
                    server.psql("SELECT (p).name, (p).addresses[3], a[1] = (p).addresses[1] FROM composite_people"),
                    "Ada|(ä,-1,poor)|t"
                )
                let (street, same) = try await db.query(
                    "SELECT (p).addresses[1], p FROM composite_people",
                    as: (Address, Person).self
                )[0]
                #expect(street == addresses[0] && same == people[0])
            }
        }
    }

    @Test("A record decodes by the position of its fields, and so does a row of a table")
    func records() async throws {
        try await withTypes { server, pool in
            let rows = try await pool.query(
                "SELECT row(1::int8, 'a'::text), ARRAY[row(2, NULL::text), row(3, 'b')]",
                as: (Pair, [Pair]).self
            )
            #expect(rows[0].0.number == 1 && rows[0].0.text == "a")
            #expect(rows[0].1.map(\.number) == [2, 3] && rows[0].1.map(\.text) == [nil, "b"])
            try await server.psql(
                "CREATE TABLE composite_rows (n int, t text); INSERT INTO composite_rows VALUES (5, 'five')"
            )
            try await equal(pool.query("SELECT r FROM composite_rows AS r", as: Pair.self).map(\.number), [5])
            try await equal(
                pool.query("SELECT array_agg(r) FROM composite_rows AS r", as: [Pair].self)[0].map(\.text),
                ["five"]
            )
            let error = await postgresFailure {
                try await pool.query("SELECT row('x'::text, 'a'::text) AS r", as: Pair.self)
            }
            #expect(
                error?.message
                    == "field 0 of column “r” (index 0, type text): Int needs int2, int4, int8, oid or numeric"
            )
            for query in [
                "SELECT row(1)", "SELECT row(1, 'a', 2)", "SELECT 1", "SELECT 'abc'", "SELECT '{1}'::int[]",
                "SELECT NULL::record",
            ] as [PostgresQuery] {
                let error = await postgresFailure { try await pool.query(query, as: Pair.self) }
                #expect(error?.code == .decoding)
            }
        }
    }

    @Test("A field that does not match its column fails before the statement is sent")
    func refusals() async throws {
        try await withTypes { _, pool in
            func message(_ fields: any PostgresEncodable...) async -> String? {
                let error = await postgresFailure { try await pool.query("SELECT \(Loose(postgresFields: fields))") }
                return error?.code == .encoding ? error?.message : "\(String(describing: error))"
            }
            await equal(message("a", 1), "parameter $1: the value has 2 fields, and its composite type 3")
            await equal(
                message("a", "1", Grade.good),
                "parameter $1: field 1: a value of type unspecified does not fit a column of type int4"
            )
            await equal(
                message("a", Int.max, Grade.good),
                "parameter $1: field 1: a value of type int8 does not fit a column of type int4"
            )
            await equal(
                message("a", 1.0, Grade.good),
                "parameter $1: field 1: a value of type float8 does not fit a column of type int4"
            )
            await equal(message("a\0", 1, Grade.good), "parameter $1: field 0: the text has a NUL character")
            await equal(
                message(1, 1, Grade.good),
                "parameter $1: field 0: a value of type int8 does not fit a column of type varchar"
            )
            // Its four letters are not a four-byte number.
            await equal(message("a", Grade.good, Grade.good)?.hasSuffix("does not fit a column of type int4"), true)
            // The enumeration interprets a text.
            let row = try await pool.query("SELECT \(Loose(postgresFields: ["a", Int16(1), "poor"]))", as: Address.self)
            #expect(row == [Address("a", 1, .poor)])
            let error = await postgresFailure {
                try await pool.query("SELECT \(Loose(postgresFields: ["a", 1, "none"]))")
            }
            #expect(error?.sqlState == "22P02")
        }
    }

    @Test("A column that is added to a composite type is detected")
    func altered() async throws {
        let server = try await TestServer.shared
        try await server.psql("CREATE TYPE composite_growing AS (a int)")
        struct Growing: PostgresComposite {
            static let postgresType = PostgresType(named: "composite_growing")
            var postgresFields: [any PostgresEncodable]
        }
        try await server.withPool { pool in
            let (one, two) = (Growing(postgresFields: [1]), Growing(postgresFields: [1, "x"]))
            try await pool.withConnection { db in
                for _ in 0..<3 { try await equal(db.query("SELECT (\(one))::text", as: String.self), ["(1)"]) }
                try await server.psql("ALTER TYPE composite_growing ADD ATTRIBUTE b text")
                for _ in 0..<3 { try await equal(db.query("SELECT (\(two))::text", as: String.self), ["(1,x)"]) }
                let error = await postgresFailure { try await db.query("SELECT (\(one))::text") }
                #expect(error?.code == .encoding)
                try await server.psql("ALTER TYPE composite_growing DROP ATTRIBUTE a")
                let other = Growing(postgresFields: ["y"])
                for _ in 0..<3 { try await equal(db.query("SELECT (\(other))::text", as: String.self), ["(y)"]) }
            }
        }
    }

    @Test("Domains decode as their base types: alone, in arrays, and within records")
    func domains() async throws {
        try await withTypes { server, pool in
            try await server.psql(
                """
                CREATE DOMAIN composite_email AS text CHECK (value LIKE '%@%');
                CREATE DOMAIN composite_list AS int[];
                CREATE DOMAIN composite_day AS date;
                CREATE TYPE composite_card AS (email composite_email, days composite_day[]);
                CREATE TABLE composite_domains (age composite_years, ages composite_years[], list composite_list, days composite_day[])
                """
            )
            let day = try #require(PostgresDate(year: 2024, month: 2, day: 29))
            // From their base types, which the server converts.
            try await pool.execute(
                "INSERT INTO composite_domains VALUES (\(Int16(3)), \([Int16(4), 5]), \([Int32(6)]), \([day]))"
            )
            let row = try await pool.query(
                "SELECT age, ages, list, days FROM composite_domains",
                as: (Int, [Int], [Int], [PostgresDate]).self
            )[0]
            #expect(row == (3, [4, 5], [6], [day]))
            // A connection that has seen them, one that has not, and rows that are decoded later.
            for _ in 0..<2 {
                try await equal(pool.query("SELECT ages FROM composite_domains")[0].decode([Int].self, at: 0), [4, 5])
            }
            // Four bytes of a day are not a number.
            let error = await postgresFailure {
                try await pool.query("SELECT days FROM composite_domains", as: [Int].self)
            }
            #expect(error?.code == .decoding && error?.message.contains("type date") == true)
            struct Card: PostgresDecodable, Sendable {
                var email: String
                var days: [PostgresDate]
                init(cell: borrowing PostgresCell) throws(PostgresError) {
                    (email, days) = try cell.decodeFields(as: (String, [PostgresDate]).self)
                }
            }
            let card = try await pool.query("SELECT row('a@b', ARRAY['2024-02-29'])::composite_card", as: Card.self)[0]
            #expect(card.email == "a@b" && card.days == [day])
            // A stream does not look up types, whatever its connection knows.
            let streamed = await postgresFailure {
                try await pool.withConnection { db in
                    _ = try await db.query("SELECT ages FROM composite_domains", as: [Int].self)
                    for try await row in db.stream("SELECT ages FROM composite_domains") {
                        _ = try row.decode(as: [Int].self)
                    }
                }
            }
            #expect(streamed?.code == .decoding)
        }
    }

    private struct Years: RawRepresentable, PostgresArrayEncodable, PostgresArrayDecodable, Hashable, Sendable {
        static let postgresType = PostgresType(named: "composite_years")
        var rawValue: Int16
    }

    @Test("A domain and arrays of it are sent by its name, and its checks apply")
    func namedDomains() async throws {
        try await withTypes { _, pool in
            try await expectRoundTrip([Years(rawValue: 0), Years(rawValue: 149)], on: pool)
            try await equal(
                pool.query("SELECT pg_typeof(\([Years(rawValue: 1)]))::text", as: String.self),
                ["composite_years[]"]
            )
            for query in ["SELECT \(Years(rawValue: 150))", "SELECT \([Years(rawValue: -1)])"] as [PostgresQuery] {
                let error = await postgresFailure { try await pool.query(query) }
                #expect(error?.sqlState == "23514")
            }
        }
    }
}
