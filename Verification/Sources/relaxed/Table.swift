// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CRelaxed
import Foundation

/// The findings about each operation's weaker orderings: the file `orderings.txt`.
struct Table {
    enum Verdict: Equatable {
        /// This scenario breaks with the weaker ordering.
        case caught(by: String)
        /// No scenario breaks, and the operation keeps its ordering for a reason.
        case kept(String)
        /// The operation does not run here.
        case absent(String)
        case unknown

        var text: String {
            switch self {
            case .caught(let scenario): "caught by \(scenario)"
            case .kept(let reason): "kept: \(reason)"
            case .absent(let reason): "not run: \(reason)"
            case .unknown: "?"
            }
        }

        init(_ text: String) {
            func rest(_ prefix: String) -> String? {
                text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : nil
            }
            self =
                rest("caught by ").map { .caught(by: $0) } ?? rest("kept: ").map { .kept($0) }
                ?? rest("not run: ").map { .absent($0) } ?? .unknown
        }
    }

    private static let introduction = """
        # Each atomic operation of the core with each weaker ordering, and what becomes of it. `relaxed --update` writes this file,
        # and asks for a reason where no scenario breaks.
        #
        # file | function | number within it | method | weaker ordering | verdict

        """

    /// By the names of the operation and the weakening.
    private(set) var verdicts: [String: Verdict] = [:]

    init(text: String) {
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let fields = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard fields.count == 6 else { continue }
            verdicts[fields[..<5].joined(separator: " | ")] = Verdict(fields[5])
        }
    }

    /// The rows that the sources require.
    static func rows(for operations: [SourceOperation]) -> [(operation: SourceOperation, weakening: Weakening)] {
        operations.flatMap { operation in Weakening.all(of: operation.method).map { (operation, $0) } }
    }

    static func name(_ operation: SourceOperation, _ weakening: Weakening) -> String {
        "\(operation.name) | \(weakening.name)"
    }

    subscript(operation: SourceOperation, weakening: Weakening) -> Verdict {
        get { verdicts[Table.name(operation, weakening)] ?? .unknown }
        set { verdicts[Table.name(operation, weakening)] = newValue }
    }

    /// The differences between the table and the sources: rows of removed operations, and
    /// operations without a row.
    func differences(_ operations: [SourceOperation]) -> [String] {
        let wanted = Table.rows(for: operations).map { Table.name($0.operation, $0.weakening) }
        return verdicts.keys.filter { !wanted.contains($0) }.sorted().map { "not in the sources: \($0)" }
            + wanted.filter { verdicts[$0] == nil || verdicts[$0] == .unknown }.map { "not in the table: \($0)" }
    }

    func text(_ operations: [SourceOperation]) -> String {
        Table.introduction
            + Table.rows(for: operations)
            .map { "\(Table.name($0.operation, $0.weakening)) | \(self[$0.operation, $0.weakening].text)\n" }.joined()
    }
}
