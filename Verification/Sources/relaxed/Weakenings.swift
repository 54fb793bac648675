// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CRelaxed
import Foundation

/// Runs the scenarios with one operation weakened at a time.
struct Weakenings {
    let operations: [SourceOperation]
    /// The names of the operations that run in a scenario.
    let runs: [String: Set<String>]

    private struct Job {
        let operation: SourceOperation
        let weakening: Weakening
        var name: String { Table.name(operation, weakening) }
    }

    /// Explores scenarios with an operation weakened, until one breaks.
    private static func explore(
        _ operation: SourceOperation,
        _ weakening: Weakening,
        _ scenarios: [Scenario],
        _ exploration: Exploration
    ) -> Bool {
        relaxed.operations.weaken(operation, to: weakening.orderings)
        for scenario in scenarios {
            // A trap leaves no other message.
            write(STDOUT_FILENO, "\(scenario.name)\n", scenario.name.utf8.count + 1)
            if case .failure(let finding) = exploration.run(scenario) {
                print(finding.text)
                fflush(nil)
                return false
            }
        }
        return true
    }

    /// Checks that each scenario in the table still breaks.
    ///
    /// - Returns: The failures.
    func check(_ table: Table) -> [String] {
        var problems: [String] = []
        let jobs: [(job: Job, scenario: Scenario)] = Table.rows(for: operations).compactMap { row in
            guard case .caught(let name) = table[row.operation, row.weakening] else { return nil }
            guard let scenario = Scenario.all.first(where: { $0.name == name }) else {
                problems.append("\(Table.name(row.operation, row.weakening)): there is no scenario “\(name)”")
                return nil
            }
            return (Job(operation: row.operation, weakening: row.weakening), scenario)
        }
        var caught = 0
        Children.run(jobs.count, seconds: 120) { index in
            Weakenings.explore(
                jobs[index].job.operation,
                jobs[index].job.weakening,
                [jobs[index].scenario],
                .thorough
            )
        } done: { index, outcome in
            if outcome.status == 1 || outcome.isTrapped {
                caught += 1
                if caught % 20 == 0 { print("\(caught) of \(jobs.count) weaker orderings are caught") }
            } else {
                problems.append("\(jobs[index].job.name): “\(jobs[index].scenario.name)” does not break any more")
            }
        }
        print("\(caught) of \(jobs.count) weaker orderings that have to be caught are")
        return problems
    }

    /// Searches a scenario for each row without one.
    ///
    /// A form that is weaker than a caught one is caught, too.
    func search(_ table: inout Table, all: Bool, _ exploration: Exploration) {
        var verdicts = table
        var open = Table.rows(for: operations).map { Job(operation: $0.operation, weakening: $0.weakening) }
        open = open.filter { job in
            switch table[job.operation, job.weakening] {
            case .unknown: true
            case .kept: all
            case .caught, .absent: false
            }
        }
        while !open.isEmpty {
            // The strongest form of each operation first.
            let round = open.filter { job in
                !open.contains {
                    $0.operation.name == job.operation.name && $0.name != job.name
                        && $0.weakening.isStronger(than: job.weakening)
                }
            }
            Children.run(round.count, seconds: 1200) { index in
                let job = round[index]
                let fitting = Scenario.all.filter { runs[$0.name]!.contains(job.operation.name) }
                return Weakenings.explore(job.operation, job.weakening, fitting, exploration)
            } done: { index, outcome in
                let job = round[index]
                if outcome.status == 1 || outcome.isTrapped {
                    let finding = outcome.output.split(separator: "\n").last { line in
                        Scenario.all.contains { $0.name == line }
                    }
                    verdicts[job.operation, job.weakening] = .caught(by: String(finding!))
                }
                print("\(job.name): \(verdicts[job.operation, job.weakening].text) (\(outcome.status))")
            }
            let names = Set(round.map(\.name))
            open.removeAll { names.contains($0.name) }
            for job in open {
                for stronger in round
                where stronger.operation.name == job.operation.name
                    && stronger.weakening.isStronger(than: job.weakening)
                {
                    if case .caught = verdicts[stronger.operation, stronger.weakening] {
                        verdicts[job.operation, job.weakening] = verdicts[stronger.operation, stronger.weakening]
                    }
                }
            }
            open.removeAll { job in
                if case .caught = verdicts[job.operation, job.weakening] { return true }
                return false
            }
        }
        table = verdicts
    }
}
