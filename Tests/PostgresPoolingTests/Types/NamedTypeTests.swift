// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

private enum Size: String, PostgresArrayEncodable, PostgresArrayDecodable, Hashable, Sendable, CaseIterable {
    static let postgresType = PostgresType(named: "named_size")
    case small, large
}

private enum Mood: String, PostgresArrayEncodable, PostgresArrayDecodable, Hashable, Sendable {
    static let postgresType = PostgresType(named: "named_tenant_mood")
    case good, bad
}

private struct Absent: PostgresArrayEncodable {
    static let postgresType = PostgresType(named: "named_nothing")
    var postgresParameter: PostgresParameter { PostgresParameter(Self.postgresType, .text("x")) }
}

extension TestServer {
    /// A pool of one connection, whose session is the same for all statements.
    fileprivate func withOneConnection(_ body: (PostgresPool) async throws -> Void) async throws {
        try await withPool(.native, { $0.pool.maximumConnections = 1 }, body)
    }
}

@Suite(.timeLimit(.minutes(10))) struct NamedTypeTests {
    @Test("An enumeration and arrays of it are sent as its type, by its declaration alone")
    func enumerations() async throws {
        let server = try await TestServer.shared
        try await server.psql(
            "CREATE TYPE named_size AS ENUM ('small', 'large'); CREATE TABLE named_item (one named_size, many named_size[])"
        )
        try await server.withPool { pool in
            try await expectRoundTrip(Size.allCases, on: pool)
            func type(of value: some PostgresEncodable) async throws -> String {
                try await pool.query("SELECT pg_typeof(\(value))::text", as: String.self)[0]
            }
            try await equal(type(of: Size.small), "named_size")
            try await equal(type(of: Size?.none), "named_size")
            try await equal(type(of: [Size.small]), "named_size[]")
            try await equal(type(of: [Size?]()), "named_size[]")
            try await equal(type(of: [[Size]]?.none), "named_size[]")
            try await equal(
                type(of: PostgresParameter(binary: Array("large".utf8), type: Size.postgresType)),
                "named_size"
            )
            try await pool.execute("INSERT INTO named_item VALUES (\(Size.large), \([Size.small, .large]))")
            try await equal(server.psql("SELECT one, many FROM named_item"), "large|{small,large}")
            try await equal(
                pool.query("SELECT many FROM named_item WHERE one = ANY(\([Size.large]))", as: [Size].self),
                [[.small, .large]]
            )
            try await pool.withConnection { db in
                var streamed: [Size] = []
                for try await row in db.stream("SELECT unnest(\([Size.small, .large]))") {
                    streamed.append(try row.decode())
                }
                #expect(streamed == [.small, .large])
            }
        }
    }

    @Test("A connection looks up a name once")
    func lookUps() async throws {
        let server = try await TestServer.shared
        try await server.psql("CREATE TYPE named_once AS ENUM ('a')")
        try await server.withOneConnection { pool in
            let once = PostgresParameter(PostgresType(named: "named_once"), .text("a"))
            // In a separate session, which the statistics of the server distinguish from others.
            let process = try await pool.process()
            for _ in 0..<5 { try await pool.execute("SELECT \(once)") }
            let statements = try await pool.query(
                "SELECT count(*) FILTER (WHERE statement LIKE '%to_regtype%') FROM pg_prepared_statements",
                as: Int.self
            )
            // A second lookup would have been prepared.
            #expect(statements == [0])
            try await equal(pool.process(), process)
        }
    }

    @Test("A name is written as in SQL: with a schema, in quotes, or as the name of an array type")
    func names() async throws {
        let server = try await TestServer.shared
        try await server.psql(#"CREATE SCHEMA "Named S"; CREATE TYPE "Named S"."Odd.One" AS ENUM ('ä')"#)
        try await server.withPool { pool in
            func type(_ name: String, _ text: String) async throws -> String {
                let parameter = PostgresParameter(PostgresType(named: name), .text(text))
                return try await pool.query("SELECT pg_typeof(\(parameter))::text", as: String.self)[0]
            }
            try await equal(type(#""Named S"."Odd.One""#, "ä"), #""Named S"."Odd.One""#)
            try await equal(type(#""Named S"."Odd.One"[]"#, "{ä}"), #""Named S"."Odd.One"[]"#)
            try await equal(type("pg_catalog.INT4", "1"), "integer")
            try await equal(type("timestamp with time zone", "now"), "timestamp with time zone")
        }
        #expect("\(PostgresType(named: "a.b"))" == "a.b" && "\(PostgresType(named: "a.b").arrayType)" == "a.b[]")
        #expect(
            PostgresType(named: "a") == PostgresType(named: "a") && PostgresType(named: "a") != PostgresType(named: "b")
        )
        #expect(PostgresType(named: "\u{e9}") != PostgresType(named: "e\u{301}"))
        #expect(PostgresType(named: "a").oid == 0 && PostgresType(named: "a") != .unspecified)
    }

    private struct Email: RawRepresentable, PostgresArrayEncodable, PostgresArrayDecodable, Hashable, Sendable {
        static let postgresType = PostgresType(named: "citext")
        var rawValue: String
    }

    private struct Digits: RawRepresentable, PostgresArrayEncodable {
        static let postgresType = PostgresType(named: "pg_catalog.int4")
        var rawValue: String
    }

    @Test("A text is read as a value of the named type, whatever the type's binary format, also in arrays")
    func textsOfNamedTypes() async throws {
        let server = try await TestServer.shared
        try await server.psql("CREATE EXTENSION citext")
        try await server.withPool { pool in
            let emails = ["a@b", "", "NULL", "ä\"\\{},\u{301}\"\u{301}", "a b"].map(Email.init)
            try await expectRoundTrip(emails, on: pool)
            try await equal(
                pool.query("SELECT \(Email(rawValue: "A")) = ANY(\([Email(rawValue: "a")]))", as: Bool.self),
                [true]
            )
            // Four digits have as many bytes as an int4.
            let digits = [[Digits(rawValue: "1234")], [Digits(rawValue: "-567")]]
            try await equal(
                pool.query("SELECT \(digits), \(digits[0][0])", as: ([[Int]], Int).self)[0].0,
                [[1234], [-567]]
            )
        }
    }

    @Test("Named types do not enlarge a parameter")
    func size() {
        #expect(MemoryLayout<PostgresParameter>.stride == 24 && MemoryLayout<PostgresQuery.Piece>.stride == 24)
    }

    @Test("A name that the database does not have fails before the statement is sent, and has no effect")
    func unknownName() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withTransaction { db in
                for query in ["SELECT 1/0, \(Absent())", "SELECT 1/0, \([Absent()])", "SELECT 1/0, \(Absent?.none)"]
                    as [PostgresQuery]
                {
                    let error = await postgresFailure { try await db.query(query) }
                    #expect(error?.code == .encoding && error?.server == nil)
                    #expect(error?.message.hasPrefix("parameter $1: the database has no type “named_nothing") == true)
                }
                // The transaction continues.
                try await equal(db.query("SELECT 1", as: Int.self), [1])
            }
        }
    }

    @Test("A type that was dropped and recreated is found again, outside of a transaction without an error")
    func recreated() async throws {
        let server = try await TestServer.shared
        try await server.psql("CREATE TYPE named_again AS ENUM ('a'); CREATE TABLE named_again_rows (v named_again)")
        let recreate = """
            DROP TABLE named_again_rows; DROP TYPE named_again; CREATE TYPE named_again AS ENUM ('b', 'a');
            CREATE TABLE named_again_rows (v named_again)
            """
        try await server.withOneConnection { pool in
            let values = [PostgresParameter(PostgresType(named: "named_again"), .text("a"))]
            struct Again: PostgresArrayEncodable {
                static let postgresType = PostgresType(named: "named_again")
                var postgresParameter: PostgresParameter { PostgresParameter(Self.postgresType, .text("a")) }
            }
            for round in 0..<3 {
                for _ in 0..<3 {
                    try await pool.execute("INSERT INTO named_again_rows VALUES (\(values[0]))")
                    try await pool.execute("INSERT INTO named_again_rows SELECT unnest(\([Again()]))")
                }
                try await equal(pool.query("SELECT count(*) FROM named_again_rows", as: Int.self), [6])
                if round == 0 { try await server.psql(recreate) }
                if round == 1 {
                    try await pool.withConnection { try await $0.executeScript(PostgresQuery(unsafe: recreate)) }
                }
            }
            // In a transaction the server has aborted it, and the next statement finds the type.
            try await server.psql(recreate)
            let error = await postgresFailure {
                try await pool.withTransaction { db in
                    try await db.execute("INSERT INTO named_again_rows SELECT unnest(\([Again()]))")
                }
            }
            #expect(error?.code == .server)
            try await pool.withTransaction { db in
                try await db.execute("INSERT INTO named_again_rows SELECT unnest(\([Again()]))")
            }
        }
    }

    @Test("A stream that fails because of an outdated type does not fail again")
    func recreatedForStream() async throws {
        let server = try await TestServer.shared
        let make = "CREATE TYPE named_streamed AS ENUM ('a')"
        try await server.psql(make)
        try await server.withOneConnection { pool in
            let value = PostgresParameter(PostgresType(named: "named_streamed"), .text("a"))
            func stream() async throws {
                try await pool.withConnection { db in
                    for try await row in db.stream("SELECT \(value)") {
                        #expect(try row.decode(as: String.self) == "a")
                    }
                }
            }
            for _ in 0..<3 { try await stream() }
            try await server.psql("DROP TYPE named_streamed; \(make)")
            let error = await postgresFailure { try await stream() }
            #expect(error?.code == .server)
            for _ in 0..<3 { try await stream() }
        }
    }

    @Test("A column of an enumeration costs no lookup, and one of arrays costs one")
    func lookUpsOfResults() async throws {
        let server = try await TestServer.shared
        try await server.psql("CREATE TYPE named_read AS ENUM ('a')")
        try await server.withOneConnection { pool in
            let oids = try await pool.query(
                "SELECT oid, typarray FROM pg_type WHERE typname = 'named_read'",
                as: (UInt32, UInt32).self
            )[0]
            try await pool.withConnection { db in
                try await equal(
                    db.query("SELECT 'a'::named_read, NULL::named_read[]", as: (String, [String]?).self)[0].0,
                    "a"
                )
                #expect(db.session.state.types[oids.0] == nil && db.session.state.types[oids.1] == nil)
                try await equal(db.query("SELECT '{a}'::named_read[]", as: [String].self), [["a"]])
                #expect(db.session.state.types[oids.1]?.element == oids.0)
            }
        }
    }

    @Test("A transaction that replaces a type, by itself or with its schema, sends values of the new type")
    func replacedInTransaction() async throws {
        try await TestServer.shared.withOneConnection { pool in
            let value = PostgresParameter(PostgresType(named: "named_replaced.thing"), .text("a"))
            try await pool.withTransaction { db in
                for drop in ["DROP SCHEMA IF EXISTS named_replaced CASCADE", "DROP SCHEMA named_replaced CASCADE"] {
                    try await db.execute(PostgresQuery(unsafe: drop))
                    try await db.execute("CREATE SCHEMA named_replaced")
                    try await db.execute("CREATE TABLE named_replaced.thing (a int)")
                    try await db.execute("DROP TABLE named_replaced.thing")
                    try await db.execute("CREATE TYPE named_replaced.thing AS ENUM ('a')")
                    try await equal(db.query("SELECT (\(value))::text", as: String.self), ["a"])
                }
            }
        }
    }

    @Test("A transaction finds a type that it has created, and later ones do not find it after a rollback")
    func madeInTransaction() async throws {
        try await TestServer.shared.withOneConnection { pool in
            struct Stop: Error {}
            let value = PostgresParameter(PostgresType(named: "named_fleeting"), .text("a"))
            for _ in 0..<3 {
                do {
                    try await pool.withTransaction { db in
                        try await db.execute("CREATE TYPE named_fleeting AS ENUM ('a')")
                        try await equal(db.query("SELECT \(value)::text", as: String.self), ["a"])
                        throw Stop()
                    }
                } catch is Stop {}
            }
            let error = await postgresFailure { try await pool.query("SELECT \(value)::text") }
            #expect(error?.code == .encoding)
        }
    }

    @Test("In a failed transaction the server's error is reported")
    func failedTransaction() async throws {
        try await TestServer.shared.withPool { pool in
            let state = await postgresFailure {
                try await pool.withTransaction { db in
                    _ = await postgresFailure { try await db.query("SELECT 1/0") }
                    let value = PostgresParameter(PostgresType(named: "named_fresh"), .text("a"))
                    let error = await postgresFailure { try await db.query("SELECT \(value)") }
                    #expect(error?.sqlState == "25P02")
                }
            }
            #expect(state?.code == .transactionAborted)
        }
    }

    @Test("Each lease finds the type on its own search path")
    func searchPath() async throws {
        let server = try await TestServer.shared
        for tenant in ["named_a", "named_b"] {
            try await server.psql(
                "CREATE SCHEMA \(tenant); CREATE TYPE \(tenant).named_tenant_mood AS ENUM ('good', 'bad'); CREATE TABLE \(tenant).moods (v named_a.named_tenant_mood)"
                    .replacingOccurrences(
                        of: "(v named_a",
                        with: "(v \(tenant)"
                    )
            )
        }
        try await server.withOneConnection { pool in
            for round in 0..<6 {
                let tenant = round % 2 == 0 ? "named_a" : "named_b"
                try await pool.withConnection { db in
                    try await db.execute("SET search_path = \(identifier: tenant)")
                    try await db.execute("INSERT INTO moods SELECT unnest(\([Mood.good, .bad]))")
                    try await equal(
                        db.query(
                            "SELECT pg_typeof(\(Mood.good))::regtype::oid = v.t FROM (SELECT atttypid FROM pg_attribute WHERE attrelid = 'moods'::regclass AND attname = 'v') AS v (t)",
                            as: Bool.self
                        ),
                        [true]
                    )
                }
            }
            let error = await postgresFailure { try await pool.query("SELECT \(Mood.good)") }
            #expect(error?.code == .encoding)
        }
        try await equal(server.psql("SELECT count(*) FROM named_a.moods"), "6")
    }

    @Test("A statement of the setup can have a named type")
    func setup() async throws {
        try await TestServer.shared.withPool { configuration in
            let value = PostgresParameter(PostgresType(named: "int4"), .text("5"))
            configuration.setup = ["SELECT set_config('work_mem', (\(value) * 100)::text || 'kB', false)"]
        } _: { pool in
            try await equal(pool.query("SHOW work_mem", as: String.self), ["500kB"])
        }
    }
}
