// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A day of the Gregorian calendar, without a time and without a time zone: PostgreSQL's `date`.
///
/// The server supports dates from 4714-11-24 BC to 5874897-12-31. ``PostgresOrInfinity`` adds the
/// infinite ones.
public struct PostgresDate: Hashable, Sendable {
    /// The number of days after 2000-01-01.
    let days: Int32

    /// Returns `nil` for the first and the last number, which are PostgreSQL's infinities.
    init?(days: Int32) {
        guard days != .min, days != .max else { return nil }
        self.days = days
    }

    /// Creates a day from a number of days after 2000-01-01 that is known to be finite.
    init(unchecked days: Int32) { self.days = days }

    /// Creates a day from its components.
    ///
    /// - Parameters:
    ///   - year: The year; 0 is the year before the year 1.
    ///   - month: The month, from 1.
    ///   - day: The day of the month, from 1.
    /// - Returns: `nil` if the day does not exist, or is millions of years away.
    public init?(year: Int, month: Int, day: Int) {
        guard -5_000_000...5_874_897 ~= year, 1...12 ~= month, 1...31 ~= day else { return nil }
        // Years begin in March, so that the leap day is the last one, in eras of 400 years.
        let marchYear = month > 2 ? year : year - 1
        let era = (marchYear >= 0 ? marchYear : marchYear - 399) / 400
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        self.init(days: Int32(era * 146_097 + dayOfEra - Self.eraStart))
        if components != (year, month, day) { return nil }
    }

    /// The year; 0 is the year before the year 1.
    public var year: Int { components.year }

    /// The month, from 1.
    public var month: Int { components.month }

    /// The day of the month, from 1.
    public var day: Int { components.day }

    /// The number of days from 0000-03-01 to 2000-01-01.
    private static var eraStart: Int { 730_425 }

    private var components: (year: Int, month: Int, day: Int) {
        let days = Int(days) + Self.eraStart
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        return (yearOfEra + era * 400 + (month < 10 ? 0 : 1), month < 10 ? month + 3 : month - 9, day)
    }
}

extension PostgresDate: Comparable {
    /// Returns whether the first day is before the second one.
    public static func < (first: PostgresDate, second: PostgresDate) -> Bool { first.days < second.days }
}

extension PostgresDate: CustomStringConvertible {
    /// The date in ISO 8601 format, such as `2000-01-31`.
    public var description: String {
        let (year, month, day) = components
        func padded(_ number: Int, _ width: Int) -> String {
            String(repeating: "0", count: max(0, width - "\(number)".count)) + "\(number)"
        }
        return "\(year < 0 ? "-" : "")\(padded(abs(year), 4))-\(padded(month, 2))-\(padded(day, 2))"
    }
}

extension PostgresDate: PostgresArrayEncodable {
    /// `date`
    public static var postgresType: PostgresType { .date }

    /// The day as `date`.
    public var postgresParameter: PostgresParameter { .fixed(.date, days) }
}

extension PostgresDate: PostgresArrayDecodable {
    /// Decodes a `date`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type, or
    ///   infinite.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        try cell.require(.date, for: "PostgresDate")
        guard let date = PostgresDate(days: try cell.integer()) else {
            throw cell.mismatch("the date is infinite; decode PostgresOrInfinity<PostgresDate>")
        }
        self = date
    }
}
