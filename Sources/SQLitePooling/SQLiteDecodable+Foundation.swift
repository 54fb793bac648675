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
    /// The value, if it is one of the forms of an instant that SQLite's functions give and take: a text such as
    /// `2026-02-28 13:45:00.250`, or the number of seconds since 1970, an integer or a floating-point number.
    ///
    /// A text may have a `T` in its middle, may leave out the fraction, the seconds, or the whole time of day, and may end in
    /// `Z` or in an offset from UTC such as `+01:00`. Without an offset it is taken to be in UTC.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if it is none of these. A Julian day, which looks like a number of
    ///   seconds, is taken for that: `unixepoch(…)` converts it.
    public init(column: borrowing SQLiteColumn) throws(SQLiteError) {
        switch column.storageType {
        case .text:
            guard let date = unsafe Date(sqliteText: column.rawBytes) else {
                throw column.mismatch("the text is no date such as 2026-02-28 13:45:00.250")
            }
            self = date
        case .integer:
            self.init(timeIntervalSince1970: Double(column.integer))
        case .real:
            self.init(timeIntervalSince1970: column.real)
        default:
            throw column.mismatch("a Date needs TEXT, or seconds since 1970 as an INTEGER or a REAL")
        }
    }
}
