// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Synchronization
import Testing

@testable import PostgresPooling

/// The calls of a cluster that a pool has, too.
@Suite(.timeLimit(.minutes(10))) struct ClusterCallTests {
    private struct Row: Decodable, Sendable, Equatable {
        var id: Int
        var name: String
    }

    private struct Direct: PostgresRowDecodable, Equatable {
        var id: Int
        init(row: borrowing PostgresRow) throws(PostgresError) { id = try row.decode(at: 0) }
    }

    /// Runs each kind of typed call.
    private func check(_ router: some PostgresRouter, from policy: PostgresReadPolicy?) async throws {
        let all: PostgresQuery = "SELECT id, name FROM t ORDER BY id"
        let first: PostgresQuery = "SELECT id, name FROM t WHERE id = 1"
        equal(try await router.query(all, from: policy, as: (Int, String).self).map(\.1), ["a", "b"])
        equal(try await router.query("SELECT id FROM t ORDER BY id", from: policy, as: Int.self), [1, 2])
        equal(try await router.query(all, from: policy, as: Direct.self).map(\.id), [1, 2])
        equal(
            try await router.query(all, from: policy, decoding: Row.self),
            [Row(id: 1, name: "a"), Row(id: 2, name: "b")]
        )
        #expect(try await router.queryFirst(all, from: policy, as: (Int, String).self)! == (1, "a"))
        equal(try await router.queryFirst("SELECT id FROM t ORDER BY id", from: policy, as: Int.self), 1)
        equal(try await router.queryFirst(all, from: policy, as: Direct.self)?.id, 1)
        equal(try await router.queryFirst(all, from: policy, decoding: Row.self), Row(id: 1, name: "a"))
        equal(try await router.queryFirst("SELECT id FROM t WHERE id = 9", from: policy, as: Int.self), nil)
        #expect(try await router.queryOne(first, from: policy, as: (Int, String).self) == (1, "a"))
        equal(try await router.queryOne("SELECT count(*) FROM t", from: policy, as: Int.self), 2)
        equal(try await router.queryOne(first, from: policy, as: Direct.self).id, 1)
        equal(try await router.queryOne(first, from: policy, decoding: Row.self), Row(id: 1, name: "a"))
        let error = await postgresFailure { try await router.queryOne(all, from: policy, decoding: Row.self) }
        #expect(error?.code == .tooManyRows)
    }

    @Test("Typed calls read on the servers of their policy, and write without one")
    func calls() async throws {
        try await withCluster { cluster in
            try await withPools(cluster) { pools in
                try await pools.execute("CREATE TABLE t (id int PRIMARY KEY, name text)")
                let session = pools.session()
                try await session.execute("INSERT INTO t VALUES (1, 'a')")
                let inserted = try await session.queryOne("INSERT INTO t VALUES (2, 'b') RETURNING id", as: Int.self)
                #expect(inserted == 2)
                for policy in [nil, .primary, .replica(), .preferReplica] as [PostgresReadPolicy?] {
                    try await check(session, from: policy)
                }
                for policy in [nil, .primary] as [PostgresReadPolicy?] { try await check(pools, from: policy) }
                let isStandby: PostgresQuery = "SELECT pg_is_in_recovery()"
                #expect(try await session.queryOne(isStandby, as: Bool.self) == false)
                #expect(try await session.queryOne(isStandby, from: .replica(), as: Bool.self) == true)
                #expect(try await pools.queryOne(isStandby, as: Bool.self) == false)
                #expect(try await pools.queryOne(isStandby, from: .replica(), as: Bool.self) == true)
            }
        }
    }

    @Test("A session's statements are prepared again after changes of their tables, and take parameters of any type")
    func changedTables() async throws {
        try await withCluster(standbys: 1) { cluster in
            try await withPools(cluster, { $0.servers.pool.maximumConnections = 1 }) { pools in
                try await pools.execute("CREATE TYPE mood AS ENUM ('calm', 'glad')")
                try await pools.execute("CREATE TABLE t (id int)")
                let session = pools.session()
                func check() async throws {
                    equal(try await session.query("INSERT INTO t VALUES (1) RETURNING *").count, 1)
                    equal(try await session.query("SELECT * FROM t LIMIT 1", from: .replica()).count, 1)
                }
                for _ in 0..<5 { try await check() }
                try await session.execute("ALTER TABLE t ADD COLUMN mood mood")
                try await check()
                try await session.execute("INSERT INTO t VALUES (2, \("glad"))")
                let glad: PostgresQuery = "SELECT id FROM t WHERE mood = \("glad")"
                equal(try await session.query(glad, from: .replica(), as: Int.self), [2])
                equal(try await session.queryOne("SELECT count(*) FROM t", from: .replica(), as: Int.self), 7)
            }
        }
    }

    @Test("The error of a switch-over that fails tells whether the primary may have changed, and writes go on")
    func failedSwitchOver() async throws {
        try await withCluster(standbys: 1) { cluster in
            try await withPools(cluster) { pools in
                await pools.untilKnown()
                let isPromoting = Counted<Void>()
                let blocked = await postgresFailure {
                    try await pools.write { _ in
                        try await pools.switchOver(drain: .milliseconds(1)) { isPromoting.add(()) }
                    }
                }
                #expect(blocked?.code == .timedOut && blocked?.outcome == .notExecuted)
                #expect(isPromoting.values.isEmpty)
                let failed = await postgresFailure {
                    try await pools.switchOver(timeout: .milliseconds(1)) { isPromoting.add(()) }
                }
                #expect(failed?.code == .connectFailed && failed?.outcome == .unknown)
                #expect(isPromoting.values.count == 1)
                try await pools.execute("SELECT 1")
            }
        }
    }

    @Test("Without a primary no more writes wait than its pool admits, and all of these succeed")
    func waiters() async throws {
        try await withCluster { cluster in
            let standbys = try await cluster.status().dropFirst().map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
            let url = "\(cluster.url.prefix { $0 != "@" })@\(standbys)/lockpool"
            try await withPools(cluster, url: url, { $0.servers.pool.maximumWaiters = 8 }) { pools in
                await until { pools.status.map(\.role) == [.standby, .standby] }
                let writes = (0..<8).map { _ in
                    Task { try await pools.queryOne("SELECT pg_is_in_recovery()", as: Bool.self) }
                }
                await until { pools.waitingWrites.load(ordering: .relaxed) == 8 }
                let error = await failure { try await pools.execute("SELECT 1") } as? PoolError
                #expect(error?.code == .tooManyWaiters)
                try await cluster.shutdown(.node1)
                try await cluster.promote(.node2)
                for write in writes { equal(try await write.value, false) }
                #expect(pools.waitingWrites.load(ordering: .relaxed) == 0)
            }
        }
    }

    @Test("A session runs statements that can commit by themselves, and its reads see them")
    func commands() async throws {
        try await withCluster(standbys: 1) { cluster in
            try await withPools(cluster) { pools in
                let session = pools.session()
                try await session.execute("CREATE TABLE t (id int)")
                let procedure: PostgresQuery = """
                    CREATE PROCEDURE p(id int) LANGUAGE plpgsql AS $$ BEGIN
                        INSERT INTO t VALUES (id); COMMIT; INSERT INTO t VALUES (id + 1);
                    END $$
                    """
                try await session.execute(procedure)
                for (statement, ids) in [
                    ("CALL p(1)", [1, 2]), ("DO $$ BEGIN INSERT INTO t VALUES (3); END $$", [1, 2, 3]),
                    ("VACUUM t", [1, 2, 3]), ("CREATE INDEX CONCURRENTLY i ON t (id)", [1, 2, 3]),
                ] {
                    _ = try await session.query(PostgresQuery(unsafe: statement))
                    let read: PostgresQuery = "SELECT id FROM t ORDER BY id"
                    #expect(try await session.query(read, from: .replica(), as: Int.self) == ids, "\(statement)")
                    #expect(!session.readsFromPrimary)
                }
            }
        }
    }

    @Test("A write that is answered succeeds although its position does not arrive, and the primary answers reads then")
    func missingPosition() async throws {
        try await withCluster(standbys: 1, hasProxies: true) { cluster in
            try await withPools(cluster, { $0.probeInterval = .seconds(36_000) }) { pools in
                try await pools.execute("CREATE TABLE t (id int)")
                await until { pools.role(0) == .primary && pools.role(1) == .standby }
                let session = pools.session()
                let insert: PostgresQuery = "INSERT INTO t VALUES (1)"
                for _ in 0..<5 { try await session.execute(insert) }
                // The answer to the statement ends with the fifth message.
                let proxy = cluster.proxy(.node1)
                proxy.arm(FaultProxy.Fault(action: .reset, direction: .toClient, messages: 5))
                try await session.execute(insert)
                #expect(proxy.hasStruck && session.readsFromPrimary)
                let count: PostgresQuery = "SELECT count(*)::int, pg_is_in_recovery() FROM t"
                #expect(try await session.queryOne(count, from: .replica(), as: (Int, Bool).self) == (6, false))
            }
        }
    }

    @Test("If every server refuses the password, the database or the role, calls fail at once and tell why")
    func refusedLogins() async throws {
        try await withCluster(standbys: 1) { cluster in
            let rest = cluster.url.drop { $0 != "@" }
            for (url, reason) in [
                ("postgres://lockpool:hidden\(rest)", "password authentication failed"),
                ("postgres://missing:hidden\(rest)", "password authentication failed"),
                ("\(cluster.url.dropLast("lockpool".count))missing", "does not exist"),
            ] {
                // Longer than the test may take.
                try await withPools(cluster, url: url, { $0.servers.pool.checkoutTimeout = .seconds(3_600) }) { pools in
                    let errors = [
                        await postgresFailure { try await pools.execute("SELECT 1") },
                        await postgresFailure { try await pools.query("SELECT 1", from: .replica()) },
                        await postgresFailure { try await pools.session().withTransaction { _ in } },
                    ]
                    for error in errors {
                        #expect(error?.code == .noServer && error?.servers.count == 2)
                        #expect(error?.servers.allSatisfy { $0.failure?.contains(reason) == true } == true)
                        #expect(error.map { "\($0)".contains("hidden") } == false)
                    }
                }
            }
        }
    }

    @Test("A session's reads see what its bodies have written")
    func bodies() async throws {
        try await withCluster { cluster in
            try await withPools(cluster) { pools in
                try await pools.execute("CREATE TABLE t (id int)")
                let isPrimary = try await pools.write { db in
                    try await db.execute("INSERT INTO t VALUES (0)")
                    return try await db.queryOne("SELECT NOT pg_is_in_recovery()", as: Bool.self)
                }
                #expect(isPrimary)
                let session = pools.session()
                for id in 1...20 {
                    let before = session.position
                    try await session.write { db in try await db.execute("INSERT INTO t VALUES (\(id))") }
                    #expect(session.position != nil && session.position != before && !session.readsFromPrimary)
                    let (count, isStandby) = try await session.read(from: .replica()) { db in
                        try await db.queryOne("SELECT count(*)::int, pg_is_in_recovery() FROM t", as: (Int, Bool).self)
                    }
                    #expect(count == id + 1 && isStandby)
                }
                struct Thrown: Error {}
                await #expect(throws: Thrown.self) {
                    try await session.write { db in
                        try await db.execute("INSERT INTO t VALUES (21)")
                        throw Thrown()
                    }
                }
                #expect(session.readsFromPrimary)
                let count: PostgresQuery = "SELECT count(*)::int, pg_is_in_recovery() FROM t"
                #expect(try await session.queryOne(count, from: .replica(), as: (Int, Bool).self) == (22, false))
                try await session.execute("INSERT INTO t VALUES (22)")
                #expect(!session.readsFromPrimary)
                #expect(try await session.queryOne(count, from: .replica(), as: (Int, Bool).self) == (23, true))
            }
        }
    }

    @Test("A transaction is repeated after a conflict, also on the next primary")
    func retries() async throws {
        try await withCluster(isSynchronous: true) { cluster in
            try await withPools(cluster) { pools in
                try await pools.execute("CREATE TABLE t (id int)")
                await pools.untilKnown()
                let attempts = Counted<Int>()
                func conflict(_ db: borrowing PostgresConnection) async throws {
                    try await db.execute("DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$")
                }
                let session = pools.session()
                let retry = PostgresRetry.serializationFailures(backOff: .zero)
                try await session.withTransaction(retry: retry) { db in
                    attempts.add(1)
                    try await db.execute("INSERT INTO t VALUES (1)")
                    if attempts.values.count == 1 { try await conflict(db) }
                }
                #expect(attempts.values.count == 2)
                #expect(try await session.query("SELECT id FROM t", from: .replica(), as: Int.self) == [1])
                try await session.withTransaction(retry: retry) { db in
                    attempts.add(2)
                    try await db.execute("INSERT INTO t VALUES (2)")
                    if attempts.values.count > 3 { return }
                    do {
                        try await conflict(db)
                    } catch {
                        try await cluster.kill(.node1)
                        try await cluster.promote(.node2)
                        await until { pools.role(1) == .primary }
                        throw error
                    }
                }
                #expect(attempts.values == [1, 1, 2, 2])
                #expect(try await pools.query("SELECT id FROM t ORDER BY id", as: Int.self) == [1, 2])
            }
        }
    }

    @Test(
        "The next primary tells whether a transaction was committed whose COMMIT has no answer",
        arguments: [false, true]
    )
    func unknownCommit(_ arrives: Bool) async throws {
        try await withCluster(isSynchronous: true) { cluster in
            try await withPools(cluster) { pools in
                try await pools.execute("CREATE TABLE t (id int PRIMARY KEY)")
                await pools.untilKnown()
                let (attempts, checks) = (Counted<Void>(), Counted<Bool>())
                let retry = PostgresRetry.serializationFailures(backOff: .zero) { db in
                    let isCommitted = try await db.queryOne("SELECT count(*) = 1 FROM t", as: Bool.self)
                    checks.add(isCommitted)
                    return isCommitted
                }
                // The COMMIT waits for a standby that does not answer.
                for node in [TestCluster.Node.node2, .node3] { try await cluster.freeze(node) }
                let write = Task {
                    try await pools.withTransaction(retry: retry) { db in
                        attempts.add(())
                        try await db.execute("INSERT INTO t VALUES (1)")
                    }
                }
                try await until {
                    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                    return try await cluster.psql(.node1, waiting) == "1"
                }
                if !arrives { try await cluster.kill(.node1) }
                for node in [TestCluster.Node.node2, .node3] { try await cluster.thaw(node) }
                if arrives { try await cluster.kill(.node1) }
                try await cluster.promote()
                try await write.value
                #expect(try await pools.query("SELECT id FROM t", as: Int.self) == [1])
                #expect(attempts.values.count == (checks.values == [false] ? 2 : 1))
            }
        }
    }

    @Test("A statement that the primary refuses because it writes fails, and what has committed before runs once")
    func refusals() async throws {
        try await withCluster(standbys: 1) { cluster in
            // Longer than the test may take.
            func withWaitingPools(_ body: (PostgresCluster) async throws -> Void) async throws {
                try await withPools(cluster, { $0.servers.pool.checkoutTimeout = .seconds(3_600) }, body)
            }
            try await withWaitingPools { pools in
                try await pools.execute("CREATE TABLE t (id int)")
                try await pools.execute(
                    """
                    CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN
                        INSERT INTO t VALUES (1); COMMIT; SET TRANSACTION READ ONLY; INSERT INTO t VALUES (2);
                    END $$
                    """
                )
                let error = await postgresFailure { try await pools.execute("CALL p()") }
                #expect(error?.sqlState == .readOnlyTransaction && error?.outcome == .unknown)
                #expect(try await pools.query("SELECT id FROM t", as: Int.self) == [1])
                try await pools.execute("ALTER ROLE lockpool SET default_transaction_read_only = on")
            }
            try await withWaitingPools { pools in
                for router in [pools, pools.session()] as [any PostgresRouter] {
                    let error = await postgresFailure {
                        try await router.queryOne("INSERT INTO t VALUES (3) RETURNING id", as: Int.self)
                    }
                    #expect(error?.sqlState == .readOnlyTransaction && error?.outcome == .rolledBack)
                }
            }
        }
    }
}
