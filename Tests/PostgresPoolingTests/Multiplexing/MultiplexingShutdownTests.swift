// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Synchronization
import TestSupport
import Testing

@testable import PostgresPooling

/// Calls that share connections while their pool is shut down or closed.
@Suite(.timeLimit(.minutes(10))) struct MultiplexingShutdownTests {
    @Test("A shutdown serves the calls that wait, and refuses new ones", arguments: [1_000_000, .max])
    func shutdown(longestLease: UInt64) async throws {
        try await withSharedPool(connections: 2, { $0.pool.maximumConnections = 3 }) { pool in
            try await pool.makeSharedTable()
            pool.multiplexer?.longestLease.store(longestLease, ordering: .relaxed)
            let tasks = Counted<Task<PostgresCommand, any Error>>()
            let ended = Counted<Void>()
            try await pool.withRowLock { unlock in
                for number in 1...80 {
                    tasks.add(Task { try await pool.execute("UPDATE shared SET value = value + 1 WHERE id = 0") })
                    await until { pool.statistics.multiplexing.total == number }
                }
                let shutdown = Task {
                    await pool.shutdown(drain: .seconds(300))
                    ended.add(())
                }
                await until { pool.state == .draining }
                let error = await failure { try await pool.query("SELECT 1") } as? PoolError
                #expect(error?.code == .closed)
                #expect(ended.values.isEmpty)
                try await unlock()
                await shutdown.value
            }
            for task in tasks.values { try await equal(task.value.rowCount, 1) }
        }
    }

    @Test("Closing the pool answers what is in flight, and refuses what is not")
    func close() async throws {
        try await withSharedPool(connections: 1, { $0.pool.maximumConnections = 2 }) { pool in
            try await pool.makeSharedTable()
            pool.keepLanes()
            let tasks = Counted<Task<PostgresCommand, any Error>>()
            try await pool.withRowLock { unlock in
                for number in 1...30 {
                    tasks.add(Task { try await pool.execute("UPDATE shared SET value = value + 1 WHERE id = 0") })
                    await until { pool.statistics.multiplexing.total == number }
                }
                await until { pool.statistics.multiplexing.inFlight == Lane.depth }
                let closing = Task { await pool.close() }
                await until { pool.state == .closed }
                try await unlock()
                await closing.value
            }
            var (served, refused) = (0, 0)
            for task in tasks.values {
                do {
                    served += try await task.value.rowCount
                } catch let error as PoolError {
                    #expect(error.code == .closed)
                    refused += 1
                }
            }
            #expect(served + refused == 30 && served >= Lane.depth)
            let error = await failure { try await pool.query("SELECT 1") } as? PoolError
            #expect(error?.code == .closed)
        }
    }

    @Test("Closing the pool refuses the calls that wait, although a connection is busy")
    func closeWhileBusy() async throws {
        try await withSharedPool(connections: 2, { $0.pool.maximumConnections = 3 }) { pool in
            try await pool.makeSharedTable()
            let tasks = Counted<Task<PostgresCommand, any Error>>()
            try await pool.withRowLock { unlock in
                for number in 1...20 {
                    tasks.add(Task { try await pool.execute("UPDATE shared SET value = value + 1 WHERE id = 0") })
                    await until { pool.statistics.multiplexing.total == number }
                }
                // No lane waits for a connection, whose refusal would end the calls that wait.
                await until { pool.status.leased == 3 }
                let closing = Task { await pool.close() }
                await until { pool.state == .closed }
                let error = await failure { try await pool.query("SELECT 1") } as? PoolError
                #expect(error?.code == .closed)
                try await unlock()
                await closing.value
            }
            for task in tasks.values {
                let error = await failure { try await task.value }
                #expect(error == nil || (error as? PoolError)?.code == .closed)
            }
        }
    }
}
