// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import SQLitePooling
internal import Synchronization

/// Tells all clients that they have had their last turn.
final class StopFlag: Sendable {
    private let flag = Atomic(false)

    /// Whether it is over. No data hangs on the answer, so that no ordering is needed.
    var isRaised: Bool { flag.load(ordering: .relaxed) }

    func raise() { flag.store(true, ordering: .relaxed) }
}

/// One of the tasks that take turns with the connections.
struct BenchmarkClient: Sendable {
    let number: Int
    let pool: SQLitePool
    let plan: BenchmarkPlan
    let tally: Tally
    let stop: StopFlag

    /// Takes turns, at least one, until it is stopped.
    ///
    /// - Returns: How many turns it had. Those that failed do not count.
    func run() async -> Int {
        var generator = SplitMix64(seed: .random(in: .min ... .max))
        var turns = 0
        repeat {
            do {
                try await read(&generator)
                try await write(&generator)
                turns += 1
            } catch {
                // A cancelled wait is how a run ends, and no failure.
                if Task.isCancelled { break }
                tally.countFailure("\(error)".onOneLine, client: number)
            }
        } while !stop.isRaised
        return turns
    }

    private func read(_ generator: inout SplitMix64) async throws {
        let statement = SQL(plan.read, values: plan.read.drawValues(using: &generator))
        let called = monotonicNanoseconds()
        let use = try await pool.read { db in
            try Use(of: statement, on: db)
        }
        tally.count(.read, client: number, wait: use.started - called, use: use.ended - use.started, rows: use.rows)
    }

    private func write(_ generator: inout SplitMix64) async throws {
        guard let write = plan.write else { return }
        let statement = SQL(write, values: write.drawValues(using: &generator))
        let called = monotonicNanoseconds()
        let use = try await pool.write { db in
            try Use(of: statement, on: db)
        }
        tally.count(.write, client: number, wait: use.started - called, use: use.ended - use.started, rows: use.rows)
    }
}

/// One execution of a statement on a connection, all its rows walked through.
private struct Use: Sendable {
    let started: UInt64
    let ended: UInt64
    let rows: Int

    init(of statement: SQL, on db: borrowing SQLiteConnection) throws {
        started = monotonicNanoseconds()
        var rows = 0
        try db.forEachRow(statement) { _ in rows += 1 }
        self.rows = rows
        ended = monotonicNanoseconds()
    }
}

extension SQL {
    /// The statement of `template` with `values` bound to its parameters.
    init(_ template: StatementTemplate, values: [Int64]) {
        self.init(unsafe: template.sql, parameters: values.map { .integer($0) })
    }
}
