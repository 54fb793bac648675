// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A span of time: PostgreSQL's `interval`. It consists of months, days and microseconds, each
/// with its own sign.
///
/// The parts are separate because a month has 28 to 31 days, and a day may have 23 or 25 hours.
/// Two values are equal if all three parts are. The server treats 30 days as equal to a month, and
/// 24 hours as equal to a day.
public struct PostgresInterval: Hashable, Codable, Sendable {
    /// The number of months. A year has 12.
    public var months: Int32

    /// The number of days.
    public var days: Int32

    /// The number of microseconds.
    public var microseconds: Int64

    /// Creates an interval from its parts.
    public init(months: Int32 = 0, days: Int32 = 0, microseconds: Int64 = 0) {
        self.months = months
        self.days = days
        self.microseconds = microseconds
    }

    /// Converts a duration to microseconds.
    ///
    /// - Returns: `nil` if the duration has fractions of a microsecond, or exceeds 292,000 years.
    public init?(exactly duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let (whole, rest) = attoseconds.quotientAndRemainder(dividingBy: 1_000_000_000_000)
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, sumOverflow) = product.addingReportingOverflow(whole)
        guard rest == 0, !overflow, !sumOverflow else { return nil }
        self.init(microseconds: sum)
    }

    /// The interval as a duration; `nil` if it has months or days, whose durations vary.
    public var duration: Duration? { months == 0 && days == 0 ? .microseconds(microseconds) : nil }

    /// `infinity`, which servers support from PostgreSQL 17. Earlier ones treat it as an interval
    /// of 179 million years.
    public static var infinity: PostgresInterval {
        PostgresInterval(months: .max, days: .max, microseconds: .max)
    }

    /// `-infinity`, which servers support from PostgreSQL 17. Earlier ones treat it as an interval
    /// of minus 179 million years.
    public static var negativeInfinity: PostgresInterval {
        PostgresInterval(months: .min, days: .min, microseconds: .min)
    }
}

extension PostgresInterval: CustomStringConvertible {
    /// The interval in ISO 8601 format, as the server writes it with `IntervalStyle` `iso_8601`,
    /// such as `P1Y2M3DT-4H0.5S`.
    public var description: String {
        if self == .infinity { return "infinity" }
        if self == .negativeInfinity { return "-infinity" }
        if months == 0, days == 0, microseconds == 0 { return "PT0S" }
        var text = "P"
        func append(_ number: some BinaryInteger, _ unit: String) {
            if number != 0 { text += "\(number)\(unit)" }
        }
        append(months / 12, "Y")
        append(months % 12, "M")
        append(days, "D")
        guard microseconds != 0 else { return text }
        text += "T"
        append(microseconds / 3_600_000_000, "H")
        append(microseconds / 60_000_000 % 60, "M")
        let seconds = microseconds % 60_000_000
        if seconds != 0 {
            let magnitude = Int(seconds.magnitude)
            text += "\(seconds < 0 ? "-" : "")\(magnitude / 1_000_000)"
            text.append(microseconds: magnitude % 1_000_000)
            text += "S"
        }
        return text
    }
}

extension PostgresInterval: PostgresArrayEncodable {
    /// `interval`
    public static var postgresType: PostgresType { .interval }

    /// The value as `interval`.
    public var postgresParameter: PostgresParameter {
        let parts = UInt64(UInt32(bitPattern: days)) << 32 | UInt64(UInt32(bitPattern: months))
        return PostgresParameter(.interval, .short(UInt64(bitPattern: microseconds), parts, count: 16))
    }
}

extension PostgresInterval: PostgresArrayDecodable {
    /// Decodes an `interval`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        try cell.require(.interval, for: "PostgresInterval")
        var reader = try unsafe ByteReader(cell.value(for: "PostgresInterval"))
        guard
            let microseconds = reader.integer(Int64.self), let days = reader.integer(Int32.self),
            let months = reader.integer(Int32.self), reader.isAtEnd
        else { throw cell.malformed }
        self.init(months: months, days: days, microseconds: microseconds)
    }
}
