// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PostgresPooling
import Synchronization
import Testing

/// The effects of server faults on callers.
@Suite(.timeLimit(.minutes(10))) struct FaultTests {
    /// Tasks that insert numbers, each once, during a fault.
    private final class Writers: Sendable {
        private let isOver = Atomic(false)
        private let next = Atomic(0)
        private let acknowledged = Locked([Int]())
        private let strange = Locked([String]())
        let failures = Atomic(0)
        let successes = Atomic(0)

        func run(on pool: PostgresPool, tasks: Int, during fault: () async throws -> Void) async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<tasks { group.addTask { await self.write(pool) } }
                do {
                    try await fault()
                } catch {
                    isOver.store(true, ordering: .relaxed)
                    throw error
                }
                isOver.store(true, ordering: .relaxed)
                try await group.waitForAll()
            }
        }

        private func write(_ pool: PostgresPool) async {
            while !isOver.load(ordering: .relaxed) {
                let number = next.add(1, ordering: .relaxed).newValue
                do {
                    try await pool.execute("INSERT INTO written VALUES (\(number))")
                    acknowledged.withLock { $0.append(number) }
                    successes.add(1, ordering: .relaxed)
                } catch is PostgresError {
                    failures.add(1, ordering: .relaxed)
                } catch is PoolError {
                    failures.add(1, ordering: .relaxed)
                } catch {
                    strange.withLock { $0.append("\(error)") }
                }
                // A refusal arrives at once. Retrying without a pause would leave no thread for
                // other work.
                await Task.yield()
            }
        }

        /// Waits for this many more statements to succeed.
        func awaitSuccesses(_ count: Int) async {
            let goal = successes.load(ordering: .relaxed) + count
            while successes.load(ordering: .relaxed) < goal { await Task.yield() }
        }

        func awaitFailures(_ count: Int) async {
            let goal = failures.load(ordering: .relaxed) + count
            while failures.load(ordering: .relaxed) < goal { await Task.yield() }
        }

        /// Checks that no acknowledged write is missing, and that nothing was written twice.
        func check(_ pool: PostgresPool) async throws {
            #expect(strange.withLock { $0 } == [])
            let there = try await pool.query("SELECT number FROM written", as: Int.self)
            #expect(Set(there).count == there.count)
            #expect(acknowledged.withLock { Set($0) }.subtracting(there) == [])
        }
    }

    /// Checks that all slots of the pool can be used concurrently again, and that the server has
    /// no session that the pool does not know.
    private func checkStrength(_ pool: PostgresPool, _ server: TestServer) async throws {
        let maximum = pool.configuration.pool.maximumConnections
        // A slot may still be occupied by a connection that is being closed or reset.
        await until { await failure { try await holdAll(pool, count: maximum) } == nil }
        let name = pool.configuration.pool.name
        try await until { try await server.backendCount(applicationName: name) == pool.status.idle }
        #expect(pool.status.idle <= maximum)
    }

    private func holdAll(_ pool: PostgresPool, count: Int) async throws {
        if count == 0 { return }
        try await pool.withConnection { db in
            _ = try await db.query("SELECT 1")
            try await holdAll(pool, count: count - 1)
        }
    }

    private func withWriters(
        maxConnections: Int? = nil,
        configure: (inout PostgresConfiguration) -> Void = { _ in },
        _ body: (TestServer, PostgresPool, Writers) async throws -> Void
    ) async throws {
        try await withServer(maxConnections: maxConnections) { server in
            try await server.withPool(.native, configure) { pool in
                // Not through the pool, whose deadlines may be short.
                try await server.psql("CREATE TABLE written (number bigint)")
                try await body(server, pool, Writers())
            }
        }
    }

    @Test("Sessions that the server ends at random lose no acknowledged write, and the pool recovers fully")
    func terminated() async throws {
        try await withWriters { server, pool, writers in
            try await writers.run(on: pool, tasks: 16) {
                for _ in 0..<20 {
                    await writers.awaitSuccesses(50)
                    try await server.psql(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '\(pool.configuration.pool.name)' ORDER BY random() LIMIT 2"
                    )
                }
                await writers.awaitSuccesses(50)
            }
            try await writers.check(pool)
            try await checkStrength(pool, server)
        }
    }

    @Test("A server that is killed and restarted is used again, and no acknowledged write is lost")
    func killed() async throws {
        try await withWriters(configure: { $0.pool.circuitBreakerThreshold = .zero }) { server, pool, writers in
            try await writers.run(on: pool, tasks: 16) {
                for _ in 0..<2 {
                    await writers.awaitSuccesses(200)
                    try await server.killHard()
                    await writers.awaitFailures(20)
                    try await server.restart()
                }
                await writers.awaitSuccesses(200)
            }
            try await writers.check(pool)
            try await checkStrength(pool, server)
        }
    }

    @Test("While the server hangs, every caller receives an answer by its deadline, and the pool recovers afterwards")
    func frozen() async throws {
        try await withWriters(
            configure: {
                $0.statementTimeout = .milliseconds(100)
                $0.pool.checkoutTimeout = .milliseconds(300)
                $0.pool.resetTimeout = .milliseconds(200)
                $0.pool.connectTimeout = .milliseconds(500)
            }
        ) { server, pool, writers in
            try await writers.run(on: pool, tasks: 16) {
                await writers.awaitSuccesses(100)
                try await server.signal(.stop)
                // More than the number of tasks: each has received an answer while the server
                // hung.
                await writers.awaitFailures(64)
                try await server.signal(.continue)
                await writers.awaitSuccesses(200)
            }
            // With a pool whose deadlines are longer.
            try await server.withPool { patient in try await writers.check(patient) }
            try await checkStrength(pool, server)
        }
    }

    @Test("A full server is used with the existing sessions, and no caller fails")
    func full() async throws {
        try await withWriters(maxConnections: 8, configure: { $0.pool.maximumConnections = 20 }) {
            server,
            pool,
            writers in
            try await writers.run(on: pool, tasks: 40) {
                await writers.awaitSuccesses(500)
                await until { pool.snapshot.lastConnectFailure?.contains("too many clients") == true }
                await writers.awaitSuccesses(500)
            }
            #expect(writers.failures.load(ordering: .relaxed) == 0)
            try await writers.check(pool)
        }
    }

    @Test(
        "A wrong password fails every caller with the server's message, and the pool recovers when it is corrected"
    )
    func wrongPassword() async throws {
        let server = try await TestServer.shared
        let password = Locked("wrong")
        try await server.withPool(
            .native,
            {
                $0.server = "host=\(server.host) port=\(server.port) user=\(server.user) dbname=\(server.database)"
                $0.password = { password.withLock { $0 } }
            }
        ) { pool in
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        #expect(
                            await postgresFailure { try await pool.query("SELECT 1") }?.sqlState == .invalidPassword
                        )
                    }
                }
            }
            password.withLock { $0 = server.password }
            // The pool detects this by itself, after a wait that callers do not share.
            await until { await failure { try await pool.query("SELECT 1") } == nil }
        }
    }

    @Test(
        "Connects, cancellations, broken sessions and dropped pools leak neither threads nor descriptors"
    )
    func leaks() async {
        await #expect(processExitsWith: .success) {
            try await withServer { server in
                func turn() async throws {
                    try await server.withPool { pool in
                        await withTaskGroup(of: Void.self) { group in
                            for number in 0..<8 {
                                group.addTask {
                                    if number % 3 == 0 {
                                        _ = await failure {
                                            try await pool.withConnection { db in
                                                try await db.query("SELECT pg_sleep(60)", timeout: .milliseconds(1))
                                            }
                                        }
                                    } else if number % 3 == 1 {
                                        _ = await failure {
                                            try await pool.query("SELECT pg_terminate_backend(pg_backend_pid())")
                                        }
                                    } else {
                                        _ = await failure { try await pool.query("SELECT 1") }
                                    }
                                }
                            }
                        }
                    }
                }
                func descriptors() throws -> Int {
                    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
                }
                for _ in 0..<5 { try await turn() }
                let before = try descriptors()
                for _ in 0..<40 { try await turn() }
                // Threads end shortly after their work.
                try await until { try threadNames().count { $0.hasPrefix("postgres-") } <= 1 }
                let after = try descriptors()
                // The runtime itself may open a few. 40 leaks would add a hundred.
                precondition(after <= before + 4, "\(before) descriptors before, \(after) after")
            }
        }
    }
}
