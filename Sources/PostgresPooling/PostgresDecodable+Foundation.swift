// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension UUID: PostgresDecodable {
    /// The value of a `uuid`.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        let bytes = unsafe try cell.require(PostgresType.uuid, for: "UUID")
        guard bytes.count == 16 else { throw cell.mismatch("its bytes are malformed") }
        self.init(uuid: unsafe bytes.loadUnaligned(as: uuid_t.self))
    }
}

extension Date: PostgresDecodable {
    /// The value of a `timestamp with time zone`; of a `timestamp`, taken as UTC; of a `date`, its first instant in UTC.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        if cell.type == PostgresType.date {
            let day = try PostgresDate(cell: cell)
            self.init(timeIntervalSinceReferenceDate: Double(day.daysSince2000) * 86_400 - PostgresTime.referenceDate)
            return
        }
        let bytes = unsafe try cell.require(PostgresType.timestamptz, PostgresType.timestamp, for: "Date")
        let microseconds = unsafe try cell.number(Int64.self, bytes)
        guard microseconds != .max, microseconds != .min else {
            throw cell.mismatch("the time is infinite, which Date is not")
        }
        self.init(timeIntervalSinceReferenceDate: Double(microseconds) / 1e6 - PostgresTime.referenceDate)
    }
}

extension PostgresDate: PostgresDecodable {
    /// The value of a `date`.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        let days = unsafe try cell.number(Int32.self, cell.require(PostgresType.date, for: "PostgresDate"))
        guard days != .max, days != .min else { throw cell.mismatch("the day is infinite, which PostgresDate is not") }
        self.init(daysSince2000: days)
    }
}

extension Decimal: PostgresDecodable {
    /// The value of a `numeric` or an integer, if `Decimal` has it exactly: up to 38 digits.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        guard cell.type == PostgresType.numeric || cell.isNull else {
            self.init(try Int(cell: cell))
            return
        }
        _ = unsafe try cell.require(PostgresType.numeric, for: "Decimal")
        let digits = try String(cell: cell)
        let significant = digits.drop { "-0.".contains($0) }.count { $0.isNumber }
        guard significant <= 38, let number = Decimal(string: digits), !number.isNaN else {
            throw cell.mismatch("Decimal does not have this number exactly; decode String")
        }
        self = number
    }
}

extension PostgresJSON: PostgresDecodable where Value: Decodable {
    /// The value of a `json` or a `jsonb`.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        let bytes = unsafe try cell.json(for: "PostgresJSON")
        let data = unsafe Data(bytes)
        do {
            self.init(try JSONDecoder().decode(Value.self, from: data))
        } catch {
            // The reason may quote the value.
            throw cell.mismatch("the JSON does not fit \(Value.self)")
        }
    }
}
