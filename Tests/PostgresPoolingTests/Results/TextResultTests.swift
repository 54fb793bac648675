// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct TextResultTests {
    private enum Answer: String, PostgresDecodable { case yes = "t", no = "f" }

    @Test("A type without a binary format is readable as text, with each way of running a statement")
    func withoutBinaryFormat() async throws {
        let server = try await TestServer.shared
        try await server.psql("CREATE TABLE text_rights (); GRANT SELECT ON text_rights TO public")
        let expected = try await server.psql("SELECT relacl FROM pg_class WHERE relname = 'text_rights'")
        let binary: PostgresQuery = "SELECT relacl FROM pg_class WHERE relname = \("text_rights")"
        try await server.withPool { pool in
            let error = await postgresFailure { try await pool.query(binary) }
            #expect(error?.sqlState == "42883")
            for _ in 0..<4 { try await equal(pool.query(.asText(binary), as: String.self), [expected]) }
            try await equal(pool.query(.asText(binary))[0].decode(String.self, named: "relacl"), expected)
            try await pool.withConnection { db in
                try await equal(db.query(.asText(binary), as: String.self), [expected])
                try await equal(db.query(.asText(binary))[0].decode(as: String.self), expected)
                var streamed: [String] = []
                for try await row in db.stream(.asText(binary)) { streamed.append(try row.decode()) }
                #expect(streamed == [expected])
            }
        }
    }

    @Test("Every built-in type has the text that psql displays")
    func allTypes() async throws {
        let server = try await TestServer.shared
        let values = """
            1::int2, 12345678::int4, -1::int8, 1.5::float4, 'NaN'::float8, 1.50::numeric, true, 'x'::text, 'y'::"char",
            '\\x00ff'::bytea, '1 day'::interval, '2024-02-29'::date, '12:00'::time, '192.0.2.1'::inet, '08:00:2b:01:02:03'::macaddr,
            '[1,5)'::int4range, 'fat:2A cat'::tsvector, 'fat & cat'::tsquery, 'pg_class'::regclass, '(1,2)'::point,
            B'0101', '{1,2}'::int4[], '{{a,b},{c,NULL}}'::text[], row(1, 'a'), '$.a'::jsonpath, '0/16B3748'::pg_lsn, '{"a": 1}'::jsonb,
            '1'::xml, '7'::xid, '7.50'::numeric::money, 'pg_catalog'::regnamespace, '{}'::aclitem[]
            """
        let expected = try await server.psql("SELECT \(values)").split(separator: "|").map(String.init)
        try await server.withPool { pool in
            let row = try await pool.query(.asText(PostgresQuery(unsafe: "SELECT \(values)")))[0]
            #expect(row.columnCount == expected.count)
            for column in 0..<row.columnCount { try equal(row.decode(String.self, at: column), expected[column]) }
        }
    }

    @Test("No type decodes a text as its binary format")
    func strictness() async throws {
        try await TestServer.shared.withPool { pool in
            let row = try await pool.query(.asText("SELECT 12345678::int8 AS n, true, NULL::int4, '\\x61'::bytea"))[0]
            let error = await postgresFailure { try row.decode(Int.self, at: 0) }
            #expect(error?.code == .decoding)
            #expect(
                error?.message
                    == "column “n” (index 0, type int8 in text format): Int needs int2, int4, int8, oid or numeric"
            )
            #expect(throws: PostgresError.self) { try row.decode(Bool.self, at: 1) }
            #expect(throws: PostgresError.self) { try row.decode([UInt8].self, at: 3) }
            #expect(throws: PostgresError.self) { try row.decode([Int].self, at: 0) }
            #expect(try row.decode(String.self, at: 0) == "12345678")
            #expect(try row.decode(Answer.self, at: 1) == .yes)
            #expect(try row.decode(String?.self, at: 2) == nil)
            #expect(try row.decode(String.self, at: 3) == "\\x61")
        }
    }

    @Test("One prepared statement returns both formats")
    func bothFormats() async throws {
        try await TestServer.shared.withPool { pool in
            func query(_ number: Int) -> PostgresQuery { "SELECT \(number) * 2" }
            for number in 0..<4 {
                try await equal(pool.query(query(number), as: Int.self), [2 * number])
                try await equal(pool.query(.asText(query(number)), as: String.self), ["\(2 * number)"])
            }
            try await equal(pool.query("SELECT \(sql: .asText("7"))", as: Int.self), [7])
        }
    }
}
