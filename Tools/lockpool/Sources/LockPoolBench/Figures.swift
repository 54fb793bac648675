// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Formatting of figures in tables and messages.

extension BinaryInteger {
    /// The number with a comma between groups of three digits: `1,234,567`.
    public var grouped: String {
        let digits = String(magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0 && (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return self < 0 ? "-" + text : text
    }
}

extension UInt64 {
    /// The number of nanoseconds with three digits and a suitable unit: `12.3 µs`.
    public var asDuration: String {
        var value = Double(self)
        for unit in ["ns", "µs", "ms"] {
            // 999.5 would be rounded to 1000, which belongs to the next unit.
            if value < 999.5 { return "\(value.threeDigits) \(unit)" }
            value /= 1000
        }
        return "\(value.threeDigits) s"
    }
}

extension Double {
    /// The number with one decimal.
    public var oneDecimal: String {
        fixed(decimals: 1)
    }

    /// The number with three significant digits, without trailing zeros.
    fileprivate var threeDigits: String {
        let decimals = self < 9.995 ? 2 : self < 99.95 ? 1 : 0
        var text = fixed(decimals: decimals)
        if text.contains(".") {
            while text.last == "0" { text.removeLast() }
            if text.last == "." { text.removeLast() }
        }
        return text
    }

    private func fixed(decimals: Int) -> String {
        let scale = (0..<decimals).reduce(1) { scale, _ in scale * 10 }
        let scaled = Int64((self * Double(scale)).rounded())
        let whole = String(scaled.magnitude / UInt64(scale))
        guard decimals > 0 else { return (scaled < 0 ? "-" : "") + whole }
        let fraction = String(scaled.magnitude % UInt64(scale))
        let zeros = String(repeating: "0", count: decimals - fraction.count)
        return (scaled < 0 ? "-" : "") + whole + "." + zeros + fraction
    }
}
