// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension UUID: PostgresArrayDecodable {
    /// Decodes a `uuid`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        try cell.require(.uuid, for: "UUID")
        let bytes = try unsafe cell.value(for: "UUID")
        guard bytes.count == 16 else { throw cell.malformed }
        // A `uuid_t` is 16 bytes.
        self.init(uuid: unsafe bytes.loadUnaligned(as: uuid_t.self))
    }
}

extension Date: PostgresArrayDecodable {
    /// Decodes a `timestamptz`, which is an instant.
    ///
    /// A `timestamp` or a `date` is not an instant: which instant it denotes depends on a time
    /// zone that is not stored. See ``PostgresTimestamp`` and ``PostgresDate``.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type,
    ///   infinite, or so far from 2001 that a `Date` cannot represent its microseconds, which
    ///   begins after 272 years.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        _ = try unsafe cell.value(for: "Date")
        switch cell.type {
        case .timestamptz: break
        case .timestamp:
            throw cell.mismatch("Date needs timestamptz; decode PostgresTimestamp, or write AT TIME ZONE 'UTC'")
        case .date:
            throw cell.mismatch("Date needs timestamptz; decode PostgresDate")
        default:
            throw cell.mismatch("Date needs timestamptz")
        }
        let microseconds: Int64 = try cell.integer()
        guard let date = Date(postgresMicroseconds: microseconds) else {
            throw cell.mismatch("the time is infinite; decode PostgresOrInfinity<Date>")
        }
        // Within this range, each microsecond has a distinct `Date`.
        if microseconds.magnitude > 8_000_000_000_000_000, date.postgresMicroseconds != microseconds {
            throw cell.mismatch(
                "a Date that far from 2001 has no such microseconds; write AT TIME ZONE 'UTC', and decode PostgresTimestamp"
            )
        }
        self = date
    }
}

extension Decimal: PostgresArrayDecodable {
    /// Decodes a `numeric` or an integer.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type, is
    ///   `NaN` or infinite, or has more digits than a `Decimal` can hold. ``PostgresNumeric``
    ///   holds all.
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
    /// Decodes a `bytea`, or the text of a `json` or `jsonb`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        self = try unsafe Data(cell.byteString(for: "Data"))
    }
}
