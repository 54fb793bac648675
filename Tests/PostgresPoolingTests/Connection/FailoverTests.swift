// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import TestSupport
import Testing

@testable import PostgresPooling

/// Pools with the hosts of a cluster whose primary fails.
@Suite(.timeLimit(.minutes(10))) struct FailoverTests {
    @Test(
        "A pool goes on with the promoted standby, each acknowledged change is there once, and subscriptions continue",
        arguments: [PostgresConfiguration.Multiplexing.off, .singleStatements(connections: 2)]
    )
    func promoted(_ multiplexing: PostgresConfiguration.Multiplexing) async throws {
        try await withCluster(isSynchronous: true) { cluster in
            var configuration = PostgresConfiguration.withLongTimeouts(cluster.url)
            configuration.parameters["target_session_attrs"] = "read-write"
            configuration.pool.maximumConnections = 4
            configuration.pool.maximumBackoff = .milliseconds(200)
            configuration.multiplexing = multiplexing
            let pool = try PostgresPool(configuration)
            try await pool.execute("CREATE TABLE changes (id int)")
            let notifications = try await pool.notifications(on: "failover")
            let (acknowledged, unknown, isOver) = (Counted<Int>(), Counted<Int>(), Counted<Void>())
            let writers = (0..<8).map { writer in
                Task {
                    var id = writer
                    while isOver.values.isEmpty {
                        id += 8
                        do {
                            try await pool.execute("INSERT INTO changes VALUES (\(id))")
                            acknowledged.add(id)
                        } catch let error as PostgresError where error.outcome == .unknown {
                            unknown.add(id)
                        } catch {
                            #expect(error is PoolError || error is PostgresError)
                        }
                    }
                }
            }
            await until { acknowledged.values.count > 100 }
            try await cluster.kill(.node1)
            try await cluster.promote()
            let before = acknowledged.values.count
            await until { acknowledged.values.count > before + 100 }
            isOver.add(())
            for writer in writers { await writer.value }
            let stored = try await pool.query("SELECT id FROM changes", as: Int.self)
            #expect(Set(stored).count == stored.count)
            #expect(Set(stored).isSuperset(of: acknowledged.values))
            #expect(Set(acknowledged.values + unknown.values).isSuperset(of: stored))
            try await pool.notify("failover", payload: "1")
            #expect(await notifications.next(2) == ["reconnected", "1"])
            await pool.close()
        }
    }
}
