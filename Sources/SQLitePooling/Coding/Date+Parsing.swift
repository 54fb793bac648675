// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension Date {
    /// Parses the instant of a text with a date, in a form of ISO 8601 or of Go's `time.Time`.
    ///
    /// Leap seconds and the 24th hour are invalid, as in SQLite.
    init?(sqliteText utf8: UnsafeRawBufferPointer) {
        var text = unsafe DateText(rest: utf8[...])
        guard let (days, isBasic) = text.date() else { return nil }
        var time = DateText.Time()
        if isBasic {
            guard text.skip("T") || text.skip("t"), let basic = text.basicTimeOfDay() else { return nil }
            time = basic
        } else if !text.isAtEnd {
            guard text.skip(" ") || text.skip("T") || text.skip("t"), let extended = text.timeOfDay() else {
                return nil
            }
            time = extended
        }
        guard text.isAtEnd || isBasic || text.hasTime, let offset = text.zone() else { return nil }
        // Rounded once.
        self.init(timeIntervalSince1970: Double(days * 86_400 + time.seconds - offset) + time.fraction)
    }
}

/// The unparsed rest of a text that is parsed as a date.
@safe
private struct DateText {
    struct Time {
        var seconds = 0
        var fraction = 0.0
    }

    var rest: Slice<UnsafeRawBufferPointer>
    /// Whether a time of day has been parsed, after which a time zone may follow.
    private(set) var hasTime = false

    init(rest: Slice<UnsafeRawBufferPointer>) { unsafe self.rest = rest }

    var isAtEnd: Bool { unsafe rest.isEmpty }

    /// Parses `2026-02-28` or `20260228`. Returns the day, counted from 1970.
    mutating func date() -> (days: Int, isBasic: Bool)? {
        guard let year = number(4) else { return nil }
        let isBasic = !skip("-")
        guard let month = number(2), isBasic || skip("-"), let day = number(2),
            let days = CivilDay.number(year, month, day)
        else { return nil }
        return (days, isBasic)
    }

    /// Parses `13:45`, `13:45:00` or `13:45:00.250`.
    mutating func timeOfDay() -> Time? {
        guard let hour = number(2), hour < 24, skip(":"), let minute = number(2), minute < 60 else { return nil }
        hasTime = true
        guard skip(":") else { return Time(seconds: hour * 3_600 + minute * 60) }
        guard let second = number(2), second < 60, let fraction = fraction() else { return nil }
        return Time(seconds: hour * 3_600 + minute * 60 + second, fraction: fraction)
    }

    /// Parses `1345`, `134500` or `134500.250`.
    mutating func basicTimeOfDay() -> Time? {
        guard let hour = number(2), hour < 24, let minute = number(2), minute < 60 else { return nil }
        hasTime = true
        guard let next = unsafe rest.first, Self.digit(next) != nil else {
            return Time(seconds: hour * 3_600 + minute * 60)
        }
        guard let second = number(2), second < 60, let fraction = fraction() else { return nil }
        return Time(seconds: hour * 3_600 + minute * 60 + second, fraction: fraction)
    }

    /// Parses the fraction of a second; 0 if there is none.
    private mutating func fraction() -> Double? {
        guard skip(".") else { return 0 }
        // One number divided by a power of ten is rounded once. Further digits exceed the
        // precision of a Double.
        var (numerator, denominator, count) = (0.0, 1.0, 0)
        while let digit = unsafe rest.first.flatMap(Self.digit) {
            if count < 15 { (numerator, denominator) = (numerator * 10 + Double(digit), denominator * 10) }
            count += 1
            unsafe rest = rest.dropFirst()
        }
        return count > 0 ? numerator / denominator : nil
    }

    /// Parses the end of the text: an offset from UTC, and the suffix of Go. Returns seconds; 0 if
    /// there is no offset.
    mutating func zone() -> Int? {
        if isAtEnd { return 0 }
        let hasSpace = skip(" ")
        while skip(" ") {}
        if isAtEnd || skip("Z") || skip("z") { return isAtEnd ? 0 : nil }
        guard let offset = offset() else { return nil }
        if isAtEnd { return offset }
        // Go: ` +0000 UTC`, and ` m=+0.1` if the time has a monotonic clock reading.
        guard hasSpace, skip(" "), abbreviation() else { return nil }
        if isAtEnd { return offset }
        guard skip(" "), skip("m"), skip("="), skip("+") || skip("-") else { return nil }
        guard skipDigits(), !skip(".") || skipDigits(), isAtEnd else { return nil }
        return offset
    }

    /// Parses `+01:00`, `+0100` or `+01`.
    private mutating func offset() -> Int? {
        let sign: Int
        if skip("+") { sign = 1 } else if skip("-") { sign = -1 } else { return nil }
        guard let hours = number(2), hours <= 14 else { return nil }
        if isAtEnd { return sign * hours * 3_600 }
        _ = skip(":")
        guard let minutes = number(2), minutes < 60 else { return nil }
        return sign * (hours * 3_600 + minutes * 60)
    }

    /// Skips the name of a time zone: `CET`, or `+03` if it has no name.
    private mutating func abbreviation() -> Bool {
        if skip("+") || skip("-") { return skipDigits() }
        var count = 0
        while let first = unsafe rest.first, UInt8(ascii: "A")...UInt8(ascii: "Z") ~= first {
            unsafe rest = rest.dropFirst()
            count += 1
        }
        return 1...6 ~= count
    }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard let first = unsafe rest.first, first == UInt8(ascii: character) else { return false }
        unsafe rest = rest.dropFirst()
        return true
    }

    /// - Returns: Whether there is a digit.
    private mutating func skipDigits() -> Bool {
        var isDigit = false
        while unsafe rest.first.flatMap(Self.digit) != nil {
            unsafe rest = rest.dropFirst()
            isDigit = true
        }
        return isDigit
    }

    /// Parses a number with an exact count of digits.
    private mutating func number(_ digits: Int) -> Int? {
        var number = 0
        for _ in 0..<digits {
            guard let digit = unsafe rest.first.flatMap(Self.digit) else { return nil }
            number = number * 10 + digit
            unsafe rest = rest.dropFirst()
        }
        return number
    }

    private static func digit(_ byte: UInt8) -> Int? {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte ? Int(byte - UInt8(ascii: "0")) : nil
    }
}
