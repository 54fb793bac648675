// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Points that lines connect: PostgreSQL's `path`.
public struct PostgresPath: Hashable, Sendable {
    /// The points, at least one.
    public let points: [PostgresPoint]

    /// Whether a line connects the last point with the first one.
    public let isClosed: Bool

    /// Creates a path through these points.
    ///
    /// - Returns: `nil` if there are no points.
    public init?(_ points: [PostgresPoint], isClosed: Bool) {
        if points.isEmpty { return nil }
        self.points = points
        self.isClosed = isClosed
    }
}

extension PostgresPath: CustomStringConvertible {
    /// The points, in brackets if the path is open, otherwise in parentheses.
    public var description: String { isClosed ? "(\(points.text))" : "[\(points.text)]" }
}

extension PostgresPath: PostgresArrayEncodable {
    /// `path`
    public static var postgresType: PostgresType { PostgresType(oid: 602) }

    /// The path as `path`.
    public var postgresParameter: PostgresParameter {
        PostgresParameter(Self.postgresType, numbers: points.numbers, behind: [isClosed ? 1 : 0] + points.countBytes)
    }
}

extension PostgresPath: PostgresArrayDecodable {
    /// Decodes a `path`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        try cell.require(Self.postgresType, for: "PostgresPath")
        var reader = try unsafe ByteReader(cell.value(for: "PostgresPath"))
        guard
            let flag = reader.integer(UInt8.self), let points = reader.points(), reader.isAtEnd,
            let path = PostgresPath(points, isClosed: flag != 0)
        else { throw cell.malformed }
        self = path
    }
}

/// An area bounded by lines from each point to the next, and from the last to the first:
/// PostgreSQL's `polygon`.
public struct PostgresPolygon: Hashable, Sendable {
    /// The corners, at least one.
    public let points: [PostgresPoint]

    /// Creates a polygon with these corners.
    ///
    /// - Returns: `nil` if there are no corners.
    public init?(_ points: [PostgresPoint]) {
        if points.isEmpty { return nil }
        self.points = points
    }
}

extension PostgresPolygon: CustomStringConvertible {
    /// The corners, such as `((0.0,0.0),(1.0,0.0),(0.0,1.0))`.
    public var description: String { "(\(points.text))" }
}

extension PostgresPolygon: PostgresArrayEncodable {
    /// `polygon`
    public static var postgresType: PostgresType { PostgresType(oid: 604) }

    /// The polygon as `polygon`.
    public var postgresParameter: PostgresParameter {
        PostgresParameter(Self.postgresType, numbers: points.numbers, behind: points.countBytes)
    }
}

extension PostgresPolygon: PostgresArrayDecodable {
    /// Decodes a `polygon`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        try cell.require(Self.postgresType, for: "PostgresPolygon")
        var reader = try unsafe ByteReader(cell.value(for: "PostgresPolygon"))
        guard let points = reader.points(), reader.isAtEnd, let polygon = PostgresPolygon(points) else {
            throw cell.malformed
        }
        self = polygon
    }
}
