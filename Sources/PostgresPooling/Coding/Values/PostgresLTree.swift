// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// A value of the extension `ltree`: a path of labels, such as `Top.Science.Astronomy`.
public struct PostgresLTree: Hashable, Sendable {
    /// The labels, separated by dots. The server validates them.
    public var path: String

    /// Creates a value from a path.
    public init(_ path: String) { self.path = path }

    /// The labels of the path.
    public var labels: [String] { path.split(separator: ".").map(String.init) }
}

extension PostgresLTree: CustomStringConvertible {
    /// The path.
    public var description: String { path }
}

extension PostgresLTree: PostgresArrayEncodable {
    /// `ltree`, looked up by name on the search path.
    public static let postgresType = PostgresType(named: "ltree")

    /// The path as `ltree`, in the binary format of PostgreSQL 13 and later.
    ///
    /// Sending a path with a NUL character fails with the code `encoding`.
    public var postgresParameter: PostgresParameter {
        if path.hasNUL { return .failure("the text has a NUL character") }
        // The first byte is the version of the format.
        return PostgresParameter(Self.postgresType, .bytes([1] + path.utf8))
    }
}

extension PostgresLTree: PostgresArrayDecodable {
    /// Decodes an ltree.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        let bytes = try unsafe cell.value(for: "PostgresLTree")
        // The identifier of the type depends on the database.
        guard cell.type.isUserDefined, unsafe bytes.first == 1 else { throw cell.mismatch("PostgresLTree needs ltree") }
        guard let path = unsafe String(validUTF8: UnsafeRawBufferPointer(rebasing: bytes.dropFirst())) else {
            throw cell.malformed
        }
        self.path = path
    }
}
