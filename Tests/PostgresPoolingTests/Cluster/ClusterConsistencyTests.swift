// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import PostgresPooling

/// Many users that read what they have written. A soak test makes a million checks.
@Suite(.timeLimit(.minutes(ClusterLoad.isSoak ? 120 : 10))) struct ClusterConsistencyTests {
    private static let (users, checks) = (32, ClusterLoad.isSoak ? 1_000_000 : 3_200)

    private final class Figures: Sendable {
        /// The numbers of checks, of those on standbys, and of those that read an older value.
        let done = Atomic(0)
        let onStandby = Atomic(0)
        let stale = Atomic(0)

        /// Counts a check, and prints the figures from time to time.
        func countCheck() {
            if done.add(1, ordering: .relaxed).newValue.isMultiple(of: 50_000) { report() }
        }

        func report() {
            let (done, onStandby) = (done.load(ordering: .relaxed), onStandby.load(ordering: .relaxed))
            let stale = stale.load(ordering: .relaxed)
            print("\(done) reads of own writes, \(onStandby * 100 / done) % on standbys, \(stale) stale")
        }
    }

    @Test("No read is older than its session's writes, while a standby lags and another pauses at random")
    func readYourWrites() async throws {
        let figures = Figures()
        try await withCluster { cluster in
            let url = try await cluster.url(of: .node3)
            let replay = try PostgresPool(url)
            try await withPools(cluster) { pools in
                try await pools.execute("CREATE TABLE t (id int PRIMARY KEY, value int)")
                try await pools.execute("INSERT INTO t SELECT n, 0 FROM generate_series(1, \(Self.users)) n")
                try await cluster.lag(.node2, milliseconds: 20)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for id in 1...Self.users {
                        group.addTask {
                            var value = 0
                            while figures.done.load(ordering: .relaxed) < Self.checks {
                                value += 1
                                let position = try await write(value, id, pools)
                                // Another session for each request, as from a cookie.
                                for _ in 0..<4 {
                                    let session = pools.session(after: position)
                                    let rows = try await session.query(
                                        "SELECT value, pg_is_in_recovery() FROM t WHERE id = \(id)",
                                        from: .preferReplica,
                                        as: (Int, Bool).self
                                    )
                                    if rows.count != 1 || rows[0].0 != value {
                                        figures.stale.add(1, ordering: .relaxed)
                                    }
                                    if rows.first?.1 == true { figures.onStandby.add(1, ordering: .relaxed) }
                                    figures.countCheck()
                                }
                            }
                        }
                    }
                    group.addTask {
                        while figures.done.load(ordering: .relaxed) < Self.checks {
                            for statement in ["SELECT pg_wal_replay_pause()", "SELECT pg_wal_replay_resume()"] {
                                try await replay.execute(PostgresQuery(unsafe: statement))
                                try await Task.sleep(for: .milliseconds(Int.random(in: 1...60)))
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
            await replay.close()
        }
        figures.report()
        #expect(figures.stale.load(ordering: .relaxed) == 0)
        #expect(figures.onStandby.load(ordering: .relaxed) > 0)
    }

    @Test("A session's reads are not answered by a server that has become a standby without notice")
    func demoted() async throws {
        typealias Read = @Sendable (PostgresCluster.Session) async throws -> (Int, Bool)
        let query: PostgresQuery = "SELECT (SELECT count(*)::int FROM t), pg_is_in_recovery()"
        let reads: [Read] = [
            { try await $0.queryOne(query, from: .preferReplica, as: (Int, Bool).self) },
            { try await $0.queryOne(query, from: .primary, as: (Int, Bool).self) },
            { try await $0.queryOne(query, as: (Int, Bool).self) },
            { try await $0.read { db in try await db.queryOne(query, as: (Int, Bool).self) } },
        ]
        try await withCluster { cluster in
            try await withPools(cluster) { pools in
                try await pools.execute("CREATE TABLE t (id int)")
                var configuration = pools.configuration
                configuration.probeInterval = .seconds(36_000)
                let unaware = try (0...reads.count).map { _ in try PostgresCluster(configuration) }
                for pools in unaware { await pools.untilKnown() }
                try await cluster.shutdown(.node1)
                try await cluster.promote(.node2)
                try await cluster.follow(.node1)
                await until { pools.role(1) == .primary && pools.role(0) == .standby && pools.role(2) == .standby }
                for node in [TestCluster.Node.node1, .node3] { try await cluster.pause(node) }
                let session = pools.session()
                try await session.execute("INSERT INTO t VALUES (1)")
                for (read, pools) in zip(reads, unaware) {
                    #expect(pools.role(0) == .primary)
                    #expect(try await read(pools.session(after: session.position)) == (1, false))
                    #expect(pools.role(1) == .primary)
                }
                // A read writes nothing on a standby that has been promoted without notice.
                let refused = await postgresFailure {
                    let session = unaware.last!.session(after: PostgresLSN("0/1"))
                    return try await session.query("INSERT INTO t VALUES (2)", from: .replica())
                }
                #expect(refused?.sqlState == .readOnlyTransaction)
                for pools in unaware { await pools.close() }
            }
        }
    }

    /// Writes in a session of its own: by a statement, or in a transaction.
    private func write(_ value: Int, _ id: Int, _ pools: PostgresCluster) async throws -> PostgresLSN? {
        let session = pools.session()
        if value.isMultiple(of: 2) {
            try await session.execute("UPDATE t SET value = \(value) WHERE id = \(id)")
        } else {
            try await session.withTransaction { db in
                try await db.execute("UPDATE t SET value = \(value) WHERE id = \(id)")
            }
        }
        return session.position
    }
}
