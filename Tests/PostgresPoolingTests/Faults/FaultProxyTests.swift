// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import PostgresPooling

/// The proxy of the tests, and many connections behind it.
@Suite(.timeLimit(.minutes(10))) struct FaultProxyTests {
    private final class Writes: Sendable {
        let next = Atomic(0)
        let isOver = Atomic(false)
        let stored = Counted<Int>()
        let unknown = Counted<Int>()
    }

    private func withPool(
        _ configure: (inout PostgresConfiguration) -> Void = { _ in },
        _ body: (FaultProxy, PostgresPool) async throws -> Void
    ) async throws {
        let (proxy, url) = try FaultProxy.start(before: try await TestServer.shared.url)
        defer { proxy.stop() }
        var configuration = PostgresConfiguration.withLongTimeouts(url)
        configuration.pool.maximumConnections = 1
        configuration.pool.resetTimeout = .milliseconds(100)
        configure(&configuration)
        let pool = try PostgresPool(configuration)
        do {
            try await body(proxy, pool)
        } catch {
            await pool.close()
            throw error
        }
        await pool.close()
    }

    @Test("The proxy counts the messages of both directions, and forwards them unchanged")
    func counting() async throws {
        try await withPool { proxy, pool in
            _ = try await pool.query("SELECT 1")
            proxy.arm(nil)
            // Several reads for one message.
            let text = String(repeating: "long", count: 100_000)
            try await equal(pool.query("SELECT \(text)", as: String.self), [text])
            #expect(
                proxy.messages.map(\.description) == [">P", ">B", ">D", ">E", ">S", "<1", "<2", "<T", "<D", "<C", "<Z"]
            )
            #expect(proxy.messages[8].size == text.utf8.count + 11 && !proxy.hasStruck)
        }
    }

    @Test("Without one message of an answer, the call ends at its deadline, and the connection is replaced")
    func drop() async throws {
        try await withPool { proxy, pool in
            let process = try await pool.process()
            proxy.arm(FaultProxy.Fault(action: .drop, direction: .toClient, messages: 5))
            let error = await postgresFailure { try await pool.query("SELECT 1", timeout: .milliseconds(200)) }
            #expect(error?.code == .timedOut && proxy.hasStruck && proxy.messages.last?.type == "Z")
            // The statement has ended, so that the cancel request has no effect.
            try await different(pool.process(), process)
        }
    }

    @Test("Under random faults of many connections, acknowledged writes are stored, and others at most once")
    func load() async throws {
        let seed = SeededGenerator.seed("random faults")
        var generator = SeededGenerator(seed: seed)
        try await TestServer.shared.withPool { direct in
            try await direct.execute("CREATE TABLE fault_load (number int)")
            let name = "fault-load-\(UUID().uuidString.prefix(8))"
            try await withPool({
                $0.applicationName = name
                $0.pool.maximumConnections = 4
                // Also for an attempt that is disturbed.
                $0.pool.connectTimeout = .milliseconds(500)
            }) { proxy, pool in
                let writes = Writes()
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<8 {
                        group.addTask {
                            while !writes.isOver.load(ordering: .relaxed) {
                                let number = writes.next.add(1, ordering: .relaxed).newValue
                                do {
                                    try await pool.execute(
                                        "INSERT INTO fault_load VALUES (\(number))",
                                        timeout: .milliseconds(500)
                                    )
                                    writes.stored.add(number)
                                } catch let error as PostgresError where error.outcome == .unknown {
                                    writes.unknown.add(number)
                                } catch {}
                            }
                        }
                    }
                    for _ in 0..<60 {
                        let actions: [FaultProxy.Action] = [.reset, .close, .stall, .delay(1)]
                        proxy.arm(FaultProxy.randomFault(actions, within: 200, using: &generator))
                        await until { proxy.hasStruck }
                    }
                    writes.isOver.store(true, ordering: .relaxed)
                }
                await pool.close()
                await until { proxy.connectionCount == 0 }
                // What the server has received, it may still execute.
                try await until {
                    try await direct.query(
                        "SELECT count(*) FROM pg_stat_activity WHERE application_name = \(name)",
                        as: Int.self
                    ) == [0]
                }
                let found = try await direct.query("SELECT number FROM fault_load", as: Int.self)
                let (known, wanted) = (Set(writes.stored.values), Set(writes.stored.values + writes.unknown.values))
                #expect(Set(found).count == found.count, "LOCKPOOL_SEED=\(seed)")
                #expect(
                    known.subtracting(found).isEmpty && Set(found).subtracting(wanted).isEmpty,
                    "LOCKPOOL_SEED=\(seed)"
                )
            }
            try await direct.execute("DROP TABLE fault_load")
        }
    }
}
