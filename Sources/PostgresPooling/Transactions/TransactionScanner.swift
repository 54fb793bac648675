// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Determines the possible effects of statements from their keywords.
///
/// Used if the server's answer is ambiguous, as with the tag `ROLLBACK`, or if there is no answer.
struct TransactionScanner {
    private let bytes: [UInt8]
    private var position = 0

    private init(_ sql: String) { bytes = Array(sql.utf8) }

    /// Returns whether a statement of a text begins as those that end a transaction: `COMMIT`,
    /// `END`, `ABORT`, `PREPARE TRANSACTION`, and `ROLLBACK` without `TO`.
    ///
    /// - Complexity: O(length of the text).
    static func mayEndTransaction(_ sql: String) -> Bool {
        var scanner = TransactionScanner(sql)
        while !scanner.isAtEnd {
            if scanner.statementEndsTransaction() { return true }
            scanner.skipStatement()
        }
        return false
    }

    /// Returns whether a statement begins or ends a transaction.
    ///
    /// - Complexity: O(length of the text).
    static func controlsTransaction(_ sql: String) -> Bool {
        if mayEndTransaction(sql) { return true }
        var scanner = TransactionScanner(sql)
        guard scanner.moveToStatement() else { return false }
        let word = scanner.nextWord()
        return word == "begin" || word == "start"
    }

    /// Returns whether a statement is a `COPY`.
    ///
    /// - Complexity: O(length of the first word and the comments before it).
    static func isCopy(_ sql: String) -> Bool {
        var scanner = TransactionScanner(sql)
        return scanner.moveToStatement() && scanner.nextWord() == "copy"
    }

    /// Returns whether a text in which a statement fails may have committed earlier ones: another
    /// statement ends a transaction and is not the last one, or the failed statement has
    /// transactions of its own, as `CALL` and `VACUUM` may have.
    ///
    /// - Parameter hasBegun: Whether the statement may have been executed outside a transaction,
    ///   so that it may have its own.
    /// - Complexity: O(length of the text).
    static func mayCommitPart(_ sql: String, hasBegun: Bool) -> Bool {
        var scanner = TransactionScanner(sql)
        var hasEnded = false
        while scanner.moveToStatement() {
            if hasEnded { return true }
            var first = scanner
            if hasBegun, first.statementHasTransactions() { return true }
            hasEnded = scanner.statementEndsTransaction()
            scanner.skipStatement()
        }
        return false
    }

    /// Returns whether a statement only reads, apart from the functions that it calls. Also
    /// `false` for some statements that only read, such as `SELECT … FOR UPDATE`.
    ///
    /// - Complexity: O(length of the text).
    static func onlyReads(_ sql: String) -> Bool {
        var scanner = TransactionScanner(sql)
        switch scanner.nextWord() {
        case "select", "values", "table", "with", "show", "explain", "fetch": break
        default: return false
        }
        while !scanner.isAtEnd {
            switch scanner.nextWord() {
            case "insert", "update", "delete", "merge", "into", "analyze": return false
            case nil: scanner.skipToken()
            default: break
            }
        }
        return true
    }

    /// Returns whether a text is one statement, and no more.
    ///
    /// - Complexity: O(length of the text).
    static func isSingle(_ sql: String) -> Bool {
        var scanner = TransactionScanner(sql)
        guard scanner.moveToStatement() else { return false }
        scanner.skipStatement()
        return !scanner.moveToStatement()
    }

    /// Returns whether a statement runs a procedure or a block of code, which may commit before it
    /// fails.
    ///
    /// - Complexity: O(length of the text).
    static func mayCommitWithin(_ sql: String) -> Bool {
        var scanner = TransactionScanner(sql)
        let word = scanner.nextWord()
        return word == "call" || word == "do"
    }

    private var isAtEnd: Bool { position >= bytes.count }

    private func byte(_ offset: Int = 0) -> UInt8? {
        position + offset < bytes.count ? bytes[position + offset] : nil
    }

    /// Reads the first words of a statement.
    private mutating func statementEndsTransaction() -> Bool {
        switch nextWord() {
        case "commit", "end", "abort": return true
        case "prepare": return nextWord() == "transaction"
        case "rollback":
            var word = nextWord()
            if word == "work" || word == "transaction" { word = nextWord() }
            return word != "to"
        default: return false
        }
    }

