// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension Date {
    /// The instant as SQLite's `strftime('%Y-%m-%d %H:%M:%f')` writes it; `nil` outside of the years 0 to 9999.
    var sqliteText: String? {
        let milliseconds = (timeIntervalSince1970 * 1_000).rounded()
        // The first and the last millisecond of those years.
        guard -62_167_219_200_000...253_402_300_799_999 ~= milliseconds else { return nil }
        let (days, rest) = floorDivision(Int(milliseconds), by: 86_400_000)
        let (year, month, day) = CivilDay.components(days)
        var text = ""
        text.reserveCapacity(23)
        func append(_ number: Int, _ width: Int, _ separator: String) {
            let digits = String(number)
            text += String(repeating: "0", count: width - digits.utf8.count) + digits + separator
        }
        append(year, 4, "-")
        append(month, 2, "-")
        append(day, 2, " ")
        append(rest / 3_600_000, 2, ":")
        append(rest / 60_000 % 60, 2, ":")
        append(rest / 1_000 % 60, 2, ".")
        append(rest % 1_000, 3, "")
        return text
    }

    /// The instant that a text names in one of the forms that SQLite takes, if it has a date.
    ///
    /// Leap seconds, and the 24th hour, are no times for SQLite, nor here.
    init?(sqliteText utf8: UnsafeRawBufferPointer) {
        var text = unsafe DateText(rest: utf8[...])
        guard let year = text.number(4), text.skip("-"), let month = text.number(2), text.skip("-"),
            let day = text.number(2), let days = CivilDay.number(year, month, day)
        else { return nil }
        var seconds = Double(days * 86_400)
        if !text.isAtEnd {
            guard text.skip(" ") || text.skip("T"), let time = text.timeOfDay() else { return nil }
            seconds += time
            text.skipSpaces()
            guard let offset = text.offset(), text.isAtEnd else { return nil }
            seconds -= offset
        }
        self.init(timeIntervalSince1970: seconds)
    }
}

/// What is left of a text that is read as a date.
@safe
private struct DateText {
    var rest: Slice<UnsafeRawBufferPointer>

    var isAtEnd: Bool { unsafe rest.isEmpty }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard let first = unsafe rest.first, first == UInt8(ascii: character) else { return false }
        unsafe rest = rest.dropFirst()
        return true
    }

    mutating func skipSpaces() {
        while skip(" ") {}
    }

    /// A number of exactly so many digits.
    mutating func number(_ digits: Int) -> Int? {
        var number = 0
        for _ in 0..<digits {
            guard let digit = unsafe rest.first.flatMap(Self.digit) else { return nil }
            number = number * 10 + digit
            unsafe rest = rest.dropFirst()
        }
        return number
    }

    /// The seconds since midnight.
    mutating func timeOfDay() -> Double? {
        guard let hour = number(2), hour < 24, skip(":"), let minute = number(2), minute < 60 else { return nil }
        let whole = Double(hour * 3_600 + minute * 60)
        guard skip(":") else { return whole }
        guard let second = number(2), second < 60 else { return nil }
        guard skip(".") else { return whole + Double(second) }
        // As one number over a power of ten, which is rounded once; further digits are beyond a Double.
        var (numerator, denominator, count) = (0.0, 1.0, 0)
        while let digit = unsafe rest.first.flatMap(Self.digit) {
            if count < 15 { (numerator, denominator) = (numerator * 10 + Double(digit), denominator * 10) }
            count += 1
            unsafe rest = rest.dropFirst()
        }
        guard count > 0 else { return nil }
        return whole + Double(second) + numerator / denominator
    }

    /// The seconds that an offset from UTC says; 0 where there is none.
    mutating func offset() -> Double? {
        if isAtEnd || skip("Z") || skip("z") { return 0 }
        let sign: Double
        if skip("+") { sign = 1 } else if skip("-") { sign = -1 } else { return nil }
        guard let hours = number(2), hours <= 14, skip(":"), let minutes = number(2), minutes < 60 else { return nil }
        return sign * Double(hours * 3_600 + minutes * 60)
    }

    private static func digit(_ byte: UInt8) -> Int? {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte ? Int(byte - UInt8(ascii: "0")) : nil
    }
}

/// Days of the Gregorian calendar, counted from 1970-01-01.
private enum CivilDay {
    /// How many days lie between 0000-03-01 and 1970-01-01.
    private static let eraStart = 719_468

    static func number(_ year: Int, _ month: Int, _ day: Int) -> Int? {
        guard 1...12 ~= month, 1...31 ~= day else { return nil }
        // Years that begin in March, so that the odd day is their last one, in eras of 400 of them.
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

/// The quotient, rounded down, and the remainder, which is not negative.
private func floorDivision(_ number: Int, by divisor: Int) -> (quotient: Int, remainder: Int) {
    let (quotient, remainder) = number.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
}
