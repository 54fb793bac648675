// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import LockPoolBench

@Suite("Reports")
struct BenchmarkReportTests {
    private var report: BenchmarkReport {
        BenchmarkReport(
            system: "SQLite",
            systemVersion: nil,
            database: "/data/shop.db",
            sql: "SELECT *\n  FROM item",
            writeSQL: nil,
            clients: 64,
            connections: 4,
            isOnOneThread: false,
            elapsedSeconds: 2,
            ending: .duration,
            checkouts: 1_234_567,
            rows: 12,
            checkoutWait: LatencySummary(p50: 310_400, p99: 512_000, max: 1_204_000),
            queryLatency: LatencySummary(p50: 3_123, p99: 12_345, max: 99_960),
            writeLatency: nil,
            connectionsCreated: 4,
            turns: BenchmarkReport.Turns(luckiest: 19_301, unluckiest: 19_288),
            failures: []
        )
    }

    @Test("The table has a line for every figure")
    func table() {
        let expected = """
            64 clients on 4 connections, 2.0 s
            system:   SQLite
            database: /data/shop.db
            read:     SELECT * FROM item

                                               p50         p99         max
            checkout wait                   310 µs      512 µs      1.2 ms
            query latency                  3.12 µs     12.3 µs      100 µs

            checkouts per second           617,284
            checkouts                    1,234,567
            rows                                12
            connections created                  4
            turns, luckiest client          19,301
            turns, unluckiest client        19,288
            errors                               0

            """
        #expect(report.table == expected)
    }

    @Test("The table of an interrupted run names the signal, and has dashes for missing figures")
    func emptyTable() {
        var report = report
        report.ending = .interrupt
        report.elapsedSeconds = 0
        report.checkouts = 0
        report.checkoutWait = nil
        report.queryLatency = nil
        let lines = report.table.split(separator: "\n")
        #expect(lines.first == "64 clients on 4 connections, 0.0 s, ended early by SIGINT")
        #expect(lines.contains("checkout wait                        -           -           -"))
        #expect(lines.contains("checkouts per second                 0"))
    }

    @Test("The table of a writing run has the statement and its latency")
    func writingTable() {
        var report = report
        report.writeSQL = "DELETE FROM item"
        report.writeLatency = LatencySummary(p50: 1, p99: 20, max: 300)
        #expect(report.table.contains("\nwrite:    DELETE FROM item\n"))
        #expect(report.table.contains("\nwrite latency                     1 ns       20 ns      300 ns\n"))
    }

    @Test("A known version follows the name of the system")
    func version() throws {
        var report = report
        report.system = "PostgreSQL"
        report.systemVersion = "15.18"
        #expect(report.table.contains("\nsystem:   PostgreSQL 15.18\n"))
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(report.json.utf8)) as? [String: Any]
        )
        #expect(object["system"] as? String == "PostgreSQL")
        #expect(object["systemVersion"] as? String == "15.18")
    }

    @Test("Errors are counted and listed")
    func failures() {
        var report = report
        report.failures = [.init(message: "database is\nlocked", count: 1_200), .init(message: "disk full", count: 3)]
        #expect(report.failureCount == 1_203)
        #expect(report.table.hasSuffix("1,203\n  1,200 × database is locked\n  3 × disk full\n"))
    }

    @Test("The JSON object has the same figures, in keys with units")
    func json() throws {
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(report.json.utf8)) as? [String: Any]
        )
        #expect(object["system"] as? String == "SQLite")
        #expect(object["systemVersion"] == nil)
        #expect(object["database"] as? String == "/data/shop.db")
        #expect(object["checkouts"] as? Int == 1_234_567)
        #expect(object["checkoutsPerSecond"] as? Double == 617_283.5)
        #expect(object["elapsedSeconds"] as? Double == 2)
        #expect(object["endedBy"] as? String == "duration")
        #expect(object["connectionsCreated"] as? Int == 4)
        #expect(object["turns"] as? [String: Int] == ["luckiest": 19_301, "unluckiest": 19_288])
        #expect(
            object["checkoutWaitNanoseconds"] as? [String: Int]
                == ["p50": 310_400, "p99": 512_000, "max": 1_204_000]
        )
        #expect(object["writeLatencyNanoseconds"] == nil)
        #expect((object["errors"] as? [Any])?.isEmpty == true)
    }
}
