// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A time of day with an offset from UTC: PostgreSQL's `timetz`.
///
/// Two values are equal if their times and their offsets are. The server orders them by their
/// instants on one day.
public struct PostgresTimeTZ: Hashable, Sendable {
    /// The time of day at this offset.
    public let time: PostgresTime

    /// The offset in seconds, positive east of Greenwich.
    public let secondsFromUTC: Int

    /// Creates a time of day with an offset.
    ///
    /// - Parameters:
    ///   - time: The time of day.
    ///   - secondsFromUTC: The offset in seconds, positive east of Greenwich.
    /// - Returns: `nil` if the offset is 16 hours or more.
    public init?(_ time: PostgresTime, secondsFromUTC: Int) {
        guard -57_599...57_599 ~= secondsFromUTC else { return nil }
        self.time = time
        self.secondsFromUTC = secondsFromUTC
    }
}

extension PostgresTimeTZ: CustomStringConvertible {
    /// The time in the server's notation, such as `19:40:12.25+05:45`.
    public var description: String {
        let offset = abs(secondsFromUTC)
        var text = "\(time)\(secondsFromUTC < 0 ? "-" : "+")"
        text.append(offset / 3_600, width: 2)
        if offset % 3_600 != 0 {
            text += ":"
            text.append(offset / 60 % 60, width: 2)
        }
        if offset % 60 != 0 {
            text += ":"
            text.append(offset % 60, width: 2)
        }
        return text
    }
}

extension PostgresTimeTZ: PostgresArrayEncodable {
    /// `timetz`
    public static var postgresType: PostgresType { .timetz }

    /// The time as `timetz`.
    public var postgresParameter: PostgresParameter {
        // The server counts seconds west of Greenwich.
        let west = UInt64(UInt32(bitPattern: Int32(-secondsFromUTC)))
        let time = UInt64(bitPattern: time.microsecondsSinceMidnight)
        return PostgresParameter(.timetz, .short(time, west << 32, count: 12))
    }
}

extension PostgresTimeTZ: PostgresArrayDecodable {
    /// Decodes a `timetz`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        try cell.require(.timetz, for: "PostgresTimeTZ")
        var reader = try unsafe ByteReader(cell.value(for: "PostgresTimeTZ"))
        guard
            let microseconds = reader.integer(Int64.self), let west = reader.integer(Int32.self), reader.isAtEnd,
            let time = PostgresTime(microsecondsSinceMidnight: microseconds),
            let value = PostgresTimeTZ(time, secondsFromUTC: -Int(west))
        else { throw cell.malformed }
        self = value
    }
}
