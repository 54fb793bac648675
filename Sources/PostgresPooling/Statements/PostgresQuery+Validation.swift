// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresError.Code {
    /// An interpolated value is not a parameter, for example within quotes, or has no effect at
    /// its position. The statement was not sent.
    public static let misplacedParameter = PostgresError.Code(description: "misplacedParameter")
}

// A value that is interpolated within quotes would be sent, and then ignored or stored as `$1`.
// The server cannot detect it. The pieces of the literal show it.

extension PostgresQuery {
    /// Rejects an interpolated value that the server would not read as a parameter, or that has no
    /// effect.
    ///
    /// Parameters whose numbers are written in a text from elsewhere are not checked.
    ///
    /// - Parameter text: The text of the statement.
    /// - Throws: `PostgresError` with the code `misplacedParameter`.
    /// - Complexity: O(length of the text) if a value is interpolated, else O(number of pieces).
    func validatePlacement(in text: String) throws(PostgresError) {
        var placeholders: [Placeholder] = []
        guard pieces.contains(where: \.isInterpolated) else { return }
        _ = assembled { placeholders.append($0) }
        var remaining = placeholders[...]
        var tokens = PostgresTokens(text)
        // The tokens before the current one, nearest first, without comments.
        var (last, beforeLast): (PostgresTokens.Token?, PostgresTokens.Token?)
        while let next = remaining.first, let token = tokens.next() {
            if token.range.contains(next.offset) {
                let reason = next.obstacle(token, last, beforeLast, tokens)
                if let reason { throw next.misplaced(reason, in: text) }
                remaining.removeFirst()
            }
            if token.kind != .comment { (last, beforeLast) = (token, last) }
        }
    }

    /// The position of an interpolated value in a statement's text.
    struct Placeholder {
        /// The number of the parameter.
        let number: Int
        /// The offset of its first byte.
        let offset: Int
        let type: PostgresType

        fileprivate func misplaced(_ reason: String, in text: String) -> PostgresError {
            let character = text.unicodeScalars.distance(
                from: text.startIndex,
                to: text.utf8.index(text.startIndex, offsetBy: offset)
            )
            return PostgresError(
                .misplacedParameter,
                "parameter $\(number), at character \(character + 1), \(reason)",
                sql: text
            )
        }

        /// Returns why the value cannot be at its position; `nil` if it can.
        ///
        /// - Parameters:
        ///   - token: The token that contains the value.
        ///   - last: The token before that.
        ///   - beforeLast: The token before `last`.
        ///   - tokens: The tokens that follow.
        fileprivate func obstacle(
            _ token: PostgresTokens.Token,
            _ last: PostgresTokens.Token?,
            _ beforeLast: PostgresTokens.Token?,
            _ tokens: PostgresTokens
        ) -> String? {
            switch token.kind {
            case .text:
                return """
                    is within a quoted string, where the server reads no parameter: end the string before the value, as in \
                    '%' || \\(value) || '%' or \\(days) * interval '1 day'
                    """
            case .dollarQuotedText:
                return """
                    is within a dollar-quoted string, where the server reads no parameter: pass the value as an argument of a \
                    function, or build the string with format('…%L…', \\(value))
                    """
            case .quotedName:
                return
                    "is within a quoted name, which is not a value: write \\(identifier: name) without quotes around it"
            case .comment:
                return "is within a comment, where the server reads no parameter: move the value out of the comment"
            case .parameter, .word, .number, .sign: break
            }
            if tokens.isWord(last, "BY"), let clause = clause(beforeLast, tokens), Self.isExpressionComplete(tokens) {
                return """
                    is the whole expression after \(clause) BY, where one value for all rows has no effect: write \
                    \\(identifier: column) for the name of a column
                    """
            }
            if tokens.isSign(last, "("), tokens.isWord(beforeLast, "IN"), type.isKnownArray {
                var rest = tokens
                if tokens.isSign(rest.nextBesideComments(), ")") {
                    return """
                        is an array, which IN takes as one value: write = ANY(\\(values)) to search its elements, or \
                        = \\(array) to compare with the whole array
                        """
                }
            }
            return nil
        }

        private func clause(_ token: PostgresTokens.Token?, _ tokens: PostgresTokens) -> String? {
            if tokens.isWord(token, "ORDER") { return "ORDER" }
            if tokens.isWord(token, "GROUP") { return "GROUP" }
            return tokens.isWord(token, "PARTITION") ? "PARTITION" : nil
        }

        /// Returns whether the next token does not continue an expression.
        private static func isExpressionComplete(_ tokens: PostgresTokens) -> Bool {
            var rest = tokens
            guard let next = rest.nextBesideComments() else { return true }
            if tokens.isSign(next, ",") || tokens.isSign(next, ")") || tokens.isSign(next, ";") { return true }
            let words: [StaticString] = [
                "ASC", "DESC", "NULLS", "LIMIT", "OFFSET", "FETCH", "FOR", "ORDER", "HAVING", "WINDOW", "UNION",
                "INTERSECT", "EXCEPT", "ROWS", "RANGE", "GROUPS",
            ]
            return words.contains { tokens.isWord(next, $0) }
        }
    }
}

extension PostgresTokens {
    fileprivate mutating func nextBesideComments() -> Token? {
        while let token = next() {
            if token.kind != .comment { return token }
        }
        return nil
    }
}

extension PostgresQuery.Piece {
    fileprivate var isInterpolated: Bool {
        if case .parameter = self { true } else { false }
    }
}

extension PostgresType {
    /// Whether the type is an array of a well-known type.
    fileprivate var isKnownArray: Bool { oid != 0 && Self.wellKnown.contains { $0.arrayOID == oid } }
}
