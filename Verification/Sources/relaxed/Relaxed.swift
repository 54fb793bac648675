// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CRelaxed
import Foundation

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Checks the core's orderings.
@main
struct Relaxed {
    static let usage = """
        usage: relaxed [--update | --search] [--scenario NAME [--weaken ROW] [--preemptions N] [--stale N] [--limit N]
                       [--random N] [--seed SEED]] [--list]

        Runs the core's real sources on a memory with the orderings of C++20, in many orders of their steps and with many of the
        values that a load may return; then once more for each weaker ordering, which one of the scenarios has to notice.

          --update         look for a scenario for each row of the table that has none, and write the table
          --search         the same also for the rows whose ordering is kept without a scenario
          --scenario NAME  only this scenario, without the table
          --weaken ROW     with this operation weakened: the first five columns of a row of the table
          --preemptions N  stop callers at most so often in a run (default 2)
          --stale N        return old values at most so often in a run (default 1)
          --limit N        at most so many of these runs of a scenario
          --random N       random runs of a scenario afterwards (default 2000); --seed and --random 1 repeat one of them
          --seed SEED      the first seed
          --list           the names of the scenarios

        Exit status: 0 if every promise held and the table is right, 1 if not, 64 for wrong arguments.
        """

    static let root = URL(filePath: #filePath).appending(path: "../../../..").standardized
    static let tableFile = root.appending(path: "Verification/orderings.txt")

    static func main() throws {
        rx_show_progress()
        var exploration = Exploration.quick
        var (name, weakening, mode) = (String?.none, String?.none, "check")
        var arguments = CommandLine.arguments.dropFirst()
        while let argument = arguments.popFirst() {
            func text() -> String {
                guard let text = arguments.popFirst() else { misuse("\(argument) needs a value") }
                return text
            }
            func number() -> Int {
                guard let number = Int(text()), number >= 0 else { misuse("\(argument) needs a number") }
                return number
            }
            switch argument {
            case "--scenario": name = text()
            case "--weaken": weakening = text()
            case "--random": exploration.randoms = number()
            case "--seed": exploration.seed = UInt64(number())
            case "--limit": exploration.limit = number()
            case "--preemptions": exploration.bounds.preemptions = number()
            case "--stale": exploration.bounds.staleReads = number()
            case "--update", "--search": mode = argument
            case "--list":
                for scenario in Scenario.all { print(scenario.name) }
                return
            case "--help", "-h":
                print(usage)
                return
            default: misuse("unknown argument: \(argument)")
            }
        }
        let core = root.appending(path: "Sources/LockPool")
        let operations = try SourceOperation.all(in: core)
        if let name {
            try explore(name, weakening, operations, exploration)
            return
        }
        var problems = SourceOperation.differences(
            ofMachine: try String(contentsOf: core.appending(path: "Machine.swift"), encoding: .utf8)
        )
        if !problems.isEmpty { fail(problems, "make the orderings of RelaxedMachine.swift those of the core") }
        problems = Litmus.problems()
        if !problems.isEmpty { fail(problems, "the memory of this tool is wrong, and so is what it says of the core") }
        print("\(Litmus.all.count) litmus tests have the results that C++20 allows, and no others")
        var table = Table(text: (try? String(contentsOf: tableFile, encoding: .utf8)) ?? "")
        let runs = checkScenarios(operations, mode == "check" ? .usual : .quick)
        let weakenings = Weakenings(operations: operations, runs: runs)
        if mode != "check" {
            weakenings.search(&table, all: mode == "--search", exploration)
            try table.text(operations).write(to: tableFile, atomically: true, encoding: .utf8)
        }
        problems = table.differences(operations)
        if !problems.isEmpty {
            fail(
                problems,
                "the operations of the core and Verification/orderings.txt differ. Run relaxed with --update, which looks"
                    + " for a scenario for each new row; where it finds none, weaken the operation, or say in the row why not"
            )
        }
        if mode != "check" { return }
        problems = unexpectedRuns(table, operations, runs)
        if !problems.isEmpty { fail(problems, "correct Verification/orderings.txt, or add a scenario") }
        problems = weakenings.check(table)
        if !problems.isEmpty {
            fail(
                problems,
                "a scenario has to notice the weaker ordering: run --update after removing the row, or weaken the core"
            )
        }
        print("every promise held, and every weaker ordering is caught or named in the table")
    }

    /// One scenario, perhaps with a weaker ordering, in this process.
    static func explore(
        _ name: String,
        _ weakening: String?,
        _ operations: [SourceOperation],
        _ exploration: Exploration
    ) throws {
        guard let scenario = Scenario.all.first(where: { $0.name == name }) else {
            misuse("no scenario has this name")
        }
        if let weakening {
            guard
                let row = Table.rows(for: operations).first(where: {
                    Table.name($0.operation, $0.weakening) == weakening
                })
            else { misuse("no operation of the core has this row") }
            relaxed.operations.weaken(row.operation, to: row.weakening.orderings)
        }
        switch exploration.run(scenario) {
        case .success(let done):
            print("\(scenario.name): \(done.count) runs\(done.isComplete ? ", all within the bounds" : "")")
        case .failure(let finding):
            print(finding.text)
            exit(1)
        }
    }

    /// Every scenario with the core's own orderings. Ends the process if a promise is broken.
    ///
    /// - Returns: For each scenario, the operations that ran in it.
    static func checkScenarios(_ operations: [SourceOperation], _ exploration: Exploration) -> [String: Set<String>] {
        let scenarios = Scenario.all
        var runs: [String: Set<String>] = [:]
        var (count, complete) = (0, 0)
        Children.run(scenarios.count, seconds: 600) { index in
            switch exploration.run(scenarios[index]) {
            case .success(let done):
                print(done.count, done.isComplete)
                for operation in operations where relaxed.operations.runs(of: operation) > 0 { print(operation.name) }
                return true
            case .failure(let finding):
                print(finding.text)
                return false
            }
        } done: { index, outcome in
            if outcome.status != 0 {
                print(outcome.output)
                fail(["“\(scenarios[index].name)” ends with status \(outcome.status)"], "the steps are above")
            }
            let lines = outcome.output.split(separator: "\n").map(String.init)
            let figures = lines[0].split(separator: " ")
            count += Int(figures[0])!
            if figures[1] == "true" { complete += 1 }
            runs[scenarios[index].name] = Set(lines.dropFirst())
            if runs.count % 10 == 0 { print("\(runs.count) of \(scenarios.count) scenarios, \(count) runs") }
        }
        print(
            "\(scenarios.count) scenarios, \(count) runs with at most \(exploration.bounds.preemptions) preemptions and"
                + " \(exploration.bounds.staleReads) stale reads, or at random; \(complete) are complete within these bounds, the"
                + " others up to \(exploration.limit) runs"
        )
        return runs
    }

    /// Rows that wrongly say that an operation runs, or that it does not run.
    static func unexpectedRuns(
        _ table: Table,
        _ operations: [SourceOperation],
        _ runs: [String: Set<String>]
    ) -> [String] {
        let all = runs.values.reduce(into: Set()) { $0.formUnion($1) }
        return Table.rows(for: operations).compactMap { row in
            let runs = all.contains(row.operation.name)
            if case .absent = table[row.operation, row.weakening] {
                return runs ? "runs, and the table says that it does not: \(row.operation.name)" : nil
            }
            return runs ? nil : "runs in no scenario: \(row.operation.name)"
        }
    }

    static func fail(_ problems: [String], _ advice: String) -> Never {
        for problem in problems { print("relaxed: \(problem)") }
        print("relaxed: FAILED: \(advice)")
        fflush(nil)
        exit(1)
    }

    static func misuse(_ message: String) -> Never {
        FileHandle.standardError.write(Data("relaxed: \(message)\n\(usage)\n".utf8))
        exit(64)
    }
}
