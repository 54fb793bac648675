// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The lexical elements of a statement, in order, by the rules of PostgreSQL's scanner (`scan.l`).
///
/// The rules are those of `standard_conforming_strings = on`, PostgreSQL's default. White space is
/// omitted. An unterminated element, which the server rejects, extends to the end of the text.
struct PostgresTokens: Sequence, IteratorProtocol {
    enum Kind: Hashable {
        /// A keyword or a name without quotes.
        case word
        case number
        /// `$1`
        case parameter
        /// `'…'`, also `E'…'`, `U&'…'`, `B'…'`, `X'…'` and `N'…'`, with continuations on the
        /// following lines.
        case text
        /// `$tag$…$tag$`
        case dollarQuotedText
        /// `"…"` or `U&"…"`
        case quotedName
        /// `-- …` or `/* … */`
        case comment
        /// One character of an operator or a punctuation character.
        case sign
    }

    struct Token: Hashable {
        let kind: Kind
        /// The position, in UTF-8 bytes.
        let range: Range<Int>
    }

    let bytes: [UInt8]
    private var position = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    mutating func next() -> Token? {
        position = end(from: position, while: \.isSpace)
        guard let first = byte(position) else { return nil }
        let start = position
        let kind = kind(of: first)
        return Token(kind: kind, range: start..<position)
    }

    /// Returns whether a token is this word, given in capital letters. O(length).
    func isWord(_ token: Token?, _ word: StaticString) -> Bool {
        guard let token, token.kind == .word, token.range.count == word.utf8CodeUnitCount else { return false }
        return word.withUTF8Buffer { word in
            unsafe zip(word, bytes[token.range]).allSatisfy { $0 == $1.uppercased }
        }
    }

    /// Returns whether a token is this character. O(1).
    func isSign(_ token: Token?, _ sign: Unicode.Scalar) -> Bool {
        token.map { $0.kind == .sign && bytes[$0.range.lowerBound] == UInt8(ascii: sign) } ?? false
    }

    // MARK: One token

    /// Moves past the token that begins with `first`, at the current position.
    private mutating func kind(of first: UInt8) -> Kind {
        let second = byte(position + 1)
        switch first {
        case UInt8(ascii: "'"):
            skipText(hasEscapes: false)
            return .text
        case UInt8(ascii: "\""):
            skipQuotedName()
            return .quotedName
        case UInt8(ascii: "-") where second == UInt8(ascii: "-"):
            position = end(from: position) { !$0.isNewline }
            return .comment
        case UInt8(ascii: "/") where second == UInt8(ascii: "*"):
            skipComment()
            return .comment
        case UInt8(ascii: "$"):
            return kindOfDollar()
        case _ where first.isDigit:
            skipNumber()
            return .number
        case _ where first.beginsName:
            return kindOfWord(first, second)
        default:
            position += 1
            return .sign
        }
    }

    private mutating func kindOfWord(_ first: UInt8, _ second: UInt8?) -> Kind {
        // A single letter before a quote is the prefix of a string.
        switch (first.uppercased, second) {
        case (UInt8(ascii: "E"), UInt8(ascii: "'")):
            position += 1
            skipText(hasEscapes: true)
            return .text
        case (UInt8(ascii: "B"), UInt8(ascii: "'")), (UInt8(ascii: "X"), UInt8(ascii: "'")),
            (UInt8(ascii: "N"), UInt8(ascii: "'")):
            position += 1
            skipText(hasEscapes: false)
            return .text
        case (UInt8(ascii: "U"), UInt8(ascii: "&")) where byte(position + 2) == UInt8(ascii: "'"):
            position += 2
            skipText(hasEscapes: false)
            return .text
        case (UInt8(ascii: "U"), UInt8(ascii: "&")) where byte(position + 2) == UInt8(ascii: "\""):
            position += 2
            skipQuotedName()
            return .quotedName
        default:
            position = end(from: position, while: \.isPartOfName)
            return .word
        }
    }

    private mutating func kindOfDollar() -> Kind {
        if byte(position + 1)?.isDigit == true {
            position = end(from: position + 1, while: \.isDigit)
            return .parameter
        }
        // A tag is empty, or a name without a dollar sign.
        var tagEnd = position + 1
        if byte(tagEnd)?.beginsName == true {
            tagEnd = end(from: tagEnd) { $0.isPartOfName && $0 != UInt8(ascii: "$") }
        }
        guard byte(tagEnd) == UInt8(ascii: "$") else {
            position += 1
            return .sign
        }
        let delimiter = bytes[position...tagEnd]
        var candidate = tagEnd + 1
        while let dollar = bytes[candidate...].firstIndex(of: UInt8(ascii: "$")) {
            if bytes[dollar...].starts(with: delimiter) {
                position = dollar + delimiter.count
                return .dollarQuotedText
            }
            candidate = dollar + 1
        }
        position = bytes.count
        return .dollarQuotedText
    }

