// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A figure of the benchmark, with its fixed name.
struct Row: Codable {
    let name: String
    let value: Double
    let unit: String
}

/// Collects rounds of figures and reports their medians.
struct Report {
    private var names: [String] = []
    private var units: [String: String] = [:]
    private var rounds: [String: [Double]] = [:]

    /// Adds a figure of one round.
    mutating func add(_ name: String, _ value: Double, _ unit: String) {
        if units.updateValue(unit, forKey: name) == nil { names.append(name) }
        rounds[name, default: []].append(value)
    }

    /// The median of a figure's rounds.
    func median(_ name: String) -> Double? {
        guard let values = rounds[name]?.sorted(), !values.isEmpty else { return nil }
        let middle = values.count / 2
        return values.count % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2
    }

    var rows: [Row] { names.map { Row(name: $0, value: median($0)!, unit: units[$0]!) } }

    /// A table with the median, the minimum and the maximum of the rounds.
    func printTable() {
        func column(_ text: String, _ width: Int, left: Bool = false) -> String {
            let padding = String(repeating: " ", count: max(0, width - text.count))
            return left ? text + padding : padding + text
        }
        let width = max(34, names.map(\.count).max() ?? 0)
        print(
            column("name", width, left: true),
            column("median", 14),
            column("least", 14),
            column("most", 14),
            " unit (rounds)"
        )
        for name in names {
            let values = rounds[name]!
            print(
                column(name, width, left: true),
                column(format(median(name)!), 14),
                column(format(values.min()!), 14),
                column(format(values.max()!), 14),
                " \(units[name]!) (\(values.count))"
            )
        }
    }

    private func format(_ value: Double) -> String {
        let digits = value.magnitude >= 1_000 ? 0 : value.magnitude >= 10 ? 1 : 3
        return String(format: "%.\(digits)f", value)
    }

    /// The report as one JSON object.
    func write(area: String, to path: String) throws {
        struct Document: Encodable {
            let area: String
            let machine: [String: String]
            let results: [Row]
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let data = try encoder.encode(Document(area: area, machine: Machine.description, results: rows))
        try data.write(to: URL(filePath: path))
    }
}

/// The machine of the measurements.
enum Machine {
    static var description: [String: String] {
        var machine = [
            "system": ProcessInfo.processInfo.operatingSystemVersionString,
            "processors": String(ProcessInfo.processInfo.activeProcessorCount),
            "memoryGiB": String(ProcessInfo.processInfo.physicalMemory >> 30),
            "date": ISO8601DateFormatter().string(from: Date()),
        ]
        let information = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
        if let line = information?.split(separator: "\n").first(where: { $0.hasPrefix("model name") }) {
            machine["processor"] = line.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
        }
        return machine
    }
}
