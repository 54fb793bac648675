// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A value of a type that has infinite values on the server but not in Swift: a date, a timestamp
/// or a number.
///
/// ```swift
/// let ends = try await pool.query("SELECT ends_at FROM lease", as: PostgresOrInfinity<Date>.self)
/// ```
///
/// `Date`, ``PostgresDate``, ``PostgresTimestamp`` and `Decimal` have no infinite values, so all
/// their values support arithmetic. Decoding an infinite value as one of them fails. This type
/// decodes it.
public enum PostgresOrInfinity<Value> {
    /// Less than all other values.
    case negativeInfinity
    /// A finite value.
    case value(Value)
    /// Greater than all other values.
    case infinity

    /// The finite value; `nil` if it is infinite.
    public var value: Value? {
        if case .value(let value) = self { value } else { nil }
    }
}

extension PostgresOrInfinity: Sendable where Value: Sendable {}
extension PostgresOrInfinity: Equatable where Value: Equatable {}
extension PostgresOrInfinity: Hashable where Value: Hashable {}
extension PostgresOrInfinity: Comparable where Value: Comparable {}

extension PostgresOrInfinity: CustomStringConvertible {
    /// `infinity`, `-infinity`, or the description of the value.
    public var description: String {
        switch self {
        case .negativeInfinity: "-infinity"
        case .value(let value): "\(value)"
        case .infinity: "infinity"
        }
    }
}

extension PostgresOrInfinity: PostgresEncodable, PostgresArrayEncodable where Value: PostgresEncodable {
    /// The type of the finite values.
    public static var postgresType: PostgresType { Value.postgresType }

    /// The value, or the infinite value of its type.
    ///
    /// Sending an infinite value of a type that has none fails with the code `encoding`.
    public var postgresParameter: PostgresParameter {
        switch self {
        case .negativeInfinity: Self.infinite(isNegative: true)
        case .value(let value): value.postgresParameter
        case .infinity: Self.infinite(isNegative: false)
        }
    }

    private static func infinite(isNegative: Bool) -> PostgresParameter {
        switch postgresType {
        case .date: .fixed(.date, isNegative ? Int32.min : .max)
        case .timestamp, .timestamptz: .fixed(postgresType, isNegative ? Int64.min : .max)
        case .numeric: (isNegative ? PostgresNumeric.negativeInfinity : .infinity).postgresParameter
        default: .failure("\(Value.self) has no infinite value")
        }
    }
}

extension PostgresOrInfinity: PostgresDecodable, PostgresArrayDecodable where Value: PostgresDecodable {
    /// Decodes a value of `Value`, or an infinite value of `date`, `timestamp`, `timestamptz` or
    /// `numeric`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is neither.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        switch cell.infinity {
        case .plus: self = .infinity
        case .minus: self = .negativeInfinity
        case nil: self = .value(try Value(cell: cell))
        }
    }
}

extension PostgresCell {
    /// The sign of an infinite value; `nil` if the value is finite, or if its type has no infinite
    /// values.
    fileprivate var infinity: FloatingPointSign? {
        switch type {
        case .date: sign(Int32.self)
        case .timestamp, .timestamptz: sign(Int64.self)
        case .numeric: numericSign
        default: nil
        }
    }

    private func sign<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type) -> FloatingPointSign? {
        guard let number = try? integer(Number.self) else { return nil }
        return number == .max ? .plus : number == .min ? .minus : nil
    }

    private var numericSign: FloatingPointSign? {
        guard let number = unsafe (try? value(for: "")).flatMap({ unsafe Numeric($0) }) else { return nil }
        return number.kind == .infinity ? .plus : number.kind == .negativeInfinity ? .minus : nil
    }
}
