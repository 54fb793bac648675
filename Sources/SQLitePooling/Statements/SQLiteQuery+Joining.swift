// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Statements that a program builds from parts.

extension SQLiteQuery {
    /// Returns a statement with the text of both, and the parameters of both in their order.
    ///
    /// ```swift
    /// let query = "SELECT name FROM person WHERE " + condition + " LIMIT \(count)"
    /// ```
    ///
    /// The same as interpolating both as `\(sql:)`. Parameters with written numbers, such as `?1`,
    /// are renumbered in the second statement. A name has one value in the whole statement.
    ///
    /// - Complexity: O(length of the texts).
    public static func + (first: SQLiteQuery, second: SQLiteQuery) -> SQLiteQuery {
        var query = first
        query += second
        return query
    }

    /// Appends a statement, or a part of one, with its parameters.
    ///
    /// ```swift
    /// var query: SQLiteQuery = "SELECT name FROM person WHERE country = \(country)"
    /// if let city { query += " AND city = \(city)" }
    /// ```
    ///
    /// - Complexity: O(length of the appended text).
    public static func += (query: inout SQLiteQuery, other: SQLiteQuery) { query.append(other) }

    /// Appends a part of a statement with its parameters.
    mutating func append(_ other: SQLiteQuery) {
        text += other.text(numberedAfter: parameters.count + namedParameters.count)
        parameters += other.parameters
        merge(other.namedParameters)
        ambiguousName = ambiguousName ?? other.ambiguousName
    }

    /// Returns the text for its place after `count` parameters: a written number is raised by
    /// `count`. SQLite itself numbers parameters without a number, which follow the highest.
    private func text(numberedAfter count: Int) -> String {
        guard count > 0, !parameters.isEmpty else { return text }
        let bytes = Array(text.utf8)
        let isDigit = { (byte: UInt8) in UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }
        let numbered = bytes.indices.filter {
            bytes[$0] == UInt8(ascii: "?") && $0 + 1 < bytes.count && isDigit(bytes[$0 + 1])
        }
        guard !numbered.isEmpty else { return text }
        let hidden = Set(HiddenParameter.all(in: bytes).map(\.offset))
        var result: [UInt8] = []
        var copied = 0
        for offset in numbered where !hidden.contains(offset) {
            let digits = bytes[(offset + 1)...].prefix(while: isDigit)
            // SQLite reports a number that is too large.
            guard let number = Int(String(decoding: digits, as: UTF8.self)) else { continue }
            result += bytes[copied...offset]
            result += "\(number &+ count)".utf8
            copied = digits.endIndex
        }
        return String(decoding: result + bytes[copied...], as: UTF8.self)
    }
}

extension Sequence<SQLiteQuery> {
    /// Returns a statement with the text of all, and the separator between them. The parameters
    /// keep their order.
    ///
    /// ```swift
    /// let conditions: [SQLiteQuery] = ["city = \(city)", "age > \(age)"]
    /// let query = "SELECT name FROM person WHERE " + conditions.joined(separator: " AND ")
    /// ```
    ///
    /// - Parameter separator: The part between two statements; usually a literal such as `" AND
    ///   "`.
    /// - Returns: The joined statement; an empty one for an empty sequence.
    /// - Complexity: O(length of the texts).
    public func joined(separator: SQLiteQuery = "") -> SQLiteQuery {
        var query: SQLiteQuery = ""
        var isFirst = true
        for part in self {
            if !isFirst { query += separator }
            query += part
            isFirst = false
        }
        return query
    }
}
