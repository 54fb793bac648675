// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Scans an SQL text token by token, to distinguish parameters from text that only looks like
/// them. The database validates the statement itself.
///
/// The scanner works on Unicode scalars: a line break of two characters, or a quote with a
/// combining mark, is one `Character` and would not be recognized.
struct StatementScanner {
    /// The range of each `:random(…)`.
    private(set) var ranges: [ClosedRange<Int64>] = []
    /// Whether the text has anything besides white space, comments and semicolons.
    private(set) var hasStatement = false

    private let dialect: SQLDialect
    private var scalars = String.UnicodeScalarView()
    private var rest: Substring.UnicodeScalarView

    /// The text so far, with a parameter in place of each `:random(…)`.
    var output: String { String(scalars) }

    init(_ text: String, _ dialect: SQLDialect) {
        self.dialect = dialect
        rest = text[...].unicodeScalars
    }

    mutating func run() throws(CommandFailure) {
        while let scalar = rest.first {
            switch scalar {
            case "'", "\"":
                // A doubled quote is read as two adjacent strings, with the same result.
                hasStatement = true
                copyPiece(from: 1, through: [scalar])
            case "`" where dialect == .sqlite:
                hasStatement = true
                copyPiece(from: 1, through: [scalar])
            case "[" where dialect == .sqlite:
                hasStatement = true
                copyPiece(from: 1, through: ["]"])
            case "-" where startsWith("--"):
                copyPiece(from: 2, through: ["\n"])
            case "/" where startsWith("/*"):
                copyComment()
            case ":" where dialect == .postgres && !isParameter:
                // A cast, a named argument, or the bounds of a slice.
                hasStatement = true
                copy(startsWith("::") ? 2 : 1)
            case "$" where dialect == .postgres && dollarQuote != nil:
                hasStatement = true
                copyPiece(from: dollarQuote?.count ?? 1, through: dollarQuote ?? [])
            case ":", "$":
                hasStatement = true
                try replaceParameter()
            case "?" where dialect == .sqlite, "@" where dialect == .sqlite:
                hasStatement = true
                try replaceParameter()
            case _ where scalar.isPartOfName:
                hasStatement = true
                let name = rest.prefix(while: \.isPartOfName)
                copy(name.count)
                if dialect == .postgres, rest.first == "'", ["e", "E"].contains(String(name)) { copyEscapedString() }
            default:
                hasStatement = hasStatement || !(scalar.properties.isWhitespace || scalar == ";")
                copy(1)
            }
        }
    }

    private func startsWith(_ text: String) -> Bool {
        rest.starts(with: text.unicodeScalars)
    }

    private mutating func copy(_ count: Int) {
        scalars.append(contentsOf: rest.prefix(count))
        rest = rest.dropFirst(count)
    }

    /// Copies an opening of `opening` scalars and everything through `terminator`, or to the end
    /// of the text.
    private mutating func copyPiece(from opening: Int, through terminator: [Unicode.Scalar]) {
        copy(opening)
        while !rest.isEmpty && !rest.starts(with: terminator) {
            copy(1)
        }
        copy(terminator.count)
    }

    /// Copies a comment. PostgreSQL's comments can be nested.
    private mutating func copyComment() {
        guard dialect == .postgres else { return copyPiece(from: 2, through: ["*", "/"]) }
        var depth = 0
        repeat {
            if startsWith("/*") {
                depth += 1
                copy(2)
            } else if startsWith("*/") {
                depth -= 1
                copy(2)
            } else {
                copy(1)
            }
        } while depth > 0 && !rest.isEmpty
    }

    /// Copies a string in which a backslash escapes the next character.
    private mutating func copyEscapedString() {
        copy(1)
        while let scalar = rest.first, scalar != "'" { copy(scalar == "\\" ? 2 : 1) }
        copy(1)
    }

    /// The delimiter of a dollar-quoted string, `$$` or `$word$`, if such a string begins here.
    private var dollarQuote: [Unicode.Scalar]? {
        let word = rest.dropFirst().prefix { $0 != "$" && $0.isPartOfName }
        guard rest.dropFirst(1 + word.count).first == "$", !(word.first?.isDigit ?? false) else { return nil }
        return ["$"] + word + ["$"]
    }

    /// Whether a name follows the next colon.
    private var isParameter: Bool {
        guard let next = rest.dropFirst().first else { return false }
        return next.isPartOfName && !next.isDigit
    }
}

// MARK: - Parameters

extension StatementScanner {
    /// Replaces `:random(LOW,HIGH)` by a parameter of the dialect, and rejects every other
    /// parameter.
    private mutating func replaceParameter() throws(CommandFailure) {
        let place = String(rest.prefix(40))
        let word = String(rest.prefix(1)) + String(rest.dropFirst().prefix(while: \.isPartOfName))
        guard word == ":random" else {
            throw .usage("the SQL parameter '\(word)' has no value: only :random(LOW,HIGH) gets one")
        }
        rest = rest.dropFirst(word.unicodeScalars.count)
        guard take("("), let low = takeInteger(), take(","), let high = takeInteger(), take(")") else {
            throw .usage("':random' takes two whole numbers, as in :random(1,1000), but not '\(place)'")
        }
        guard low <= high else {
            throw .usage("':random(\(low),\(high))' is an empty range: the lower number comes first")
        }
        ranges.append(low...high)
        scalars.append(contentsOf: dialect.parameter(ranges.count).unicodeScalars)
    }

    /// Consumes `scalar`, with preceding white space, if it comes next.
    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        rest = rest.drop(while: \.properties.isWhitespace)
        guard rest.first == scalar else { return false }
        rest = rest.dropFirst()
        return true
    }

    /// Consumes a 64-bit integer, with preceding white space, if one comes next.
    private mutating func takeInteger() -> Int64? {
        rest = rest.drop(while: \.properties.isWhitespace)
        let number = rest.prefix { $0.isDigit || $0 == "-" || $0 == "+" }
        guard let value = Int64(String(number)) else { return nil }
        rest = rest.dropFirst(number.count)
        return value
    }
}

extension Unicode.Scalar {
    /// Whether the scalar can continue an unquoted name, a keyword or a number.
    fileprivate var isPartOfName: Bool {
        !isASCII || properties.isAlphabetic || isDigit || self == "_" || self == "$"
    }

    fileprivate var isDigit: Bool { self >= "0" && self <= "9" }
}
