// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LockPoolBench

@Suite("Tallies")
struct TallyTests {
    @Test("The counts of several clients are added up")
    func addsUp() {
        let tally = Tally(clients: 20)
        for client in 0..<20 {
            tally.count(.read, client: client, wait: 1_000, use: UInt64(client + 1), rows: 2)
        }
        tally.count(.write, client: 3, wait: 5_000, use: 700, rows: 0)
        let total = tally.total
        #expect(total.checkouts == 21)
        #expect(total.rows == 40)
        #expect(LatencySummary(total.waits) == LatencySummary(p50: 1_000, p99: 5_000, max: 5_000))
        #expect(LatencySummary(total.reads) == LatencySummary(p50: 10, p99: 20, max: 20))
        #expect(LatencySummary(total.writes) == LatencySummary(p50: 700, p99: 700, max: 700))
        #expect(tally.progress == (21, 0))
    }

    @Test("An empty histogram has no summary")
    func nothing() {
        #expect(LatencySummary(Tally(clients: 1).total.waits) == nil)
    }

    @Test("A duration of more than an hour counts as an hour")
    func longDurations() throws {
        let tally = Tally(clients: 1)
        tally.count(.read, client: 0, wait: .max, use: 0, rows: 0)
        let waits = try #require(LatencySummary(tally.total.waits))
        #expect(waits.max >= 3_590_000_000_000)
        #expect(tally.total.checkouts == 1)
    }

    @Test("Errors are counted by message, and beyond a limit together")
    func failures() {
        let tally = Tally(clients: 9)
        for number in 0..<40 {
            tally.countFailure("failure \(number % 10)", client: number % 9)
        }
        let total = tally.total
        #expect(total.failures.count == 8)
        #expect(total.failureCount == 40)
        #expect(total.furtherFailures == 8)
        #expect(tally.progress == (0, 40))
    }
}
