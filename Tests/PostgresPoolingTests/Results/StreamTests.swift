// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct StreamTests {
    @Test("A stream returns all rows in order", arguments: PollerKind.allCases)
    func all(_ poller: PollerKind) async throws {
        try await TestServer.shared.withPool(poller) { pool in
            try await pool.withConnection { db in
                let stream = db.stream("SELECT n, repeat('x', (n % 100)::int) FROM generate_series(1, \(20_000)) AS n")
                for _ in 0..<2 {
                    var expected = 1
                    for try await row in stream {
                        let (number, text) = try row.decode(as: (Int, String).self)
                        #expect(number == expected && text.utf8.count == expected % 100)
                        expected += 1
                    }
                    #expect(expected == 20_001)
                }
                try await equal(db.query("SELECT 1", as: Int.self), [1])
            }
        }
    }

    @Test("A stream that ends early is cancelled on the server, and the connection remains usable")
    func leftEarly() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let process = try await pool.process()
            try await pool.withConnection { db in
                for try await _ in db.stream("SELECT n FROM generate_series(1, 100000000) AS n") { break }
                try await equal(db.query("SELECT 1", as: Int.self), [1])
                for try await _ in db.stream("SELECT n FROM generate_series(1, 100000000) AS n") { break }
            }
            try await equal(pool.process(), process)
        }
    }

    @Test("An error in the middle of a stream follows the rows before it")
    func failing() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                var count = 0
                let error = await postgresFailure {
                    for try await _ in db.stream("SELECT 1 / (1000 - n) FROM generate_series(1, 5000) AS n") {
                        count += 1
                    }
                }
                #expect(error?.sqlState == "22012")
                #expect(count == 999)
                try await equal(db.query("SELECT 1", as: Int.self), [1])
            }
        }
    }

    @Test("A stream ends with its lease, and with the next statement")
    func ended() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            var iterator = try await pool.withConnection { db in
                var iterator = db.stream("SELECT n FROM generate_series(1, 10) AS n").makeAsyncIterator()
                try await equal(iterator.next()?.decode(Int.self, at: 0), 1)
                return iterator
            }
            let error = await postgresFailure { try await iterator.next() }
            #expect(error?.code == .streamEnded)
            let further = try await iterator.next()
            #expect(further == nil)
            // Even while another lease uses the connection.
            var late = try await pool.withConnection { db in
                db.stream("SELECT 1").makeAsyncIterator()
            }
            try await pool.withConnection { db in
                db.session.beginUse()
                #expect(await postgresFailure { try await late.next() }?.code == .streamEnded)
                db.session.endUse()
            }
            try await pool.withConnection { db in
                var iterator = db.stream("SELECT n FROM generate_series(1, 10) AS n").makeAsyncIterator()
                _ = try await iterator.next()
                _ = try await db.query("SELECT 1")
                #expect(await postgresFailure { try await iterator.next() }?.code == .streamEnded)
            }
        }
    }

    @Test("An iteration ends the previous one, and does not take its rows")
    func twoIterations() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                let stream = db.stream("SELECT n FROM generate_series(1, 10) AS n")
                var (first, second) = (stream.makeAsyncIterator(), stream.makeAsyncIterator())
                let one = try await first.next()?.decode(Int.self, at: 0)
                let other = try await second.next()?.decode(Int.self, at: 0)
                #expect(one == 1 && other == 1)
                #expect(await postgresFailure { try await first.next() }?.code == .streamEnded)
                let next = try await second.next()?.decode(Int.self, at: 0)
                #expect(next == 2)
            }
        }
    }

    /// In a separate process, because memory use is per process.
    @Test("A million rows use no more memory than a thousand", arguments: PollerKind.allCases)
    func constantMemory(_ poller: PollerKind) async {
        await #expect(processExitsWith: .success) { [poller = poller as PollerKind] in
            try await withServer { server in
                try await server.withPool(poller) { pool in
                    try await pool.withConnection { db in
                        var (count, early, most) = (0, 0, 0)
                        let rows = db.stream("SELECT n, repeat('y', 200) FROM generate_series(1, 1000000) AS n")
                        for try await row in rows {
                            count += 1
                            if count == 1_000 { early = residentBytes() }
                            if count % 10_000 == 0 { most = max(most, residentBytes()) }
                            let number = try row.decode(Int.self, at: 0)
                            precondition(number == count)
                        }
                        precondition(count == 1_000_000)
                        // Two hundred megabytes have been received.
                        precondition(most - early < 64 << 20, "grew by \((most - early) >> 10) KiB")
                    }
                }
            }
        }
    }
}
