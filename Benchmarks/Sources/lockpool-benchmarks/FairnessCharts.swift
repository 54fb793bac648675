// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import LockPool
import Synchronization

/// Charts of fairness: tasks share 4 elements and hold each for a sleep of one millisecond.
enum FairnessCharts {
    static func write(to folder: String) async throws {
        let folder = URL(filePath: folder)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try await distribution().write(to: folder.appending(path: "waits.svg"), atomically: true, encoding: .utf8)
        try await bound().write(to: folder.appending(path: "wait-bound.svg"), atomically: true, encoding: .utf8)
    }

    /// The share of waits longer than a number of milliseconds, beside a pool that lets newcomers
    /// barge in.
    private static func distribution() async -> String {
        let fair = await run(tasks: 64, seconds: 5)
        let barging = await runBarging(tasks: 64, seconds: 5)
        var chart = Chart(
            title: "Waits for one of 4 elements, held for 1 ms each by 64 tasks",
            xTitle: "waited longer than … milliseconds",
            x: .init(least: 0.1, most: 10_000, labels: ["0.1", "1", "10", "100", "1,000", "10,000"]),
            y: .init(
                least: 1e-5,
                most: 1,
                labels: ["1 in 10⁵", "1 in 10,000", "1 in 1,000", "1 in 100", "1 in 10", "all"]
            )
        )
        for (name, color, waits) in [
            ("LockPool", "#1f6feb", fair.waits), ("a pool that lets newcomers barge in", "#d1242f", barging),
        ] {
            // Denser where waits are rare.
            var points: [(Double, Double)] = []
            var share = 1.0
            while share > 1 / Double(waits.count) {
                points.append((waits[Int(Double(waits.count) * (1 - share))], share))
                share *= 0.97
            }
            points.append((waits.last!, 1 / Double(waits.count)))
            let figures = String(format: "median %.1f ms, longest %.1f ms", waits[waits.count / 2], waits.last!)
            chart.add(name: "\(name): \(figures)", color: color, points)
        }
        return chart.svg
    }

    /// The longest wait by queue length, beside the bound that follows from the longest hold.
    private static func bound() async -> String {
        var (longest, bounds, ideals) = ([(Double, Double)](), [(Double, Double)](), [(Double, Double)]())
        for tasks in [8, 16, 32, 64, 128, 256, 512] {
            let run = await run(tasks: tasks, seconds: 2)
            // The last caller finds all others in the queue, except for the holders.
            let turns = ((Double(tasks) - 4) / 4).rounded(.up)
            longest.append((Double(tasks), run.waits.last!))
            bounds.append((Double(tasks), turns * run.longestHold))
            ideals.append((Double(tasks), turns * run.meanHold))
        }
        var chart = Chart(
            title: "The longest wait for one of 4 elements, held for 1 ms each",
            xTitle: "tasks, and milliseconds that one of them waited",
            x: .init(least: 1, most: 1_000, labels: ["1", "10", "100", "1,000"]),
            y: .init(least: 0.1, most: 10_000, labels: ["0.1", "1", "10", "100", "1,000", "10,000"])
        )
        chart.add(name: "the bound: ⌈position ÷ slots⌉ × longest hold", color: "#8250df", bounds)
        chart.add(name: "the longest wait", color: "#1f6feb", longest)
        chart.add(name: "perfect order: ⌈position ÷ slots⌉ × mean hold", color: "#1a7f37", ideals)
        return chart.svg
    }

    private struct Run {
        /// In milliseconds, sorted.
        var waits: [Double] = []
        var holds: [Double] = []
        var longestHold: Double { holds.max() ?? 0 }
        var meanHold: Double { holds.reduce(0, +) / Double(max(1, holds.count)) }
    }

    private static func run(tasks: Int, seconds: Double) async -> Run {
        let pool = LockPool(count: 4, maximumWaiters: tasks) { index in index }
        let collected = Mutex(Run())
        _ = await SaturationRows.race(tasks: tasks, seconds: seconds) { _, isOver in
            var own = Run()
            while !isOver() {
                let start = nanoseconds()
                guard let lease = try? await pool.get() else { fatalError("no element") }
                let got = nanoseconds()
                try? await Task.sleep(for: .milliseconds(1))
                let end = nanoseconds()
                lease.release()
                own.waits.append(Double(got - start) / 1e6)
                own.holds.append(Double(end - got) / 1e6)
            }
            collected.withLock {
                $0.waits += own.waits
                $0.holds += own.holds
            }
            return own.waits.count
        }
        var run = collected.withLock { $0 }
        run.waits.sort()
        return run
    }

    private static func runBarging(tasks: Int, seconds: Double) async -> [Double] {
        let pool = BargingPool(count: 4)
        let collected = Mutex<[Double]>([])
        _ = await SaturationRows.race(tasks: tasks, seconds: seconds) { _, isOver in
            var own: [Double] = []
            while !isOver() {
                let start = nanoseconds()
                let element = await pool.get()
                own.append(Double(nanoseconds() - start) / 1e6)
                try? await Task.sleep(for: .milliseconds(1))
                pool.release(element)
            }
            collected.withLock { $0 += own }
            return own.count
        }
        return collected.withLock { $0.sorted() }
    }
}
