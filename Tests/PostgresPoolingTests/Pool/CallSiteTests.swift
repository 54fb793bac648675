// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import PostgresPooling

/// The call sites in the leases of a ``PostgresPool``, and the nested checkouts that fail.
@Suite(.timeLimit(.minutes(10))) struct CallSiteTests {
    private final class Recorder: PoolObserver {
        let leaks = Counted<String>()
        let nestings = Counted<String>()

        func observe(_ event: PoolEvent, in pool: String) {
            switch event {
            case .leaked(let place, _): leaks.add(place)
            case .nested(let place, let holding): nestings.add("\(place) in \(holding)")
            default: break
            }
        }
    }

    private struct Row: Decodable, Sendable { let pid: Int32 }

    private struct Process: PostgresRowDecodable, Sendable {
        let pid: Int32
        init(row: borrowing PostgresRow) throws(PostgresError) { pid = try row.decode(as: Int32.self) }
    }

    private func site(_ line: UInt) -> String { "PostgresPoolingTests/CallSiteTests.swift:\(line)" }

    @Test("The lease of a body names the line of the call")
    func bodies() async throws {
        let server = try await TestServer.shared
        try await server.withPool { pool in
            // The first time, the call waits for a connection.
            for _ in 0..<2 {
                var line: UInt = #line + 1
                try await equal(pool.withConnection { _ in pool.snapshot.oldestLease?.callSite }, site(line))
                line = #line + 1
                try await equal(pool.withTransaction { _ in pool.snapshot.oldestLease?.callSite }, site(line))
            }
        }
    }

    @Test("The lease of a statement names the line of the call")
    func statements() async throws {
        let server = try await TestServer.shared
        let sleep: PostgresQuery = "SELECT pg_backend_pid() AS pid FROM pg_sleep(600)"
        try await server.withPool { pool in
            func site(of call: @escaping @Sendable () async throws -> Void) async -> String? {
                let task = Task { try await call() }
                var site: String?
                await until {
                    site = pool.snapshot.oldestLease?.callSite
                    return site != nil
                }
                task.cancel()
                _ = await task.result
                await until { pool.status.leased == 0 }
                return site
            }
            var line: UInt = #line + 1
            equal(await site { _ = try await pool.query(sleep) }, self.site(line))
            line = #line + 1
            equal(await site { _ = try await pool.query(sleep, as: Int32.self) }, self.site(line))
            line = #line + 1
            equal(await site { _ = try await pool.query(sleep, as: (Int32, Int32).self) }, self.site(line))
            line = #line + 1
            equal(await site { _ = try await pool.query(sleep, as: Process.self) }, self.site(line))
            line = #line + 1
            equal(await site { _ = try await pool.query(sleep, decoding: Row.self) }, self.site(line))
            line = #line + 1
            equal(await site { try await pool.execute(sleep) }, self.site(line))
        }
    }

    @Test("The report of a leak names the line of the call")
    func leak() async throws {
        let server = try await TestServer.shared
        let recorder = Recorder()
        var configuration = PostgresConfiguration.withLongTimeouts(server.url)
        configuration.pool.leakDetectionThreshold = .milliseconds(1)
        let pool = try PostgresPool(configuration, observers: [recorder])
        let line: UInt = #line + 1
        try await pool.withConnection { _ in await until { !recorder.leaks.values.isEmpty } }
        #expect(recorder.leaks.values == [site(line)])
        await pool.close()
    }

    @Test("A task that holds the only connection and checks out another fails at once, with the holder's line")
    func nested() async throws {
        let server = try await TestServer.shared
        try await server.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            func expectDeadlock(_ line: UInt, _ body: () async throws -> Void) async {
                let error = await failure(body) as? PoolError
                #expect(error?.code == .deadlock)
                #expect(error?.holders.map(\.callSite) == [site(line)])
            }
            let line: UInt = #line + 1
            try await pool.withConnection { _ in
                await expectDeadlock(line) { _ = try await pool.query("SELECT 1") }
                await expectDeadlock(line) { try await pool.execute("SELECT 1") }
                await expectDeadlock(line) { try await pool.withConnection { _ in } }
                await expectDeadlock(line) { try await pool.withTransaction { _ in } }
            }
            let next: UInt = #line + 1
            try await pool.withTransaction { db in
                await expectDeadlock(next) { try await pool.withConnection { _ in } }
                // The failure leaves the transaction unchanged.
                try await equal(db.query("SELECT 1", as: Int.self), [1])
            }
            try await equal(pool.query("SELECT 2", as: Int.self), [2])
        }
    }

    @Test("A nested checkout that another holder can serve waits for it, and is reported with both lines")
    func harmless() async throws {
        let server = try await TestServer.shared
        let recorder = Recorder()
        var configuration = PostgresConfiguration.withLongTimeouts(server.url)
        configuration.pool.maximumConnections = 2
        let pool = try PostgresPool(configuration, observers: [recorder])
        let isHeld = Counted<Bool>()
        let holder = Task {
            try await pool.withConnection { _ in
                isHeld.add(true)
                await until { pool.status.waiting > 0 }
            }
        }
        await until { !isHeld.values.isEmpty }
        let line: UInt = #line + 2
        try await pool.withTransaction { _ in
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
        }
        try await holder.value
        #expect(recorder.nestings.values == ["\(site(line)) in \(site(line - 1))"])
        await pool.close()
    }
}
