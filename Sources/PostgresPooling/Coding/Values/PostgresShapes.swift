// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// An infinite line: PostgreSQL's `line`, the points for which `ax + by + c` is zero.
public struct PostgresLine: Hashable, Sendable {
    /// The coefficient of the first coordinate.
    public let a: Double

    /// The coefficient of the second coordinate.
    public let b: Double

    /// The constant.
    public let c: Double

    /// Creates a line with these coefficients.
    ///
    /// - Returns: `nil` if `a` and `b` are zero.
    public init?(a: Double, b: Double, c: Double) {
        if a == 0, b == 0 { return nil }
        (self.a, self.b, self.c) = (a, b, c)
    }
}

extension PostgresLine: CustomStringConvertible {
    /// The coefficients, such as `{1.0,-1.0,0.0}`.
    public var description: String { "{\(a),\(b),\(c)}" }
}

extension PostgresLine: PostgresArrayEncodable {
    /// `line`
    public static var postgresType: PostgresType { PostgresType(oid: 628) }

    /// The line as `line`. The server rejects a line whose `a` and `b` are almost zero.
    public var postgresParameter: PostgresParameter { PostgresParameter(Self.postgresType, numbers: [a, b, c]) }
}

extension PostgresLine: PostgresArrayDecodable {
    /// Decodes a `line`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        let numbers = try cell.numbers(3, of: Self.postgresType, for: "PostgresLine")
        guard let line = PostgresLine(a: numbers[0], b: numbers[1], c: numbers[2]) else { throw cell.malformed }
        self = line
    }
}

/// A line between two points: PostgreSQL's `lseg`.
public struct PostgresLineSegment: Hashable, Sendable {
    /// The start of the line.
    public var start: PostgresPoint

    /// The end of the line.
    public var end: PostgresPoint

    /// Creates a line between two points.
    public init(from start: PostgresPoint, to end: PostgresPoint) {
        self.start = start
        self.end = end
    }
}

extension PostgresLineSegment: CustomStringConvertible {
    /// The points, such as `[(0.0,0.0),(1.0,1.0)]`.
    public var description: String { "[\(start),\(end)]" }
}

extension PostgresLineSegment: PostgresArrayEncodable {
    /// `lseg`
    public static var postgresType: PostgresType { PostgresType(oid: 601) }

    /// The line as `lseg`.
    public var postgresParameter: PostgresParameter {
        PostgresParameter(Self.postgresType, numbers: [start, end].numbers)
    }
}

extension PostgresLineSegment: PostgresArrayDecodable {
    /// Decodes a `lseg`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        let numbers = try cell.numbers(4, of: Self.postgresType, for: "PostgresLineSegment")
        self.init(
            from: PostgresPoint(x: numbers[0], y: numbers[1]),
            to: PostgresPoint(x: numbers[2], y: numbers[3])
        )
    }
}

/// A rectangle whose sides are parallel to the axes: PostgreSQL's `box`.
public struct PostgresBox: Hashable, Sendable {
    /// The corner with the greater coordinates.
    public let high: PostgresPoint

    /// The corner with the smaller coordinates.
    public let low: PostgresPoint

    /// Creates a rectangle from two opposite corners, in any order.
    public init(_ corner: PostgresPoint, _ opposite: PostgresPoint) {
        // Like the server, so that a decoded value equals the one that was sent.
        high = PostgresPoint(x: Self.greater(corner.x, opposite.x), y: Self.greater(corner.y, opposite.y))
        low = PostgresPoint(x: Self.smaller(corner.x, opposite.x), y: Self.smaller(corner.y, opposite.y))
    }

    /// Returns the first number, unless the other one is greater or is not a number.
    private static func greater(_ first: Double, _ other: Double) -> Double {
        first.isNaN || !other.isNaN && first >= other ? first : other
    }

    private static func smaller(_ first: Double, _ other: Double) -> Double {
        first.isNaN || !other.isNaN && first >= other ? other : first
    }
}

extension PostgresBox: CustomStringConvertible {
    /// The corners, such as `(1.0,1.0),(0.0,0.0)`.
    public var description: String { "\(high),\(low)" }
}

extension PostgresBox: PostgresArrayEncodable {
    /// `box`
    public static var postgresType: PostgresType { PostgresType(oid: 603) }

    /// The rectangle as `box`.
    public var postgresParameter: PostgresParameter {
        PostgresParameter(Self.postgresType, numbers: [high, low].numbers)
    }
}

extension PostgresBox: PostgresArrayDecodable {
    /// Decodes a `box`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        let numbers = try cell.numbers(4, of: Self.postgresType, for: "PostgresBox")
        self.init(PostgresPoint(x: numbers[0], y: numbers[1]), PostgresPoint(x: numbers[2], y: numbers[3]))
    }
}

/// A circle: PostgreSQL's `circle`.
public struct PostgresCircle: Hashable, Sendable {
    /// The center.
    public let center: PostgresPoint

    /// The radius, zero or more.
    public let radius: Double

    /// Creates a circle around a point.
    ///
    /// - Returns: `nil` if the radius is negative.
    public init?(center: PostgresPoint, radius: Double) {
        if radius < 0 { return nil }
        self.center = center
        self.radius = radius
    }
}

extension PostgresCircle: CustomStringConvertible {
    /// The center and the radius, such as `<(0.0,0.0),1.0>`.
    public var description: String { "<\(center),\(radius)>" }
}

extension PostgresCircle: PostgresArrayEncodable {
    /// `circle`
    public static var postgresType: PostgresType { PostgresType(oid: 718) }

    /// The circle as `circle`.
    public var postgresParameter: PostgresParameter {
        PostgresParameter(Self.postgresType, numbers: [center.x, center.y, radius])
    }
}

extension PostgresCircle: PostgresArrayDecodable {
    /// Decodes a `circle`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        let numbers = try cell.numbers(3, of: Self.postgresType, for: "PostgresCircle")
        let center = PostgresPoint(x: numbers[0], y: numbers[1])
        guard let circle = PostgresCircle(center: center, radius: numbers[2]) else { throw cell.malformed }
        self = circle
    }
}
