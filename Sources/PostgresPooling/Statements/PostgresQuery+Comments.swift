// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Comments to the end of a line, which must not contain the next part of a statement.

extension PostgresQuery {
    /// Whether the text ends within a comment that extends to the end of the line.
    ///
    /// - Complexity: O(length of the last line), if it has no two adjacent hyphens; otherwise
    ///   O(length).
    var endsInLineComment: Bool {
        guard lastLineHasHyphens else { return false }
        let tokens = PostgresTokens(text)
        guard let last = tokens.reduce(nil, { $1 }) as PostgresTokens.Token?, last.kind == .comment else {
            return false
        }
        return last.range.upperBound == tokens.bytes.count && tokens.bytes[last.range.lowerBound] == UInt8(ascii: "-")
    }

    /// Whether a piece of the text has two adjacent hyphens in the last line of the text.
    var lastLineHasHyphens: Bool {
        for piece in pieces.reversed() {
            let line: LineEnd
            switch piece {
            case .literal(let literal): line = literal.withUTF8Buffer { bytes in unsafe LineEnd(bytes) }
            case .text(let text): line = LineEnd(text.utf8)
            case .parameter, .numbered: continue
            }
            if line.hasHyphens { return true }
            if line.hasNewline { return false }
        }
        return false
    }

    /// Whether the text begins with a newline.
    var beginsWithNewline: Bool {
        switch pieces.first {
        case .literal(let literal): literal.beginsWithNewline
        case .text(let text): text.utf8.first?.isLineEnd ?? false
        case .parameter, .numbered, nil: false
        }
    }
}

extension StaticString {
    var beginsWithNewline: Bool { withUTF8Buffer { unsafe $0.first?.isLineEnd ?? false } }
}

/// The last line of a piece of text.
private struct LineEnd {
    var hasHyphens = false
    var hasNewline = false

    init(_ bytes: some BidirectionalCollection<UInt8>) {
        var isBeforeHyphen = false
        for byte in bytes.reversed() {
            if byte.isLineEnd {
                hasNewline = true
                return
            }
            let isHyphen = byte == UInt8(ascii: "-")
            if isHyphen, isBeforeHyphen {
                hasHyphens = true
                return
            }
            isBeforeHyphen = isHyphen
        }
    }
}

extension UInt8 {
    fileprivate var isLineEnd: Bool { self == UInt8(ascii: "\n") || self == UInt8(ascii: "\r") }
}
