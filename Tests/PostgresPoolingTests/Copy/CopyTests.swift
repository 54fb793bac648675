// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// `COPY` from the client.
@Suite(.timeLimit(.minutes(10))) struct CopyTests {
    struct Refused: Error {}

    private func withTable(
        _ columns: PostgresQuery,
        _ poller: PollerKind = .native,
        _ body: (TestServer, PostgresPool, String) async throws -> Void
    ) async throws {
        let server = try await TestServer.shared
        let table = "copy_\(UUID().uuidString.prefix(8).lowercased())"
        try await server.withPool(poller, name: table, { $0.pool.maximumConnections = 1 }) { pool in
            try await pool.execute("CREATE TABLE \(identifier: table) (\(sql: columns))")
            try await body(server, pool, table)
            try await pool.execute("DROP TABLE \(identifier: table)")
        }
    }

    private func rowCount(_ pool: PostgresPool, _ table: String) async throws -> Int {
        try await pool.query("SELECT count(*) FROM \(identifier: table)", as: Int.self)[0]
    }

    @Test("Written rows are stored in order, also those larger than the buffer", arguments: PollerKind.allCases)
    func rows(_ poller: PollerKind) async throws {
        try await withTable("place serial, id int, name text", poller) { server, pool, table in
            let long = String(repeating: "long ", count: 60_000)
            let count = try await pool.copy(to: "\(identifier: table)", columns: ["id", "name"]) { writer in
                for id in 1...20_000 { try await writer.write(id, id == 7 ? long : id % 3 == 0 ? nil : "name \(id)") }
                #expect(writer.rowCount == 20_000)
                #expect(writer.byteCount > 500_000)
            }
            #expect(count == 20_000)
            let wrong = try await server.psql(
                """
                SELECT count(*) FILTER (WHERE place <> id OR name IS DISTINCT FROM CASE WHEN id = 7 THEN repeat('long ', 60000)
                WHEN id % 3 = 0 THEN NULL ELSE 'name ' || id END), count(*) FROM \(table)
                """
            )
            #expect(wrong == "0|20000")
        }
    }

    @Test("Bytes in text, CSV and binary format are stored, in pieces of any size")
    func bytes() async throws {
        try await withTable("id int, name text") { _, pool, table in
            let csv = Array("1,\"a \"\"b\"\"\"\n2,\n3,ö\n".utf8)
            for size in [1, 7, csv.count] {
                let pieces = AsyncStream<ArraySlice<UInt8>> { stream in
                    for start in Swift.stride(from: 0, to: csv.count, by: size) {
                        stream.yield(csv[start..<min(start + size, csv.count)])
                    }
                    stream.finish()
                }
                let count = try await pool.copy("COPY \(identifier: table) FROM STDIN (FORMAT csv)", bytes: pieces)
                #expect(count == 3)
                let rows = try await pool.query("DELETE FROM \(identifier: table) RETURNING name", as: String?.self)
                #expect(rows == ["a \"b\"", nil, "ö"])
            }
            let count = try await pool.copy("COPY \(identifier: table) FROM STDIN") { writer in
                try await writer.write("1\ta\\tb\n".utf8)
                let many = String(repeating: "2\tx\n", count: 100_000)
                try await writer.write(many.utf8)
                try await writer.write(repeatElement(UInt8(ascii: "3"), count: 1))
                try await writer.write("\t\\N\n".utf8)
            }
            #expect(count == 100_002)
            // A binary copy of the table, byte by byte.
            let copied = try await pool.withConnection { db in
                var copied: [UInt8] = []
                for try await chunk in db.copyBytes("COPY \(identifier: table) TO STDOUT (FORMAT binary)") {
                    copied += chunk
                }
                try await db.execute("TRUNCATE \(identifier: table)")
                return try await db.copy("COPY \(identifier: table) FROM STDIN (FORMAT binary)") { writer in
                    try await writer.write(copied)
                }
            }
            #expect(copied == 100_002)
            try await equal(
                pool.query("SELECT DISTINCT name FROM \(identifier: table) ORDER BY 1", as: String?.self),
                ["a\tb", "x", nil]
            )
        }
    }

    @Test("The rows of a sequence of tuples are stored")
    func sequence() async throws {
        try await withTable("id int8, name varchar(20), ok bool") { _, pool, table in
            let rows = AsyncStream<(Int, String, Bool?)> { stream in
                for id in 0..<1_000 { stream.yield((id, "\(id)", id == 5 ? nil : id % 2 == 0)) }
                stream.finish()
            }
            try await equal(pool.copy(to: "\(identifier: table)", rows: rows), 1_000)
            try await equal(
                pool.query(
                    "SELECT count(*) FROM \(identifier: table) WHERE name = id::text AND (ok IS NULL) = (id = 5)",
                    as: Int.self
                ),
                [1_000]
            )
            // A sequence of single values.
            let ids = AsyncStream<Int> { stream in
                for id in 0..<10 { stream.yield(id) }
                stream.finish()
            }
            try await equal(pool.copy(to: "\(identifier: table)", columns: ["id"], rows: ids), 10)
        }
    }

    @Test("An error of the body is rethrown, nothing is stored, and the connection remains usable")
    func throwing() async throws {
        try await withTable("id int") { _, pool, table in
            let process = try await pool.process()
            for size in [0, 1, 100_000] {
                let error = await failure {
                    try await pool.copy(to: "\(identifier: table)") { writer in
                        for id in 0..<size { try await writer.write(id) }
                        throw Refused()
                    }
                }
                #expect(error is Refused)
                try await equal(rowCount(pool, table), 0)
            }
            // On the same lease, and in a transaction, which a savepoint keeps.
            try await pool.withTransaction { db in
                try await db.execute("INSERT INTO \(identifier: table) VALUES (1)")
                let error = await failure {
                    try await db.withSavepoint { db in
                        try await db.copy("COPY \(identifier: table) FROM STDIN") { _ in throw Refused() }
                    }
                }
                #expect(error is Refused)
                try await equal(db.copy(to: "\(identifier: table)") { writer in try await writer.write(2) }, 1)
                equal(db.isInTransaction, true)
            }
            try await equal(rowCount(pool, table), 2)
            try await equal(pool.process(), process)
        }
    }

    @Test("A transaction in which a copy has failed is rolled back")
    func transaction() async throws {
        try await withTable("id int") { _, pool, table in
            let error = await postgresFailure {
                try await pool.withTransaction { db in
                    try await db.execute("INSERT INTO \(identifier: table) VALUES (1)")
                    _ = try? await db.copy("COPY \(identifier: table) FROM STDIN") { _ in throw Refused() }
                }
            }
            #expect(error?.code == .transactionAborted)
            try await equal(rowCount(pool, table), 0)
        }
    }

    @Test("An error of the server names line and column, ends the body soon, and the connection remains usable")
    func serverError() async throws {
        try await withTable("id int, small int2 CHECK (small < 100)") { _, pool, table in
            let process = try await pool.process()
            let statement: PostgresQuery = "COPY \(identifier: table) FROM STDIN (FORMAT csv)"
            var (error, isEarly) = (PostgresError?.none, false)
            // libpq may take the error from the socket itself, and then reports it at the end.
            for _ in 0..<5 where !isEarly {
                isEarly = true
                error = await postgresFailure {
                    try await pool.copy(statement) { writer in
                        for id in 1...1_000_000 { try await writer.write("\(id),\(id == 5_000 ? "x" : "1")\n".utf8) }
                        isEarly = false
                    }
                }
            }
            #expect(isEarly)
            #expect(error?.code == .server)
            #expect(error?.outcome == .rolledBack)
            #expect(error?.sqlState == "22P02")
            #expect(error?.message.hasSuffix("(line 5000, column “small”)") == true, "\(error as Any)")
            #expect(error?.description.contains("\"x\"") == false)
            // A constraint, in binary format.
            let violation = await postgresFailure {
                try await pool.copy(to: "\(identifier: table)") { writer in
                    for id in 1...200_000 { try await writer.write(id, id == 70_000 ? 100 : 1) }
                }
            }
            #expect(violation?.sqlState == .checkViolation)
            #expect(violation?.message.hasSuffix("(line 70000)") == true, "\(violation as Any)")
            // At the end, and a body that ignores the errors.
            let late = await postgresFailure {
                try await pool.copy(to: "\(identifier: table)") { writer in try await writer.write(1, 100) }
            }
            #expect(late?.sqlState == .checkViolation)
            let ignored = await postgresFailure {
                try await pool.copy(statement) { writer in
                    for _ in 1...200_000 { try? await writer.write("bad\n".utf8) }
                }
            }
            #expect(ignored?.sqlState == "22P02")
            try await equal(rowCount(pool, table), 0)
            try await equal(pool.process(), process)
        }
    }

    @Test("Notices of a trigger do not end a copy, and an error after them does", arguments: PollerKind.allCases)
    func notices(_ poller: PollerKind) async throws {
        try await withTable("id int", poller) { server, pool, table in
            try await server.psql(
                """
                CREATE FUNCTION \(table)_f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                RAISE NOTICE 'ERROR % VERROR', NEW.id; IF NEW.id = 8000 THEN RAISE 'enough'; END IF; RETURN NEW; END $$;
                CREATE TRIGGER t BEFORE INSERT ON \(table) FOR EACH ROW EXECUTE FUNCTION \(table)_f()
                """
            )
            try await equal(
                pool.copy(to: "\(identifier: table)") { writer in for id in 1...5_000 { try await writer.write(id) } },
                5_000
            )
            let error = await postgresFailure {
                try await pool.copy(to: "\(identifier: table)") { writer in
                    for id in 1...12_000 { try await writer.write(id) }
                }
            }
            #expect(error?.sqlState == "P0001")
            try await equal(rowCount(pool, table), 5_000)
            try await server.psql("DROP FUNCTION \(table)_f CASCADE")
        }
    }

    @Test("A row that does not fit is refused with its row and column, and others may follow")
    func unfitting() async throws {
        try await withTable("id int2, name text, ident uuid") { _, pool, table in
            func message(_ write: (borrowing PostgresCopyWriter) async throws -> Void) async throws -> String {
                var message = ""
                let count = try await pool.copy(to: "\(identifier: table)") { writer in
                    try await writer.write(1, "a", UUID?.none)
                    do {
                        try await write(writer)
                    } catch let error as PostgresError {
                        message = "\(error.code): \(error.message)"
                    }
                    try await writer.write(2, "b", UUID())
                }
                #expect(count == 2)
                return message
            }
            try await equal(
                message { try await $0.write(70_000, "x", UUID()) },
                "encoding: row 2, column “id”: the number is out of the range of the type int2"
            )
            try await equal(
                message { try await $0.write(1, "a\0b", UUID()) },
                "encoding: row 2, column “name”: the text has a NUL character"
            )
            try await equal(
                message { try await $0.write(1, "a", UUID().uuidString) },
                "encoding: row 2, column “ident”: a text does not fit a column of type uuid"
            )
            try await equal(
                message { try await $0.write(1, 1.5, UUID()) },
                "encoding: row 2, column “name”: a value of type float8 does not fit a column of type text"
            )
            try await equal(
                message { try await $0.write(1) },
                "columnCount: row 2: the row has 1 values, and COPY 3 columns"
            )
            try await equal(rowCount(pool, table), 10)
        }
    }

    @Test("A statement that is not COPY FROM STDIN is refused, and the connection remains usable")
    func refused() async throws {
        try await withTable("id int") { _, pool, table in
            let process = try await pool.process()
            for (statement, message) in [
                ("SELECT 1", "the statement is not COPY … FROM STDIN"),
                (
                    "COPY \(table) TO STDOUT",
                    "this method does not transfer the data of COPY; use copy or copyBytes of a connection"
                ),
                ("COPY \(table) FROM STDIN; SELECT 1", "the text must be one COPY statement"),
                ("", "the text must be one COPY statement"),
            ] {
                let error = await postgresFailure {
                    try await pool.copy(PostgresQuery(unsafe: statement)) { _ in Issue.record("the body has run") }
                }
                #expect(error?.code == .unsupported)
                #expect(error?.message == message)
            }
            let parameter = await postgresFailure { try await pool.copy("COPY t (\(1)) FROM STDIN") { _ in } }
            #expect(parameter?.code == .unsupported && parameter?.outcome == .notExecuted)
            let missing = await postgresFailure { try await pool.copy(to: "nowhere") { _ in } }
            #expect(missing?.sqlState == .undefinedTable)
            let column = await postgresFailure {
                try await pool.copy(to: "\(identifier: table)", columns: ["id", "nil"]) { _ in }
            }
            #expect(column?.sqlState == .undefinedColumn)
            // Statements of methods that do not copy.
            for statement in ["COPY \(table) FROM STDIN", "COPY \(table) TO STDOUT"] {
                let error = await postgresFailure { try await pool.execute(PostgresQuery(unsafe: statement)) }
                #expect(error?.code == .unsupported && error?.connectionIsGone == false)
                let script = await postgresFailure { try await pool.executeScript(PostgresQuery(unsafe: statement)) }
                #expect(script?.code == .unsupported)
            }
            try await equal(pool.process(), process)
        }
    }

    @Test("Another statement within the body ends the copy, which stores nothing")
    func otherStatement() async throws {
        try await withTable("id int") { _, pool, table in
            let error = await postgresFailure {
                try await pool.withConnection { db in
                    try await db.copy(to: "\(identifier: table)") { writer in
                        for id in 0..<50_000 { try await writer.write(id) }
                        try await equal(db.query("SELECT 1", as: Int.self), [1])
                        try await writer.write(1)
                    }
                }
            }
            #expect(error?.code == .streamEnded)
            try await equal(rowCount(pool, table), 0)
        }
    }
}
