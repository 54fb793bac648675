// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A value that is interpolated within quotes is a `?` that SQLite reads as a part of the text, and one that is interpolated behind
// ORDER BY is the same for each row.

extension SQLiteError {
    /// The error for a statement that has fewer parameters than values.
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
                "the statement has \(parameterCount) parameters, and \(valueCount) values were given",
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

/// A question mark that is no parameter.
struct HiddenParameter {
    enum Enclosure {
        /// `'…'`
        case text
        /// `"…"`, `` `…` `` or `[…]`
        case quotedName
        case comment

        fileprivate var advice: String {
            switch self {
            case .text:
                """
                a quoted text, where SQLite reads no parameter: end the text before the value, as in '%' || \\(value) || '%'
                """
            case .quotedName: "a quoted name, which is no value: write \\(identifier: name) without quotes around it"
            case .comment: "a comment, where SQLite reads no parameter: move the value out of the comment"
            }
        }
    }

    /// The byte of the statement.
    let offset: Int
    let enclosure: Enclosure

    /// Those of a statement, in order. O(length of the text).
    static func all(in bytes: [UInt8]) -> [HiddenParameter] {
        var found: [HiddenParameter] = []
        var position = 0
        func note(_ enclosure: Enclosure, until end: Int) {
            for offset in position..<end where bytes[offset] == UInt8(ascii: "?") {
                found.append(HiddenParameter(offset: offset, enclosure: enclosure))
            }
            position = end
        }
        /// Where something ends whose end begins with `first`, at the earliest behind the current position.
        func end(_ first: Unicode.Scalar, _ second: Unicode.Scalar? = nil, from start: Int) -> Int {
            var index = start
            while index < bytes.count {
                let isSecond = second.map { index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: $0) }
                if bytes[index] == UInt8(ascii: first), isSecond ?? true { return index + (second == nil ? 1 : 2) }
                index += 1
            }
            return bytes.count
        }
        while position < bytes.count {
            let second = position + 1 < bytes.count ? bytes[position + 1] : 0
            // A doubled quote ends one text and begins another.
            switch bytes[position] {
            case UInt8(ascii: "'"): note(.text, until: end("'", from: position + 1))
            case UInt8(ascii: "\""): note(.quotedName, until: end("\"", from: position + 1))
            case UInt8(ascii: "`"): note(.quotedName, until: end("`", from: position + 1))
            case UInt8(ascii: "["): note(.quotedName, until: end("]", from: position + 1))
            case UInt8(ascii: "-") where second == UInt8(ascii: "-"):
                note(.comment, until: end("\n", from: position))
            case UInt8(ascii: "/") where second == UInt8(ascii: "*"):
                note(.comment, until: end("*", "/", from: position + 2))
            default: position += 1
            }
        }
        return found
    }
}

extension SQLWords {
    /// Whether a statement sorts or groups by nothing but a parameter that stands for one value, `?`. O(length).
    static func sortsByParameter(_ statement: ArraySlice<UInt8>) -> Bool {
        guard statement.contains(UInt8(ascii: "?")) else { return false }
        var (last, beforeLast): (Element?, Element?)
        var words = SQLWords(statement)
        while let word = words.next() {
            if word.isWord("?"), last?.isWord("BY") == true, let clause = beforeLast,
                clause.isWord("ORDER") || clause.isWord("GROUP") || clause.isWord("PARTITION"),
                endsExpression(following(words))
            {
                return true
            }
            (beforeLast, last) = (last, word)
        }
        return false
    }

    private static func following(_ words: SQLWords) -> Element? {
        var rest = words
        return rest.next()
    }

    /// Whether a word, or the end of the statement, does not belong to an expression that has begun.
    private static func endsExpression(_ word: Element?) -> Bool {
        guard let word else { return true }
        let ends: [StaticString] = [
            ",", ")", ";", "ASC", "DESC", "NULLS", "LIMIT", "ORDER", "HAVING", "WINDOW", "UNION", "INTERSECT", "EXCEPT",
            "ROWS", "RANGE", "GROUPS",
        ]
        return ends.contains { word.isWord($0) }
    }
}
