// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension Data: SQLiteEncodable {
    /// The bytes, which SQLite copies.
    public var sqliteParameter: SQLiteParameter { .data(self) }
}

extension Data: SQLiteDecodable {
    /// Decodes a blob.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if the value is not a blob.
    public init(cell: borrowing SQLiteCell) throws(SQLiteError) {
        guard cell.storageType == .blob else { throw cell.mismatch("Data needs a BLOB") }
        self = unsafe Data(cell.rawBytes)
    }
}

extension UUID: SQLiteEncodable {
    /// The UUID in the form of ``SQLiteConfiguration/uuids``.
    public var sqliteParameter: SQLiteParameter { .uuid(self) }
}

extension UUID: SQLiteDecodable {
    /// Decodes a text such as `E621E1F8-C36C-495A-93FC-0C247A3E6E5F`, in either case, or a blob of
    /// 16 bytes.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if the value is neither.
    public init(cell: borrowing SQLiteCell) throws(SQLiteError) {
        switch cell.storageType {
        case .text:
            guard let uuid = UUID(uuidString: try String(cell: cell)) else {
                throw cell.mismatch("the text is not a UUID")
            }
            self = uuid
        case .blob:
            let bytes = unsafe cell.rawBytes
            guard bytes.count == 16 else { throw cell.mismatch("a UUID needs a BLOB of 16 bytes") }
            // A `uuid_t` is 16 bytes.
            self.init(uuid: unsafe bytes.loadUnaligned(as: uuid_t.self))
        default:
            throw cell.mismatch("a UUID needs TEXT, or a BLOB of 16 bytes")
        }
    }
}

extension Date: SQLiteEncodable {
    /// The instant in the form of ``SQLiteConfiguration/dates``.
    ///
    /// A statement with a date that the strategy cannot represent fails with the code
    /// `encoding`.
    public var sqliteParameter: SQLiteParameter { .date(self) }
}

extension Date: SQLiteDecodable {
    /// Decodes an instant from text, or from a number in the unit of the configuration's
    /// ``SQLiteConfiguration/dates``.
    ///
    /// A text has one of these forms; without an offset it is in UTC:
    /// - `2026-02-28 13:45:00.250`, also with a `T` in its middle, and without the fraction, the
    ///   seconds or the time of day;
    /// - `20260228T134500.250`, also without the fraction or the seconds.
    ///
    /// `Z` or an offset such as `+01:00`, `+0100` or `+01` may follow a time of day, and then the
    /// suffix of Go, as in `2026-02-28 13:45:00.25 +0000 UTC m=+0.1`.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if the value has another form, or if the
    ///   unit of a number is unknown.
    public init(cell: borrowing SQLiteCell) throws(SQLiteError) {
        let strategy = cell.source.strategies.dates
        let date: Date?
        switch cell.storageType {
        case .text:
            guard let date = unsafe Date(sqliteText: cell.rawBytes) else {
                throw cell.mismatch("the text is not a date such as 2026-02-28 13:45:00.250")
            }
            self = date
            return
        case .integer:
            date = strategy.date(Double(cell.integer), isInteger: true)
        case .real:
            date = strategy.date(cell.real, isInteger: false)
        default:
            throw cell.mismatch("a Date needs TEXT, an INTEGER or a REAL")
        }
        guard let date else {
            throw cell.mismatch(
                """
                the number is not a date with the configuration’s \(strategy.name); dates: .secondsSince1970, \
                .millisecondsSince1970 or .julianDay sets the unit of numbers
                """
            )
        }
        self = date
    }
}

extension URL: SQLiteEncodable {
    /// The absolute URL as text.
    public var sqliteParameter: SQLiteParameter { .text(absoluteString) }
}

extension URL: SQLiteDecodable {
    /// Decodes a text that is a URL.
    ///
    /// - Throws: ``SQLiteError`` with the code `decoding` if the value is not such a text.
    public init(cell: borrowing SQLiteCell) throws(SQLiteError) {
        guard cell.storageType == .text else { throw cell.mismatch("a URL needs TEXT") }
        let text = try String(cell: cell)
        guard let url = URL(string: text, encodingInvalidCharacters: false), url.absoluteString == text else {
            throw cell.mismatch("the text is not a URL")
        }
        self = url
    }
}
