// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct ClientEncodingTests {
    private func suffix() -> String { UUID().uuidString.prefix(8).lowercased() }

    @Test(
        "Text is stored unchanged in a database of any encoding, regardless of the role's client_encoding",
        arguments: DatabaseEncoding.allCases,
        [ForeignRole.plain, .encoding]
    )
    func stored(_ encoding: DatabaseEncoding, _ role: ForeignRole) async throws {
        let server = try await TestServer.shared
        let table = "stored_\(suffix())"
        try await server.withForeignPool(encoding, role) { pool in
            try await pool.execute(PostgresQuery(unsafe: "CREATE TABLE \(table) (name text)"))
            let insert: PostgresQuery = "INSERT INTO \(identifier: table) VALUES (\("José"))"
            for _ in 0..<3 { try await pool.execute(insert) }
            try await pool.execute(PostgresQuery(unsafe: "INSERT INTO \(table) VALUES ('José')"))
            let rows = try await pool.query("SELECT name AS \(identifier: "prénom") FROM \(identifier: table)")
            #expect(rows.columnNames == ["prénom"])
            for row in rows { try equal(row.decode(String.self, named: "prénom"), "José") }
            try await equal(pool.query("SELECT \(["é", "ü"])", as: [String].self), [["é", "ü"]])
        }
        let stored = try await server.psql("SELECT DISTINCT name, length(name) FROM \(table)", in: encoding)
        #expect(stored == "José|\(encoding == .sqlASCII ? 5 : 4)")
    }

    @Test("The server rejects text that the database's encoding cannot represent")
    func untranslatable() async throws {
        try await TestServer.shared.withForeignPool(.latin1) { pool in
            for query in ["SELECT \("日本")", "SELECT '日本'"] as [PostgresQuery] {
                #expect(await postgresFailure { try await pool.query(query) }?.sqlState == "22P05")
            }
            try await equal(pool.query("SELECT \("é")", as: String.self), ["é"])
        }
    }

    @Test("A script is not sent if the rest of a stream reports another encoding")
    func scriptBehindStream() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                var rows = db.stream("SELECT set_config('client_encoding', 'LATIN1', false), generate_series(1, 10)")
                    .makeAsyncIterator()
                _ = try await rows.next()
                let error = await postgresFailure { try await db.executeScript("CREATE TEMP TABLE x AS SELECT 'ä'") }
                #expect(error?.code == .unsupported && error?.outcome == .notExecuted)
            }
        }
    }

    @Test("Bytes that are not UTF-8 in a database without an encoding cause a typed error")
    func foreignBytes() async throws {
        let server = try await TestServer.shared
        let table = "bytes_\(suffix())"
        let create =
            "CREATE TABLE \(table) (name text); INSERT INTO \(table) VALUES (convert_from('\\xe9', 'SQL_ASCII'))"
        try await server.withForeignPool(.sqlASCII) { pool in
            _ = try await server.psql(
                create,
                connection: ["PGDATABASE": DatabaseEncoding.sqlASCII.database, "PGCLIENTENCODING": "SQL_ASCII"]
            )
            let query: PostgresQuery = "SELECT name FROM \(identifier: table)"
            // The server checks text that it cannot convert.
            for _ in 0..<3 { #expect(await postgresFailure { try await pool.query(query) }?.sqlState == "22021") }
            try await equal(pool.query("SELECT octet_length(name) FROM \(identifier: table)", as: Int32.self), [1])
        }
    }

    @Test("Text that is not UTF-8 does not decode, and a column whose name is not UTF-8 is not found by another name")
    func invalidBytes() throws {
        let bytes: [UInt8] = [0x4A, 0xE9]
        for type in [PostgresType.text, .varchar, .name, .json, .xml, PostgresType(oid: 70_000)] {
            #expect(message(bytes, type, as: String.self)?.contains("not UTF-8") == true)
        }
        #expect(message([1] + bytes, .jsonb, as: String.self)?.contains("not UTF-8") == true)
        #expect(message([0x22] + bytes + [0x22], .json, as: PostgresJSON<String>.self)?.contains("not valid") == true)
        let array: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2] + bytes
        #expect(message(array, PostgresType(oid: 1009), as: [String].self)?.contains("not UTF-8") == true)
        let rows = PostgresRows(sampleResult([("é", .text), ("e\u{301}", .text)], [[[0x61], [0x62]]]))
        try equal(rows[0].decode(String.self, named: "é"), "a")
        try equal(rows[0].decode(String.self, named: "e\u{301}"), "b")
        #expect(throws: PostgresError.self) { try rows[0].decode(String.self, named: "é\0") }
    }

    @Test(
        "Another encoding fails when the pool is created",
        arguments: [
            "client_encoding=LATIN1", "client_encoding=auto", "options='-c client_encoding=LATIN1'",
            "options=-cclient_encoding=SQL_ASCII",
            "options='-c geqo=off --client-encoding=win1252'", "postgres://localhost/x?client_encoding=SJIS",
        ]
    )
    func refused(_ server: String) {
        let error = #expect(throws: PostgresError.self) { try PostgresPool(server) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains("client_encoding") == true)
    }

    @Test("UTF-8 is accepted in the server's spellings", arguments: ["UTF8", "utf-8", "Unicode", "UTF_8"])
    func accepted(_ spelling: String) async throws {
        try await TestServer.shared.withForeignPool(
            .latin1,
            .plain,
            {
                $0.parameters["client_encoding"] = spelling
                $0.parameters["options"] = "-c client_encoding=\(spelling)"
            }
        ) { pool in
            try await equal(pool.query("SELECT \("é")", as: String.self), ["é"])
        }
    }

    @Test("Another encoding in the environment fails when a connection is made")
    func environment() async throws {
        await #expect(processExitsWith: .success) {
            unsafe setenv("PGCLIENTENCODING", "LATIN1", 1)
            var configuration = PostgresConfiguration("host=127.0.0.1 port=1 user=x")
            configuration.pool.checkoutTimeout = .seconds(300)
            let pool = try PostgresPool(configuration)
            let error = await postgresFailure { try await pool.query("SELECT 1") }
            #expect(error?.code == .invalidConfiguration)
        }
    }

    @Test(
        "A setup that changes the encoding fails the connection attempt",
        arguments: ["SET client_encoding = 'LATIN1'", "SELECT set_config('client_encoding', 'LATIN1', false)"]
    )
    func setup(_ statement: String) async throws {
        try await TestServer.shared.withPool(.native, { $0.setup = [PostgresQuery(unsafe: statement)] }) { pool in
            let error = await postgresFailure { try await pool.query("SELECT 1") }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.sql == statement)
        }
    }

    @Test(
        "A change of the encoding is an error, nothing is sent or read with it, and the next lease is not affected",
        arguments: PostgresConfiguration.ResetPolicy.allCases,
        [
            "SET client_encoding = 'LATIN1'", "SELECT set_config('client_encoding', 'LATIN1', false), 'é'",
            "DO $$ BEGIN PERFORM set_config('client_encoding', 'LATIN1', false); END $$",
        ]
    )
    func changed(_ policy: PostgresConfiguration.ResetPolicy, _ statement: String) async throws {
        try await TestServer.shared.withPool(
            .native,
            {
                $0.pool.maximumConnections = 1
                $0.reset = policy
            }
        ) { pool in
            let before = try await pool.process()
            let query = PostgresQuery(unsafe: statement)
            try await pool.withConnection { db in
                #expect(await postgresFailure { try await db.query(query) }?.code == .unsupported)
                #expect(await postgresFailure { try await db.query("SELECT \("é")") }?.code == .unsupported)
                #expect(await postgresFailure { try await db.executeScript("SELECT 1") }?.code == .unsupported)
                #expect(await postgresFailure { for try await _ in db.stream("SELECT 1") {} }?.code == .unsupported)
            }
            try await equal(pool.query("SELECT \("é")", as: String.self), ["é"])
            // Without a reset the connection is replaced.
            try await equal(pool.process() == before, policy != .transactionOnly)
            #expect(await postgresFailure { try await pool.query(query) }?.code == .unsupported)
            let script = await postgresFailure { try await pool.withConnection { try await $0.executeScript(query) } }
            #expect(script?.code == .unsupported)
            let stream = await postgresFailure {
                try await pool.withConnection { db in for try await _ in db.stream(query) {} }
            }
            #expect(stream?.code == .unsupported)
            try await equal(pool.query("SELECT \("é")", as: String.self), ["é"])
        }
    }

    @Test("A change of the encoding within a transaction is rolled back with the transaction")
    func transaction() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            try await pool.withConnection { db in
                let error = await postgresFailure {
                    try await db.withTransaction { db in try await db.execute("SET LOCAL client_encoding = 'LATIN1'") }
                }
                #expect(error?.code == .unsupported)
                try await equal(db.query("SELECT \("é")", as: String.self), ["é"])
            }
        }
    }

    @Test("A function that sets the encoding for itself has no effect")
    func function() async throws {
        try await TestServer.shared.withPool { pool in
            let name = "encodes_\(suffix())"
            let create =
                "CREATE FUNCTION \(name)() RETURNS text LANGUAGE sql SET client_encoding = 'LATIN1' AS 'SELECT text ''é'''"
            try await pool.execute(PostgresQuery(unsafe: create))
            try await equal(pool.query("SELECT \(identifier: name)()", as: String.self), ["é"])
        }
    }

    @Test("The server's message is intact if the server's encoding differs")
    func messages() async throws {
        try await TestServer.shared.withForeignPool(.latin1) { pool in
            let error = await postgresFailure { try await pool.execute("DO 'BEGIN RAISE EXCEPTION ''défaut''; END'") }
            #expect(error?.message == "défaut")
        }
    }

    @Test("A refusal in another encoding, before the server knows the client's encoding, is a typed error")
    func refusal() async throws {
        let listener = try SilentListener()
        let fields = ["SFATAL", "VFATAL", "C28P01", "Mmot de passe refus"].map { Array($0.utf8) }
        let body = fields.dropLast().flatMap { $0 + [0] } + fields[3] + [0xE9, 0, 0]
        let answer = [UInt8(ascii: "E"), 0, 0, 0, UInt8(body.count + 4)] + body
        Thread {
            let client = accept(listener.descriptor, nil, nil)
            var request = [UInt8](repeating: 0, count: 1_024)
            _ = unsafe recv(client, &request, request.count, 0)
            _ = unsafe send(client, answer, answer.count, 0)
            close(client)
        }.start()
        let pool = try PostgresPool("host=127.0.0.1 port=\(listener.port) user=x sslmode=disable")
        let error = await postgresFailure { try await pool.query("SELECT 1") }
        #expect(error?.code == .connectFailed && error?.sqlState == .invalidPassword)
        #expect(error?.message.contains("mot de passe refus\u{FFFD}") == true)
        await pool.close()
    }
}
