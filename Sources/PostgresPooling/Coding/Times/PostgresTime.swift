// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A time of day without a time zone: PostgreSQL's `time`, from 00:00:00 to 24:00:00 in
/// microseconds.
public struct PostgresTime: Hashable, Sendable {
    /// The number of microseconds since midnight, from 0 to 86,400,000,000.
    public let microsecondsSinceMidnight: Int64

    /// Creates a time from microseconds after midnight; `nil` if they are not from 0 to
    /// 86,400,000,000.
    public init?(microsecondsSinceMidnight: Int64) {
        guard 0...Self.microsecondsPerDay ~= microsecondsSinceMidnight else { return nil }
        self.microsecondsSinceMidnight = microsecondsSinceMidnight
    }

    /// Creates a time from its components.
    ///
    /// - Parameters:
    ///   - hour: The hour, from 0 to 23; or 24 if all others are 0.
    ///   - minute: The minute, from 0 to 59.
    ///   - second: The second, from 0 to 59.
    ///   - microsecond: The microsecond within the second, from 0 to 999,999.
    /// - Returns: `nil` if the time does not exist.
    public init?(hour: Int, minute: Int, second: Int = 0, microsecond: Int = 0) {
        guard 0...24 ~= hour, 0...59 ~= minute, 0...59 ~= second, 0...999_999 ~= microsecond else { return nil }
        self.init(microsecondsSinceMidnight: Int64(((hour * 60 + minute) * 60 + second) * 1_000_000 + microsecond))
    }

    /// 00:00:00
    public static var midnight: PostgresTime { PostgresTime(unchecked: 0) }

    /// The hour, from 0 to 24.
    public var hour: Int { seconds / 3_600 }

    /// The minute, from 0 to 59.
    public var minute: Int { seconds / 60 % 60 }

    /// The second, from 0 to 59.
    public var second: Int { seconds % 60 }

    /// The microsecond within the second, from 0 to 999,999.
    public var microsecond: Int { Int(microsecondsSinceMidnight % 1_000_000) }

    private var seconds: Int { Int(microsecondsSinceMidnight / 1_000_000) }

    static var microsecondsPerDay: Int64 { 86_400_000_000 }

    /// Creates a time from a number of microseconds that is known to be valid.
    init(unchecked microseconds: Int64) { microsecondsSinceMidnight = microseconds }
}

extension PostgresTime: Comparable {
    /// Returns whether the first time is before the second one.
    public static func < (first: PostgresTime, second: PostgresTime) -> Bool {
        first.microsecondsSinceMidnight < second.microsecondsSinceMidnight
    }
}

extension PostgresTime: CustomStringConvertible {
    /// The time in the server's notation, such as `19:40:12.25`.
    public var description: String {
        var text = ""
        text.append(hour, width: 2)
        text += ":"
        text.append(minute, width: 2)
        text += ":"
        text.append(second, width: 2)
        text.append(microseconds: microsecond)
        return text
    }
}

extension PostgresTime: PostgresArrayEncodable {
    /// `time`
    public static var postgresType: PostgresType { .time }

    /// The time as `time`.
    public var postgresParameter: PostgresParameter { .fixed(.time, microsecondsSinceMidnight) }
}

extension PostgresTime: PostgresArrayDecodable {
    /// Decodes a `time`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        try cell.require(.time, for: "PostgresTime")
        guard let time = PostgresTime(microsecondsSinceMidnight: try cell.integer()) else { throw cell.malformed }
        self = time
    }
}
