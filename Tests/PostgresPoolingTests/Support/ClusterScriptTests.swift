// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PostgresPooling
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct ClusterScriptTests {
    @Test("A cluster is a primary with standbys that receive from it, and stopping removes it")
    func startAndStop() async throws {
        let cluster = try await TestCluster(settings: ["max_connections": "30"])
        let status = try await cluster.status()
        #expect(status.map(\.node) == [.node1, .node2, .node3])
        #expect(status.map(\.state) == [.up, .up, .up])
        #expect(status.map(\.role) == [.primary, .standby, .standby])
        #expect(status.map(\.timeline) == [1, 1, 1])
        #expect(status.allSatisfy { $0.position != nil && $0.pooler == nil })
        for node in cluster.nodes {
            #expect(try await cluster.psql(node, "SHOW cluster_name") == node.rawValue)
            #expect(try await cluster.psql(node, "SHOW max_connections") == "30")
        }
        let question = "SELECT string_agg(slot_name || active, ',' ORDER BY slot_name) FROM pg_replication_slots"
        #expect(try await cluster.psql(.node1, question) == "node2true,node3true")
        let answer = try await ChildProcess.run(
            cluster.folder + "/bin/psql",
            [cluster.url + "?target_session_attrs=standby", "-Atc", "SHOW cluster_name"]
        )
        #expect(answer.output == "node2\n", "\(answer.errors)")
        let again = try await ServerScript.cluster.run(["start", "--poolers", "--folder", cluster.folder])
        #expect(again.output == cluster.url + "\n")
        #expect(again.errors.contains("--poolers"))

        try await cluster.freeze(.node2)
        try await cluster.stop()
        #expect(!FileManager.default.fileExists(atPath: cluster.folder))
        let gone = try await ServerScript.cluster.run(["status", "--folder", cluster.folder])
        #expect(gone.exitCode == 1 && gone.output == "" && gone.errors == "not running\n")
        #expect(try await ServerScript.cluster.run(["stop", "--folder", cluster.folder]).exitCode == 0)
    }

    @Test("The other standbys follow a promoted one, and the old primary follows without its later commits")
    func promoteAndFollow() async throws {
        try await withCluster { cluster in
            try await cluster.psql(.node1, "CREATE TABLE kept AS SELECT 1 AS x")
            try await untilReceived(cluster, from: .node1, [.node2, .node3])
            try await cluster.kill(.node1)
            #expect(try await cluster.promote(.node3) == .node3)
            #expect(try await cluster.psql(.node3, "INSERT INTO kept VALUES (2) RETURNING x") == "2")
            try await untilReceived(cluster, from: .node3, [.node2])
            #expect(try await cluster.psql(.node2, "SELECT sum(x) FROM kept") == "3")

            // Two primaries, of which only one has a lag.
            try await cluster.restart(.node1)
            #expect(try await cluster.psql(.node1, "INSERT INTO kept VALUES (10) RETURNING x") == "10")
            let status = try await cluster.status()
            #expect(status.map(\.role) == [.primary, .standby, .primary])
            #expect(status.map(\.timeline) == [1, 2, 2])
            #expect(status.map { $0.lag == nil } == [true, false, false])

            try await cluster.follow(.node1)
            #expect(try await cluster.status().map(\.role) == [.standby, .standby, .primary])
            try await untilReceived(cluster, from: .node3, [.node1])
            #expect(try await cluster.psql(.node1, "SELECT sum(x) FROM kept") == "3")
            #expect(try await cluster.psql(.node1, "SELECT count(*) FROM pg_replication_slots") == "0")
        }
    }

    @Test("A standby that is ahead of the promoted one follows it without what it had in addition")
    func promoteLaggard() async throws {
        try await withCluster { cluster in
            try await cluster.psql(.node1, "CREATE TABLE kept (x int)")
            try await untilReceived(cluster, from: .node1, [.node2, .node3])
            try await cluster.kill(.node3)
            try await cluster.psql(.node1, "INSERT INTO kept VALUES (1)")
            try await untilReceived(cluster, from: .node1, [.node2])
            try await cluster.kill(.node1)
            try await cluster.restart(.node3)
            try await cluster.promote(.node3)
            #expect(try await cluster.psql(.node2, "SELECT count(*) FROM kept") == "0")
            #expect(try await cluster.status(.node2).timeline == 2)
        }
    }

    @Test("Without a name, the standby that has received the most is promoted, and has each acknowledged commit")
    func promoteMostAdvanced() async throws {
        try await withCluster(isSynchronous: true) { cluster in
            try await cluster.psql(.node1, "CREATE TABLE kept (x int)")
            try await cluster.kill(.node2)
            try await cluster.psql(.node1, "INSERT INTO kept VALUES (1)")
            try await cluster.kill(.node1)
            try await cluster.restart(.node2)
            #expect(try await cluster.promote() == .node3)
            #expect(try await cluster.psql(.node3, "SELECT count(*) FROM kept") == "1")
            #expect(try await cluster.psql(.node3, "SHOW synchronous_standby_names") == "FIRST 1 (node1,node2)")
        }
    }

    @Test("Commits of a synchronous cluster wait for a standby, except after the promotion of the last node")
    func lastNode() async throws {
        try await withCluster(standbys: 1, isSynchronous: true) { cluster in
            try await cluster.psql(.node1, "CREATE TABLE kept (x int)")
            try await cluster.kill(.node2)
            async let commit = cluster.psql(.node1, "INSERT INTO kept VALUES (1)")
            let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            try await until { try await cluster.psql(.node1, waiting) == "1" }
            try await cluster.restart(.node2)
            _ = try await commit
            try await cluster.kill(.node1)
            let promotion = try await ServerScript.cluster.run(["promote", "--folder", cluster.folder])
            #expect(promotion.output == "node2\n")
            #expect(promotion.errors.contains("No standby is left"))
            try await cluster.psql(.node2, "INSERT INTO kept VALUES (2)")
            try await cluster.follow(.node1)
            #expect(try await cluster.psql(.node2, "SHOW synchronous_standby_names") == "FIRST 1 (node1)")
            try await cluster.psql(.node2, "INSERT INTO kept VALUES (3)")
        }
    }

    @Test("A node that was killed or shut down restarts on its port, as what it was, with its data")
    func killAndRestart() async throws {
        try await withCluster(standbys: 1) { cluster in
            try await cluster.psql(.node1, "CREATE TABLE kept AS SELECT 7 AS x")
            try await untilReceived(cluster, from: .node1, [.node2])
            for (node, role) in [(TestCluster.Node.node1, TestCluster.Role.primary), (.node2, .standby)] {
                let port = try await cluster.status(node).port
                let ways: [() async throws -> Void] = [
                    { try await cluster.kill(node) }, { try await cluster.shutdown(node, .immediate) },
                    { try await cluster.shutdown(node) },
                ]
                for stop in ways {
                    try await stop()
                    #expect(try await cluster.status(node).state == .down)
                    try await cluster.restart(node)
                    let status = try await cluster.status(node)
                    #expect(status.role == role && status.port == port)
                    #expect(try await cluster.psql(node, "SELECT x FROM kept") == "7")
                }
            }
        }
    }

    @Test("A frozen node is not asked, and a frozen standby follows a promoted one when it is thawed")
    func freeze() async throws {
        try await withCluster { cluster in
            try await cluster.freeze(.node3)
            #expect(try await cluster.status(.node3).state == .frozen)
            let outcome = try await ServerScript.cluster.run(["psql", "node3", "SELECT 1", "--folder", cluster.folder])
            #expect(outcome.exitCode == 1 && outcome.errors == "cluster: node3 is frozen.\n")
            try await cluster.kill(.node1)
            #expect(try await cluster.promote() == .node2)
            try await cluster.thaw(.node3)
            try await cluster.psql(.node2, "CREATE TABLE kept AS SELECT 7 AS x")
            try await untilReceived(cluster, from: .node2, [.node3])
            #expect(try await cluster.psql(.node3, "SELECT x FROM kept") == "7")
        }
    }

    @Test("A standby that lags or pauses receives commits, and replays them when that ends")
    func lagAndPause() async throws {
        try await withCluster(standbys: 1) { cluster in
            try await cluster.psql(.node1, "CREATE TABLE kept (x int)")
            try await untilReceived(cluster, from: .node1, [.node2])
            for (index, delays) in [true, false].enumerated() {
                if delays {
                    try await cluster.lag(.node2, milliseconds: 3_600_000)
                } else {
                    try await cluster.pause(.node2)
                }
                try await cluster.psql(.node1, "INSERT INTO kept VALUES (1)")
                let end = try await cluster.psql(.node1, "SELECT pg_current_wal_flush_lsn()")
                try await until {
                    try await cluster.psql(.node2, "SELECT pg_last_wal_receive_lsn() >= '\(end)'") == "t"
                }
                #expect(try await cluster.psql(.node2, "SELECT count(*) FROM kept") == "\(index)")
                #expect(try #require(try await cluster.status(.node2).lag) > 0)
                if delays { try await cluster.lag(.node2, milliseconds: nil) } else { try await cluster.resume(.node2) }
                try await until { try await cluster.psql(.node2, "SELECT count(*) FROM kept") == "\(index + 1)" }
            }
        }
    }

    @Test("Each node has a PgBouncer, through which the URL leads")
    func poolers() async throws {
        try await withCluster(hasPoolers: true) { cluster in
            let status = try await cluster.status()
            let ports = try status.map { try #require($0.pooler) }
            #expect(cluster.url.contains("@" + ports.map { "127.0.0.1:\($0)" }.joined(separator: ",") + "/"))
            for (node, port) in zip(cluster.nodes, ports) {
                let url = "\(cluster.url.prefix { $0 != "@" })@127.0.0.1:\(port)/lockpool"
                let answer = try await ChildProcess.run(
                    cluster.folder + "/bin/psql",
                    [url, "-Atc", "SHOW cluster_name"]
                )
                #expect(answer.output == "\(node)\n", "\(answer.errors)")
            }
        }
    }

    @Test("A cut node answers no statement and no connection, runs on, and is reachable after the cut")
    func cut() async throws {
        try await withCluster(standbys: 1, hasProxies: true) { cluster in
            var configuration = PostgresConfiguration.withLongTimeouts(try await cluster.url(of: .node1))
            configuration.pool.maximumConnections = 2
            let pool = try PostgresPool(configuration)
            #expect(try await pool.queryOne("SELECT current_setting('cluster_name')", as: String.self) == "node1")
            cluster.cut(.node1)
            // First with a connection, which ends, and then without.
            for _ in 0..<2 {
                await #expect(throws: (any Error).self) {
                    try await pool.query("SELECT 1", as: Int.self, timeout: .milliseconds(100))
                }
            }
            let question = """
                SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND query NOT LIKE '%backend_type%'
                """
            #expect(try await cluster.psql(.node1, question) == "1", "The server has not heard of the end.")
            #expect(try await cluster.status(.node2).role == .standby)
            cluster.restore(.node1)
            #expect(try await pool.queryOne("SELECT current_setting('cluster_name')", as: String.self) == "node1")
            await pool.close()
        }
    }

    @Test("A cluster ends with the process that it watches")
    func watch() async throws {
        let watched = try ChildProcess(executable: "/bin/sleep", arguments: ["120"], environment: [])
        let folder = FileManager.default.temporaryDirectory.appending(path: "lockpool-\(UUID().uuidString.prefix(8))")
            .path
        let start = ["start", "--standbys", "1", "--folder", folder, "--watch", String(watched.identifier)]
        #expect(try await ServerScript.cluster.run(start).exitCode == 0)
        watched.send(SIGKILL)
        _ = await watched.exitCode()
        await until { !FileManager.default.fileExists(atPath: folder) }
    }

    @Test(
        "An invalid command line exits with 64, and reports the error",
        arguments: [
            [], ["begin"], ["start", "--standbys", "0"], ["start", "--standbys", "9"], ["start", "--set", "fsync"],
            ["start", "--watch", "me"], ["start", "now"], ["start", "--folder", ""], ["status", "--synchronous"],
            ["status", "node1"], ["stop", "--all"], ["promote", "first"], ["promote", "node1", "node2"], ["kill"],
            ["kill", "1"], ["freeze"], ["thaw", "node0"], ["follow"], ["restart", "node1", "fast"],
            ["shutdown", "node1", "smart"], ["lag", "node1"], ["lag", "node1", "1s"], ["pause"], ["resume", "--all"],
            ["psql", "node1"],
        ]
    )
    func misuse(arguments: [String]) async throws {
        let outcome = try await ServerScript.cluster.run(arguments)
        #expect(outcome.exitCode == 64)
        #expect(outcome.output == "")
        #expect(outcome.errors.split(separator: "\n").count == 1)
    }

    @Test("A command that cannot have its effect exits with 1, and states why")
    func refused() async throws {
        try await withCluster(standbys: 1) { cluster in
            let complaints = [
                (["kill", "node9"], "there is no node9"), (["thaw", "node1"], "node1 is up"),
                (["promote", "node1"], "node1 is not a standby"), (["pause", "node1"], "node1 is not a standby"),
                (["lag", "node1", "5"], "node1 is not a standby"),
                (["follow", "node1"], "no other node runs as the primary"),
                (["psql", "node1", "SELECT nothing"], "does not exist"),
            ]
            for (arguments, complaint) in complaints {
                let outcome = try await ServerScript.cluster.run(arguments + ["--folder", cluster.folder])
                #expect(outcome.exitCode == 1 && outcome.errors.contains(complaint), "\(arguments): \(outcome.errors)")
            }
        }
        let folder = FileManager.default.temporaryDirectory.appending(path: "lockpool-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "precious")
        try Data("x".utf8).write(to: file)
        for command in [["start"], ["stop"], ["status"], ["kill", "node1"]] {
            #expect(try await ServerScript.cluster.run(command + ["--folder", folder.path]).exitCode == 1)
            #expect(FileManager.default.fileExists(atPath: file.path))
        }
    }

    /// Returns when nodes have replayed what the primary has committed.
    private func untilReceived(
        _ cluster: TestCluster,
        from primary: TestCluster.Node,
        _ nodes: [TestCluster.Node]
    ) async throws {
        let end = try await cluster.psql(primary, "SELECT pg_current_wal_flush_lsn()")
        for node in nodes {
            try await until { try await cluster.psql(node, "SELECT pg_last_wal_replay_lsn() >= '\(end)'") == "t" }
        }
    }
}
