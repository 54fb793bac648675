// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A point of a plane: PostgreSQL's `point`.
public struct PostgresPoint: Hashable, Sendable {
    /// The first coordinate.
    public var x: Double

    /// The second coordinate.
    public var y: Double

    /// Creates a point with these coordinates.
    public init(x: Double, y: Double) {
        self.x = x
        self.y = y
    }
}

extension PostgresPoint: CustomStringConvertible {
    /// The coordinates, such as `(1.0,2.5)`.
    public var description: String { "(\(x),\(y))" }
}

extension PostgresPoint: PostgresArrayEncodable {
    /// `point`
    public static var postgresType: PostgresType { PostgresType(oid: 600) }

    /// The point as `point`.
    public var postgresParameter: PostgresParameter { PostgresParameter(Self.postgresType, numbers: [x, y]) }
}

extension PostgresPoint: PostgresArrayDecodable {
    /// Decodes a `point`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        let numbers = try cell.numbers(2, of: Self.postgresType, for: "PostgresPoint")
        self.init(x: numbers[0], y: numbers[1])
    }
}

// The binary formats of geometric types are sequences of 64-bit floating-point numbers.

extension PostgresParameter {
    init(_ type: PostgresType, numbers: [Double], behind header: [UInt8] = []) {
        var bytes = header
        for number in numbers { bytes.append(bigEndian: number.bitPattern) }
        self.init(type, .bytes(bytes))
    }
}

extension PostgresCell {
    /// Returns this many numbers, if the value is of the type.
    func numbers(_ count: Int, of type: PostgresType, for needs: String) throws(PostgresError) -> [Double] {
        try require(type, for: needs)
        var reader = try unsafe ByteReader(value(for: needs))
        guard let numbers = reader.numbers(count), reader.isAtEnd else { throw malformed }
        return numbers
    }
}

extension ByteReader {
    /// Returns this many numbers; `nil` if there are fewer.
    mutating func numbers(_ count: Int) -> [Double]? {
        guard count <= self.count / 8 else { return nil }
        return (0..<count).map { _ in Double(bitPattern: integer() ?? 0) }
    }

    /// Returns points after their count; `nil` if there are fewer.
    mutating func points() -> [PostgresPoint]? {
        guard let count = integer(Int32.self), count > 0, let numbers = numbers(2 * Int(count)) else { return nil }
        return stride(from: 0, to: numbers.count, by: 2).map { PostgresPoint(x: numbers[$0], y: numbers[$0 + 1]) }
    }
}

extension [PostgresPoint] {
    var numbers: [Double] { flatMap { [$0.x, $0.y] } }

    var text: String { map(\.description).joined(separator: ",") }

    /// The number of points, as in the binary formats.
    var countBytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: Int32(truncatingIfNeeded: count))
        return bytes
    }
}
