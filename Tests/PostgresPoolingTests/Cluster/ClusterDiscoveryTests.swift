// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct ClusterDiscoveryTests {
    /// A list of servers that a test changes.
    private final class Directory: Sendable {
        enum Answer: Sendable {
            case hosts([String])
            case failure
            /// Does not end before it is cancelled.
            case silence
        }

        struct Unavailable: Error {}

        private let answer: Locked<Answer>

        init(_ hosts: [String]) { answer = Locked(.hosts(hosts)) }

        func set(_ new: Answer) { answer.withLock { $0 = new } }

        func list() async throws -> [String] {
            switch answer.withLock({ $0 }) {
            case .hosts(let hosts): return hosts
            case .failure: throw Unavailable()
            case .silence:
                try await Task.sleep(for: .seconds(86_400))
                return []
            }
        }
    }

    private func hosts(_ cluster: TestCluster) async throws -> [String] {
        try await cluster.status().map { "127.0.0.1:\($0.port)" }
    }

    /// The URL without hosts.
    private func account(_ cluster: TestCluster) -> String {
        cluster.url.prefix { $0 != "@" } + "@/lockpool?sslmode=disable&gssencmode=disable"
    }

    @Test("Listed servers join, and missing ones leave when their leases have ended")
    func members() async throws {
        try await withCluster { cluster in
            let hosts = try await hosts(cluster)
            let directory = Directory(Array(hosts.prefix(2)))
            let recorder = ClusterRecorder()
            try await withPools(cluster, url: account(cluster), observers: [recorder]) {
                $0.discover = { try await directory.list() }
                $0.discoveryInterval = .milliseconds(50)
                $0.servers.pool.drainTimeout = .seconds(300)
            } _: { pools in
                try await pools.execute("SELECT 1")
                await until { pools.status.map(\.role) == [.primary, .standby] }
                let (isReading, isRemoved) = (Counted<Void>(), Counted<Void>())
                let read = Task {
                    try await pools.read(from: .replica()) { db in
                        isReading.add(())
                        await until { !isRemoved.values.isEmpty }
                        return try await db.queryOne("SELECT inet_server_port()", as: Int.self)
                    }
                }
                await until { !isReading.values.isEmpty }
                directory.set(.hosts([hosts[0], hosts[2]]))
                await until { Set(pools.status.map(\.name)) == [hosts[0], hosts[2]] }
                await until { Set(pools.status.map(\.role)) == [.primary, .standby] }
                isRemoved.add(())
                #expect(try await "127.0.0.1:\(read.value)" == hosts[1])
                let port = try await pools.queryOne("SELECT inet_server_port()", from: .replica(), as: Int.self)
                #expect("127.0.0.1:\(port)" == hosts[2])
                // It takes the place that is free.
                directory.set(.hosts(hosts))
                await until { pools.status.map(\.role).sorted { "\($0)" < "\($1)" } == [.primary, .standby, .standby] }
                await recorder.untilSeen("serverRemoved(\"\(hosts[1])\")")
                await recorder.untilSeen("serverAdded(\"\(hosts[2])\")")
            }
        }
    }

    @Test("A list that cannot be used leaves the servers as they are")
    func failures() async throws {
        try await withCluster(standbys: 1) { cluster in
            let hosts = try await hosts(cluster)
            let directory = Directory(hosts)
            let recorder = ClusterRecorder()
            try await withPools(cluster, url: account(cluster), observers: [recorder]) {
                $0.discover = { try await directory.list() }
                $0.discoveryInterval = .milliseconds(50)
                $0.discoveryTimeout = .milliseconds(200)
            } _: { pools in
                await until { pools.status.map(\.role) == [.primary, .standby] }
                let answers: [(Directory.Answer, String)] = [
                    (.failure, "Unavailable"), (.hosts([]), "is empty"), (.hosts([hosts[0], "a b"]), "is not a host"),
                    (.silence, "were not listed"),
                ]
                for (answer, text) in answers {
                    directory.set(answer)
                    await recorder.untilSeen(text)
                    #expect(pools.status.map(\.name) == hosts)
                }
                try await pools.execute("SELECT 1")
                directory.set(.hosts([hosts[0]]))
                await until { pools.status.map(\.name) == [hosts[0]] }
            }
        }
    }

    @Test("A new primary that is only listed after the failure is found")
    func replaced() async throws {
        try await withCluster(standbys: 1, isSynchronous: true) { cluster in
            let hosts = try await hosts(cluster)
            let directory = Directory([hosts[0]])
            try await withPools(cluster, url: account(cluster)) {
                $0.discover = { try await directory.list() }
                // Only the failure causes another call.
                $0.discoveryInterval = .seconds(86_400)
            } _: { pools in
                try await pools.execute("CREATE TABLE t (id int)")
                directory.set(.hosts([hosts[1]]))
                try await cluster.kill(.node1)
                try await cluster.promote(.node2)
                try await pools.execute("INSERT INTO t VALUES (1)")
                #expect(pools.status.map(\.name) == [hosts[1]])
            }
        }
    }

    @Test(
        "A host has a name, and may have a port",
        arguments: [
            ("db1", "db1:6"), ("db1:5433", "db1:5433"), ("[2001:db8::1]:5433", "[2001:db8::1]:5433"),
            ("[::1]", "[::1]:6"), ("/run/postgresql", "/run/postgresql:6"),
        ]
    )
    func names(_ text: String, _ name: String) throws {
        #expect(try ClusterHost(text, defaultPort: "6").name == name)
    }

    @Test(
        "Another text is no host",
        arguments: [
            "", ":5432", "db1:", "db1:0", "db1:65536", "db1:+1", "a,b", "a b", "db1\n", "[::1]5432", "::1", "db1:1:2",
        ]
    )
    func invalidNames(_ text: String) {
        #expect(throws: PostgresError.self) { try ClusterHost(text, defaultPort: nil) }
    }

    @Test("A configuration that cannot work is refused")
    func configurations() {
        func code(_ url: String, _ configure: (inout PostgresCluster.Configuration) -> Void = { _ in }) -> PostgresError
            .Code?
        {
            var configuration = PostgresCluster.Configuration(url)
            configure(&configuration)
            do {
                _ = try PostgresCluster(configuration)
                return nil
            } catch {
                return error.code
            }
        }
        #expect(code("postgres://app@/app") == .invalidConfiguration)
        #expect(code("postgres://app@a:1,a:1/app") == .invalidConfiguration)
        #expect(code("postgres://app@a/app") { $0.probeInterval = .zero } == .invalidConfiguration)
        #expect(code("postgres://app@a/app") { $0.probeTimeout = .zero } == .invalidConfiguration)
        #expect(code("postgres://app@a/app") { $0.discoveryInterval = .zero } == .invalidConfiguration)
        #expect(code("postgres://app@a/app") { $0.discoveryTimeout = .zero } == .invalidConfiguration)
        #expect(code("postgres://app@a/app") { $0.servers.pool.maximumConnections = 0 } == .invalidConfiguration)
        #expect(
            code("postgres://app@/app") {
                $0.discover = { [] }
                $0.servers.pool.maximumConnections = 0
            } == .invalidConfiguration
        )
    }

    @Test("Durations of any length are accepted, and the limits for callers do not apply to the watchers")
    func limits() async throws {
        try await withCluster(standbys: 1) { cluster in
            let hosts = try await hosts(cluster)
            try await withPools(cluster, url: account(cluster)) {
                let endless = Duration.seconds(Int64.max)
                $0.discover = { hosts }
                ($0.probeInterval, $0.probeTimeout) = (endless, endless)
                ($0.discoveryInterval, $0.discoveryTimeout) = (endless, endless)
            } _: { pools in
                try await pools.execute("SELECT 1")
                equal(try await pools.queryOne("SELECT pg_is_in_recovery()", from: .replica(), as: Bool.self), true)
            }
            try await withPools(cluster) {
                $0.servers.pool.checkoutTimeout = .nanoseconds(1)
                ($0.servers.pool.initialBackoff, $0.servers.pool.maximumBackoff) = (.zero, .zero)
            } _: { pools in
                await until { pools.status.map(\.role) == [.primary, .standby] }
            }
        }
    }
}
