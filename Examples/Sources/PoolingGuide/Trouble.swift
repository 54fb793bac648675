// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting

// guide: subject
/// Queries the database, and answers from the cache while the database is down.
func answer<Factory: ConnectionFactory>(_ pool: ConnectionPool<Factory>, cached: String) async throws -> String {
    do {
        return try await pool.withConnection { _ in "fresh" }
    } catch let error as PoolError where error.code == .connectFailed {
        return cached
    }
}
// end

func outage() async throws {
    // guide: outage
    let clock = ManualClock()
    let factory = ScriptedFactory()
    factory.script(.connect, always: .fail(ScriptedFailure("the database is down")))
    let pool = try ConnectionPool(factory: factory, clock: clock)
    let call = Task { try await answer(pool, cached: "cached") }
    try await eventually("a caller waits") { pool.status.waiting == 1 }
    try await clock.advance("the caller is refused") { pool.status.waiting == 0 }  // by seconds, at once
    print(try await call.value)  // cached
    print(try await answer(pool, cached: "cached"))  // cached, at once: the breaker is open
    factory.script(.connect, always: .succeed)
    try await clock.advance("the pool has reconnected") { pool.status.idle == 1 }
    print(try await answer(pool, cached: "cached"))  // fresh
    await pool.close()
    // end
}

func hang() async throws {
    let clock = ManualClock()
    // guide: hang
    let factory = ScriptedFactory()
    factory.script(.connect, [.hang])  // the first; later ones succeed
    let pool = try ConnectionPool(factory: factory, clock: clock)
    let first = Task { try await pool.withConnection { $0.id } }
    await factory.wait { $0.hanging(.connect) == 1 }
    let second = Task { try await pool.withConnection { $0.id } }
    print(try await first.value, try await second.value)  // 1 1: a hung attempt blocks no caller
    await factory.letGo(.connect)
    factory.breakConnection(1)  // the server has closed it while it was idle
    pool.inspectIdle()
    await factory.wait { $0.closed == [1] }
    await pool.close()
    await factory.wait { $0.open == 0 }  // no connection is left
    print(factory.record.peak <= pool.configuration.maximumConnections)  // true
    // end
}
