// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension UUID: PostgresArrayDecodable {
    /// The value, if it is a `uuid`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if it is not.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        try cell.require(.uuid, for: "UUID")
        let bytes = try unsafe cell.value(for: "UUID")
        guard bytes.count == 16 else { throw cell.malformed }
        // A `uuid_t` is 16 bytes.
        self.init(uuid: unsafe bytes.loadUnaligned(as: uuid_t.self))
    }
}

extension Date: PostgresArrayDecodable {
    /// The value, if it is a `timestamptz`, or a `timestamp` or a `date`, which are taken to be in UTC.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if it is not, or is infinite.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        _ = try unsafe cell.value(for: "Date")
        let date: Date?
        switch cell.type {
        case .timestamptz, .timestamp:
            date = Date(postgresMicroseconds: try cell.integer())
        case .date:
            date = PostgresDate(days: try cell.integer()).flatMap {
                // In seconds, because the microseconds of so many days may overflow.
                Date(timeIntervalSinceReferenceDate: Double((Int64($0.days) - 366) * 86_400))
            }
        default:
            throw cell.mismatch("Date needs timestamptz, timestamp or date")
        }
        guard let date else { throw cell.mismatch("the time is infinite") }
        self = date
    }
}

extension Decimal: PostgresArrayDecodable {
    /// The value, if it is a `numeric` or an integer.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if it is not, or has more digits than a `Decimal` holds.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        let bytes = try unsafe cell.value(for: "Decimal")
        switch cell.type {
        case .numeric:
            guard let number = unsafe Numeric(bytes) else { throw cell.malformed }
            guard let decimal = number.decimal else {
                throw cell.mismatch("the number is infinite, not a number, or has more digits than Decimal")
            }
            self = decimal
        case .int2, .int4, .int8:
            self.init(try cell.wholeNumber(for: Decimal.self))
        default:
            throw cell.mismatch("Decimal needs numeric, int2, int4 or int8")
        }
    }
}

extension Data: PostgresArrayDecodable {
    /// The bytes, if the value is a `bytea`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if it is not.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        self = try unsafe Data(cell.byteString(for: "Data"))
    }
}
