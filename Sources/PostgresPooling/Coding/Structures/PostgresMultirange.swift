// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A value of a multirange type, such as `int8multirange`: a set of ranges. Requires PostgreSQL 14
/// or later.
///
/// As on the server, the ranges are in ascending order and not empty, and overlapping or adjacent
/// ones are merged.
public struct PostgresMultirange<Bound: PostgresRangeBound>: Hashable, Sendable {
    /// The ranges, in ascending order.
    public let ranges: [PostgresRange<Bound>]

    /// Creates a multirange with the values of all ranges.
    ///
    /// - Complexity: O(n log n) for n ranges.
    public init(_ ranges: some Sequence<PostgresRange<Bound>>) {
        var merged: [PostgresRange<Bound>] = []
        for range in ranges.filter({ !$0.isEmpty }).sorted(by: { $0.beginsBefore($1) }) {
            if let last = merged.last, let union = last.union(withLater: range) {
                merged[merged.count - 1] = union
            } else {
                merged.append(range)
            }
        }
        self.ranges = merged
    }

    /// Returns whether one of the ranges contains a value. O(ranges).
    public func contains(_ value: Bound) -> Bool { ranges.contains { $0.contains(value) } }
}

extension PostgresRange {
    fileprivate func beginsBefore(_ other: PostgresRange) -> Bool {
        guard let bound = other.lower.value else { return false }
        guard let own = lower.value else { return true }
        return own < bound || own == bound && lower.isInclusive && !other.lower.isInclusive
    }

    /// Returns a range with the values of both; `nil` if there is a gap between them.
    ///
    /// - Parameter later: A range that does not begin before this one.
    fileprivate func union(withLater later: PostgresRange) -> PostgresRange? {
        if let end = upper.value, let start = later.lower.value {
            guard start < end || start == end && (upper.isInclusive || later.lower.isInclusive) else { return nil }
        }
        return PostgresRange(lower: lower, upper: endsBefore(later) ? later.upper : upper)
    }

    private func endsBefore(_ other: PostgresRange) -> Bool {
        guard let bound = upper.value else { return false }
        guard let end = other.upper.value else { return true }
        return bound < end || bound == end && !upper.isInclusive
    }
}

extension PostgresMultirange: CustomStringConvertible {
    /// The ranges in PostgreSQL's notation, such as `{[1,5),[7,9)}`.
    public var description: String { "{" + ranges.map(\.description).joined(separator: ",") + "}" }
}

extension PostgresMultirange: PostgresArrayEncodable {
    /// The multirange type of the bounds' type.
    public static var postgresType: PostgresType { Bound.postgresMultirangeType }

    /// The ranges in binary format.
    ///
    /// Sending them fails with the code `encoding` if a bound cannot be sent.
    public var postgresParameter: PostgresParameter {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: Int32(truncatingIfNeeded: ranges.count))
        for range in ranges {
            var part: [UInt8] = []
            if let obstacle = range.append(to: &part) { return .failure(obstacle) }
            bytes.append(counted: .bytes(part))
        }
        return PostgresParameter(Self.postgresType, .bytes(bytes))
    }
}

extension PostgresMultirange: PostgresArrayDecodable {
    /// Decodes the multirange type of the bounds' type.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type, or if
    ///   a bound cannot be decoded.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        let bytes = try unsafe cell.value(for: "PostgresMultirange<\(Bound.self)>")
        // The identifier of a type by name is not known here.
        let type = Self.postgresType
        guard type.isNamed ? cell.type.isUserDefined : cell.type == type else {
            throw cell.mismatch("PostgresMultirange<\(Bound.self)> needs \(type)")
        }
        var reader = unsafe ByteReader(bytes)
        // Each range has at least a length and flags.
        guard let count = reader.integer(Int32.self), count >= 0, Int(count) <= reader.count / 5 else {
            throw cell.malformed
        }
        var ranges: [PostgresRange<Bound>] = []
        for _ in 0..<count {
            guard let length = reader.integer(Int32.self), let part = unsafe reader.bytes(Int(length)) else {
                throw cell.malformed
            }
            var partReader = unsafe ByteReader(part)
            ranges.append(try PostgresRange(&partReader, cell))
            guard partReader.isAtEnd else { throw cell.malformed }
        }
        guard reader.isAtEnd else { throw cell.malformed }
        self.init(ranges)
    }
}
