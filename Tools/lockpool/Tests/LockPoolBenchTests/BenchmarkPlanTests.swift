// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPoolBench
import Testing

@Suite("Plans")
struct BenchmarkPlanTests {
    private func plan(
        sql: String = "SELECT 1",
        writeSQL: String? = nil,
        clients: Int = 1,
        connections: Int = 1,
        seconds: Double = 1
    ) throws(CommandFailure) -> BenchmarkPlan {
        try BenchmarkPlan(sql: sql, writeSQL: writeSQL, clients: clients, connections: connections, seconds: seconds)
    }

    @Test("Values in range are accepted unchanged")
    func inRange() throws {
        let plan = try plan(writeSQL: "DELETE FROM t", clients: 64, connections: 4, seconds: 2.5)
        #expect(plan.clients == 64)
        #expect(plan.connections == 4)
        #expect(plan.duration == .milliseconds(2_500))
        #expect(plan.write?.text == "DELETE FROM t")
    }

    @Test("The number of clients is from 1 to 100,000", arguments: [0, -1, .min, .max, 100_001])
    func clients(count: Int) {
        let failure = #expect(throws: CommandFailure.self) { try plan(clients: count) }
        #expect(failure == .usage("--clients is \(count), but must be from 1 to 100000"))
    }

    @Test("The number of connections is from 1 to 256", arguments: [0, -1, 257])
    func connections(count: Int) {
        let failure = #expect(throws: CommandFailure.self) { try plan(connections: count) }
        #expect(failure == .usage("--connections is \(count), but must be from 1 to 256"))
    }

    @Test(
        "The duration is positive, and at most a day",
        arguments: [0, -1, Double.nan, Double.infinity, -Double.infinity, 86_401]
    )
    func seconds(count: Double) {
        let failure = #expect(throws: CommandFailure.self) { try plan(seconds: count) }
        #expect(failure?.kind == .usage)
        #expect(failure?.description.hasPrefix("--duration is \(count) seconds") == true)
    }

    @Test("An invalid statement is reported with its option")
    func badStatements() {
        #expect(throws: CommandFailure.usage("--sql: the SQL statement is empty")) { try plan(sql: "") }
        #expect(throws: CommandFailure.usage("--write-sql: the SQL statement is empty")) { try plan(writeSQL: " ") }
    }
}
