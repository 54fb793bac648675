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
    /// If the second statement has written numbers, and both have a parameter with the same name,
    /// the statement fails with the code `encoding`.
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
    /// A comment at the end of a statement does not extend to the appended text.
    ///
    /// - Complexity: O(length of the texts).
    public static func += (query: inout SQLiteQuery, other: SQLiteQuery) {
        query.endComment(endsBlock: true)
        query.append(other)
    }

    /// Appends a part of a statement with its parameters. A comment that the part ends in does not
    /// hide what is appended next.
    mutating func append(_ other: SQLiteQuery) {
        text += text(of: other)
        if other.mayHaveComment { endComment(endsBlock: true) }
        parameters += other.parameters
        merge(other.namedParameters)
        fault = fault ?? other.fault
    }

    /// Returns the text of another statement for its place after this one: a written number is
    /// raised by the number of this one's parameters. SQLite itself numbers parameters without a
    /// number, which follow the highest.
    ///
    /// Records a fault if SQLite would number the parameters differently: a name of both
    /// statements takes no new number, and a name with two prefixes takes two.
    private mutating func text(of other: SQLiteQuery) -> String {
        let count = parameters.count + namedParameters.count
        guard count > 0, !other.parameters.isEmpty || !other.namedParameters.isEmpty else { return other.text }
        let bytes = Array(other.text.utf8)
        guard bytes.contains(UInt8(ascii: "?")) else { return other.text }
        let scan = QueryScan(bytes)
        guard !scan.numbers.isEmpty else { return other.text }
        noteFault(of: other, scan)
        var result: [UInt8] = []
        var copied = 0
        for offset in scan.numbers {
            let digits = bytes[(offset + 1)...].prefix(while: QueryScan.isDigit)
            // SQLite reports a number that is too large.
            guard let number = Int(String(decoding: digits, as: UTF8.self)) else { continue }
            result += bytes[copied...offset]
            result += "\(number &+ count)".utf8
            copied = digits.endIndex
        }
        return String(decoding: result + bytes[copied...], as: UTF8.self)
    }

    private mutating func noteFault(of other: SQLiteQuery, _ scan: QueryScan) {
        guard fault == nil, !namedParameters.isEmpty else { return }
        var names = Set(namedParameters.keys).intersection(other.namedParameters.keys)
        for (name, prefixes) in QueryScan(Array(text.utf8)).prefixes {
            if prefixes.union(scan.prefixes[name] ?? []).count > 1 { names.insert(name) }
        }
        if !names.isEmpty { fault = .misnumbered(names.sorted()) }
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
            // An appended part leaves no comment open.
            if !isFirst { query.append(separator) }
            query.append(part)
            isFirst = false
        }
        return query
    }
}
