// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension BenchmarkReport {
    /// The report as a table, with a line break after each line.
    public var table: String {
        var lines = [
            "\(clients.grouped) \(clients == 1 ? "client" : "clients") on \(connections.grouped) "
                + "\(connections == 1 ? "connection" : "connections")\(isOnOneThread ? " and one thread" : ""), \(elapsedSeconds.oneDecimal) s"
                + (ending == .duration ? "" : ", ended early by \(ending.rawValue)"),
            "system:   \(system)" + (systemVersion.map { " \($0)" } ?? ""),
            "database: \(database.onOneLine)",
            "read:     \(sql.onOneLine)",
        ]
        if let writeSQL {
            lines.append("write:    \(writeSQL.onOneLine)")
        }
        lines += ["", row("", "p50", "p99", "max")]
        lines.append(row("checkout wait", checkoutWait))
        lines.append(row("query latency", queryLatency))
        if writeSQL != nil {
            lines.append(row("write latency", writeLatency))
        }
        lines.append("")
        lines.append(row("checkouts per second", Int(checkoutsPerSecond.rounded()).grouped))
        lines.append(row("checkouts", checkouts.grouped))
        lines.append(row("rows", rows.grouped))
        lines.append(row("connections created", connectionsCreated.grouped))
        lines.append(row("turns, luckiest client", turns.luckiest.grouped))
        lines.append(row("turns, unluckiest client", turns.unluckiest.grouped))
        lines.append(row("errors", failureCount.grouped))
        for failure in failures {
            lines.append("  \(failure.count.grouped) × \(failure.message.onOneLine)")
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private func row(_ name: String, _ summary: LatencySummary?) -> String {
        guard let summary else { return row(name, "-", "-", "-") }
        return row(name, summary.p50.asDuration, summary.p99.asDuration, summary.max.asDuration)
    }

    private func row(_ name: String, _ values: String...) -> String {
        name.padded(to: 26) + values.map { $0.padded(to: 12, onTheLeft: true) }.joined()
    }
}

extension String {
    fileprivate func padded(to width: Int, onTheLeft: Bool = false) -> String {
        let padding = String(repeating: " ", count: max(0, width - count))
        return onTheLeft ? padding + self : self + padding
    }
}
