// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CRelaxed

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The settings of the exploration of a scenario.
struct Exploration {
    var bounds = Choices.Bounds(preemptions: 2, staleReads: 1)
    /// The largest number of runs within the bounds.
    var limit = Int.max
    /// The number of random runs afterwards.
    var randoms = 0
    var seed: UInt64 = 1

    /// For a scenario with the core's own orderings.
    static let usual = Exploration(limit: 60_000, randoms: 10_000)

    static let quick = Exploration(limit: 20_000, randoms: 2_000)

    /// For a scenario that must break.
    static let thorough = Exploration(
        bounds: Choices.Bounds(preemptions: 3, staleReads: 2),
        limit: 300_000,
        randoms: 100_000
    )

    /// Explores the scenario.
    ///
    /// - Returns: The number of runs, and whether they were all within the bounds; or the
    ///   failure.
    func run(_ scenario: Scenario) -> Result<(count: Int, isComplete: Bool), Finding> {
        scheduler.choices = .exhaustive(bounds)
        var count = 0
        var isComplete = false
        while !isComplete, count < limit {
            count += 1
            if let problem = Exploration.runOnce(scenario) {
                return .failure(
                    Finding(
                        problem,
                        scenario,
                        "run \(count) of those with at most \(bounds.preemptions) preemptions"
                            + " and \(bounds.staleReads) stale reads"
                    )
                )
            }
            isComplete = !scheduler.choices.advance()
        }
        for seed in seed..<seed + UInt64(randoms) {
            scheduler.choices = .random(seed: seed)
            if let problem = Exploration.runOnce(scenario) {
                scheduler.choices = .random(seed: seed)
                return .failure(Finding(problem, scenario, "seed \(seed)"))
            }
        }
        return .success((count + randoms, isComplete))
    }

    /// Makes one run.
    ///
    /// - Returns: The failure; `nil` if there is none.
    static func runOnce(_ scenario: Scenario) -> String? {
        world = World(scenario)
        world.prepare()
        Memory.settle()
        return scheduler.run(world.bodies) ?? world.problemAtRest() ?? scheduler.failure
    }
}

/// A broken promise, with the steps that led to it.
struct Finding: Error {
    let problem: String
    let scenario: String
    let run: String
    let trace: [String]

    /// Repeats the last run for its trace.
    init(_ problem: String, _ scenario: Scenario, _ run: String) {
        self.problem = problem
        self.scenario = scenario.name
        self.run = run
        scheduler.choices.rewind()
        operations.beginTrace()
        _ = Exploration.runOnce(scenario)
        operations.isTracing = false
        trace = operations.trace
    }

    var text: String {
        "BROKEN in “\(scenario)”, \(run): \(problem)\n"
            + trace.enumerated().map { "  \($0.offset + 1). \($0.element)\n" }.joined()
    }
}
