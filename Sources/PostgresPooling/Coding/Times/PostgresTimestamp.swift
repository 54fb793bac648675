// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// A date and a time of day without a time zone: PostgreSQL's `timestamp`.
///
/// A timestamp is not an instant: which instant it denotes depends on a time zone that is not
/// stored. A `Date`, which is an instant, corresponds to a `timestamptz`. The server supports
/// timestamps from 4714-11-24 BC to 294276-12-31, in microseconds. ``PostgresOrInfinity`` adds the
/// infinite ones.
public struct PostgresTimestamp: Hashable, Sendable {
    /// The number of microseconds after 2000-01-01 00:00:00.
    let microseconds: Int64

    /// Returns `nil` for PostgreSQL's infinities.
    init?(microseconds: Int64) {
        guard microseconds != .max, microseconds != .min else { return nil }
        self.microseconds = microseconds
    }

    /// Creates a timestamp from a day and a time; 24:00:00 is the beginning of the next day.
    ///
    /// - Returns: `nil` if the timestamp is outside of the server's range.
    public init?(_ day: PostgresDate, _ time: PostgresTime = .midnight) {
        let (start, overflow) = Int64(day.days).multipliedReportingOverflow(by: PostgresTime.microsecondsPerDay)
        let (sum, sumOverflow) = start.addingReportingOverflow(time.microsecondsSinceMidnight)
        guard !overflow, !sumOverflow, Self.range.contains(sum) else { return nil }
        microseconds = sum
    }

    /// Creates a timestamp from its components.
    ///
    /// - Parameters:
    ///   - year: The year; 0 is the year before the year 1.
    ///   - month: The month, from 1.
    ///   - day: The day of the month, from 1.
    ///   - hour: The hour, from 0 to 23; or 24 if all smaller components are 0.
    ///   - minute: The minute, from 0 to 59.
    ///   - second: The second, from 0 to 59.
    ///   - microsecond: The microsecond within the second, from 0 to 999,999.
    /// - Returns: `nil` if the day or the time does not exist, or if the timestamp is outside of
    ///   the server's range.
    public init?(
        year: Int,
        month: Int,
        day: Int,
        hour: Int = 0,
        minute: Int = 0,
        second: Int = 0,
        microsecond: Int = 0
    ) {
        guard
            let day = PostgresDate(year: year, month: month, day: day),
            let time = PostgresTime(hour: hour, minute: minute, second: second, microsecond: microsecond)
        else { return nil }
        self.init(day, time)
    }

    /// Creates the timestamp of an instant in UTC, to the nearest microsecond.
    ///
    /// - Returns: `nil` if the timestamp is outside of the server's range.
    public init?(utc instant: Date) {
        guard let microseconds = instant.postgresMicroseconds, Self.range.contains(microseconds) else { return nil }
        self.microseconds = microseconds
    }

    /// The instant that this date and time denotes in UTC.
    ///
    /// A `Date` is a `Double`: more than 272 years from 2001 it is rounded to the nearest
    /// representable number of seconds.
    public var utcInstant: Date { Date(postgresMicroseconds: microseconds) ?? .distantPast }

    /// The day.
    public var day: PostgresDate { PostgresDate(unchecked: Int32(truncatingIfNeeded: split.quotient)) }

    /// The time of day.
    public var time: PostgresTime { PostgresTime(unchecked: split.remainder) }

    private var split: (quotient: Int64, remainder: Int64) {
        let parts = microseconds.quotientAndRemainder(dividingBy: PostgresTime.microsecondsPerDay)
        return parts.remainder < 0 ? (parts.quotient - 1, parts.remainder + PostgresTime.microsecondsPerDay) : parts
    }

    /// The server's range.
    private static var range: Range<Int64> { -211_813_488_000_000_000..<9_223_371_331_200_000_000 }
}

extension PostgresTimestamp: Comparable {
    /// Returns whether the first timestamp is before the second one.
    public static func < (first: PostgresTimestamp, second: PostgresTimestamp) -> Bool {
        first.microseconds < second.microseconds
    }
}

extension PostgresTimestamp: CustomStringConvertible {
    /// The timestamp in ISO 8601 format, such as `2026-11-28T19:40:12.123456`.
    public var description: String { "\(day)T\(time)" }
}

extension PostgresTimestamp: PostgresArrayEncodable {
    /// `timestamp`
    public static var postgresType: PostgresType { .timestamp }

    /// The value as `timestamp`.
    public var postgresParameter: PostgresParameter { .fixed(.timestamp, microseconds) }
}

extension PostgresTimestamp: PostgresArrayDecodable {
    /// Decodes a `timestamp`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type, or
    ///   infinite.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        _ = try unsafe cell.value(for: "PostgresTimestamp")
        if cell.type == .timestamptz {
            throw cell.mismatch("PostgresTimestamp needs timestamp; decode Date, or write AT TIME ZONE 'UTC'")
        }
        try cell.require(.timestamp, for: "PostgresTimestamp")
        guard let timestamp = PostgresTimestamp(microseconds: try cell.integer()) else {
            throw cell.mismatch("the timestamp is infinite; decode PostgresOrInfinity<PostgresTimestamp>")
        }
        self = timestamp
    }
}
