// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A line chart, as SVG.
struct Chart {
    struct Axis {
        let least: Double
        let most: Double
        /// Ticks at equal distances. A logarithmic axis has one for each power of ten.
        let labels: [String]
        var isLinear = false

        /// The position of a value, from 0 to 1.
        func position(_ value: Double) -> Double {
            let value = min(max(value, least), most)
            return isLinear ? (value - least) / (most - least) : log10(value / least) / log10(most / least)
        }
    }

    let title: String
    let xTitle: String
    let x: Axis
    let y: Axis
    private var curves = ""
    private var count = 0

    private let width = 760.0
    private let height = 440.0
    private let left = 100.0
    private let right = 30.0
    private let top = 50.0
    private let bottom = 60.0

    init(title: String, xTitle: String, x: Axis, y: Axis) {
        self.title = title
        self.xTitle = xTitle
        self.x = x
        self.y = y
    }

    mutating func add(name: String, color: String, _ points: [(Double, Double)]) {
        let path = points.map { "\(number(horizontal($0.0))),\(number(vertical($0.1)))" }.joined(separator: " ")
        curves += "<polyline fill=\"none\" stroke=\"\(color)\" stroke-width=\"2\" points=\"\(path)\"/>\n"
        curves += text(name, at: (width - right - 8, top + 20 + 18 * Double(count)), anchor: "end", color: color)
        count += 1
    }

    var svg: String {
        var svg = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(number(width)) \(number(height))" \
            font-family="sans-serif" font-size="12">
            <rect width="100%" height="100%" fill="white"/>
            <text x="\(number(left))" y="26" font-size="15">\(title)</text>

            """
        for (index, label) in x.labels.enumerated() {
            let place = left + (width - left - right) * Double(index) / Double(x.labels.count - 1)
            svg += line((place, top), (place, height - bottom))
            svg += text(label, at: (place, height - bottom + 18), anchor: "middle", color: "black")
        }
        for (index, label) in y.labels.enumerated() {
            let place = height - bottom - (height - top - bottom) * Double(index) / Double(y.labels.count - 1)
            svg += line((left, place), (width - right, place))
            svg += text(label, at: (left - 8, place + 4), anchor: "end", color: "black")
        }
        svg += text(xTitle, at: ((left + width - right) / 2, height - 14), anchor: "middle", color: "black")
        return svg + curves + "</svg>\n"
    }

    private func horizontal(_ value: Double) -> Double { left + (width - left - right) * x.position(value) }
    private func vertical(_ value: Double) -> Double { height - bottom - (height - top - bottom) * y.position(value) }
    private func number(_ value: Double) -> String { String(format: "%.1f", value) }

    private func line(_ start: (Double, Double), _ end: (Double, Double)) -> String {
        "<line x1=\"\(number(start.0))\" y1=\"\(number(start.1))\" x2=\"\(number(end.0))\" y2=\"\(number(end.1))\" "
            + "stroke=\"#ddd\"/>\n"
    }

    private func text(_ text: String, at place: (Double, Double), anchor: String, color: String) -> String {
        "<text x=\"\(number(place.0))\" y=\"\(number(place.1))\" text-anchor=\"\(anchor)\" fill=\"\(color)\">\(text)</text>\n"
    }
}
