// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A text of several statements, separated by semicolons.
package struct PostgresScript {
    /// The statements, without their semicolons and the comments before them. Texts without a
    /// statement are omitted.
    package private(set) var statements: [String] = []

    /// Finds the statements of a text, by the rules of `psql`: a semicolon within parentheses, or
    /// within the body of a function that begins with `BEGIN`, separates no statements.
    ///
    /// - Complexity: O(length of the text).
    package init(_ text: String) {
        var tokens = PostgresTokens(text)
        var statement: Range<Int>?
        var parentheses = 0
        var blocks = 0
        // The first two words: only `CREATE FUNCTION` and `CREATE PROCEDURE` have blocks.
        var words: [PostgresTokens.Token] = []
        func isWord(_ token: PostgresTokens.Token, _ word: StaticString) -> Bool { tokens.isWord(token, word) }
        while let token = tokens.next() {
            guard token.kind != .comment else { continue }
            if tokens.isSign(token, ";"), parentheses == 0, blocks == 0 {
                add(statement, of: tokens)
                (statement, words) = (nil, [])
                continue
            }
            statement = (statement?.lowerBound ?? token.range.lowerBound)..<token.range.upperBound
            if tokens.isSign(token, "(") { parentheses += 1 }
            if tokens.isSign(token, ")") { parentheses = max(0, parentheses - 1) }
            guard token.kind == .word else { continue }
            if words.count < 4 { words.append(token) }
            guard let first = words.first, isWord(first, "CREATE"),
                words.contains(where: { isWord($0, "FUNCTION") || isWord($0, "PROCEDURE") })
            else { continue }
            if isWord(token, "BEGIN") || (blocks > 0 && isWord(token, "CASE")) { blocks += 1 }
            if isWord(token, "END") { blocks = max(0, blocks - 1) }
        }
        add(statement, of: tokens)
    }

    private mutating func add(_ range: Range<Int>?, of tokens: PostgresTokens) {
        if let range { statements.append(String(decoding: tokens.bytes[range], as: UTF8.self)) }
    }
}
