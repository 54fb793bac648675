// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A day of the Gregorian calendar, without a time and a time zone: PostgreSQL's `date`.
public struct PostgresDate: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Days since 1 January 2000.
    public let daysSince2000: Int32

    /// A day by its distance from 1 January 2000.
    public init(daysSince2000: Int32) { self.daysSince2000 = daysSince2000 }

    /// A day by its number; `nil` if there is no such day.
    ///
    /// - Parameters:
    ///   - year: From −4713 to 5,874,897; the year before 1 is 0.
    ///   - month: From 1 to 12.
    ///   - day: From 1.
    public init?(year: Int, month: Int, day: Int) {
        guard -4_713...5_874_897 ~= year, 1...12 ~= month, day >= 1 else { return nil }
        // Hinnant's days_from_civil: years begin in March, so that the leap day is their last.
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 730_425
        daysSince2000 = Int32(days)
        guard components == (year, month, day) else { return nil }
    }

    /// Year, month and day.
    public var components: (year: Int, month: Int, day: Int) {
        let days = Int(daysSince2000) + 730_425
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    /// Whether the left day is the earlier one.
    public static func < (left: PostgresDate, right: PostgresDate) -> Bool { left.daysSince2000 < right.daysSince2000 }

    /// The day as `2026-11-24`.
    public var description: String {
        func padded(_ number: Int, _ width: Int) -> String {
            String(repeating: "0", count: max(0, width - String(number).count)) + String(number)
        }
        let (year, month, day) = components
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    }
}

/// Where PostgreSQL's times begin.
enum PostgresTime {
    /// Seconds from 1 January 2000 to 1 January 2001, where Foundation's begin.
    static let referenceDate = 366.0 * 86_400
}
