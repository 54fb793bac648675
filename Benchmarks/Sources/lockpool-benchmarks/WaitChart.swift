// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import LockPool
import Synchronization

/// How waits are distributed, as a picture: 64 tasks share 4 elements and hold each for a sleep of a millisecond, from
/// `LockPool`, and from a pool that lets newcomers barge in.
enum WaitChart {
    static func write(to path: String) async throws {
        let lockPool = LockPool(count: 4, maximumWaiters: 64) { index in index }
        let fair = await waits { wait in
            guard let lease = try? await lockPool.get() else { fatalError("no element") }
            wait()
            try? await Task.sleep(for: .milliseconds(1))
            lease.release()
        }
        let bargingPool = BargingPool(count: 4)
        let barging = await waits { wait in
            let element = await bargingPool.get()
            wait()
            try? await Task.sleep(for: .milliseconds(1))
            bargingPool.release(element)
        }
        try draw([("LockPool", "#1f6feb", fair), ("a pool that lets newcomers barge in", "#d1242f", barging)])
            .write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// Every wait of a run, those included that are not over at its end: who starves shall be seen.
    private static func waits(_ turn: @escaping @Sendable (_ wait: () -> Void) async -> Void) async -> [Double] {
        let collected = Mutex<[Double]>([])
        _ = await SaturationRows.race(tasks: 64, seconds: 5) { _, isOver in
            var (own, turns) = ([Double](), 0)
            while !isOver() {
                let start = nanoseconds()
                await turn { own.append(Double(nanoseconds() - start) / 1e6) }
                turns += 1
            }
            collected.withLock { $0 += own }
            return turns
        }
        return collected.withLock { $0.sorted() }
    }

    /// The share of waits that were longer than so many milliseconds, both axes logarithmic.
    private static func draw(_ curves: [(name: String, color: String, waits: [Double])]) -> String {
        let (width, height, left, bottom, top) = (720.0, 420.0, 70.0, 50.0, 50.0)
        let (least, most, fewest) = (0.1, 10_000.0, 1e-5)
        func x(_ milliseconds: Double) -> Double {
            left + (width - left - 20) * log10(max(milliseconds, least) / least) / log10(most / least)
        }
        func y(_ share: Double) -> Double {
            top + (height - top - bottom) * log10(1 / max(share, fewest)) / log10(1 / fewest)
        }
        func number(_ value: Double) -> String { String(format: "%.1f", value) }
        var svg = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(width)) \(Int(height))" font-family="sans-serif" font-size="12">
            <rect width="100%" height="100%" fill="white"/>
            <text x="\(number(left))" y="22" font-size="15">Waits for one of 4 elements, held for 1 ms each by 64 tasks</text>

            """
        for exponent in -1...4 {
            let position = number(x(pow(10, Double(exponent))))
            svg +=
                "<line x1=\"\(position)\" x2=\"\(position)\" y1=\"\(number(top))\" y2=\"\(number(height - bottom))\" stroke=\"#ddd\"/>\n"
            let label = exponent < 0 ? "0.1" : String(Int(pow(10, Double(exponent))))
            svg +=
                "<text x=\"\(position)\" y=\"\(number(height - bottom + 18))\" text-anchor=\"middle\">\(label)</text>\n"
        }
        for exponent in 0...5 {
            let position = y(pow(10, -Double(exponent)))
            svg +=
                "<line x1=\"\(number(left))\" x2=\"\(number(width - 20))\" y1=\"\(number(position))\" y2=\"\(number(position))\" stroke=\"#ddd\"/>\n"
            let label = ["all", "1 in 10", "1 in 100", "1 in 1,000", "1 in 10,000", "1 in 10⁵"][exponent]
            svg += "<text x=\"\(number(left - 6))\" y=\"\(number(position + 4))\" text-anchor=\"end\">\(label)</text>\n"
        }
        svg +=
            "<text x=\"\(number(width / 2))\" y=\"\(number(height - 10))\" text-anchor=\"middle\">waited longer than … milliseconds</text>\n"
        for (index, curve) in curves.enumerated() where !curve.waits.isEmpty {
            // A thousand points at the most, dense where waits are rare.
            var points: [String] = []
            var share = 1.0
            while share > 1 / Double(curve.waits.count) {
                let rank = Int(Double(curve.waits.count) * (1 - share))
                points.append("\(number(x(curve.waits[rank]))),\(number(y(share)))")
                share *= 0.97
            }
            points.append("\(number(x(curve.waits.last!))),\(number(y(1 / Double(curve.waits.count))))")
            svg +=
                "<polyline fill=\"none\" stroke=\"\(curve.color)\" stroke-width=\"2\" points=\"\(points.joined(separator: " "))\"/>\n"
            let row = number(top + 20 + 18 * Double(index))
            let text =
                "\(curve.name): median \(number(curve.waits[curve.waits.count / 2])) ms, longest \(number(curve.waits.last!)) ms"
            svg +=
                "<text x=\"\(number(width - 30))\" y=\"\(row)\" text-anchor=\"end\" fill=\"\(curve.color)\">\(text)</text>\n"
        }
        return svg + "</svg>\n"
    }
}
