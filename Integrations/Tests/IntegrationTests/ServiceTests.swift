// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Logging
import PoolTesting
import SQLitePooling
import ServiceLifecycle
import Testing

@Suite struct ServiceTests {
    /// Runs a group with one service. Tests send its signals.
    private func group(_ service: some Service) -> ServiceGroup {
        ServiceGroup(services: [service], logger: Logger(label: "group") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test("A graceful shutdown waits for leases, refuses new callers, and ends when all connections are closed")
    func gracefulShutdown() async throws {
        let tested = try TestedPool("service") { $0.minimumConnections = 1 }
        let group = group(tested.pool)
        let running = Task { try await group.run() }
        await until { tested.pool.status.idle == 1 }
        let lease = try await tested.pool.getOrCreate()
        await group.triggerGracefulShutdown()
        var refusal: PoolError.Code?
        await until {
            do { try await tested.pool.withConnection(timeout: .zero) { _ in } } catch {
                refusal = (error as? PoolError)?.code
            }
            return refusal == .closed
        }
        #expect(tested.factory.openConnections == 1)
        lease.release()
        try await running.value
        #expect(tested.factory.openConnections == 0)
    }

    @Test("A lease that does not end delays the shutdown by no more than the configured time")
    func drainTimeout() async throws {
        let tested = try TestedPool("service") { $0.drainTimeout = .seconds(7) }
        let lease = try await tested.pool.getOrCreate()
        let group = group(tested.pool)
        let running = Task { try await group.run() }
        await group.triggerGracefulShutdown()
        // The connect has taken a quarter of a second.
        await until { tested.clock.deadlines.contains(.seconds(7) + .milliseconds(250)) }
        tested.clock.advance(by: .seconds(7))
        // The lease is interrupted now, and has one close timeout to end.
        await until { tested.clock.deadlines.contains(.seconds(10) + .milliseconds(250)) }
        tested.clock.advance(by: .seconds(3))
        try await running.value
        #expect(tested.factory.openConnections == 1)
        lease.release()
        await until { tested.factory.openConnections == 0 }
    }

    @Test("Cancelling the group drains the pool")
    func cancellation() async throws {
        let tested = try TestedPool("service") { $0.minimumConnections = 1 }
        let running = Task { try await group(tested.pool).run() }
        await until { tested.pool.status.idle == 1 }
        running.cancel()
        _ = await running.result
        #expect(tested.factory.openConnections == 0)
    }

    @Test("A SQLite pool is a service, which is closed when its group has ended")
    func sqlite() async throws {
        let pool = try SQLitePool(":memory:")
        let group = group(pool)
        let running = Task { try await group.run() }
        try await pool.execute("CREATE TABLE book (title TEXT)")
        await group.triggerGracefulShutdown()
        try await running.value
        #expect(pool.statistics.connectionsCreated == pool.statistics.connectionsClosed)
        let error = await #expect(throws: PoolError.self) { try await pool.execute("DELETE FROM book") }
        #expect(error?.code == .closed)
    }
}
