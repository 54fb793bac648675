// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Statements that a program builds from parts.

extension PostgresQuery {
    /// Returns a statement with the text of both, and the parameters of both in their order.
    ///
    /// ```swift
    /// let query = "SELECT name FROM person WHERE " + condition + " LIMIT \(count)"
    /// ```
    ///
    /// The same as interpolating both as `\(sql:)`: the parameters get new numbers, except those
    /// of a text from ``init(unsafe:parameters:)``, which must come first. The format of the rows
    /// is that of `first`; see ``asText(_:)``. If the text of `first` ends in a comment with `--`,
    /// a newline ends the comment before `second`.
    ///
    /// - Complexity: O(length).
    public static func + (first: PostgresQuery, second: PostgresQuery) -> PostgresQuery {
        var query = first
        query += second
        return query
    }

    /// Appends a statement, or a part of one, with its parameters.
    ///
    /// ```swift
    /// var query: PostgresQuery = "SELECT name FROM person WHERE country = \(country)"
    /// if let city { query += " AND city = \(city)" }
    /// ```
    ///
    /// If the text ends in a comment with `--`, a newline ends the comment before `other`.
    ///
    /// - Complexity: O(length of `other`), amortized, if the statement has no comments; otherwise
    ///   O(length).
    public static func += (query: inout PostgresQuery, other: PostgresQuery) { query.join(other) }
}

extension Sequence<PostgresQuery> {
    /// Returns a statement with the text of all, and the separator between them. The parameters
    /// are numbered in their order. The format of the rows is that of the first statement. A
    /// newline ends a comment with `--` before the next statement or separator.
    ///
    /// ```swift
    /// let conditions: [PostgresQuery] = ["city = \(city)", "age > \(age)"]
    /// let all = conditions.joined(separator: " AND ")
    /// let query: PostgresQuery = "SELECT name FROM person WHERE \(sql: all)"
    /// ```
    ///
    /// - Parameter separator: The part between two statements; usually a literal such as `" AND
    ///   "`.
    /// - Returns: The joined statement; an empty one for an empty sequence.
    /// - Complexity: O(length), if the statements have no comments.
    public func joined(separator: PostgresQuery = "") -> PostgresQuery {
        var query: PostgresQuery = ""
        var isFirst = true
        for part in self {
            if !isFirst { query += separator }
            query += part
            if isFirst { query.hasTextResults = part.hasTextResults }
            isFirst = false
        }
        return query
    }
}
