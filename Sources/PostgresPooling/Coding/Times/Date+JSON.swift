// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

// A `Date` is a number of seconds, a `Double`. Its text has the decimal digits of the description
// of that number, so that parsing yields the same `Date`.

extension Date {
    /// The instant as the server writes a `timestamptz` in UTC within JSON, with at least six
    /// fractional digits; `nil` if it is outside of the calendar's range.
    var jsonText: String? {
        guard let (seconds, digits) = Self.decimal(timeIntervalSinceReferenceDate) else { return nil }
        let fraction = digits + repeatElement(UInt8(ascii: "0"), count: max(0, 6 - digits.count))
        let (day, time) = seconds.flooredQuotientAndRemainder(dividingBy: 86_400)
        guard let days = Int32(exactly: day + 366) else { return nil }
        let date = PostgresDate(unchecked: days)
        // The server has no year 0.
        let isBC = date.year < 1
        var text = ""
        text.append(isBC ? 1 - date.year : date.year, width: 4)
        for (mark, number) in [
            ("-", date.month), ("-", date.day), ("T", time / 3_600), (":", time / 60 % 60), (":", time % 60),
        ] {
            text += mark
            text.append(number, width: 2)
        }
        return text + "." + String(decoding: fraction, as: UTF8.self) + "+00:00" + (isBC ? " BC" : "")
    }

    /// Parses a text of this form, with any offset from UTC; `nil` if it is not an instant.
    init?(jsonText: String) {
        var text = TimeText(jsonText)
        guard let parsed = text.instant() else { return nil }
        guard let seconds = Self.double(parsed.seconds, fraction: parsed.fraction) else { return nil }
        self.init(timeIntervalSinceReferenceDate: seconds)
    }

    /// Returns the whole seconds of a number, rounded down, and the fractional digits without
    /// trailing zeros; `nil` if there are too many seconds.
    private static func decimal(_ number: Double) -> (seconds: Int, fraction: [UInt8])? {
        guard abs(number) < 1e14 else { return nil }
        // For example `12.5` or `1.25e-05`.
        let parts = "\(abs(number))".utf8.split(separator: UInt8(ascii: "e"))
        let digits = parts[0].split(separator: UInt8(ascii: "."))
        var (whole, fraction) = (Int(Substring(digits[0])) ?? 0, digits.count > 1 ? Array(digits[1]) : [])
        if parts.count > 1, let exponent = Int(Substring(parts[1])) {
            let zeros = repeatElement(UInt8(ascii: "0"), count: max(0, -exponent - 1))
            (whole, fraction) = (0, zeros + Array(digits[0]) + fraction)
        }
        while fraction.last == UInt8(ascii: "0") { fraction.removeLast() }
        guard number < 0 else { return (whole, fraction) }
        return fraction.isEmpty ? (-whole, []) : (-whole - 1, complement(fraction))
    }

    /// Returns the number with these whole seconds, rounded down, and these fractional digits.
    private static func double(_ seconds: Int, fraction: [UInt8]) -> Double? {
        var fraction = fraction
        while fraction.last == UInt8(ascii: "0") { fraction.removeLast() }
        let isNegative = seconds < 0
        var whole = abs(seconds)
        if isNegative, !fraction.isEmpty { (whole, fraction) = (whole - 1, complement(fraction)) }
        // Rounded once.
        return Double("\(isNegative ? "-" : "")\(whole)." + String(decoding: fraction, as: UTF8.self) + "0")
    }

    /// Returns the digits of 1 minus a fraction whose last digit is not 0.
    private static func complement(_ fraction: [UInt8]) -> [UInt8] {
        let zero = UInt8(ascii: "0")
        return fraction.dropLast().map { zero + 9 - ($0 - zero) } + fraction.suffix(1).map { zero + 10 - ($0 - zero) }
    }
}

extension Int {
    fileprivate func flooredQuotientAndRemainder(dividingBy divisor: Int) -> (quotient: Int, remainder: Int) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

extension TimeText {
    /// Parses the seconds since 2001-01-01 in UTC, rounded down, and the fractional digits.
    fileprivate mutating func instant() -> (seconds: Int, fraction: [UInt8])? {
        guard
            var year = number(4...7), skip("-"), let month = number(2...2), skip("-"), let day = number(2...2),
            skip("T") || skip("t") || skip(" "),
            let hour = number(2...2), skip(":"), let minute = number(2...2), skip(":"), let second = number(2...2)
        else { return nil }
        var fraction: [UInt8] = []
        if skip(".") {
            fraction = Array(digits(1...1_100))
            if fraction.isEmpty { return nil }
        }
        guard let offset = offset() else { return nil }
        if skip(" ") {
            guard skip("B"), skip("C"), year > 0 else { return nil }
            year = 1 - year
        } else if year == 0 {
            return nil
        }
        guard rest.isEmpty, let date = PostgresDate(year: year, month: month, day: day),
            let time = PostgresTime(hour: hour, minute: minute, second: second)
        else { return nil }
        let seconds = (Int(date.days) - 366) * 86_400 + Int(time.microsecondsSinceMidnight / 1_000_000)
        return (seconds - offset, fraction)
    }
}
