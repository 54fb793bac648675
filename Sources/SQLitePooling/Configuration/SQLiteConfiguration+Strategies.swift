// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension SQLiteConfiguration {
    /// The stored form of a `Date`, and the unit of a number that is decoded as a `Date`.
    ///
    /// Text is decoded under each strategy, because its form identifies the instant.
    public enum DateStrategy: Hashable, Sendable {
        /// Text in UTC, such as `2026-02-28 13:45:00.250`, in the format of SQLite's date
        /// functions.
        ///
        /// The seconds have as many fractional digits within the range as the instant needs, and
        /// are rounded at the upper bound. The order of the texts is the order of the instants.
        /// `3...3` is the format of `strftime('%Y-%m-%d %H:%M:%f')`. The years are 0 to 9999.
        ///
        /// A number is decoded as seconds since 1970, as of `unixepoch()`. A number outside of the
        /// years 0 to 9999, and a `REAL` that can be a Julian day, are errors, because their unit
        /// is unknown.
        case text(fractionalDigits: ClosedRange<Int> = 3...6)

        /// The seconds since 1970: an `INTEGER` if the number is whole, otherwise a `REAL`.
        /// Nothing is rounded.
        case secondsSince1970

        /// The milliseconds since 1970, rounded, as an `INTEGER`.
        case millisecondsSince1970

        /// The Julian day as a `REAL`, as of `julianday()`, rounded to milliseconds in both
        /// directions. The years are 0 to 9999.
        case julianDay
    }

    /// The stored form of a `UUID`. All forms are decoded under each strategy.
    public enum UUIDStrategy: Hashable, Sendable {
        /// Text of 36 characters with uppercase letters.
        case uppercaseText
        /// Text of 36 characters with lowercase letters.
        case lowercaseText
        /// A blob of 16 bytes, as GRDB stores it.
        case blob
    }

    /// The relation between the columns of a row and the properties of a `Decodable` type.
    public enum ColumnNames: Hashable, Sendable {
        /// A property is decoded from the column with the same name.
        case asWritten
        /// The property `userName` is decoded from the column `user_name`, or `userName`.
        case convertFromSnakeCase
    }

    /// The strategies that statements and rows need.
    var strategies: ValueStrategies { ValueStrategies(dates: dates, uuids: uuids, columnNames: columnNames) }
}

/// The strategies for values that SQLite can store in more than one form.
struct ValueStrategies: Sendable {
    var dates = SQLiteConfiguration.DateStrategy.text()
    var uuids = SQLiteConfiguration.UUIDStrategy.uppercaseText
    var columnNames = SQLiteConfiguration.ColumnNames.asWritten
}

extension SQLiteConfiguration.ColumnNames {
    /// Returns the name of the property that a column is decoded as.
    func propertyName(_ column: String) -> String {
        switch self {
        case .asWritten: column
        case .convertFromSnakeCase: column.convertedFromSnakeCase
        }
    }
}
