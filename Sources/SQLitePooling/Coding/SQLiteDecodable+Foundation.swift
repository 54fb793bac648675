// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension Data: SQLiteDecodable {
    /// The value, if it is a blob.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if it is not.
    public init(column: borrowing SQLiteColumn) throws(SQLiteError) {
        guard column.storageType == .blob else { throw column.mismatch("Data needs a BLOB") }
        self = unsafe Data(column.rawBytes)
    }
}

extension UUID: SQLiteDecodable {
    /// The value, if it is a text such as `E621E1F8-C36C-495A-93FC-0C247A3E6E5F`, in letters of either case, or a blob of 16
    /// bytes.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if it is not.
    public init(column: borrowing SQLiteColumn) throws(SQLiteError) {
        switch column.storageType {
        case .text:
            guard let uuid = UUID(uuidString: try String(column: column)) else {
                throw column.mismatch("the text is no UUID")
            }
            self = uuid
        case .blob:
            let bytes = unsafe column.rawBytes
            guard bytes.count == 16 else { throw column.mismatch("a UUID needs a BLOB of 16 bytes") }
            // A `uuid_t` is 16 bytes.
            self.init(uuid: unsafe bytes.loadUnaligned(as: uuid_t.self))
        default:
            throw column.mismatch("a UUID needs TEXT, or a BLOB of 16 bytes")
        }
    }
}

extension Date: SQLiteDecodable {
    /// The value, if it is a text that names an instant, or a number whose unit the configuration's
    /// ``SQLiteConfiguration/dates`` says.
    ///
    /// A text has one of these forms; without an offset it is in UTC:
    /// - `2026-02-28 13:45:00.250`, also with a `T` in its middle, and without the fraction, the seconds or the time of day;
    /// - `20260228T134500.250`, also without the fraction or the seconds.
    ///
    /// `Z` or an offset such as `+01:00`, `+0100` or `+01` may follow a time of day, and what Go writes after that, as in
    /// `2026-02-28 13:45:00.25 +0000 UTC m=+0.1`.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if it is none of these, or if the strategy does not say which unit
    ///   a number has.
    public init(column: borrowing SQLiteColumn) throws(SQLiteError) {
        let strategy = column.statement.strategies.dates
        let date: Date?
        switch column.storageType {
        case .text:
            guard let date = unsafe Date(sqliteText: column.rawBytes) else {
                throw column.mismatch("the text is no date such as 2026-02-28 13:45:00.250")
            }
            self = date
            return
        case .integer:
            date = strategy.date(Double(column.integer), isInteger: true)
        case .real:
            date = strategy.date(column.real, isInteger: false)
        default:
            throw column.mismatch("a Date needs TEXT, an INTEGER or a REAL")
        }
        guard let date else {
            throw column.mismatch(
                """
                the number is no date under the configuration’s \(strategy.name); dates: .secondsSince1970, \
                .millisecondsSince1970 or .julianDay says which unit numbers have
                """
            )
        }
        self = date
    }
}