    /// Moves to the next statement that is not empty.
    ///
    /// - Returns: Whether there is one.
    private mutating func moveToStatement() -> Bool {
        skipSpace()
        while byte() == UInt8(ascii: ";") {
            position += 1
            skipSpace()
        }
        return !isAtEnd
    }

    /// Returns whether a statement may commit by itself while it runs.
    private mutating func statementHasTransactions() -> Bool {
        switch nextWord() {
        case "call", "do", "vacuum", "analyze", "analyse", "cluster", "reindex": return true
        case "alter", "create", "drop":
            while true {
                skipSpace()
                if isAtEnd || byte() == UInt8(ascii: ";") { return false }
                let word = nextWord()
                if word == "concurrently" { return true }
                if word == nil { skipToken() }
            }
        default: return false
        }
    }

    /// Returns the next word, in lower case; `nil` if the next token is not a word.
    private mutating func nextWord() -> String? {
        skipSpace()
        let start = position
        while let byte = byte(), isLetter(byte) { position += 1 }
        guard position > start else { return nil }
        // This bit makes a letter lower case.
        return String(decoding: bytes[start..<position].map { $0 | 0x20 }, as: UTF8.self)
    }

    private func isLetter(_ byte: UInt8) -> Bool { UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 }

    private mutating func skipSpace() {
        while let byte = byte() {
            if byte == UInt8(ascii: " ") || 9...13 ~= byte { position += 1 } else if !skipComment() { return }
        }
    }

    /// Moves past the semicolon that ends a statement, or to the end of the text.
    private mutating func skipStatement() {
        while let byte = byte() {
            skipToken()
            if byte == UInt8(ascii: ";") { return }
        }
    }

    /// Moves past a quoted string, a comment, or one character.
    private mutating func skipToken() {
        guard let byte = byte() else { return }
        switch byte {
        case UInt8(ascii: "'"):
            let isEscaped = position > 0 && bytes[position - 1] | 0x20 == UInt8(ascii: "e")
            skipQuoted(by: byte, isEscaped: isEscaped)
        case UInt8(ascii: "\""): skipQuoted(by: byte, isEscaped: false)
        case UInt8(ascii: "$"): skipDollarQuoted()
        default: if !skipComment() { position += 1 }
        }
    }

    /// Skips a comment, which may contain others.
    private mutating func skipComment() -> Bool {
        if byte() == UInt8(ascii: "-"), byte(1) == UInt8(ascii: "-") {
            while let byte = byte(), byte != UInt8(ascii: "\n") { position += 1 }
            return true
        }
        guard byte() == UInt8(ascii: "/"), byte(1) == UInt8(ascii: "*") else { return false }
        var depth = 0
        while let first = byte() {
            let pair = (first, byte(1))
            if pair == (UInt8(ascii: "/"), UInt8(ascii: "*")) {
                depth += 1
                position += 2
            } else if pair == (UInt8(ascii: "*"), UInt8(ascii: "/")) {
                depth -= 1
                position += 2
                if depth == 0 { break }
            } else {
                position += 1
            }
        }
        return true
    }

    /// Skips a quoted string. A doubled quote looks like the border of two strings, which makes no
    /// difference here.
    private mutating func skipQuoted(by quote: UInt8, isEscaped: Bool) {
        position += 1
        while let byte = byte(), byte != quote { position += isEscaped && byte == UInt8(ascii: "\\") ? 2 : 1 }
        position += 1
    }

    /// Skips a dollar-quoted string, or only the dollar sign if it begins none.
    private mutating func skipDollarQuoted() {
        var end = position + 1
        while end < bytes.count, isLetter(bytes[end]) || 48...57 ~= bytes[end] || bytes[end] == 95 || bytes[end] > 127 {
            end += 1
        }
        let isTag = end < bytes.count && bytes[end] == UInt8(ascii: "$") && !(48...57 ~= bytes[position + 1])
        guard isTag else {
            position += 1
            return
        }
        let tag = bytes[position...end]
        position = end + 1
        while !isAtEnd, !bytes[position...].starts(with: tag) { position += 1 }
        position = min(position + tag.count, bytes.count)
    }
}
