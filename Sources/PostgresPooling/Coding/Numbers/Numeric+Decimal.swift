// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension Numeric {
    /// The same number as a `Decimal`; `nil` if it is not finite, or if a `Decimal` cannot hold it
    /// exactly.
    var decimal: Decimal? {
        guard isFinite else { return nil }
        var first = 0
        var end = digitCount
        while first < end, digit(first) == 0 { first += 1 }
        while first < end, digit(end - 1) == 0 { end -= 1 }
        if first == end { return 0 }

        // Trailing zeros occupy the mantissa, down to the last decimal one.
        var last = digit(end - 1)
        var factor: UInt128 = 10_000
        var exponent = 4 * (weight - (end - 1))
        while last % 10 == 0 {
            last /= 10
            factor /= 10
            exponent += 1
        }
        var mantissa: UInt128 = 0
        for index in first..<end {
            let isLast = index == end - 1
            let (product, productOverflow) = mantissa.multipliedReportingOverflow(by: isLast ? factor : 10_000)
            let (sum, sumOverflow) = product.addingReportingOverflow(UInt128(isLast ? last : digit(index)))
            if productOverflow || sumOverflow { return nil }
            mantissa = sum
        }
        // An exponent above the greatest could be reduced with zeros in the mantissa, but
        // Foundation removes them again, and then has no number.
        guard -128...127 ~= exponent else { return nil }
        let high = Decimal(UInt64(truncatingIfNeeded: mantissa >> 64))
        let low = Decimal(UInt64(truncatingIfNeeded: mantissa))
        let significand = high == 0 ? low : high * (Decimal(UInt64.max) + 1) + low
        return Decimal(sign: kind == .negative ? .minus : .plus, exponent: exponent, significand: significand)
    }
}

extension PostgresNumeric {
    /// Converts a `Decimal`, with as many digits after the point as it needs; `nil` if it is
    /// `NaN`.
    public init?(_ decimal: Decimal) {
        if decimal.isNaN { return nil }
        bytes = Numeric.bytes(of: decimal.description)
    }
}

extension Decimal {
    /// Converts a ``PostgresNumeric`` without its scale, which a `Decimal` cannot store; `nil` if
    /// it is `NaN` or infinite, or has more digits than a `Decimal` can hold.
    public init?(exactly number: PostgresNumeric) {
        guard let decimal = number.withNumeric({ $0.decimal }) else { return nil }
        self = decimal
    }
}
