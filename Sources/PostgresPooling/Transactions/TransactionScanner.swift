// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Determines the possible effects of statements from their keywords.
///
/// Used if the server's answer is ambiguous, as with the tag `ROLLBACK`, or if there is no answer.
struct TransactionScanner {
    private var tokens: PostgresTokens
    /// The next token that is not a comment; `nil` at the end of the text.
    private var token: PostgresTokens.Token?

    private init(_ sql: String) {
        tokens = PostgresTokens(sql)
        skipToken()
    }

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

    /// Returns whether a statement is a `COPY … FROM STDIN`.
    ///
    /// - Complexity: O(length of the text).
    static func isCopyFromClient(_ sql: String) -> Bool {
        var scanner = TransactionScanner(sql)
        guard scanner.moveToStatement(), scanner.nextWord() == "copy" else { return false }
        // Between the first word and `FROM` stands a table, whose columns may have parentheses.
        var depth = 0
        while !scanner.isAtEnd {
            if scanner.tokens.isSign(scanner.token, "(") { depth += 1 }
            if scanner.tokens.isSign(scanner.token, ")") { depth -= 1 }
            let word = scanner.nextWord()
            if word == "from", depth == 0 { return scanner.nextWord() == "stdin" }
            if word == nil { scanner.skipToken() }
        }
        return false
    }

    /// Returns whether a statement of a text is a `LISTEN`.
    ///
    /// - Complexity: O(length of the text).
    static func listens(_ sql: String) -> Bool {
        var scanner = TransactionScanner(sql)
        while scanner.moveToStatement() {
            if scanner.nextWord() == "listen" { return true }
            scanner.skipStatement()
        }
        return false
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

    /// Returns whether a statement that runs outside a transaction may be committed, at least in
    /// part, although a later statement of the same pipeline fails: one that may commit by itself,
    /// or that cannot be rolled back, such as `CREATE DATABASE`.
    ///
    /// - Complexity: O(length of the text).
    static func commitsAlone(_ sql: String) -> Bool {
        if mayCommitPart(sql, hasBegun: true) { return true }
        var scanner = TransactionScanner(sql)
        guard scanner.moveToStatement() else { return false }
        switch (scanner.nextWord(), scanner.nextWord()) {
        case ("create", let object?), ("drop", let object?):
            return ["database", "tablespace", "subscription"].contains(object)
        case ("alter", "database"): return scanner.statementHasWord("tablespace")
        case ("alter", "system"), ("alter", "subscription"), ("discard", "all"): return true
        default: return false
        }
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

    /// Returns whether a statement leaves its session as it was, apart from the functions that it
    /// calls, and cannot commit by itself: a query or a change of rows, without temporary tables
    /// and built-in functions that change the session.
    ///
    /// - Complexity: O(length of the text).
    static func canShareConnection(_ sql: String) -> Bool {
        var scanner = TransactionScanner(sql)
        switch scanner.nextWord() {
        case "select", "insert", "update", "delete", "merge", "with", "values", "table": break
        default: return false
        }
        if SessionEffect.callsSessionFunction(sql) { return false }
        while !scanner.isAtEnd {
            switch scanner.nextWord() {
            case "temp", "temporary", "pg_temp": return false
            case nil: scanner.skipToken()
            default: break
            }
        }
        return true
    }

    private var isAtEnd: Bool { token == nil }

    private var isAtSemicolon: Bool { tokens.isSign(token, ";") }

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
        while isAtSemicolon { skipToken() }
        return !isAtEnd
    }

    /// Returns whether a statement may commit by itself while it runs.
    private mutating func statementHasTransactions() -> Bool {
        switch nextWord() {
        case "call", "do", "vacuum", "analyze", "analyse", "cluster", "reindex": return true
        case "alter", "create", "drop": return statementHasWord("concurrently")
        default: return false
        }
    }

    /// Returns whether the rest of the statement contains a word.
    private mutating func statementHasWord(_ wanted: String) -> Bool {
        while !isAtEnd, !isAtSemicolon {
            let word = nextWord()
            if word == wanted { return true }
            if word == nil { skipToken() }
        }
        return false
    }

    /// Returns the next word, in lower case; `nil` if the next token is not a word.
    private mutating func nextWord() -> String? {
        guard let token, token.kind == .word else { return nil }
        // The server ignores the case of ASCII letters only.
        let word = tokens.bytes[token.range].map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }
        skipToken()
        return String(decoding: word, as: UTF8.self)
    }

    /// Moves past the semicolon that ends a statement, or to the end of the text.
    private mutating func skipStatement() {
        while !isAtEnd, !isAtSemicolon { skipToken() }
        skipToken()
    }

    /// Moves past a token, and the comments behind it.
    private mutating func skipToken() {
        repeat { token = tokens.next() } while token?.kind == .comment
    }
}
