// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Signals all clients to stop.
final class StopFlag: Sendable {
    private let flag = Atomic(false)

    /// Whether the run is over. No other data depends on the value, so no ordering is needed.
    var isRaised: Bool { flag.load(ordering: .relaxed) }

    func raise() { flag.store(true, ordering: .relaxed) }
}

/// A task that repeatedly uses a connection.
struct BenchmarkClient: Sendable {
    let number: Int
    let connections: any BenchmarkConnections
    let plan: BenchmarkPlan
    let tally: Tally
    let stop: StopFlag

    /// Takes turns, at least one, until the run is over.
    ///
    /// - Returns: The number of successful turns.
    func run() async -> Int {
        var generator = SplitMix64(seed: .random(in: .min ... .max))
        var turns = 0
        repeat {
            do {
                try await read(&generator)
                try await write(&generator)
                turns += 1
            } catch {
                // The end of a run cancels waits. That is not an error.
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
