// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PoolTesting
import Synchronization
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct HealthTests {
    @Test(
        "A leased connection is not idle, so an early answer does not cause an inspection of the idle ones"
    )
    func inUse() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            var isIdle: [[Bool]] = []
            for _ in 0..<4 {
                let (before, after) = try await pool.withConnection { db in
                    let before = db.session.isIdle.load(ordering: .relaxed)
                    _ = try await db.query("SELECT 1 AS used")
                    return (before, db.session.isIdle.load(ordering: .relaxed))
                }
                isIdle.append([before, after])
            }
            // A new connection is watched too. The last statement is already prepared.
            #expect(isIdle == [[true, false], [true, false], [true, false], [true, false]])
        }
    }

    @Test(
        "A connection that the server closes while it is idle leaves the pool by itself",
        arguments: PollerKind.allCases
    )
    func idleDeath(_ poller: PollerKind) async throws {
        let server = try await TestServer.shared
        let configure = { (configuration: inout PostgresConfiguration) in
            configuration.pool.maximumConnections = 1
            // A query would detect it, too.
            configuration.pool.keepAliveInterval = nil
        }
        try await server.withPool(poller, configure) { pool in
            let process = try await pool.process()
            #expect(pool.status.idle == 1)
            try await server.psql("SELECT pg_terminate_backend(\(process))")
            try await eventually("the connection leaves the pool", within: .seconds(120)) { pool.status.idle == 0 }
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
            try await different(pool.process(), process)
        }
    }

    @Test(
        "A connection that the server closes before its first use leaves the pool by itself",
        arguments: PollerKind.allCases
    )
    func idleDeathOfNew(_ poller: PollerKind) async throws {
        let server = try await TestServer.shared
        let name = "unused-\(poller.rawValue)"
        let configure = { (configuration: inout PostgresConfiguration) in
            configuration.pool.minimumConnections = 1
            configuration.pool.maximumConnections = 1
        }
        try await server.withPool(poller, name: name, configure) { pool in
            pool.prewarm()
            await until { pool.status.idle == 1 }
            let processes = "SELECT pid FROM pg_stat_activity WHERE application_name = '\(name)'"
            let first = try await server.psql(processes)
            try await server.psql("SELECT pg_terminate_backend(\(first))")
            // The pool makes another for its minimum: without a call, and possibly before this
            // task checks again.
            try await until { try await !["", first].contains(server.psql(processes)) }
            try await different(pool.process(), Int32(first))
        }
    }

    @Test("A connection that the server closes while its pool is suspended leaves the pool afterwards")
    func deathWhileSuspended() async throws {
        let server = try await TestServer.shared
        try await server.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            try await pool.withConnection { db in
                pool.suspend()
                try await equal(db.query("SELECT 1", as: Int.self), [1])
            }
            let process = try #require(
                await Int32(
                    try server.psql(
                        "SELECT pid FROM pg_stat_activity WHERE application_name = '\(pool.configuration.pool.name)'"
                    )
                )
            )
            try await server.psql("SELECT pg_terminate_backend(\(process))")
            try await until { try await server.backendCount(applicationName: pool.configuration.pool.name) == 0 }
            pool.resume()
            await until { pool.status.idle == 0 }
            try await different(pool.process(), process)
        }
    }

    @Test("A connection that breaks during a statement causes a typed error, and is replaced")
    func brokenInUse() async throws {
        let server = try await TestServer.shared
        try await server.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let error = await postgresFailure { try await pool.query("SELECT pg_terminate_backend(pg_backend_pid())") }
            #expect(error?.sqlState == .adminShutdown)
            #expect(error?.connectionIsGone == true)
            #expect(error?.isRetryable == false)
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
        }
    }

    @Test("A usable connection is used again")
    func reuse() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            let process = try await pool.process()
            for _ in 0..<100 {
                _ = try await pool.query("SELECT 1")
                _ = await postgresFailure { try await pool.query("SELECT 1 / 0") }
            }
            try await equal(pool.process(), process)
        }
    }

    @Test("A notice to an idle connection does not disturb it")
    func notification() async throws {
        let server = try await TestServer.shared
        let notices = Counted<String>()
        try await server.withPool(
            .native,
            {
                $0.pool.maximumConnections = 1
                $0.onNotice = { notices.add($0.message) }
            }
        ) { pool in
            let process = try await pool.process()
            // The server sends changed settings to idle sessions when it reloads its
            // configuration.
            try await server.psql("SELECT pg_reload_conf()")
            try await equal(pool.process(), process)
        }
    }

    @Test("A pool that is released closes its connections")
    func dropped() async throws {
        let server = try await TestServer.shared
        let name = "dropped-\(UUID().uuidString.prefix(8))"
        do {
            var configuration = PostgresConfiguration.withLongTimeouts(server.url)
            configuration.applicationName = name
            let pool = try PostgresPool(configuration)
            _ = try await pool.query("SELECT 1")
            try await equal(server.backendCount(applicationName: name), 1)
        }
        try await until { try await server.backendCount(applicationName: name) == 0 }
    }

    @Test("A closed pool has no sessions on the server, and fails its callers")
    func closed() async throws {
        let server = try await TestServer.shared
        let name = "closed-\(UUID().uuidString.prefix(8))"
        var configuration = PostgresConfiguration.withLongTimeouts(server.url)
        configuration.applicationName = name
        let pool = try PostgresPool(configuration)
        _ = try await pool.query("SELECT 1")
        await pool.close()
        try await until { try await server.backendCount(applicationName: name) == 0 }
        #expect(await failure { try await pool.query("SELECT 1") } != nil)
    }
}
