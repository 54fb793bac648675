// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// SQLite reads a `?` within quotes as a part of the text. A parameter after ORDER BY has the same
// value for each row.

extension SQLiteError {
    /// Returns the error for a statement whose numbers of parameters and values differ.
    ///
    /// - Parameters:
    ///   - text: The statement.
    ///   - parameterCount: The number of its parameters.
    ///   - valueCount: The number of values.
    /// - Complexity: O(length of the text).
    static func parameterCount(in text: String, _ parameterCount: Int, valueCount: Int) -> SQLiteError {
        let hidden = HiddenParameter.all(in: Array(text.utf8))
        guard valueCount > parameterCount, hidden.count >= valueCount - parameterCount, let first = hidden.first else {
            return SQLiteError(
                .parameterCount,
                "the statement has \(parameterCount) parameters, but \(valueCount) values were given",
                sql: text
            )
        }
        return SQLiteError(
            .parameterCount,
            "a parameter is within \(first.enclosure.advice)",
            sql: text,
            offset: first.offset
        )
    }
}

/// A question mark that is not a parameter.
struct HiddenParameter {
    /// The byte offset in the statement.
    let offset: Int
    fileprivate let enclosure: EnclosedText.Kind

    /// Returns the hidden parameters of a statement, in order. O(length of the text).
    static func all(in bytes: [UInt8]) -> [HiddenParameter] {
        var found: [HiddenParameter] = []
        var position = 0
        while position < bytes.count {
            guard let enclosed = EnclosedText(at: position, in: bytes[...]) else {
                position += 1
                continue
            }
            for offset in position..<enclosed.end where bytes[offset] == UInt8(ascii: "?") {
                found.append(HiddenParameter(offset: offset, enclosure: enclosed.kind))
            }
            position = enclosed.end
        }
        return found
    }
}

extension EnclosedText.Kind {
    fileprivate var advice: String {
        switch self {
        case .text:
            """
            quoted text, where SQLite reads no parameter: end the text before the value, as in '%' || \\(value) || '%'
            """
        case .quotedName:
            "a quoted name, which cannot be a value: write \\(identifier: name) without quotes around it"
        case .lineComment, .blockComment:
            "a comment, where SQLite reads no parameter: move the value out of the comment"
        }
    }
}

extension SQLTokenizer {
    /// Whether a statement sorts or groups by a `?` parameter alone. O(length).
    static func sortsByParameter(_ statement: ArraySlice<UInt8>) -> Bool {
        guard statement.contains(UInt8(ascii: "?")) else { return false }
        var (last, beforeLast): (Element?, Element?)
        var tokens = SQLTokenizer(statement)
        while let token = tokens.next() {
            if token.isWord("?"), last?.isWord("BY") == true, let clause = beforeLast,
                clause.isWord("ORDER") || clause.isWord("GROUP") || clause.isWord("PARTITION"),
                endsExpression(following(tokens))
            {
                return true
            }
            (beforeLast, last) = (last, token)
        }
        return false
    }

    private static func following(_ tokens: SQLTokenizer) -> Element? {
        var rest = tokens
        return rest.next()
    }

    /// Whether a token, or the end of the statement, ends an expression.
    private static func endsExpression(_ token: Element?) -> Bool {
        guard let token else { return true }
        let ends: [StaticString] = [
            ",", ")", ";", "ASC", "DESC", "NULLS", "LIMIT", "ORDER", "HAVING", "WINDOW", "UNION", "INTERSECT", "EXCEPT",
            "ROWS", "RANGE", "GROUPS",
        ]
        return ends.contains { token.isWord($0) }
    }
}
