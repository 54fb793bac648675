// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Explores scenarios and reports the results.
@main
struct Interleavings {
    static let usage = """
        usage: interleavings [--scenario NAME] [--random COUNT] [--seed SEED] [--limit COUNT]
                             [--preemptions COUNT] [--half NUMBER]

        Runs the core's real sources with their atomic operations under the control of a scheduler, in every order with a
        bounded number of preemptions, and then in random orders.

          --scenario NAME      only the scenario with this name
          --random COUNT       random schedules per scenario (default 20000)
          --seed SEED          the first random seed (default 1); with --random 1 it replays one schedule
          --limit COUNT        at most so many schedules per scenario in the exhaustive part (default none)
          --preemptions COUNT  instead of each scenario's own bound
          --half NUMBER        only every second scenario, from the first (0) or the second (1)
          --list               the names of the scenarios

        Exit status: 0 if every promise held, 1 if one was broken, 64 for wrong arguments.
        """

    static func main() {
        var (name, randoms, seed, limit, preemptions) = (String?.none, 20_000, UInt64(1), Int.max, Int?.none)
        var half: Int?
        var arguments = CommandLine.arguments.dropFirst()
        while let argument = arguments.popFirst() {
            func number() -> Int {
                guard let text = arguments.popFirst(), let number = Int(text), number >= 0 else {
                    fail("\(argument) needs a number")
                }
                return number
            }
            switch argument {
            case "--scenario": name = arguments.popFirst()
            case "--random": randoms = number()
            case "--seed": seed = UInt64(number())
            case "--limit": limit = number()
            case "--preemptions": preemptions = number()
            case "--half": half = number()
            case "--list":
                for scenario in Scenario.all { print(scenario.name) }
                return
            case "--help", "-h":
                print(usage)
                return
            default: fail("unknown argument: \(argument)")
            }
        }
        let scenarios = Scenario.all.enumerated()
            .filter { (name == nil || $0.element.name == name) && (half == nil || $0.offset % 2 == half) }
            .map(\.element)
        if scenarios.isEmpty { fail("no scenario has this name") }
        var total = 0
        for scenario in scenarios {
            total += explore(scenario, preemptions: preemptions ?? scenario.preemptions, limit: limit)
            total += explore(scenario, seeds: seed..<seed + UInt64(randoms))
        }
        print("\(total) schedules of \(scenarios.count) scenarios explored; every promise held")
    }

    static func fail(_ message: String) -> Never {
        let text = "interleavings: \(message)\n\(usage)\n"
        _ = text.withCString { write(STDERR_FILENO, $0, strlen($0)) }
        exit(64)
    }

    /// All schedules up to a number of preemptions.
    static func explore(_ scenario: Scenario, preemptions: Int, limit: Int) -> Int {
        scheduler.choices = .exhaustive(preemptions: preemptions)
        var count = 0
        repeat {
            count += 1
            if let problem = run(scenario) {
                report(
                    problem,
                    in: scenario,
                    schedule: "schedule \(count) of those with at most \(preemptions) preemptions"
                )
            }
        } while scheduler.choices.advance() && count < limit
        print("\(scenario.name): \(count) schedules with at most \(preemptions) preemptions")
        return count
    }

    /// One schedule for each seed.
    static func explore(_ scenario: Scenario, seeds: Range<UInt64>) -> Int {
        for seed in seeds {
            scheduler.choices = .random(seed: seed)
            if let problem = run(scenario) { report(problem, in: scenario, schedule: "seed \(seed)") }
        }
        return seeds.count
    }

    static func run(_ scenario: Scenario) -> String? {
        world = World(scenario)
        world.prepare()
        return scheduler.run(world.bodies) ?? world.problemAtRest() ?? scheduler.failure
    }

    static func report(_ problem: String, in scenario: Scenario, schedule: String) -> Never {
        let steps = scheduler.trace.map(String.init).joined()
        print("BROKEN in “\(scenario.name)”, \(schedule): \(problem)\n  callers by step: \(steps)")
        exit(1)
    }
}
