// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PostgresPooling

@Suite struct ClusterTopologyTests {
    typealias Report = ClusterTopology.Report

    private var topology = ClusterTopology(count: 3)
    private var now: UInt64 = 0

    private func primary(_ timeline: UInt32, _ position: UInt64) -> Report {
        Report(isPrimary: true, timeline: timeline, position: PostgresLSN(rawValue: position), system: "a")
    }

    private func standby(_ timeline: UInt32, _ position: UInt64) -> Report {
        Report(isPrimary: false, timeline: timeline, position: PostgresLSN(rawValue: position), system: "a")
    }

    private mutating func record(_ report: Report, _ index: Int) -> [ClusterTopology.Change] {
        now += 1_000
        return topology.record(report, from: index, start: now - 100, now: now)
    }

    private mutating func start() {
        _ = record(primary(1, 100), 0)
        _ = record(standby(1, 90), 1)
        _ = record(standby(1, 100), 2)
    }

    @Test("The primary and its standbys serve")
    mutating func initial() {
        #expect(record(primary(1, 100), 0) == [.reachable(0), .primary(0)])
        #expect(record(standby(1, 90), 1) == [.reachable(1)])
        #expect(
            topology.role(of: 0) == .primary && topology.role(of: 1) == .standby && topology.role(of: 2) == .unknown
        )
        #expect([0, 1, 2].map { topology.servesReads($0) } == [true, true, false])
        #expect(topology.lagBytes(of: 1) == 10)
    }

    @Test("A primary that does not answer stays the primary until another one has been promoted")
    mutating func failover() {
        start()
        #expect(topology.recordFailure(of: 0) == [.unreachable(0)])
        #expect(topology.recordFailure(of: 0) == [])
        #expect(topology.primary == 0)
        #expect(record(primary(2, 110), 1) == [.primary(1)])
        #expect(record(standby(2, 105), 2) == [])
        #expect([0, 1, 2].map { topology.servesReads($0) } == [false, true, true])
    }

    @Test("An old primary that returns is used only when it follows")
    mutating func returns() {
        start()
        _ = topology.recordFailure(of: 0)
        _ = record(primary(2, 110), 1)
        #expect(record(primary(1, 500), 0) == [.reachable(0), .splitBrain([0, 1])])
        #expect(topology.primary == 1 && topology.role(of: 0) == .stalePrimary && !topology.servesReads(0))
        _ = topology.recordFailure(of: 1)
        #expect(record(primary(1, 501), 0) == [])
        #expect(topology.primary == 1)
        #expect(record(standby(2, 110), 0) == [])
        #expect(topology.role(of: 0) == .standby && topology.servesReads(0))
    }

    @Test("Of two that were promoted to the same timeline, neither is chosen unless it was before")
    mutating func sameTimeline() {
        start()
        _ = topology.recordFailure(of: 0)
        #expect(record(primary(2, 110), 1) == [.primary(1)])
        #expect(record(primary(2, 120), 2) == [.splitBrain([1, 2])])
        #expect(topology.primary == 1)
        var other = ClusterTopology(count: 2)
        _ = other.record(primary(2, 110), from: 0, start: 0, now: 1)
        _ = other.record(primary(3, 110), from: 1, start: 0, now: 1)
        #expect(other.primary == 1)
    }

    @Test("A standby that follows an old primary answers no reads")
    mutating func oldTimeline() {
        start()
        _ = record(primary(2, 110), 1)
        #expect(!topology.servesReads(2))
        _ = record(standby(2, 110), 2)
        #expect(topology.servesReads(2))
        // Without its primary it reports the timeline of its checkpoint.
        _ = topology.recordFailure(of: 1)
        _ = record(standby(1, 111), 2)
        #expect(topology.servesReads(2))
        // It is another copy.
        _ = record(standby(1, 50), 2)
        #expect(!topology.servesReads(2))
    }

    @Test("A standby that comes back as a copy of an old primary answers no reads")
    mutating func copyOfOldPrimary() {
        start()
        _ = record(primary(2, 110), 1)
        _ = record(standby(2, 110), 2)
        _ = topology.recordFailure(of: 2)
        _ = record(standby(1, 500), 2)
        #expect(!topology.servesReads(2))
    }

    @Test("A server of another cluster is not used")
    mutating func stranger() {
        start()
        var report = standby(1, 1_000)
        report.system = "b"
        #expect(record(report, 2) == [.stranger(2)])
        #expect(record(report, 2) == [])
        #expect(topology.role(of: 2) == .stranger && !topology.servesReads(2))
        report.isPrimary = true
        report.timeline = 9
        #expect(record(report, 2) == [])
        #expect(topology.primary == 0)
    }

    @Test("When a server of another cluster takes the primary's place, the other primary is used at once")
    mutating func strangerInPlaceOfPrimary() {
        start()
        _ = record(primary(2, 110), 1)
        _ = record(primary(2, 120), 2)
        #expect(topology.primary == 1)
        var report = standby(1, 1_000)
        report.system = "b"
        #expect(record(report, 1) == [.stranger(1), .splitBrain([0, 2]), .primary(2)])
    }

    @Test("The lag in time is the age of the latest position that the standby has")
    mutating func lagTime() {
        _ = topology.record(primary(1, 100), from: 0, start: 1_000, now: 1_100)
        _ = topology.record(primary(1, 200), from: 0, start: 2_000, now: 2_100)
        _ = topology.record(standby(1, 150), from: 1, start: 2_000, now: 2_100)
        #expect(topology.lagTime(of: 1, at: 2_500) == 1_500)
        _ = topology.record(standby(1, 200), from: 1, start: 2_200, now: 2_300)
        #expect(topology.lagTime(of: 1, at: 2_500) == 500)
        // The primary has changed nothing since.
        for instant in stride(from: UInt64(3_000), to: 300_000, by: 1_000) {
            _ = topology.record(primary(1, 200), from: 0, start: instant, now: instant + 100)
        }
        #expect(topology.lagTime(of: 1, at: 299_500) == 500)
        _ = topology.record(standby(1, 50), from: 2, start: 2_200, now: 2_300)
        #expect(topology.lagTime(of: 2, at: 2_500) == nil)
    }

    @Test("Reads go to standbys within the lag")
    mutating func candidates() throws {
        start()
        func standbys(_ policy: PostgresReadPolicy) -> [Int] { topology.standbys(for: policy, now: now) }
        #expect(standbys(.preferReplica) == [1, 2])
        #expect(standbys(.replica(maximumLag: .bytes(5))) == [2])
        #expect(standbys(.replica(maximumLag: .bytes(10))) == [1, 2])
        #expect(standbys(.replica(maximumLag: .time(.seconds(1)))) == [2])
    }
}
