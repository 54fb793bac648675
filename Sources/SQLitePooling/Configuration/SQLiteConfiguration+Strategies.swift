// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension SQLiteConfiguration {
    /// How a `Date` is stored, and how a number is decoded as a `Date`.
    ///
    /// A text is decoded under each strategy, because it says itself which instant it is.
    public enum DateStrategy: Hashable, Sendable {
        /// A text in UTC, such as `2026-02-28 13:45:00.250`, as SQLite's date functions write and take it.
        ///
        /// The seconds have as many fractional digits of the range as the instant needs, rounded at the upper bound. The
        /// order of the texts is that of the instants. `3...3` gives what `strftime('%Y-%m-%d %H:%M:%f')` gives. The years
        /// are 0 to 9999.
        ///
        /// A number is decoded as seconds since 1970, as `unixepoch()` gives it. A number outside of the years 0 to 9999,
        /// and a `REAL` that can be a Julian day, are errors: which unit they have is unknown.
        case text(fractionalDigits: ClosedRange<Int> = 3...6)

        /// The number of seconds since 1970: an `INTEGER` where it is whole, and else a `REAL`. Nothing is rounded.
        case secondsSince1970

        /// The number of milliseconds since 1970, rounded, as an `INTEGER`.
        case millisecondsSince1970

        /// The Julian day as a `REAL`, as `julianday()` gives it, rounded to milliseconds in both directions. The years are
        /// 0 to 9999.
        case julianDay
    }

    /// How a `UUID` is stored. Each of these forms is decoded under each strategy.
    public enum UUIDStrategy: Hashable, Sendable {
        /// A text of 36 characters with capital letters.
        case uppercaseText
        /// A text of 36 characters with small letters.
        case lowercaseText
        /// A blob of 16 bytes, as GRDB stores it.
        case blob
    }

    /// How the columns of a row are matched with the properties of a `Decodable` type.
    public enum ColumnNames: Hashable, Sendable {
        /// A property has the column of its name.
        case asWritten
        /// The property `userName` has the column `user_name`, or `userName`.
        case convertFromSnakeCase
    }

    /// What statements and rows need of the configuration.
    var strategies: ValueStrategies { ValueStrategies(dates: dates, uuids: uuids, columnNames: columnNames) }
}

/// How values are encoded and decoded where SQLite has more than one way.
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
