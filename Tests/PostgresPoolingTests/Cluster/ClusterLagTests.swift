// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// Calls for which no server qualifies.
@Suite(.timeLimit(.minutes(10))) struct ClusterLagTests {
    @Test("The error of a function that looks like a conflict with recovery is not repeated")
    func ownConflict() async throws {
        try await withCluster(standbys: 1) { cluster in
            // Longer than the test may take.
            try await withPools(cluster, { $0.servers.pool.checkoutTimeout = .seconds(3_600) }) { pools in
                let session = pools.session()
                let function: PostgresQuery = """
                    CREATE FUNCTION fail() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
                        RAISE EXCEPTION 'conflict with recovery' USING ERRCODE = '40001';
                    END $$
                    """
                try await session.execute(function)
                for policy in [.primary, .replica()] as [PostgresReadPolicy] {
                    let error = await postgresFailure { try await session.query("SELECT fail()", from: policy) }
                    #expect(error?.sqlState == .serializationFailure)
                }
            }
        }
    }

    @Test("A read that finds no standby with its position in time is told how far each is")
    func lateForPosition() async throws {
        try await withCluster(standbys: 1) { cluster in
            try await withPools(cluster) { pools in
                _ = try await pools.query("SELECT 1", from: .replica())
                let session = pools.session(after: PostgresLSN("FFFF/0"))
                let error = await postgresFailure {
                    try await session.query("SELECT 1", from: .replica(), timeout: .seconds(2))
                }
                #expect(error?.code == .noServer && error?.servers.contains { $0.reason == .position } == true)
            }
        }
    }

    /// Writes what the paused standbys do not replay, and returns the position behind it.
    private func writeUnseen(_ pools: PostgresCluster, _ cluster: TestCluster) async throws -> PostgresLSN {
        try await pools.execute("CREATE TABLE t (id int)")
        for node in [TestCluster.Node.node2, .node3] {
            try await until { try await cluster.psql(node, "SELECT to_regclass('t') IS NOT NULL") == "t" }
            try await cluster.pause(node)
        }
        let session = pools.session()
        try await session.execute("INSERT INTO t VALUES (1)")
        return try #require(session.position)
    }

    @Test("A read that no standby may answer fails by telling how far each one is")
    func tooFar() async throws {
        try await withCluster { cluster in
            try await withPools(cluster) { pools in
                await pools.untilKnown()
                let position = try await writeUnseen(pools, cluster)
                await until {
                    let status = pools.status
                    return (status[1].lagBytes ?? 0) > 0 && (status[2].lagBytes ?? 0) > 0
                }
                let lagging = await postgresFailure {
                    try await pools.query("SELECT id FROM t", from: .replica(maximumLag: .bytes(0), fallback: .fail))
                }
                let error = try #require(lagging)
                #expect(error.code == .noServer && error.category == .unavailable)
                #expect(error.outcome == .notExecuted && error.isRetryable)
                #expect(error.servers.map(\.name) == pools.status.map(\.name))
                #expect(error.servers.map(\.reason) == [.role, .lag, .lag])
                #expect(error.servers.map(\.role) == [.primary, .standby, .standby])
                #expect(error.servers.dropFirst().allSatisfy { ($0.lagBytes ?? 0) > 0 && $0.position! < position })
                let password = try #require(Self.password(cluster))
                #expect(!"\(error)".contains(password))
                #expect(error.message.contains("bytes"))

                var bounded = PostgresReadPolicy.replica()
                bounded.positionTimeout = .milliseconds(50)
                for policy in [bounded, .replica(fallback: .fail)] {
                    let behind = await postgresFailure {
                        try await pools.session(after: position).query("SELECT id FROM t", from: policy)
                    }
                    #expect(behind?.code == .noServer)
                    #expect(behind?.servers.map(\.reason) == [.role, .position, .position])
                }
                var preferring = PostgresReadPolicy.preferReplica
                for timeout in [nil, .milliseconds(50)] as [Duration?] {
                    preferring.positionTimeout = timeout
                    let ids = try await pools.session(after: position).query(
                        "SELECT id FROM t",
                        from: preferring,
                        as: Int.self
                    )
                    #expect(ids == [1])
                }
            }
        }
    }

    private static func password(_ cluster: TestCluster) -> String? {
        cluster.url.split(separator: "@").first?.split(separator: ":").last.map(String.init)
    }

    @Test("A read waits for a standby that reaches its position, within positionTimeout", arguments: [false, true])
    func waits(_ fallsBack: Bool) async throws {
        try await withCluster { cluster in
            try await withPools(cluster) { pools in
                await pools.untilKnown()
                let position = try await writeUnseen(pools, cluster)
                var policy = fallsBack ? PostgresReadPolicy.preferReplica : .replica()
                if fallsBack { policy.positionTimeout = .seconds(300) }
                let session = pools.session(after: position)
                let read = Task { [policy] in
                    try await session.queryOne(
                        "SELECT id, pg_is_in_recovery() FROM t",
                        from: policy,
                        as: (Int, Bool).self
                    )
                }
                await until { pools.status[1].connections.idle > 0 || pools.status[2].connections.idle > 0 }
                try await cluster.resume(.node3)
                #expect(try await read.value == (1, true))
                try await cluster.resume(.node2)
            }
        }
    }

    @Test("A position that no server has reached blocks no read beyond its limit")
    func future() async throws {
        try await withCluster(standbys: 1) { cluster in
            try await withPools(cluster) { pools in
                await pools.untilKnown()
                let session = pools.session(after: PostgresLSN(rawValue: .max))
                #expect(
                    try await session.queryOne("SELECT pg_is_in_recovery()", from: .preferReplica, as: Bool.self)
                        == false
                )
                var bounded = PostgresReadPolicy.replica()
                bounded.positionTimeout = .milliseconds(50)
                let error = await postgresFailure { try await session.query("SELECT 1", from: bounded) }
                #expect(error?.code == .noServer)
                let timeout = await postgresFailure {
                    try await session.read(from: .replica(), timeout: .milliseconds(500)) { _ in }
                }
                #expect(timeout?.code == .noServer || timeout?.code == .timedOut)
                // A write does not make the position earlier.
                try await session.execute("CREATE TABLE t (id int)")
                #expect(session.position?.rawValue == .max)
            }
        }
    }

    @Test("A write without a primary fails by telling what each server is, and a closed cluster refuses")
    func noPrimary() async throws {
        try await withCluster { cluster in
            let standby = try await cluster.url(of: .node2)
            try await withPools(cluster, url: standby) { pools in
                await until { pools.role(0) == .standby }
                let error = await postgresFailure { try await pools.execute("SELECT 1", timeout: .milliseconds(50)) }
                #expect(error?.code == .noServer && error?.servers.map(\.reason) == [.role])
                let body = await postgresFailure { try await pools.write(checkoutTimeout: .milliseconds(50)) { _ in } }
                #expect(body?.code == .noServer)
                // As a service that ends.
                let service = Task { await pools.run() }
                service.cancel()
                await service.value
                for policy in [nil, .replica()] as [PostgresReadPolicy?] {
                    let closed = await failure { try await pools.query("SELECT 1", from: policy) } as? PoolError
                    #expect(closed?.code == .closed)
                }
            }
        }
    }

    @Test("A server that fails reads pauses, while others answer, and takes part again by itself")
    func rotation() async throws {
        try await withCluster { cluster in
            try await withPools(cluster) { pools in
                await pools.untilKnown()
                let session = pools.session()
                try await session.execute("CREATE TABLE failing (port int)")
                try await session.execute(
                    """
                    CREATE FUNCTION port() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
                        IF EXISTS (SELECT FROM failing WHERE port = inet_server_port()) THEN
                            RAISE EXCEPTION 'failing' USING ERRCODE = '57P01';
                        END IF;
                        RETURN inet_server_port();
                    END $$
                    """
                )
                let ports = [try await cluster.status(.node2).port, try await cluster.status(.node3).port]
                try await session.execute("INSERT INTO failing VALUES (\(ports[0]))")
                let isPaused = Counted<Void>()
                while isPaused.values.isEmpty {
                    #expect(try await session.queryOne("SELECT port()", from: .replica(), as: Int.self) == ports[1])
                    if pools.status[1].isPaused { isPaused.add(()) }
                }
                #expect(pools.status[1].failures > 0 && pools.status[2].failures == 0)
                #expect(pools.role(1) == .standby)
                try await session.execute("DELETE FROM failing")
                try await until {
                    try await session.queryOne("SELECT port()", from: .replica(), as: Int.self) == ports[0]
                }
                await until { !pools.status[1].isPaused }
            }
        }
    }
}
