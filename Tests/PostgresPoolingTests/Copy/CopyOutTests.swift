// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// `COPY` to the client.
@Suite(.timeLimit(.minutes(10))) struct CopyOutTests {
    @Test("Typed rows arrive in order, on every poller", arguments: PollerKind.allCases)
    func rows(_ poller: PollerKind) async throws {
        try await TestServer.shared.withPool(poller) { pool in
            try await pool.withConnection { db in
                let rows = db.copy(
                    from: """
                        SELECT n::int, 'row ' || n, CASE WHEN n % 2 = 0 THEN n / 2.0 END FROM generate_series(1, 50000) AS n
                        ORDER BY 1 -- rows
                        """,
                    as: (Int, String, Double?).self
                )
                for _ in 0..<2 {
                    var expected = 1
                    for try await (number, text, half) in rows {
                        guard number == expected, text == "row \(number)" else { break }
                        #expect(half == (number % 2 == 0 ? Double(number) / 2 : nil))
                        expected += 1
                    }
                    #expect(expected == 50_001)
                }
                var none = 0
                for try await _ in db.copy(from: "SELECT 1 WHERE false", as: Int.self) { none += 1 }
                #expect(none == 0)
                var large = 0
                for try await text in db.copy(
                    from: "SELECT repeat('x', 3000000) FROM generate_series(1, 3)",
                    as: String.self
                ) {
                    large += text.utf8.count
                }
                #expect(large == 9_000_000)
                try await equal(db.query("SELECT 1", as: Int.self), [1])
            }
        }
    }

    @Test("The bytes of text and CSV are those that psql receives")
    func bytes() async throws {
        let server = try await TestServer.shared
        try await server.withPool { pool in
            for format in ["text", "csv, HEADER"] {
                let statement = """
                    COPY (SELECT n, CASE WHEN n % 3 = 0 THEN NULL ELSE E'a\\t"b",\\n' || n END FROM generate_series(1, 20000) AS n)
                    TO STDOUT (FORMAT \(format))
                    """
                let received = try await pool.withConnection { db in
                    var received: [UInt8] = []
                    for try await chunk in db.copyBytes(PostgresQuery(unsafe: statement)) {
                        #expect(chunk.last == UInt8(ascii: "\n"))
                        received += chunk
                    }
                    return received
                }
                let expected = try await server.psql(statement)
                #expect(String(decoding: received, as: UTF8.self) == expected + "\n")
            }
        }
    }

    @Test("An iteration that ends early leaves the connection usable, and a transaction continues")
    func leftEarly() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let process = try await pool.process()
            try await pool.withConnection { db in
                let endless: PostgresQuery = "SELECT generate_series(1, 100000000)"
                for try await _ in db.copy(from: endless, as: Int.self) { break }
                try await equal(db.query("SELECT 1", as: Int.self), [1])
                for try await _ in db.copyBytes("COPY (\(sql: endless)) TO STDOUT") { break }
            }
            try await pool.withTransaction { db in
                try await db.execute("CREATE TEMP TABLE kept (n int) ON COMMIT DROP")
                for try await _ in db.copy(from: "SELECT generate_series(1, 300000)", as: Int.self) {
                    break
                }
                equal(db.isInTransaction, true)
                try await equal(db.query("SELECT count(*) FROM kept", as: Int.self), [0])
            }
            // Changes persist, whatever part of their rows is read.
            try await pool.withConnection { db in
                try await db.execute("CREATE TEMP TABLE changed (n int)")
                for try await _ in db.copyBytes(
                    "COPY (INSERT INTO changed SELECT generate_series(1, 100000) RETURNING n) TO STDOUT"
                ) {
                    break
                }
                try await equal(db.query("SELECT count(*) FROM changed", as: Int.self), [100_000])
            }
            try await equal(pool.process(), process)
        }
    }

    @Test("An error in the middle follows the rows before it")
    func failing() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                var count = 0
                let query: PostgresQuery = "SELECT 1 / (1000 - n) FROM generate_series(1, 5000) AS n"
                let error = await postgresFailure {
                    for try await _ in db.copy(from: query, as: Int.self) { count += 1 }
                }
                #expect(error?.sqlState == "22012")
                #expect(count == 999)
                let other = await postgresFailure {
                    for try await _ in db.copyBytes("COPY (\(sql: query)) TO STDOUT") {}
                }
                #expect(other?.sqlState == "22012")
                try await equal(db.query("SELECT 1", as: Int.self), [1])
            }
        }
    }

    @Test("Rows that do not have the types are refused with row and column")
    func mistyped() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                let query: PostgresQuery = "SELECT n, nullif(n, 3) AS m FROM generate_series(1, 5) AS n"
                var count = 0
                let null = await postgresFailure {
                    for try await _ in db.copy(from: query, as: (Int, Int).self) { count += 1 }
                }
                #expect(null?.code == .decoding && count == 2)
                #expect(
                    null?.message == "row 3, column “m” (index 1, type int4): Int cannot be NULL; decode an optional"
                )
                let type = await postgresFailure { for try await _ in db.copy(from: query, as: (String, Int).self) {} }
                #expect(type?.code == .decoding)
                let number = await postgresFailure { for try await _ in db.copy(from: query, as: Int.self) {} }
                #expect(number?.code == .columnCount)
                let parameter = await postgresFailure {
                    for try await _ in db.copy(from: "SELECT \(1)", as: Int.self) {}
                }
                #expect(parameter?.code == .unsupported && parameter?.outcome == .notExecuted)
                let direction = await postgresFailure { for try await _ in db.copyBytes("COPY pg_class FROM STDIN") {} }
                #expect(direction?.code == .unsupported || direction?.sqlState != nil)
                let select = await postgresFailure { for try await _ in db.copyBytes("SELECT 1") {} }
                #expect(select?.code == .unsupported && select?.message == "the statement is not COPY … TO STDOUT")
                try await equal(db.query("SELECT 1", as: Int.self), [1])
            }
        }
    }

    @Test("An iteration ends with its lease, and with the next statement")
    func ended() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            var iterator = try await pool.withConnection { db in
                var iterator = db.copy(from: "SELECT generate_series(1, 10)", as: Int.self).makeAsyncIterator()
                try await equal(iterator.next(), 1)
                return iterator
            }
            #expect(await postgresFailure { try await iterator.next() }?.code == .streamEnded)
            try await equal(iterator.next(), nil)
            try await pool.withConnection { db in
                var iterator = db.copyBytes("COPY (SELECT generate_series(1, 10000)) TO STDOUT").makeAsyncIterator()
                _ = try await iterator.next()
                _ = try await db.query("SELECT 1")
                #expect(await postgresFailure { try await iterator.next() }?.code == .streamEnded)
            }
        }
    }

    /// In a separate process, because memory use is per process.
    @Test("A hundred megabytes in and out use no more memory than a few rows")
    func constantMemory() async {
        await #expect(processExitsWith: .success) {
            try await withServer { server in
                try await server.withPool { pool in
                    try await pool.execute("CREATE UNLOGGED TABLE big (n int, t text)")
                    let text = String(repeating: "y", count: 1_000)
                    var (early, most) = (0, 0)
                    let count = try await pool.copy(to: "big") { writer in
                        for n in 1...100_000 {
                            try await writer.write(n, text)
                            if n == 1_000 { early = residentBytes() }
                            if n % 1_000 == 0 { most = max(most, residentBytes()) }
                        }
                    }
                    precondition(count == 100_000)
                    try await pool.withConnection { db in
                        var sum = 0
                        for try await (n, t) in db.copy(from: "TABLE big", as: (Int, String).self) {
                            precondition(t.utf8.count == 1_000)
                            sum += n
                            if n % 1_000 == 0 { most = max(most, residentBytes()) }
                        }
                        precondition(sum == 100_000 * 100_001 / 2)
                        var bytes = 0
                        for try await chunk in db.copyBytes("COPY big TO STDOUT (FORMAT csv)") {
                            bytes += chunk.count
                            most = max(most, residentBytes())
                        }
                        precondition(bytes > 100_000_000)
                    }
                    // A sanitizer keeps freed memory for a while.
                    let isSanitized = ProcessInfo.processInfo.environment["LOCKPOOL_SANITIZER"] != nil
                    precondition(most - early < (isSanitized ? 96 : 32) << 20, "grew by \((most - early) >> 10) KiB")
                }
            }
        }
    }
}
