// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct ClusterEventTests {
    @Test("Observers receive a failover's events, and the snapshot has what each server has answered")
    func failover() async throws {
        try await withCluster(isSynchronous: true) { cluster in
            let recorder = ClusterRecorder()
            try await withPools(cluster, observers: [recorder]) { pools in
                await pools.untilKnown()
                let names = pools.status.map(\.name)
                try await pools.execute("CREATE TABLE t (id int)")
                for _ in 0..<10 { _ = try await pools.query("SELECT 1", from: .replica()) }
                let snapshot = pools.snapshot
                #expect(snapshot.primary == names[0])
                #expect(snapshot.servers.map(\.status.name) == names)
                #expect(snapshot.servers.map(\.shareOfWrites) == [1, 0, 0])
                #expect(snapshot.servers[0].shareOfReads == 0 && snapshot.servers[0].pool.counters.acquired > 0)
                #expect(abs(snapshot.servers.reduce(0) { $0 + $1.shareOfReads } - 1) < 0.001)
                #expect(snapshot.servers.reduce(0) { $0 + $1.status.reads } == 10)
                await recorder.untilSeen("primaryChanged(from: nil, to: Optional(\"\(names[0])\"))")

                try await cluster.kill(.node1)
                await recorder.untilSeen("serverLost(\"\(names[0])\")")
                #expect(pools.status[0].lastFailure != nil)
                try await cluster.promote(.node2)
                await recorder.untilSeen(
                    "primaryChanged(from: Optional(\"\(names[0])\"), to: Optional(\"\(names[1])\"))"
                )
                await recorder.untilSeen("roleChanged(\"\(names[1])\"")
                try await cluster.follow(.node1)
                await until { pools.role(0) == .standby }
                #expect(pools.status[0].lastFailure == nil)
                let reached = recorder.events.values.filter { $0 == "serverReached(\"\(names[0])\")" }
                #expect(reached.count >= 2)
            }
        }
    }

    @Test("A second primary and a server of another cluster are reported, and not used")
    func strangers() async throws {
        try await withCluster(standbys: 1) { cluster in
            try await withCluster(standbys: 1) { other in
                let password = cluster.url.split(separator: "@")[0].split(separator: ":").last!
                try await other.psql(.node1, "ALTER ROLE lockpool PASSWORD '\(password)'")
                let hosts = try await cluster.status().map { "127.0.0.1:\($0.port)" }
                let stranger = "127.0.0.1:\(try await other.status(.node1).port)"
                let isListed = Counted<Void>()
                let recorder = ClusterRecorder()
                try await withPools(cluster, observers: [recorder]) {
                    $0.discover = { isListed.values.isEmpty ? hosts : hosts + [stranger] }
                    $0.discoveryInterval = .milliseconds(50)
                } _: { pools in
                    await pools.untilKnown()
                    isListed.add(())
                    await recorder.untilSeen("strangerFound(\"\(stranger)\")")
                    await until { pools.status.map(\.role) == [.primary, .standby, .stranger] }
                    // The old primary still runs.
                    try await cluster.promote(.node2)
                    await recorder.untilSeen("splitBrain([\"\(hosts[0])\", \"\(hosts[1])\"])")
                    await until { pools.status.map(\.role) == [.stalePrimary, .primary, .stranger] }
                    let port = try await pools.queryOne("SELECT inet_server_port()", as: Int.self)
                    #expect("127.0.0.1:\(port)" == hosts[1])
                }
            }
        }
    }

    @Test("Events arrive in their order, also if an observer causes another")
    func order() {
        let state = ClusterState()
        let seen = Counted<String>()
        func deliver() {
            state.deliverEvents { event in
                seen.add("\(event)")
                if seen.values.count == 1 {
                    state.record(.serverLost("c"))
                    deliver()
                }
            }
        }
        state.record(.serverLost("a"))
        state.record(.serverLost("b"))
        deliver()
        #expect(seen.values == ["a", "b", "c"].map { "serverLost(\"\($0)\")" })
        deliver()
        #expect(seen.values.count == 3)
    }
}
