// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A run of many clients that share a few connections to one database.
public struct Benchmark: Sendable {
    let plan: BenchmarkPlan
    let target: any BenchmarkTarget
    let meter: ProgressMeter

    /// Creates a run of `plan` on `file`, whose progress `meter` shows.
    public init(_ plan: BenchmarkPlan, on file: DatabaseFile, meter: ProgressMeter) {
        self.plan = plan
        self.target = SQLiteTarget(file)
        self.meter = meter
    }

    /// Creates a run of `plan` on `server`, whose progress `meter` shows.
    public init(_ plan: BenchmarkPlan, on server: PostgresServer, meter: ProgressMeter) {
        self.plan = plan
        self.target = server
        self.meter = meter
    }

    /// Checks that the statements can run, without changing a row.
    ///
    /// - Throws: ``CommandFailure`` with the reason why they cannot.
    public func checkStatements() async throws(CommandFailure) {
        try await target.checkStatements(of: plan)
    }

    /// Runs the clients until the time has passed or `interruptions` reports a signal.
    ///
    /// Without a writing statement a file is opened for reading only.
    ///
    /// - Throws: ``CommandFailure`` if the run cannot begin. The report has later errors.
    public func run(until interruptions: Interruptions) async throws(CommandFailure) -> BenchmarkReport {
        let connections = try target.open(for: plan)
        let tally = Tally(clients: plan.clients)
        let course = await takeTurns(on: connections, tally: tally, until: interruptions)
        let connectionsCreated = connections.created
        await connections.close()
        return report(
            course,
            tally.total,
            isOnOneThread: connections.executor != nil,
            connectionsCreated: connectionsCreated
        )
    }

    private func report(
        _ course: Course,
        _ figures: Tally.Figures,
        isOnOneThread: Bool,
        connectionsCreated: Int
    ) -> BenchmarkReport {
        var failures = figures.failures.map { BenchmarkReport.Failure(message: $0.key, count: $0.value) }
        failures.sort { ($1.count, $0.message) < ($0.count, $1.message) }
        if figures.furtherFailures > 0 {
            failures.append(BenchmarkReport.Failure(message: "other errors", count: figures.furtherFailures))
        }
        return BenchmarkReport(
            system: target.system,
            systemVersion: target.systemVersion,
            database: target.database,
            sql: plan.read.text,
            writeSQL: plan.write?.text,
            clients: plan.clients,
            connections: plan.connections,
            isOnOneThread: isOnOneThread,
            elapsedSeconds: Double(course.nanoseconds) / 1e9,
            ending: course.ending,
            checkouts: figures.checkouts,
            rows: figures.rows,
            checkoutWait: LatencySummary(figures.waits),
            queryLatency: LatencySummary(figures.reads),
            writeLatency: LatencySummary(figures.writes),
            connectionsCreated: connectionsCreated,
            turns: BenchmarkReport.Turns(
                luckiest: course.turns.max() ?? 0,
                unluckiest: course.turns.min() ?? 0
            ),
            failures: failures
        )
    }
}
