// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import PostgresPooling
import Testing

/// The faults of `PoolTesting`, in a pool of real connections.
@Suite(.timeLimit(.minutes(10))) struct ScriptedHookTests {
    private let script = ScriptedFactory()

    private func withPool(_ body: (PostgresPool) async throws -> Void) async throws {
        let server = try await TestServer.shared
        var configuration = PostgresConfiguration.withLongTimeouts(server.url)
        configuration.pool.maximumConnections = 1
        // The first failure opens the circuit breaker.
        configuration.pool.circuitBreakerThreshold = .zero
        let pool = try PostgresPool(configuration, hooks: script.hooks())
        do {
            try await body(pool)
            script.letGoOfAll()
            await pool.close()
        } catch {
            script.letGoOfAll()
            await pool.close()
            throw error
        }
    }

    @Test("A scripted failure of a connection attempt reaches the caller as its cause")
    func failure() async throws {
        try await withPool { pool in
            script.script(.connect, always: .fail(ScriptedFailure("down", isPermanent: true)))
            let error = await #expect(throws: PoolError.self) {
                try await pool.withConnection { _ in }
            }
            #expect(error?.category == .unavailable)
            let cause = try #require(error?.underlying)
            #expect("\(cause)".contains("down"))
            script.script(.connect, always: .succeed)
            try await eventually("the pool has reconnected") { pool.status.idle == 1 }
            #expect(try await pool.query("SELECT 1", as: Int.self) == [1])
        }
    }

    @Test("A scripted attempt hangs until the test resumes it")
    func hang() async throws {
        try await withPool { pool in
            script.script(.connect, [.hang])
            let call = Task { try await pool.query("SELECT 1", as: Int.self) }
            await script.wait { $0.hanging(.connect) == 1 }
            #expect(pool.status.waiting == 1)
            await script.letGo(.connect)
            let rows = try await call.value
            #expect(rows == [1])
        }
    }

    @Test("A connection that the script loses is replaced before it is handed out")
    func loss() async throws {
        try await withPool { pool in
            let first = try await pool.withConnection { $0.serverProcess }
            script.script(.ping, [.fail()])
            #expect(try await pool.withConnection { $0.serverProcess } != first)
            // Both leases have been returned.
            await script.wait { $0.count(of: .reset) == 2 }
            script.script(.reset, [.fail()])
            let second = try await pool.withConnection { $0.serverProcess }
            #expect(try await pool.withConnection { $0.serverProcess } != second)
        }
    }
}
