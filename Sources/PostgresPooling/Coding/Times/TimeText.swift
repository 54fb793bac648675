// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A parser for dates and times of day. It holds the rest of the text.
struct TimeText {
    private(set) var rest: Substring.UTF8View

    init(_ text: String) { rest = text.utf8[...] }

    var isAtEnd: Bool { rest.isEmpty }

    /// Parses `Z`, `+01`, `+01:00`, `+0100` or `+01:02:03`, in seconds.
    mutating func offset() -> Int? {
        if skip("Z") || skip("z") { return 0 }
        let sign: Int
        if skip("+") { sign = 1 } else if skip("-") { sign = -1 } else { return nil }
        guard let hours = number(2...2), hours < 16 else { return nil }
        var seconds = hours * 3_600
        if skip(":") || rest.first.map(Self.isDigit) == true {
            guard let minutes = number(2...2), minutes < 60 else { return nil }
            seconds += minutes * 60
            if skip(":") {
                guard let more = number(2...2), more < 60 else { return nil }
                seconds += more
            }
        }
        return sign * seconds
    }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    /// Parses a number with this many digits, if no further digit follows.
    mutating func number(_ count: ClosedRange<Int>) -> Int? {
        let digits = digits(count)
        return digits.isEmpty ? nil : Int(Substring(digits))
    }

    /// Takes all digits that follow; none if their number is outside of the range.
    mutating func digits(_ count: ClosedRange<Int>) -> Substring.UTF8View {
        let digits = rest.prefix { Self.isDigit($0) }
        // An offset may be `+0100`.
        let taken = digits.prefix(count.upperBound == 2 ? 2 : digits.count)
        guard count ~= taken.count else { return taken.prefix(0) }
        rest = rest[taken.endIndex...]
        return taken
    }

    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }
}

extension TimeText {
    /// Parses `2026-11-28`, or `-0043-03-15` for a year before the year 0.
    mutating func date() -> PostgresDate? {
        let isNegative = skip("-")
        guard let year = number(4...7), skip("-"), let month = number(2...2), skip("-"), let day = number(2...2) else {
            return nil
        }
        return PostgresDate(year: isNegative ? -year : year, month: month, day: day)
    }

    /// Parses `19:40:12`, with up to six fractional digits.
    mutating func time() -> PostgresTime? {
        guard let hour = number(2...2), skip(":"), let minute = number(2...2), skip(":"), let second = number(2...2)
        else {
            return nil
        }
        guard let microsecond = microseconds() else { return nil }
        return PostgresTime(hour: hour, minute: minute, second: second, microsecond: microsecond)
    }

    /// Parses a point and up to six digits; 0 if there is no point.
    mutating func microseconds() -> Int? {
        guard skip(".") else { return 0 }
        let fraction = digits(1...6)
        guard let number = Int(Substring(fraction)) else { return nil }
        return (fraction.count..<6).reduce(number) { number, _ in number * 10 }
    }
}
