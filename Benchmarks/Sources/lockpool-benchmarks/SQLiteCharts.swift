// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Charts of the throughput of SQLite's readers and writers by their number, and of their effect
/// on each other.
enum SQLiteCharts {
    private static let numbers = [1, 2, 4, 8, 16, 32, 64, 128]
    private static var tasks: Chart.Axis {
        .init(least: 1, most: 128, labels: ["1", "2", "4", "8", "16", "32", "64", "128 tasks"])
    }
    private static var thousands: Chart.Axis {
        .init(least: 1_000, most: 1_000_000, labels: ["1,000 / s", "10,000 / s", "100,000 / s", "1,000,000 / s"])
    }

    static func write(to folder: String, _ subjects: SQLiteRows.Subjects, _ report: Report) async throws {
        let folder = URL(filePath: folder)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (name, svg) in [
            ("sqlite-reads", try await reads(subjects)), ("sqlite-writes", try await writes(subjects, report)),
            ("sqlite-readers-and-writer", try await interference(subjects)),
        ] {
            try svg.write(to: folder.appending(path: "\(name).svg"), atomically: true, encoding: .utf8)
        }
    }

    private static func reads(_ subjects: SQLiteRows.Subjects) async throws -> String {
        var (own, rival) = ([(Double, Double)](), [(Double, Double)]())
        for number in numbers {
            let tasks = Double(number)
            own.append((tasks, try await SQLiteRows.reads(subjects.pool, tasks: number, seconds: 1)))
            rival.append((tasks, try await SQLiteRows.reads(subjects.grdb, tasks: number, seconds: 1)))
        }
        var chart = Chart(title: "Point reads, each in its snapshot", xTitle: "tasks that read", x: tasks, y: thousands)
        chart.add(name: "SQLitePool, 4 readers", color: "#1f6feb", own)
        chart.add(name: "GRDB's DatabasePool, 4 readers", color: "#d1242f", rival)
        return chart.svg
    }

    private static func writes(_ subjects: SQLiteRows.Subjects, _ report: Report) async throws -> String {
        var (own, grouped, rival) = ([(Double, Double)](), [(Double, Double)](), [(Double, Double)]())
        for number in numbers {
            let tasks = Double(number)
            own.append((tasks, try await SQLiteRows.writes(subjects.pool, tasks: number, seconds: 1)))
            grouped.append((tasks, try await SQLiteRows.writes(subjects.grouping, tasks: number, seconds: 1)))
            rival.append((tasks, try await SQLiteRows.writes(subjects.grdb, tasks: number, seconds: 1)))
        }
        var chart = Chart(title: "Transactions of one update", xTitle: "tasks that write", x: tasks, y: thousands)
        chart.add(name: "SQLitePool, up to 64 writes share a commit", color: "#1a7f37", grouped)
        chart.add(name: "SQLitePool", color: "#1f6feb", own)
        chart.add(name: "GRDB's DatabasePool", color: "#d1242f", rival)
        if let raw = report.median("sqlite.rawwrite.ops") {
            chart.add(name: "plain C, a loop", color: "#6e7781", [(1, raw), (128, raw)])
        }
        return chart.svg
    }

    private static func interference(_ subjects: SQLiteRows.Subjects) async throws -> String {
        let pool = subjects.pool
        let alone = try await SQLiteInterferenceRows.waits(pool, seconds: 5)
        let accompanied = try await SQLiteInterferenceRows.whileWriting(pool, every: 0, eachFor: 10_000_000) {
            try await SQLiteInterferenceRows.waits(pool, seconds: 5)
        }.value
        var chart = Chart(
            title: "A read in every 200 µs, alone and while transactions of 10 ms follow one another",
            xTitle: "took longer than … microseconds",
            x: .init(least: 1, most: 100_000, labels: ["1", "10", "100", "1,000", "10,000", "100,000"]),
            y: .init(least: 1e-4, most: 1, labels: ["1 in 10,000", "1 in 1,000", "1 in 100", "1 in 10", "all"])
        )
        for (name, color, waits) in [
            ("without a writer", "#1f6feb", alone), ("beside the writer", "#d1242f", accompanied),
        ] {
            var points: [(Double, Double)] = []
            var share = 1.0
            while share > 1e-4 {
                points.append((waits.percentile(1 - share) / 1_000, share))
                share *= 0.97
            }
            let figures = String(
                format: "median %.0f µs, 1 in 100 %.0f µs",
                waits.percentile(0.5) / 1_000,
                waits.percentile(0.99) / 1_000
            )
            chart.add(name: "\(name): \(figures)", color: color, points)
        }
        return chart.svg
    }
}
