// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import PostgresPooling

/// Clusters behind poolers, and with a role that has few privileges.
@Suite(.timeLimit(.minutes(10))) struct ClusterAccessTests {
    @Test(
        "A cluster works through a pooler before each server",
        arguments: [.detect, .transaction] as [PostgresConfiguration.Pooler]
    )
    func poolers(_ pooler: PostgresConfiguration.Pooler) async throws {
        try await withCluster(isSynchronous: true, hasPoolers: true) { cluster in
            try await withPools(cluster) {
                $0.servers.pooler = pooler
                // A PgBouncer without its server answers late.
                $0.probeTimeout = .milliseconds(500)
            } _: { pools in
                let session = pools.session()
                try await session.execute("CREATE TABLE t (id int)")
                for id in 1...20 {
                    if id.isMultiple(of: 2) {
                        try await session.execute("INSERT INTO t VALUES (\(id))")
                    } else {
                        try await session.withTransaction { db in try await db.execute("INSERT INTO t VALUES (\(id))") }
                    }
                    let count: PostgresQuery = "SELECT count(*)::int, pg_is_in_recovery() FROM t WHERE id <= \(id)"
                    #expect(try await session.queryOne(count, from: .replica(), as: (Int, Bool).self) == (id, true))
                    let read = try await session.read(from: .replica()) { db in
                        try await db.queryOne(count, as: (Int, Bool).self)
                    }
                    #expect(read == (id, true))
                }
                let missing = await postgresFailure {
                    try await session.query("SELECT * FROM missing", from: .replica())
                }
                #expect(missing?.sqlState == .undefinedTable)
                let refused = await postgresFailure { try await session.query("DELETE FROM t", from: .replica()) }
                #expect(refused?.sqlState == .readOnlyTransaction)
                try await cluster.kill(.node1)
                try await cluster.promote()
                try await session.execute("INSERT INTO t VALUES (21)")
                #expect(try await session.queryOne("SELECT count(*) FROM t", from: .replica(), as: Int.self) == 21)
            }
        }
    }

    /// Creates a role without privileges but for a table, and returns its URL.
    private func makeRole(_ cluster: TestCluster) async throws -> String {
        try await cluster.psql(.node1, "CREATE TABLE t (id int)")
        try await cluster.psql(.node1, "CREATE ROLE app LOGIN PASSWORD 'secret'")
        try await cluster.psql(.node1, "GRANT SELECT, INSERT ON t TO app")
        return "postgres://app:secret" + cluster.url.drop { $0 != "@" }
    }

    @Test("A role without privileges finds the primary and the standbys, also after a failover")
    func ordinaryRole() async throws {
        try await withCluster(isSynchronous: true) { cluster in
            let url = try await makeRole(cluster)
            try await withPools(cluster, url: url) { pools in
                await pools.untilKnown()
                let session = pools.session()
                try await session.execute("INSERT INTO t VALUES (1)")
                #expect(try await session.query("SELECT id FROM t", from: .replica(), as: Int.self) == [1])
                try await cluster.kill(.node1)
                let primary = try await cluster.promote()
                let standby = primary == .node2 ? TestCluster.Node.node3 : .node2
                try await session.execute("INSERT INTO t VALUES (2)")
                let isRead = Counted<Void>()
                let read = Task {
                    defer { isRead.add(()) }
                    return try await session.query("SELECT id FROM t ORDER BY id", from: .replica(), as: Int.self)
                }
                // A standby's control file has the new timeline after a checkpoint.
                try await until {
                    try await cluster.psql(primary, "CHECKPOINT")
                    try await cluster.psql(standby, "CHECKPOINT")
                    return !isRead.values.isEmpty
                }
                #expect(try await read.value == [1, 2])
            }
        }
    }

    @Test("Without the control file's functions a role needs pg_monitor for the standbys")
    func forbiddenFunctions() async throws {
        try await withCluster(standbys: 1) { cluster in
            let url = try await makeRole(cluster)
            let functions = ["pg_control_system", "pg_control_checkpoint", "pg_control_recovery"].map { "\($0)()" }
            try await cluster.psql(
                .node1,
                "REVOKE EXECUTE ON FUNCTION \(functions.joined(separator: ", ")) FROM PUBLIC"
            )
            try await withPools(cluster, url: url) { pools in
                let session = pools.session()
                try await session.execute("INSERT INTO t VALUES (1)")
                await until { pools.role(1) == .standby }
                await until { pools.status[1].timeline == nil }
                #expect(try await session.query("SELECT id FROM t", from: .preferReplica, as: Int.self) == [1])
                let error = await postgresFailure {
                    try await session.query("SELECT id FROM t", from: .replica(fallback: .fail))
                }
                #expect(error?.servers.map(\.reason) == [.role, .unknownTimeline])
                try await cluster.psql(.node1, "GRANT pg_monitor TO app")
                #expect(try await session.query("SELECT id FROM t", from: .replica(), as: Int.self) == [1])
            }
        }
    }
}
