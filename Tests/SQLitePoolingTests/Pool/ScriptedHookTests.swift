// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import SQLitePooling
import Testing

/// The faults of `PoolTesting`, in a pool of real connections.
@Suite(.timeLimit(.minutes(10))) struct ScriptedHookTests {
    private let script = ScriptedFactory()

    private func withPool(_ body: (SQLitePool) async throws -> Void) async throws {
        let hooks = SQLiteHooks(
            afterConnect: { [script] _ in try script.performBlocking(.connect) },
            beforeHandOut: { [script] _, _ in (try? script.performBlocking(.ping)) != nil }
        )
        var configuration = SQLiteConfiguration.patient
        configuration.pool.connectTimeout = .seconds(300)
        configuration.pool.circuitBreakerThreshold = .seconds(300)
        let pool = try SQLitePool(configuration, hooks: hooks)
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

    @Test("A scripted failure of a connection attempt fails the call")
    func failure() async throws {
        try await withPool { pool in
            script.script(.connect, [.fail(ScriptedFailure("down"))])
            let error = await #expect(throws: (any Error).self) { try await pool.execute("CREATE TABLE t (a)") }
            let cause = try #require(error)
            #expect("\(cause)".contains("down"))
            try await pool.execute("CREATE TABLE t (a)")
        }
    }

    @Test("A scripted attempt hangs until the test resumes it")
    func hang() async throws {
        try await withPool { pool in
            script.script(.connect, [.hang])
            let call = Task { try await pool.query("SELECT 1", as: Int.self) }
            await script.wait { $0.hanging(.connect) == 1 }
            await script.letGo(.connect)
            let rows = try await call.value
            #expect(rows == [1])
        }
    }

    @Test("A connection that the script loses is replaced before it is handed out")
    func loss() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (a)")
            let count = script.record.count(of: .connect)
            script.script(.ping, [.fail()])
            try await pool.execute("INSERT INTO t VALUES (1)")
            #expect(script.record.count(of: .connect) == count + 1)
        }
    }
}
