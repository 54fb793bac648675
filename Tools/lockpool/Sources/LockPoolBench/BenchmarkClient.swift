// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

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
    let connections: any BenchmarkConnections
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
        let values = plan.read.drawValues(using: &generator)
        let called = monotonicNanoseconds()
        let use = try await connections.read(plan.read, values: values)
        tally.count(.read, client: number, wait: use.started - called, use: use.ended - use.started, rows: use.rows)
    }

    private func write(_ generator: inout SplitMix64) async throws {
        guard let write = plan.write else { return }
        let values = write.drawValues(using: &generator)
        let called = monotonicNanoseconds()
        let use = try await connections.write(write, values: values)
        tally.count(.write, client: number, wait: use.started - called, use: use.ended - use.started, rows: use.rows)
    }
}
