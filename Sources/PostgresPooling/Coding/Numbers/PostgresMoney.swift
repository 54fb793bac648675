// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// An amount of money: PostgreSQL's `money`.
///
/// The server stores a whole number of the smallest units of a currency, but neither the currency
/// nor the number of units in it: both depend on the setting `lc_monetary` at the time of display.
/// The stored number does not depend on the setting.
public struct PostgresMoney: RawRepresentable, Hashable, Sendable {
    /// The amount in the smallest unit, which is the cent if `lc_monetary` is `C` or `en_US`.
    public let rawValue: Int64

    /// Creates an amount in the smallest unit.
    public init(rawValue: Int64) { self.rawValue = rawValue }
}

extension PostgresMoney: Comparable {
    /// Returns whether the first amount is less than the second one.
    public static func < (first: PostgresMoney, second: PostgresMoney) -> Bool { first.rawValue < second.rawValue }
}

extension PostgresMoney: PostgresArrayEncodable {
    /// `money`
    public static var postgresType: PostgresType { .money }

    /// The amount as `money`.
    public var postgresParameter: PostgresParameter { .fixed(.money, rawValue) }
}

extension PostgresMoney: PostgresArrayDecodable {
    /// Decodes a `money`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        try cell.require(.money, for: "PostgresMoney")
        self.init(rawValue: try cell.integer())
    }
}
