// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolPQ
import ConnectionPooling
import Foundation
import Synchronization
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct LargeAnswerTests {
    @Test(
        "A statement ends at its deadline while its answer arrives continuously",
        arguments: PollerKind.allCases,
        ["disable", "require"]
    )
    func deadline(_ poller: PollerKind, encryption: String) async throws {
        let server = try await TestServer.shared
        try await server.withPool(poller, { $0.parameters["sslmode"] = encryption }) { pool in
            let error = await postgresFailure {
                // A gigabyte, which takes longer than the deadline on any machine.
                try await pool.withConnection { db in
                    try await db.query(
                        "SELECT repeat('x', 1000) FROM generate_series(1, 1000000)",
                        timeout: .milliseconds(50)
                    )
                }
            }
            #expect(error?.code == .timedOut)
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
        }
    }

    @Test("A stream ends at its deadline while its rows arrive continuously", arguments: PollerKind.allCases)
    func streamDeadline(_ poller: PollerKind) async throws {
        let server = try await TestServer.shared
        try await server.withPool(poller) { pool in
            let error = await postgresFailure {
                try await pool.withConnection { db in
                    let rows = db.stream(
                        "SELECT repeat('x', 1000) FROM generate_series(1, 10000000)",
                        timeout: .milliseconds(50)
                    )
                    for try await _ in rows {}
                }
            }
            #expect(error?.code == .timedOut)
        }
    }

    @Test("Other statements get their turns while a large answer is read", arguments: [PollerKind.native, .portable])
    func turns(_ poller: PollerKind) async throws {
        let server = try await TestServer.shared
        try await server.withPool(poller) { pool in
            _ = try await pool.query("SELECT 1")
            // Usually some hundreds. It was a handful, each time, while the whole answer was read
            // in one turn. If other tests occupy the processors, one run in many has no more.
            var others = 0
            for _ in 0..<10 where others <= 20 { others = try await otherStatements(pool) }
            #expect(others > 20)
        }
    }

    /// The number of statements that are answered while a large answer is read.
    private func otherStatements(_ pool: PostgresPool) async throws -> Int {
        let isOver = Atomic(false)
        async let count = {
            defer { isOver.store(true, ordering: .relaxed) }
            return try await pool.query(long(200_000)).count
        }()
        var others = 0
        while !isOver.load(ordering: .relaxed) {
            try await equal(pool.query("SELECT \(others)", as: Int.self), [others])
            others += 1
        }
        try await equal(count, 200_000)
        return others
    }

    @Test(
        "A connection answers the next statement wherever a deadline has ended a long answer",
        arguments: PollerKind.allCases,
        ["disable", "require"]
    )
    func deadlines(_ poller: PollerKind, encryption: String) async throws {
        let server = try await TestServer.shared
        try await server.withPool(
            poller,
            {
                $0.parameters["sslmode"] = encryption
                $0.pool.maximumConnections = 1
            }
        ) { pool in
            for milliseconds in 1...20 {
                let error = await failure {
                    let rows = try await pool.withConnection { db in
                        try await db.query(long(10_000), timeout: .milliseconds(milliseconds))
                    }
                    #expect(rows.count == 10_000)
                }
                #expect(error == nil || (error as? PostgresError)?.code == .timedOut)
                try await equal(pool.query("SELECT \(milliseconds)", as: Int.self), [milliseconds])
            }
        }
    }

    /// Provides a pool with a thread for long answers that no other test uses.
    private func withReader(
        _ makePoller: @escaping @Sendable () -> (any Poller)?,
        _ body: (PostgresPool, AnswerReader) async throws -> Void
    ) async throws {
        let reader = AnswerReader(makePoller: makePoller)
        let reactor = Reactor(poller: makePoller()!, name: "postgres-test", answerReader: reader)
        var configuration = try await PostgresConfiguration.withLongTimeouts(TestServer.shared.url)
        configuration.pool.maximumConnections = 1
        let pool = try PostgresPool(configuration, reactor: reactor)
        try await body(pool, reader)
        await pool.close()
        reactor.end()
    }

    /// A query with a long answer of that many rows, each of a thousand bytes.
    private func long(_ rows: Int) -> PostgresQuery { "SELECT repeat('x', 1000) FROM generate_series(1, \(rows))" }

    /// A query with a long answer that does not end within the time of a test.
    private var endless: PostgresQuery {
        "SELECT repeat('x', 1000) FROM generate_series(1, 20000) UNION ALL SELECT pg_sleep(3600)::text"
    }

    @Test("A separate thread reads a long answer, and no short one", arguments: PollerSystem.allCases)
    func readerThread(_ system: PollerSystem) async throws {
        try await withReader(system.makePoller) { pool, reader in
            for number in 0..<100 { try await equal(pool.query("SELECT \(number)", as: Int.self), [number]) }
            #expect(try await pool.query(long(100)).count == 100)
            #expect(reader.takeovers.load(ordering: .relaxed) == 0)
            #expect(try await pool.query(long(50_000)).count == 50_000)
            #expect(reader.takeovers.load(ordering: .relaxed) > 0)
        }
    }

    @Test("A connection works after its task was cancelled during a long answer", arguments: PollerSystem.allCases)
    func cancellation(_ system: PollerSystem) async throws {
        try await withReader(system.makePoller) { pool, reader in
            for round in 1...10 {
                let before = reader.takeovers.load(ordering: .relaxed)
                let query = Task { try await pool.query(endless).count }
                await until { reader.takeovers.load(ordering: .relaxed) > before }
                query.cancel()
                await #expect(throws: CancellationError.self) { try await query.value }
                try await equal(pool.query("SELECT \(round)", as: Int.self), [round])
            }
        }
    }

    @Test(
        "The end of a session during a long answer is an error, and the pool goes on",
        arguments: PollerSystem.allCases
    )
    func termination(_ system: PollerSystem) async throws {
        let server = try await TestServer.shared
        try await withReader(system.makePoller) { pool, reader in
            for round in 1...5 {
                let process = try await pool.query("SELECT pg_backend_pid()", as: Int.self)[0]
                let before = reader.takeovers.load(ordering: .relaxed)
                let query = Task { try await pool.query(endless).count }
                await until { reader.takeovers.load(ordering: .relaxed) > before }
                _ = try await server.psql("SELECT pg_terminate_backend(\(process))")
                await #expect(throws: PostgresError.self) { try await query.value }
                try await equal(pool.query("SELECT \(round)", as: Int.self), [round])
            }
        }
    }

    @Test("A shutdown ends a long answer", arguments: PollerSystem.allCases)
    func shutdown(_ system: PollerSystem) async throws {
        try await withReader(system.makePoller) { pool, reader in
            let query = Task { try await pool.query(endless).count }
            await until { reader.takeovers.load(ordering: .relaxed) > 0 }
            await pool.shutdown(drain: .zero)
            await #expect(throws: (any Error).self) { try await query.value }
        }
    }

    @Test("A system without room for another poller leaves long answers to the reactor")
    func noRoom() async throws {
        let reader = AnswerReader { nil }
        let reactor = Reactor(poller: Reactor.requirePoller(), name: "postgres-test", answerReader: reader)
        let pool = try await PostgresPool(.withLongTimeouts(TestServer.shared.url), reactor: reactor)
        #expect(try await pool.query(long(50_000)).count == 50_000)
        #expect(reader.takeovers.load(ordering: .relaxed) == 0)
        await pool.close()
        reactor.end()
    }

    @Test("A value of many megabytes arrives intact", arguments: PollerKind.allCases)
    func largeValue(_ poller: PollerKind) async throws {
        let server = try await TestServer.shared
        try await server.withPool(poller) { pool in
            let values = try await pool.query("SELECT repeat('abcdefgh', 4000000)", as: String.self)
            #expect(values[0].utf8.count == 32_000_000)
            #expect(values[0].hasSuffix("gh"))
        }
    }
}
