// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The options of the command line.
struct Options {
    var area = ""
    var json: String?
    var charts: String?
    var isQuick = false
    /// The part of the area to measure, or `nil` for all.
    var part: String?
    /// Figures that were measured before, to be added to the report.
    var figures: [Row] = []

    /// The number of rounds of a figure.
    var rounds: Int { isQuick ? 5 : 9 }

    static let usage =
        """
        usage: lockpool-benchmarks core|pool|sqlite|postgres|cluster|service [--json FILE] [--charts FOLDER] [--quick]
                                   [--part NAME] [--figure NAME VALUE UNIT]
        """

    init(_ arguments: [String]) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--quick": isQuick = true
            case "--json":
                guard let path = rest.popFirst() else { Options.fail("--json needs a file") }
                json = path
            case "--charts":
                guard let path = rest.popFirst() else { Options.fail("--charts needs a folder") }
                charts = path
            case "--part":
                guard let name = rest.popFirst() else { Options.fail("--part needs a name") }
                part = name
            case "--figure":
                guard let name = rest.popFirst(), let value = rest.popFirst().flatMap(Double.init),
                    let unit = rest.popFirst()
                else { Options.fail("--figure needs a name, a number and a unit") }
                figures.append(Row(name: name, value: value, unit: unit))
            case "--help", "-h":
                print(Options.usage)
                exit(0)
            case "core", "pool", "sqlite", "postgres", "cluster",
                "service" where area.isEmpty:
                area = argument
            default: Options.fail("unknown argument: \(argument)")
            }
        }
        if area.isEmpty { Options.fail("which area?") }
    }

    func wants(_ part: String) -> Bool { self.part == nil || self.part == part }

    static func fail(_ message: String) -> Never {
        FileHandle.standardError.write(Data("\(message)\n\(usage)\n".utf8))
        exit(64)
    }
}

@main
struct Benchmarks {
    static func main() async throws {
        let options = Options(Array(CommandLine.arguments.dropFirst()))
        var report = Report()
        var isComplete = true
        switch options.area {
        case "core":
            if options.wants("uncontended") { await CoreRows.uncontended(options, into: &report) }
            if options.wants("contended") { CoreRows.contended(options, into: &report) }
            if options.wants("saturated") {
                report = await Task.detached { [report] in
                    var report = report
                    await SaturationRows.run(options, into: &report)
                    return report
                }.value
            }
            if options.part == nil { try await AllocationRows.run("core", into: &report) }
            if let path = options.charts { try await Task.detached { try await FairnessCharts.write(to: path) }.value }
        case "pool":
            report = try await Task.detached {
                var report = Report()
                try await PoolRows.run(options, into: &report)
                return report
            }.value
        case "postgres":
            report = try await Task.detached {
                var report = Report()
                try await PostgresSelectRows.run(options, into: &report)
                if options.wants("copy") { try await PostgresCopyRows.run(options, into: &report) }
                if options.wants("large") { try await PostgresLargeRows.run(options, into: &report) }
                return report
            }.value
        case "cluster":
            report = try await Task.detached {
                var report = Report()
                try await ClusterRows.run(options, into: &report)
                return report
            }.value
        case "service":
            (report, isComplete) = try await Task.detached {
                var report = Report()
                let isComplete = try await ServiceRows.run(options, into: &report)
                return (report, isComplete)
            }.value
        default:
            report = try await Task.detached {
                var report = Report()
                try await SQLiteRows.run(options, into: &report)
                return report
            }.value
        }
        for figure in options.figures { report.add(figure.name, figure.value, figure.unit) }
        report.printTable()
        if let path = options.json { try report.write(area: options.area, to: path) }
        if !isComplete { exit(1) }
    }
}
