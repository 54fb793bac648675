// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CRelaxed
import Foundation

/// An atomic operation in the core's sources.
struct SourceOperation {
    let file: String
    let function: String
    /// The number of the operation in its function, from 1 on.
    let number: Int
    let line: Int
    let method: String

    /// The name in the table, which does not depend on line numbers.
    var name: String { "\(file) | \(function) | \(number) | \(method)" }

    /// The operations in a file of the core.
    static func all(in file: String, text: String) -> [SourceOperation] {
        var operations: [SourceOperation] = []
        var function = ""
        var number = 0
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.range(of: "//").map { String(line[..<$0.lowerBound]) } ?? String(line)
        }
        for (index, line) in lines.enumerated() {
            if let name = declaredName(lines[index...]) { (function, number) = (name, 0) }
            let found = Orderings.ofMethods.keys.compactMap { method in
                line.range(of: ".\(method)(").map { (method: method, position: $0.lowerBound) }
            }
            for method in found.sorted(by: { $0.position < $1.position }).map(\.method) {
                number += 1
                operations.append(
                    SourceOperation(file: file, function: function, number: number, line: index + 1, method: method)
                )
            }
        }
        return operations
    }

    /// The name of the function or property that the first line declares, as `#function` has it.
    private static func declaredName(_ lines: ArraySlice<String>) -> String? {
        let line = lines.first!
        if let match = line.firstMatch(of: /^ *((@\w+|private|nonmutating|static|package|public) )*var (\w+): .*{/) {
            return String(match.3)
        }
        guard let match = line.firstMatch(of: /(^| )(func (\w+)|(init))(<.*>)?\(/) else { return nil }
        // The parameters, which may be on lines of their own.
        var labels = ""
        var (depth, isLabel) = (0, true)
        var label = ""
        for character in lines.joined(separator: " ")[match.range.upperBound...] {
            if "([<".contains(character) { depth += 1 }
            if ")]>".contains(character) { depth -= 1 }
            if depth < 0 { break }
            if depth == 0, character == "," {
                isLabel = true
                label = ""
            } else if isLabel, character == " " || character == ":" {
                if !label.isEmpty {
                    labels += label + ":"
                    isLabel = false
                }
            } else if isLabel {
                label.append(character)
            }
        }
        return "\(match.3 ?? match.4!)(\(labels))"
    }

    /// Every operation of the core, in the order of files and lines. `Machine.swift` defines the
    /// operations, and `Deadlines.swift` is not part of the core.
    static func all(in folder: URL) throws -> [SourceOperation] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path()).sorted()
            .filter { $0.hasSuffix(".swift") && !["Machine.swift", "Deadlines.swift"].contains($0) }
            .flatMap { try all(in: $0, text: String(contentsOf: folder.appending(path: $0), encoding: .utf8)) }
            // A plain load of memory.
            .filter { !($0.file == "Record.swift" && $0.function == "waker") }
    }

    /// The differences between the orderings of `Word` here and in the core's `Machine.swift`.
    static func differences(ofMachine text: String) -> [String] {
        let words: [Substring: rx_order] = [
            "relaxed": rx_relaxed, "acquiring": rx_acquire, "releasing": rx_release,
            "acquiringAndReleasing": rx_acquire_release, "sequentiallyConsistent": rx_sequential,
        ]
        var (method, found) = ("", [String: [rx_order]]())
        for line in text.split(separator: "\n") where line.firstMatch(of: /^ *\/\//) == nil {
            if let match = line.firstMatch(of: /func (\w+)\(/) { method = String(match.1) }
            for match in line.matches(of: /[oO]rdering: \.(\w+)/) { found[method, default: []].append(words[match.1]!) }
        }
        var differences: [String] = []
        for (name, there) in found.sorted(by: { $0.key < $1.key }) {
            guard let here = Orderings.ofMethods[name] else {
                differences.append("\(name) is in Machine.swift and not in RelaxedMachine.swift")
                continue
            }
            // With one ordering, the failure of an exchange has the part of it that applies to a
            // load.
            let isExchange = name.hasPrefix("compareExchange")
            let failure = there.count == 2 ? there[1] : there[0] == rx_acquire_release ? rx_acquire : there[0]
            if there[0] != here.success || isExchange && failure != here.failure {
                differences.append("\(name) has other orderings in Machine.swift than in RelaxedMachine.swift")
            }
        }
        return differences
    }
}

/// An ordering weaker than that of an operation.
struct Weakening {
    let name: String
    let orderings: Orderings

    /// The weaker forms of a method. A form comes after those that it is weaker than.
    static func all(of method: String) -> [Weakening] {
        switch method {
        case "loadAcquire": [Weakening(name: "relaxed", orderings: Orderings(success: rx_relaxed))]
        case "load":
            [
                Weakening(name: "acquire", orderings: Orderings(success: rx_acquire)),
                Weakening(name: "relaxed", orderings: Orderings(success: rx_relaxed)),
            ]
        case "compareExchangeAcquire", "compareExchangeRelease":
            [Weakening(name: "relaxed", orderings: Orderings(success: rx_relaxed))]
        case "compareExchangeAcquireRelease":
            [
                Weakening(name: "relaxed failure", orderings: Orderings(success: rx_acquire_release)),
                Weakening(name: "acquire", orderings: Orderings(success: rx_acquire, failure: rx_acquire)),
                Weakening(name: "release", orderings: Orderings(success: rx_release)),
            ]
        case "compareExchange":
            [
                Weakening(name: "acquire failure", orderings: Orderings(success: rx_sequential, failure: rx_acquire)),
                Weakening(
                    name: "acquire and release",
                    orderings: Orderings(success: rx_acquire_release, failure: rx_acquire)
                ),
                Weakening(name: "acquire", orderings: Orderings(success: rx_acquire, failure: rx_acquire)),
                Weakening(name: "release", orderings: Orderings(success: rx_release)),
            ]
        case "increase", "decrease":
            [
                Weakening(name: "acquire and release", orderings: Orderings(success: rx_acquire_release)),
                Weakening(name: "acquire", orderings: Orderings(success: rx_acquire)),
                Weakening(name: "release", orderings: Orderings(success: rx_release)),
            ]
        case "subtractOne":
            [
                Weakening(name: "acquire", orderings: Orderings(success: rx_acquire)),
                Weakening(name: "release", orderings: Orderings(success: rx_release)),
            ]
        default: []
        }
    }

    /// Whether every behavior of `self` is a behavior of `other`.
    func isStronger(than other: Weakening) -> Bool {
        func covers(_ a: rx_order, _ b: rx_order) -> Bool {
            a == b || b == rx_relaxed || a == rx_sequential
                || a == rx_acquire_release && b != rx_sequential
        }
        return covers(orderings.success, other.orderings.success) && covers(orderings.failure, other.orderings.failure)
    }
}
