// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A value of a range type, such as `int8range`, `numrange`, `daterange` or `tstzrange`.
///
/// ```swift
/// let stay = PostgresRange(arrival..<departure)
/// try await pool.execute("INSERT INTO booking (room, during) VALUES (\(room), \(stay))")
/// ```
///
/// It has the server's canonical form: a range of numbers or days has an inclusive lower and an
/// exclusive upper bound, however it was created, and a range without values is ``empty``. A
/// decoded range therefore equals the one that was sent.
public struct PostgresRange<Bound: PostgresRangeBound>: Hashable, Sendable {
    /// A bound of a range.
    public enum Edge: Hashable, Sendable {
        /// The range includes this value.
        case inclusive(Bound)
        /// The range excludes this value.
        case exclusive(Bound)
        /// The range has no bound on this side.
        case unbounded
    }

    /// The lower bound; `unbounded` if the range is empty.
    public let lower: Edge

    /// The upper bound; `unbounded` if the range is empty.
    public let upper: Edge

    /// Whether the range contains no values.
    public let isEmpty: Bool

    /// The range without values.
    public static var empty: PostgresRange { PostgresRange(.unbounded, .unbounded, isEmpty: true) }

    /// The range of all values.
    public static var unbounded: PostgresRange { PostgresRange(.unbounded, .unbounded, isEmpty: false) }

    private init(_ lower: Edge, _ upper: Edge, isEmpty: Bool) {
        self.lower = lower
        self.upper = upper
        self.isEmpty = isEmpty
    }

    /// Creates a range with these bounds.
    ///
    /// - Returns: `nil` if the lower bound is above the upper one, or if they are not comparable.
    public init?(lower: Edge, upper: Edge) {
        if let first = lower.value, let last = upper.value, !(first < last || first == last) { return nil }
        var (lower, upper) = (lower, upper)
        if case .exclusive(let bound) = lower, let next = bound.postgresSuccessor { lower = .inclusive(next) }
        if case .inclusive(let bound) = upper, let next = bound.postgresSuccessor { upper = .exclusive(next) }
        var isEmpty = false
        if let first = lower.value, let last = upper.value, !(first < last) {
            // The lower bound may exceed the upper one by the step to its successor.
            isEmpty = first != last || lower != .inclusive(first) || upper != .inclusive(last)
        }
        self = isEmpty ? .empty : PostgresRange(lower, upper, isEmpty: false)
    }

    /// Creates a range with the same values.
    public init(_ range: Range<Bound>) {
        self = PostgresRange(lower: .inclusive(range.lowerBound), upper: .exclusive(range.upperBound)) ?? .empty
    }

    /// Creates a range with the same values.
    public init(_ range: ClosedRange<Bound>) {
        self = PostgresRange(lower: .inclusive(range.lowerBound), upper: .inclusive(range.upperBound)) ?? .empty
    }

    /// Creates the range from a value upwards.
    public init(_ range: PartialRangeFrom<Bound>) {
        self = PostgresRange(lower: .inclusive(range.lowerBound), upper: .unbounded) ?? .empty
    }

    /// Creates the range below a value.
    public init(_ range: PartialRangeUpTo<Bound>) {
        self = PostgresRange(lower: .unbounded, upper: .exclusive(range.upperBound)) ?? .empty
    }

    /// Creates the range up to and including a value.
    public init(_ range: PartialRangeThrough<Bound>) {
        self = PostgresRange(lower: .unbounded, upper: .inclusive(range.upperBound)) ?? .empty
    }

    /// Returns whether the range contains a value.
    public func contains(_ value: Bound) -> Bool {
        if isEmpty { return false }
        let isAbove =
            switch lower {
            case .inclusive(let bound): bound <= value
            case .exclusive(let bound): bound < value
            case .unbounded: true
            }
        let isBelow =
            switch upper {
            case .inclusive(let bound): value <= bound
            case .exclusive(let bound): value < bound
            case .unbounded: true
            }
        return isAbove && isBelow
    }
}

extension PostgresRange.Edge {
    /// The value of the bound; `nil` for `unbounded`.
    public var value: Bound? {
        switch self {
        case .inclusive(let bound), .exclusive(let bound): bound
        case .unbounded: nil
        }
    }

    var isInclusive: Bool {
        if case .inclusive = self { true } else { false }
    }
}

extension Range where Bound: PostgresRangeBound {
    /// Creates a range with the same values; `nil` unless the lower bound is inclusive and the
    /// upper bound is exclusive.
    public init?(_ range: PostgresRange<Bound>) {
        guard case .inclusive(let lower) = range.lower, case .exclusive(let upper) = range.upper else { return nil }
        self = lower..<upper
    }
}

extension PostgresRange: CustomStringConvertible {
    /// The range in PostgreSQL's notation, such as `[1,5)`, with the descriptions of its bounds.
    public var description: String {
        if isEmpty { return "empty" }
        func text(_ edge: Edge) -> String {
            guard let bound = edge.value else { return "" }
            let text = "\(bound)"
            guard text.isEmpty || text.contains(where: { "\"\\()[],".contains($0) || $0.isWhitespace }) else {
                return text
            }
            return "\"" + text.reduce(into: "") { $0 += "\"\\".contains($1) ? "\($1)\($1)" : "\($1)" } + "\""
        }
        return (lower.isInclusive ? "[" : "(") + text(lower) + "," + text(upper) + (upper.isInclusive ? "]" : ")")
    }
}
