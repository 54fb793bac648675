// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import PostgresPooling

/// The lookup of the types of a result, with a server that does not answer it.
@Suite(.timeLimit(.minutes(10))) struct TypeLookupTests {
    /// The answer to a statement with one row, whose column seems to be an array of a type of the
    /// database.
    private static var answer: [UInt8] {
        let type: [UInt8] = [0, 1, 134, 159]
        let column: [UInt8] = Array("n\0".utf8) + [0, 0, 0, 0, 0, 0] + type + [255, 255, 255, 255, 255, 255, 0, 1]
        return FakeServer.message("1", []) + FakeServer.message("2", []) + FakeServer.message("T", [0, 1] + column)
            + FakeServer.row + FakeServer.end
    }

    private func withPool(lookups: Counted<Int>, _ body: (PostgresPool) async throws -> Void) async throws {
        let server = try FakeServer { connection in
            try connection.letIn()
            try connection.receiveStatement()
            try connection.send(TypeLookupTests.answer)
            while true {
                try connection.receiveStatement()
                lookups.add(1)
            }
        }
        defer { server.stop() }
        var configuration = PostgresConfiguration.withLongTimeouts(server.url)
        configuration.pooler = .session
        configuration.pool.maximumConnections = 1
        configuration.pool.resetTimeout = .milliseconds(50)
        let pool = try PostgresPool(configuration)
        do {
            try await body(pool)
        } catch {
            await pool.close()
            throw error
        }
        await pool.close()
    }

    @Test("A task that is cancelled during the lookup of a result's types receives a CancellationError")
    func cancelled() async throws {
        let lookups = Counted<Int>()
        try await withPool(lookups: lookups) { pool in
            let task = Task { await failure { try await pool.query("SELECT a FROM t", as: [String].self) } }
            await until { !lookups.values.isEmpty }
            task.cancel()
            #expect(await task.value is CancellationError)
        }
    }

    @Test("A deadline during the lookup of a result's types fails the executed statement with timedOut")
    func timedOut() async throws {
        try await withPool(lookups: Counted()) { pool in
            let error = await postgresFailure {
                try await pool.withConnection { db in
                    let result = try await db.session.run("SELECT a FROM t", db.limit(nil))
                    try await db.session.describeTypes(of: result, WaitLimit(deadline: MonotonicClock.now))
                }
            }
            #expect(error?.code == .timedOut && error?.outcome == .executed && error?.isRetryable == false)
            #expect(error?.sql == "SELECT a FROM t")
        }
    }
}
