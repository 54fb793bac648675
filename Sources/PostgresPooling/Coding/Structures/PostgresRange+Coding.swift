// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresRange: PostgresArrayEncodable {
    /// The range type of the bounds' type.
    public static var postgresType: PostgresType { Bound.postgresRangeType }

    /// The range in binary format.
    ///
    /// Sending it fails with the code `encoding` if a bound cannot be sent.
    public var postgresParameter: PostgresParameter {
        var bytes: [UInt8] = []
        if let obstacle = append(to: &bytes) { return .failure(obstacle) }
        return PostgresParameter(Self.postgresType, .bytes(bytes))
    }

    /// Appends the binary format.
    ///
    /// - Returns: The reason why there is none; `nil` if there is one.
    func append(to bytes: inout [UInt8]) -> String? {
        if isEmpty {
            bytes.append(RangeFlags.empty.rawValue)
            return nil
        }
        var flags: RangeFlags = []
        if lower.isInclusive { flags.insert(.lowerInclusive) }
        if upper.isInclusive { flags.insert(.upperInclusive) }
        if lower == .unbounded { flags.insert(.lowerInfinite) }
        if upper == .unbounded { flags.insert(.upperInfinite) }
        bytes.append(flags.rawValue)
        for (edge, name) in [(lower, "lower"), (upper, "upper")] {
            guard let parameter = edge.value?.postgresParameter else { continue }
            if let obstacle = parameter.content.obstacle { return "the \(name) bound: \(obstacle)" }
            if parameter.isNull || parameter.isText { return "the \(name) bound has no binary format" }
            bytes.append(counted: parameter.content)
        }
        return nil
    }
}

/// The first byte of a range in binary format.
private struct RangeFlags: OptionSet {
    let rawValue: UInt8

    static let empty = RangeFlags(rawValue: 0x01)
    static let lowerInclusive = RangeFlags(rawValue: 0x02)
    static let upperInclusive = RangeFlags(rawValue: 0x04)
    static let lowerInfinite = RangeFlags(rawValue: 0x08)
    static let upperInfinite = RangeFlags(rawValue: 0x10)
    static let all: RangeFlags = [.empty, .lowerInclusive, .upperInclusive, .lowerInfinite, .upperInfinite]
}

extension PostgresRange: PostgresArrayDecodable {
    /// Decodes the range type of the bounds' type.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type, or if
    ///   a bound cannot be decoded.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        let bytes = try unsafe cell.value(for: "PostgresRange<\(Bound.self)>")
        // The identifier of a type by name is not known here.
        let (type, isNamed) = (Self.postgresType, Self.postgresType.isNamed)
        guard isNamed ? cell.type.isUserDefined : cell.type == type else {
            throw cell.mismatch("PostgresRange<\(Bound.self)> needs \(type)")
        }
        var reader = unsafe ByteReader(bytes)
        self = try PostgresRange(&reader, cell)
        guard reader.isAtEnd else { throw cell.malformed }
    }

    /// Decodes a range from the front of the bytes.
    init(_ reader: inout ByteReader, _ cell: borrowing PostgresCell) throws(PostgresError) {
        guard let flags = reader.integer(UInt8.self).map(RangeFlags.init), flags.isSubset(of: .all) else {
            throw cell.malformed
        }
        if flags.contains(.empty) {
            self = .empty
            return
        }
        let lower = try Self.edge(flags, .lowerInfinite, .lowerInclusive, &reader, cell)
        let upper = try Self.edge(flags, .upperInfinite, .upperInclusive, &reader, cell)
        guard let range = PostgresRange(lower: lower, upper: upper) else { throw cell.malformed }
        self = range
    }

    private static func edge(
        _ flags: RangeFlags,
        _ infinite: RangeFlags,
        _ inclusive: RangeFlags,
        _ reader: inout ByteReader,
        _ cell: borrowing PostgresCell
    ) throws(PostgresError) -> Edge {
        if flags.contains(infinite) { return .unbounded }
        guard let length = reader.integer(Int32.self), let content = unsafe reader.bytes(Int(length)) else {
            throw cell.malformed
        }
        // The server does not send the type of the bounds, which the range's type determines.
        let type = Bound.postgresType.oid
        let bound = try Bound(cell: unsafe PostgresCell(.bound, of: cell, type: type, content: content))
        return flags.contains(inclusive) ? .inclusive(bound) : .exclusive(bound)
    }
}
