// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import Synchronization
import TestSupport
import Testing

@testable import PostgresPooling

/// Clusters of real servers.
@Suite(.timeLimit(.minutes(10))) struct ClusterTests {
    @Test("Writes go to the primary, reads to the standbys, and a write in a read is refused")
    func routes() async throws {
        try await withCluster { cluster in
            try await withPools(cluster) { pools in
                try await pools.execute("CREATE TABLE t (id int)")
                let session = pools.session()
                try await session.execute("INSERT INTO t VALUES (1)")
                for _ in 0..<20 {
                    let rows = try await session.query("SELECT id, pg_is_in_recovery() FROM t", from: .replica())
                    #expect(try rows.decode(as: (Int, Bool).self).map { $0 == (1, true) } == [true])
                }
                for policy in [PostgresReadPolicy.primary, .preferReplica] {
                    let error = await postgresFailure {
                        try await pools.query("INSERT INTO t VALUES (2) RETURNING id", from: policy)
                    }
                    #expect(error?.sqlState == .readOnlyTransaction)
                }
                let isPrimary = try await pools.read(from: .primary) { db in
                    try await db.query("SELECT pg_is_in_recovery()", as: Bool.self)
                }
                #expect(isPrimary == [false])
            }
        }
    }

    @Test("A session's reads see its writes, although a standby lags and another is paused")
    func readYourWrites() async throws {
        try await withCluster { cluster in
            try await withPools(cluster) { pools in
                try await pools.execute("CREATE TABLE t (id int PRIMARY KEY, value int)")
                try await pools.execute("INSERT INTO t SELECT n, 0 FROM generate_series(1, 8) n")
                try await cluster.lag(.node2, milliseconds: 50)
                let onStandby = Counted<Bool>()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for id in 1...8 {
                        group.addTask {
                            for value in 1...40 {
                                // A new session for each request, as from a cookie.
                                let writer = pools.session()
                                if value.isMultiple(of: 2) {
                                    try await writer.execute("UPDATE t SET value = \(value) WHERE id = \(id)")
                                } else {
                                    try await writer.withTransaction { db in
                                        try await db.execute("UPDATE t SET value = \(value) WHERE id = \(id)")
                                    }
                                }
                                let reader = pools.session(after: writer.position)
                                let rows = try await reader.query(
                                    "SELECT value, pg_is_in_recovery() FROM t WHERE id = \(id)",
                                    from: .preferReplica
                                ).decode(as: (Int, Bool).self)
                                #expect(rows.count == 1 && rows[0].0 == value)
                                onStandby.add(rows[0].1)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                print("reads on standbys: \(onStandby.values.count { $0 }) of \(onStandby.values.count)")
            }
        }
    }

    enum Fault: CaseIterable {
        case kill, freeze, shutdown, cut

        func strike(_ node: TestCluster.Node, of cluster: TestCluster) async throws {
            switch self {
            case .kill: try await cluster.kill(node)
            case .freeze: try await cluster.freeze(node)
            case .shutdown: try await cluster.shutdown(node, .immediate)
            case .cut: cluster.cut(node)
            }
        }
    }

    @Test("After a failover no acknowledged write is lost, writes go on, and no read fails", arguments: Fault.allCases)
    func failover(_ fault: Fault) async throws {
        try await withCluster(isSynchronous: true, hasProxies: fault == .cut) { cluster in
            try await withPools(cluster, { $0.probeTimeout = .seconds(1) }) { pools in
                try await ClusterLoad.run(on: pools) { load in
                    var primary = TestCluster.Node.node1
                    for _ in 0..<ClusterLoad.rounds {
                        try await fault.strike(primary, of: cluster)
                        await load.untilMore(\.reads)
                        let old = primary
                        primary = try await cluster.promote()
                        await load.untilMore(\.writes)
                        await load.untilMore(\.reads)
                        try await rejoin(old, after: fault, cluster, pools)
                    }
                }
            }
        }
    }

    /// Makes an old primary a standby, which is used.
    private func rejoin(
        _ node: TestCluster.Node,
        after fault: Fault,
        _ cluster: TestCluster,
        _ pools: PostgresCluster
    ) async throws {
        let index = cluster.nodes.firstIndex(of: node)!
        if fault == .freeze { try await cluster.thaw(node) }
        if fault == .cut { cluster.restore(node) }
        if fault == .freeze || fault == .cut {
            await until { pools.status[index].role == .stalePrimary }
            #expect(pools.status.count { $0.role == .primary } == 1)
            try await cluster.shutdown(node, .immediate)
        }
        try await cluster.follow(node)
        await until { pools.status[index].role == .standby }
    }

    private enum Next: CaseIterable {
        case statementInProgress, statement, commit
    }

    @Test(
        "A transaction whose server is given up has had no effect, and is repeated if only its COMMIT is missing",
        arguments: Next.allCases
    )
    private func givenUp(before next: Next) async throws {
        try await withCluster(standbys: 1) { cluster in
            try await withPools(cluster) { pools in
                try await pools.execute("CREATE TABLE t (id int)")
                let attempts = Counted<Void>()
                let error = await postgresFailure {
                    try await pools.withTransaction(retry: .serializationFailures(backOff: .zero)) { db in
                        attempts.add(())
                        try await db.execute("INSERT INTO t VALUES (1)")
                        if attempts.values.count > 1 { return }
                        let (session, primary) = (db.session, pools.state.primary)
                        func giveUp() async {
                            primary?.replacePool()
                            await until { session.isShutDown.load(ordering: .relaxed) }
                        }
                        if next == .statementInProgress {
                            async let end: Void = giveUp()
                            let result: Result<Void, any Error>
                            do {
                                result = .success(_ = try await db.execute("SELECT pg_sleep(600)"))
                            } catch {
                                result = .failure(error)
                            }
                            await end
                            return try result.get()
                        }
                        await giveUp()
                        if next == .statement { try await db.execute("INSERT INTO t VALUES (2)") }
                    }
                }
                #expect(error?.isRetryable == (next == .commit ? nil : true), "\(error.debugDescription)")
                #expect(attempts.values.count == (next == .commit ? 2 : 1))
                let rows = try await pools.query("SELECT id FROM t", as: Int.self)
                #expect(rows == (next == .commit ? [1] : []))
            }
        }
    }

    @Test("When a standby fails, no call does, and it answers reads again when it is back", arguments: Fault.allCases)
    func standbyFails(_ fault: Fault) async throws {
        try await withCluster(hasProxies: fault == .cut) { cluster in
            try await withPools(cluster, { $0.probeTimeout = .seconds(1) }) { pools in
                try await ClusterLoad.run(on: pools) { load in
                    try await fault.strike(.node2, of: cluster)
                    await until { !pools.status[1].isReachable }
                    await load.untilMore(\.writes)
                    await load.untilMore(\.reads)
                    let before = pools.status[1].reads
                    switch fault {
                    case .kill, .shutdown: try await cluster.restart(.node2)
                    case .freeze: try await cluster.thaw(.node2)
                    case .cut: cluster.restore(.node2)
                    }
                    await until { pools.status[1].role == .standby && pools.status[1].reads > before }
                }
            }
        }
    }

    @Test("A switch-over fails no write")
    func switchOver() async throws {
        try await withCluster(isSynchronous: true) { cluster in
            try await withPools(cluster) { pools in
                try await pools.execute("CREATE TABLE t (id int)")
                let (acknowledged, isOver) = (Counted<Int>(), Counted<Void>())
                let writers = (0..<4).map { writer in
                    Task {
                        var id = writer
                        while isOver.values.isEmpty {
                            id += 4
                            do {
                                try await pools.execute("INSERT INTO t VALUES (\(id))")
                                acknowledged.add(id)
                            } catch {
                                Issue.record("\(error)")
                            }
                        }
                    }
                }
                await until { acknowledged.values.count > 100 }
                try await pools.switchOver {
                    try await cluster.shutdown(.node1)
                    try await cluster.promote(.node2)
                }
                #expect(pools.status[1].role == .primary && pools.status[1].timeline == 2)
                let before = acknowledged.values.count
                await until { acknowledged.values.count > before + 100 }
                isOver.add(())
                for writer in writers { await writer.value }
                let stored = try await pools.query("SELECT id FROM t", from: .primary, as: Int.self)
                #expect(stored.sorted() == acknowledged.values.sorted())
                try await cluster.follow(.node1)
                await until { pools.status[0].role == .standby && pools.status[0].lagBytes == 0 }
            }
        }
    }
}
