// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// The time limits of the server beside those of the caller, and statements that a mode cannot
/// run.
@Suite(.timeLimit(.minutes(10))) struct ServerTimeoutTests {
    /// How `statement_timeout` reaches the server.
    enum Way: String, CaseIterable { case startup, setup, transaction, pipeline }

    /// Runs a statement that takes too long.
    private func overrun(_ way: Way, serverLimit: String, timeout: Duration) async throws -> PostgresError? {
        try await TestServer.shared.withPool(
            .native,
            {
                $0.pool.maximumConnections = 1
                if way == .startup { $0.parameters["options"] = "-c statement_timeout=\(serverLimit)" }
                if way == .setup { $0.setup = [PostgresQuery(unsafe: "SET statement_timeout = '\(serverLimit)'")] }
            }
        ) { pool in
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
            let settings = ["statement_timeout": serverLimit]
            let sleep: PostgresQuery = "SELECT pg_sleep(600)"
            let error = await postgresFailure {
                switch way {
                case .startup, .setup: try await pool.execute(sleep, timeout: timeout)
                case .transaction:
                    try await pool.withTransaction(settings: settings, timeout: timeout) { db in
                        _ = try await db.execute(sleep)
                    }
                case .pipeline:
                    try await pool.withPipeline(settings: settings, timeout: timeout) { _ = $0.execute(sleep) }
                }
            }
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
            #expect(pool.snapshot.counters.created == 1)
            return error
        }
    }

    @Test(
        "When the server's time limit passes, its error says that the statement had no effect",
        arguments: Way.allCases
    )
    func server(_ way: Way) async throws {
        let error = try await overrun(way, serverLimit: "200ms", timeout: .seconds(500))
        #expect(error?.code == .server && error?.sqlState == .queryCanceled)
        #expect(error?.outcome == .rolledBack && error?.message.contains("statement timeout") == true)
    }

    @Test(
        "When the caller's time limit passes first, its error says that the outcome is unknown",
        arguments: Way.allCases
    )
    func caller(_ way: Way) async throws {
        let error = try await overrun(way, serverLimit: "500s", timeout: .milliseconds(200))
        #expect(error?.code == .timedOut && error?.outcome == .unknown && error?.server == nil)
    }

    @Test("COPY in a method that does not transfer its data names the methods that do")
    func copy() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            for copy: PostgresQuery in ["COPY pg_am TO STDOUT", "COPY pg_am FROM STDIN"] {
                let errors = [
                    await postgresFailure { try await pool.query(copy) },
                    await postgresFailure { try await pool.execute(copy) },
                    await postgresFailure { try await pool.executeScript(copy) },
                    await postgresFailure { try await pool.withPipeline { $0.execute(copy) } },
                    await postgresFailure {
                        try await pool.withConnection { db in for try await _ in db.stream(copy) {} }
                    },
                ]
                for error in errors {
                    #expect(error?.code == .unsupported)
                    #expect(error?.message.contains("COPY") == true && error?.message.contains("copyBytes") == true)
                }
                try await equal(pool.query("SELECT 1", as: Int.self), [1])
            }
            #expect(pool.snapshot.counters.created == 1)
        }
    }

    @Test(
        "Behind a pooler, LISTEN is refused before it is sent, and other statements that mention it run",
        arguments: [PostgresConfiguration.Pooler.detect, .transaction]
    )
    func listen(_ pooler: PostgresConfiguration.Pooler) async throws {
        try await TestServer.shared.withPgBouncer(.transaction, settings: ["default_pool_size": "1"]) { bouncer in
            try await bouncer.withPool({ $0.pooler = pooler }) { pool in
                let listen: PostgresQuery = "/* a */ LISTEN changes"
                let errors = [
                    await postgresFailure { try await pool.execute(listen) },
                    await postgresFailure { try await pool.executeScript("SELECT 1; \(sql: listen)") },
                    await postgresFailure { try await pool.withPipeline { $0.execute(listen) } },
                    await postgresFailure {
                        try await pool.withConnection { db in for try await _ in db.stream(listen) {} }
                    },
                ]
                for error in errors {
                    #expect(error?.code == .unsupported && error?.outcome == .notExecuted)
                    #expect(error?.message.contains("pooler") == true)
                }
                try await equal(pool.query("SELECT 'LISTEN' AS listen", as: String.self), ["LISTEN"])
                try await equal(pool.query("SELECT count(*) FROM pg_listening_channels()", as: Int.self), [0])
            }
        }
    }
}
