// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Parses a `numeric` from text.
struct NumericText {
    /// PostgreSQL's binary format.
    let bytes: [UInt8]

    private static let greatestWholeDigits = 131_072
    private static let greatestScale = 16_383

    /// Returns `nil` if the text is not a number, or the number is too large.
    init?(_ text: String) {
        var rest = text.utf8[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        if let special = Self.special(rest, isNegative: isNegative) {
            bytes = special
            return
        }
        let whole = Self.takeDigits(&rest)
        var fraction = rest.prefix(0)
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            fraction = Self.takeDigits(&rest)
        }
        guard !whole.isEmpty || !fraction.isEmpty, let exponent = Self.exponent(rest) else { return nil }

        var digits: [UInt8] = Array(whole) + Array(fraction)
        // The number of digits before the point.
        var point = whole.count + exponent
        let zeros = digits.prefix { $0 == UInt8(ascii: "0") }.count
        let scale = max(0, digits.count - point)
        guard scale <= Self.greatestScale else { return nil }
        if zeros == digits.count {
            // Zero with any exponent.
            point = digits.count - scale
            if point < 0 { (digits, point) = (Array(repeating: UInt8(ascii: "0"), count: scale), 0) }
        }
        guard point - zeros <= Self.greatestWholeDigits else { return nil }
        if point < 0 {
            digits.insert(contentsOf: repeatElement(UInt8(ascii: "0"), count: -point), at: 0)
            point = 0
        } else if point > digits.count {
            digits += repeatElement(UInt8(ascii: "0"), count: point - digits.count)
        }
        bytes = Numeric.bytes(whole: digits[..<point], fraction: digits[point...], isNegative: isNegative)
    }

    private static func special(_ text: Substring.UTF8View, isNegative: Bool) -> [UInt8]? {
        guard let first = text.first, first > UInt8(ascii: "9") else { return nil }
        return switch Substring(text).lowercased() {
        case "nan" where !isNegative: PostgresNumeric.nan.bytes
        case "infinity", "inf": (isNegative ? PostgresNumeric.negativeInfinity : .infinity).bytes
        default: nil
        }
    }

    private static func takeDigits(_ text: inout Substring.UTF8View) -> Substring.UTF8View {
        let digits = text.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        text = text[digits.endIndex...]
        return digits
    }

    /// Returns the exponent at the end, 0 if there is none; `nil` if the text is not an exponent,
    /// or has more than 32 bits.
    private static func exponent(_ text: Substring.UTF8View) -> Int? {
        guard let mark = text.first else { return 0 }
        guard mark | 0x20 == UInt8(ascii: "e") else { return nil }
        return Int32(Substring(text.dropFirst())).map(Int.init)
    }
}

extension String {
    /// Appends a nonnegative number, with leading zeros up to this number of digits.
    mutating func append(_ number: Int, width: Int) {
        let digits = "\(number)"
        self += repeatElement("0", count: max(0, width - digits.count))
        self += digits
    }

    /// Appends a point and up to six digits without trailing zeros; nothing for 0.
    mutating func append(microseconds: Int) {
        guard microseconds != 0 else { return }
        self += "."
        append(microseconds, width: 6)
        while hasSuffix("0") { removeLast() }
    }
}
