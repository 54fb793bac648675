// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A decimal number of any size, with its scale: PostgreSQL's `numeric`.
///
/// It has up to 131,072 digits before the decimal point and up to 16,383 after it, or is `NaN` or
/// infinite. The scale is the number of digits that are displayed after the point: `1.50` is
/// displayed with its zero, and equals `1.5`, as on the server.
public struct PostgresNumeric: Sendable {
    /// PostgreSQL's binary format, without base-10,000 zeros at either end.
    let bytes: [UInt8]

    /// Parses a number.
    ///
    /// - Parameter text: Digits with at most one point, an optional sign and an optional exponent,
    ///   such as `-1.50` and `6.02e23`; or `NaN`, `Infinity` or `inf`, with an optional sign, in
    ///   any case.
    /// - Returns: `nil` if the text is none of these, or if the number exceeds the range of the
    ///   server's type.
    /// - Complexity: O(digits), including zeros that the exponent implies.
    public init?(_ text: String) {
        guard let bytes = NumericText(text)?.bytes else { return nil }
        self.bytes = bytes
    }

    /// Creates a whole number with a scale of 0.
    public init(_ number: some FixedWidthInteger) { bytes = Numeric.bytes(of: "\(number)") }

    init(_ number: Numeric) { bytes = number.canonicalBytes }

    private init(_ kind: Numeric.Kind) {
        bytes = [0, 0, 0, 0, UInt8(kind.rawValue >> 8), 0, 0, 0]
    }

    /// Not a number. As on the server it equals itself, and is greater than all others.
    public static var nan: PostgresNumeric { PostgresNumeric(.notANumber) }

    /// Infinity, which servers support from PostgreSQL 14.
    public static var infinity: PostgresNumeric { PostgresNumeric(.infinity) }

    /// Negative infinity, which servers support from PostgreSQL 14.
    public static var negativeInfinity: PostgresNumeric { PostgresNumeric(.negativeInfinity) }

    /// Whether the number is neither infinite nor `NaN`.
    public var isFinite: Bool { withNumeric { $0.isFinite } }

    /// Whether the number is `NaN`.
    public var isNaN: Bool { withNumeric { $0.kind == .notANumber } }

    /// The number of digits after the decimal point in ``description``, from 0 to 16,383.
    public var scale: Int { withNumeric { $0.scale } }

    func withNumeric<Result>(_ body: (borrowing Numeric) -> Result) -> Result {
        // The bytes are those of a number.
        unsafe bytes.withUnsafeBytes { bytes in body(unsafe Numeric(bytes)!) }
    }
}

extension PostgresNumeric: LosslessStringConvertible {
    /// The number in the server's notation, such as `-1.50`, without an exponent.
    public var description: String { withNumeric { $0.text } }
}

extension PostgresNumeric: Hashable, Comparable {
    /// Returns whether both are the same number, regardless of their scales. `NaN` equals itself.
    public static func == (one: PostgresNumeric, other: PostgresNumeric) -> Bool {
        one.withNumeric { one in other.withNumeric { other in Numeric.order(one, other) == 0 } }
    }

    /// Returns whether the first number is less than the second one. `NaN` is greater than all
    /// others.
    public static func < (first: PostgresNumeric, second: PostgresNumeric) -> Bool {
        first.withNumeric { first in second.withNumeric { second in Numeric.order(first, second) < 0 } }
    }

    /// Hashes the number without its scale.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(bytes[..<6])
        hasher.combine(bytes[8...])
    }
}

extension PostgresNumeric: PostgresArrayEncodable {
    /// `numeric`
    public static var postgresType: PostgresType { .numeric }

    /// The number as `numeric`.
    public var postgresParameter: PostgresParameter { PostgresParameter(.numeric, .bytes(bytes)) }
}

extension PostgresNumeric: PostgresArrayDecodable {
    /// Decodes a `numeric` or an integer.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        let bytes = try unsafe cell.value(for: "PostgresNumeric")
        guard cell.type == .numeric else {
            self.init(try cell.wholeNumber(for: Self.self))
            return
        }
        guard let number = unsafe Numeric(bytes) else { throw cell.malformed }
        self.init(number)
    }
}

extension FixedWidthInteger {
    /// Converts a number; `nil` if it is not whole or out of range.
    public init?(exactly number: PostgresNumeric) {
        guard let whole = number.withNumeric({ $0.integer(Self.self) }) else { return nil }
        self = whole
    }
}

extension Double {
    /// Converts to the nearest number.
    public init(_ number: PostgresNumeric) {
        // `Double` parses each text that the server writes for a number. A number that is too
        // large becomes infinite.
        self = Double("\(number)") ?? .nan
    }
}
