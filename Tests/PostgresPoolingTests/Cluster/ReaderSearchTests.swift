// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import PostgresPooling

/// The choice of a server for a read, without servers.
@Suite final class ReaderSearchTests {
    private let state = ClusterState()
    private let servers: [ClusterServer]
    private let random = RandomNumbers(seed: 20)

    /// A primary, number 0, and three standbys, which have replayed up to 30, 20 and 10.
    init() throws {
        servers = try (0..<4).map { index in
            try ClusterServer(
                index: index,
                ClusterHost("db\(index).invalid", defaultPort: nil),
                PostgresCluster.Configuration("postgres://db.invalid/app"),
                name: "test",
                observers: [],
                statementObservers: [],
                random: { 0 }
            )
        }
        for server in servers {
            #expect(state.add(server))
            report(server.index, isPrimary: server.index == 0, position: UInt64(40 - server.index * 10))
        }
    }

    private func report(_ index: Int, isPrimary: Bool = false, position: UInt64 = 40, at now: UInt64 = 1) {
        let report = ClusterTopology.Report(
            isPrimary: isPrimary,
            timeline: 1,
            position: PostgresLSN(rawValue: position),
            system: "1"
        )
        _ = state.update(servers[index]) { $0.record(report, from: index, start: now, now: now) }
    }

    private func search(_ policy: PostgresReadPolicy, after position: UInt64? = nil) -> ReaderSearch {
        ReaderSearch(policy, after: position.map(PostgresLSN.init(rawValue:)), since: 0, deadline: 1_000)
    }

    /// The servers that 1,000 reads choose, and how often each.
    private func choices(_ search: ReaderSearch, at now: UInt64 = 1) -> [Int: Int] {
        var counts: [Int: Int] = [:]
        for _ in 0..<1_000 {
            guard let choice = state.choose(for: search, at: now, random: random.next()).0 else { continue }
            #expect(choice.isPrimary == (choice.server === state.primary))
            counts[choice.server.index, default: 0] += 1
        }
        return counts
    }

    @Test("Reads spread evenly over equal standbys, and leave the primary alone")
    func spread() {
        let counts = choices(search(.preferReplica))
        #expect(Set(counts.keys) == [1, 2, 3] && counts.values.reduce(0, +) == 1_000)
        // 333 each.
        #expect(counts.values.allSatisfy { (258...408).contains($0) }, "\(counts)")
    }

    @Test("A standby that takes three times as long gets only the reads that draw it twice")
    func slowStandby() {
        servers[1].latency.store(3_000_000, ordering: .relaxed)
        let counts = choices(search(.preferReplica))
        // A ninth.
        #expect((61...161).contains(counts[1] ?? 0), "\(counts)")
    }

    @Test("A standby with more reads in progress gets only the reads that draw it twice")
    func busyStandby() {
        servers[2].readsInProgress.store(3, ordering: .relaxed)
        let counts = choices(search(.preferReplica))
        #expect((61...161).contains(counts[2] ?? 0), "\(counts)")
    }

    @Test("Only standbys that have replayed a position answer; if none has, each may have by now")
    func position() {
        #expect(Set(choices(search(.preferReplica, after: 20)).keys) == [1, 2])
        #expect(Set(choices(search(.preferReplica, after: 30)).keys) == [1])
        #expect(Set(choices(search(.preferReplica, after: 31)).keys) == [1, 2, 3])
    }

    @Test("The limit of the lag is checked at each read")
    func lag() {
        #expect(Set(choices(search(.preferReplica(maximumLag: .bytes(15)))).keys) == [1])
        #expect(Set(choices(search(.preferReplica(maximumLag: .bytes(5)))).keys) == [0])
        report(3, position: 38)
        #expect(Set(choices(search(.preferReplica(maximumLag: .bytes(5)))).keys) == [3])
    }

    @Test("A standby that pauses, has been tried, or has been removed is not chosen")
    func excluded() {
        servers[1].rotation.failed(at: 0)
        #expect(Set(choices(search(.preferReplica)).keys) == [2, 3])
        var search = search(.preferReplica)
        search.tried = [2]
        #expect(Set(choices(search).keys) == [3])
        state.remove(servers[3])
        #expect(Set(choices(search).keys) == [0])
        search.tried = [0, 2]
        #expect(choices(search).isEmpty)
    }

    @Test("A standby that does not answer, and one that was promoted, are readers no more at once")
    func topology() {
        _ = state.update(servers[1]) { $0.recordFailure(of: 1) }
        #expect(Set(choices(search(.replica())).keys) == [2, 3])
        let promoted = ClusterTopology.Report(
            isPrimary: true,
            timeline: 2,
            position: PostgresLSN(rawValue: 50),
            system: "1"
        )
        _ = state.update(servers[2]) { $0.record(promoted, from: 2, start: 2, now: 2) }
        // The other standby follows the old timeline.
        #expect(choices(search(.replica())).isEmpty)
        #expect(Set(choices(search(.preferReplica)).keys) == [2])
    }
}
