// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What the server says that a statement has done.
public struct PostgresCommand: Hashable, Sendable, CustomStringConvertible {
    /// The server's words, such as `INSERT 0 5` or `CREATE TABLE`.
    public let tag: String

    /// How many rows the statement gave or changed; `nil` for a statement of a kind that does neither.
    public var rowCount: Int? {
        // The last word, if it is a number. That of an INSERT has another one before it, which is always 0.
        tag.split(separator: " ").dropFirst().last.flatMap { Int($0) }
    }

    init(tag: String) { self.tag = tag }

    /// The same as ``tag``.
    public var description: String { tag }
}
