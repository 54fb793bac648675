// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension SQLiteConfiguration.DateStrategy {
    /// Returns the stored form of a date; `nil` if the strategy cannot represent it.
    func value(_ date: Date) -> SQLiteValue? {
        let seconds = date.timeIntervalSince1970
        guard seconds.isFinite else { return nil }
        switch self {
        case .text(let digits):
            return date.sqliteText(fractionalDigits: digits).map { .text($0) }
        case .secondsSince1970:
            return Int64(exactly: seconds).map { .integer($0) } ?? .real(seconds)
        case .millisecondsSince1970:
            return Int64(exactly: (seconds * 1_000).rounded()).map { .integer($0) }
        case .julianDay:
            let milliseconds = (seconds * 1_000).rounded()
            guard Self.milliseconds ~= milliseconds else { return nil }
            return .real(milliseconds / 86_400_000 + Self.julianDayOf1970)
        }
    }

    /// Returns the instant of a number; `nil` if the number is out of range or its unit is
    /// unknown.
    func date(_ number: Double, isInteger: Bool) -> Date? {
        guard number.isFinite else { return nil }
        switch self {
        case .text:
            guard Self.seconds.contains(number), isInteger || !Self.julianDays.contains(number) else { return nil }
            return Date(timeIntervalSince1970: number)
        case .secondsSince1970:
            return Date(timeIntervalSince1970: number)
        case .millisecondsSince1970:
            return Date(timeIntervalSince1970: number / 1_000)
        case .julianDay:
            guard Self.julianDays.contains(number) else { return nil }
            let milliseconds = ((number - Self.julianDayOf1970) * 86_400_000).rounded()
            return Date(timeIntervalSince1970: milliseconds / 1_000)
        }
    }

    /// The name of the strategy in errors.
    var name: String {
        switch self {
        case .text: "dates: .text"
        case .secondsSince1970: "dates: .secondsSince1970"
        case .millisecondsSince1970: "dates: .millisecondsSince1970"
        case .julianDay: "dates: .julianDay"
        }
    }

    /// The range of the strategy, for errors.
    var range: String {
        switch self {
        case .text, .julianDay: "it is not in the years 0 to 9999"
        case .secondsSince1970: "it is not finite"
        case .millisecondsSince1970: "it is not finite, or its milliseconds exceed 64 bits"
        }
    }

    /// 1970-01-01 00:00 UTC, as a Julian day.
    private static let julianDayOf1970 = 2_440_587.5
    /// The years 0 to 9999 in seconds since 1970.
    private static let seconds = -62_167_219_200.0..<253_402_300_800
    private static let milliseconds = -62_167_219_200_000.0..<253_402_300_800_000
    /// The range that SQLite reads as a Julian day.
    private static let julianDays = 0.0..<5_373_484.5
}

extension Date {
    /// Returns the instant in the format of SQLite's date functions, with as many fractional
    /// digits of the seconds as it needs; `nil` outside of the years 0 to 9999.
    func sqliteText(fractionalDigits: ClosedRange<Int>) -> String? {
        let time = timeIntervalSince1970
        guard -62_167_219_200.0..<253_402_300_800 ~= time else { return nil }
        var seconds = Int(time.rounded(.down))
        // The difference is exact.
        let rest = time - Double(seconds)
        var (digits, power) = (fractionalDigits.lowerBound, Self.power(fractionalDigits.lowerBound))
        var fraction = Int((rest * Double(power)).rounded())
        while digits < fractionalDigits.upperBound, Double(seconds) + Double(fraction) / Double(power) != time {
            (digits, power) = (digits + 1, power * 10)
            fraction = Int((rest * Double(power)).rounded())
        }
        while digits > fractionalDigits.lowerBound, fraction % 10 == 0 {
            (digits, power, fraction) = (digits - 1, power / 10, fraction / 10)
        }
        if fraction == power { (seconds, fraction) = (seconds + 1, 0) }
        guard seconds < 253_402_300_800 else { return nil }
        return Self.text(seconds, fraction, digits)
    }

    private static func power(_ digits: Int) -> Int { (0..<digits).reduce(1) { power, _ in power * 10 } }

    private static func text(_ seconds: Int, _ fraction: Int, _ fractionalDigits: Int) -> String {
        let (days, time) = floorDivision(seconds, by: 86_400)
        let (year, month, day) = CivilDay.components(days)
        var text = ""
        text.reserveCapacity(29)
        func append(_ number: Int, _ width: Int, after separator: String) {
            let digits = String(number)
            text += separator + String(repeating: "0", count: width - digits.utf8.count) + digits
        }
        append(year, 4, after: "")
        append(month, 2, after: "-")
        append(day, 2, after: "-")
        append(time / 3_600, 2, after: " ")
        append(time / 60 % 60, 2, after: ":")
        append(time % 60, 2, after: ":")
        if fractionalDigits > 0 { append(fraction, fractionalDigits, after: ".") }
        return text
    }
}

/// Conversions of Gregorian dates to days since 1970-01-01.
enum CivilDay {
    /// The number of days between 0000-03-01 and 1970-01-01.
    private static let eraStart = 719_468

    static func number(_ year: Int, _ month: Int, _ day: Int) -> Int? {
        guard 1...12 ~= month, 1...31 ~= day else { return nil }
        // Years begin in March, so that a leap day is the last day of a year; an era has 400
        // years.
        let (era, yearOfEra) = floorDivision(month > 2 ? year : year - 1, by: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let number = era * 146_097 + dayOfEra - eraStart
        return components(number) == (year, month, day) ? number : nil
    }

    static func components(_ number: Int) -> (year: Int, month: Int, day: Int) {
        let (era, dayOfEra) = floorDivision(number + eraStart, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        return (yearOfEra + era * 400 + (month < 10 ? 0 : 1), month < 10 ? month + 3 : month - 9, day)
    }
}

/// Returns the quotient, rounded down, and the remainder, which is not negative.
private func floorDivision(_ number: Int, by divisor: Int) -> (quotient: Int, remainder: Int) {
    let (quotient, remainder) = number.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
}
