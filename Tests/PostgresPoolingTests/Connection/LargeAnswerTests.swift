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
                try await pool.query(
                    "SELECT repeat('x', 1000) FROM generate_series(1, 1000000)",
                    timeout: .milliseconds(50)
                )
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
            return try await pool.query("SELECT repeat('x', 1000) FROM generate_series(1, 200000)").count
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
                    let rows = try await pool.query(
                        "SELECT repeat('x', 1000) FROM generate_series(1, 10000)",
                        timeout: .milliseconds(milliseconds)
                    )
                    #expect(rows.count == 10_000)
                }
                #expect(error == nil || (error as? PostgresError)?.code == .timedOut)
                try await equal(pool.query("SELECT \(milliseconds)", as: Int.self), [milliseconds])
            }
        }
    }

    #if os(Linux)
        @Test("A separate thread reads a long answer", arguments: PollerKind.allCases)
        func readerThread(_ poller: PollerKind) async throws {
            let server = try await TestServer.shared
            try await server.withPool(poller) { pool in
                let isOver = Atomic(false)
                async let count = {
                    defer { isOver.store(true, ordering: .relaxed) }
                    return try await pool.query("SELECT repeat('x', 1000) FROM generate_series(1, 200000)").count
                }()
                var hasReader = false
                while !isOver.load(ordering: .relaxed) {
                    hasReader = try hasReader || threadNames().contains("postgres-read")
                    await Task.yield()
                }
                try await equal(count, 200_000)
                #expect(hasReader)
            }
        }
    #endif

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