    /// Moves past a string whose opening quote is at the current position.
    private mutating func skipText(hasEscapes: Bool) {
        position += 1
        while let byte = byte(position) {
            position += 1
            if byte == UInt8(ascii: "\\"), hasEscapes {
                position = Swift.min(position + 1, bytes.count)
            } else if byte == UInt8(ascii: "'") {
                if self.byte(position) == UInt8(ascii: "'") {
                    position += 1
                } else if let continuation = continuation {
                    position = continuation
                } else {
                    return
                }
            }
        }
    }

    /// The position after the quote that continues the string that ends at the current position;
    /// `nil` if none does. Only white space with a newline, and comments to the end of a line, may
    /// separate the two.
    private var continuation: Int? {
        var (place, hasNewline) = (position, false)
        while let byte = byte(place) {
            if byte == UInt8(ascii: "-"), self.byte(place + 1) == UInt8(ascii: "-") {
                place = end(from: place) { !$0.isNewline }
            } else if byte == UInt8(ascii: "'") {
                return hasNewline ? place + 1 : nil
            } else if byte.isSpace {
                hasNewline = hasNewline || byte.isNewline
                place += 1
            } else {
                return nil
            }
        }
        return nil
    }

    private mutating func skipQuotedName() {
        position += 1
        while let byte = byte(position) {
            position += 1
            guard byte == UInt8(ascii: "\"") else { continue }
            if self.byte(position) != UInt8(ascii: "\"") { return }
            position += 1
        }
    }

    /// Moves past a comment, which may contain others.
    private mutating func skipComment() {
        var depth = 0
        while let byte = byte(position) {
            let next = self.byte(position + 1)
            if byte == UInt8(ascii: "/"), next == UInt8(ascii: "*") {
                depth += 1
                position += 2
            } else if byte == UInt8(ascii: "*"), next == UInt8(ascii: "/") {
                depth -= 1
                position += 2
                if depth == 0 { return }
            } else {
                position += 1
            }
        }
    }

    /// Moves past a number. A dollar sign after a number begins a token, unlike one after a name.
    private mutating func skipNumber() {
        if byte(position) == UInt8(ascii: "0"), let letter = byte(position + 1)?.uppercased,
            [UInt8(ascii: "X"), UInt8(ascii: "O"), UInt8(ascii: "B")].contains(letter)
        {
            position = end(from: position + 2) { $0.isPartOfName && $0 != UInt8(ascii: "$") }
            return
        }
        let isDigit = { (byte: UInt8) in byte.isDigit || byte == UInt8(ascii: "_") }
        position = end(from: position, while: isDigit)
        if byte(position) == UInt8(ascii: ".") { position = end(from: position + 1, while: isDigit) }
        guard byte(position)?.uppercased == UInt8(ascii: "E") else { return }
        let isSigned = byte(position + 1) == UInt8(ascii: "+") || byte(position + 1) == UInt8(ascii: "-")
        let exponent = position + (isSigned ? 2 : 1)
        if byte(exponent)?.isDigit == true { position = end(from: exponent, while: isDigit) }
    }

    private func byte(_ index: Int) -> UInt8? { index < bytes.count ? bytes[index] : nil }

    private func end(from start: Int, while condition: (UInt8) -> Bool) -> Int {
        var index = start
        while index < bytes.count, condition(bytes[index]) { index += 1 }
        return index
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= self }

    /// Whether a name in PostgreSQL can begin with the byte.
    fileprivate var beginsName: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), 0x80...:
            true
        default: false
        }
    }

    /// Whether a name in PostgreSQL can contain the byte after its first character.
    fileprivate var isPartOfName: Bool { beginsName || isDigit || self == UInt8(ascii: "$") }

    fileprivate var isNewline: Bool { self == UInt8(ascii: "\n") || self == UInt8(ascii: "\r") }

    fileprivate var isSpace: Bool { self == UInt8(ascii: " ") || 9...13 ~= self }

    fileprivate var uppercased: UInt8 { UInt8(ascii: "a")...UInt8(ascii: "z") ~= self ? self & ~0x20 : self }
}
