// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension StatementEvent {
    /// The first words of statements that are reported as operations. With any other word, such as
    /// one with a typing error, a statement has no operation: the number of operations, and of the
    /// metrics by operation, is bounded.
    private static let operations: Set<String> = [
        "ABORT", "ALTER", "ANALYZE", "ATTACH", "BEGIN", "CALL", "CHECKPOINT", "CLOSE", "CLUSTER", "COMMENT", "COMMIT",
        "COPY", "CREATE", "DEALLOCATE", "DECLARE", "DELETE", "DETACH", "DISCARD", "DO", "DROP", "END", "EXECUTE",
        "EXPLAIN", "FETCH", "GRANT", "IMPORT", "INSERT", "LISTEN", "LOAD", "LOCK", "MERGE", "MOVE", "NOTIFY", "PRAGMA",
        "PREPARE", "REASSIGN", "REFRESH", "REINDEX", "RELEASE", "REPLACE", "RESET", "REVOKE", "ROLLBACK", "SAVEPOINT",
        "SECURITY", "SELECT", "SET", "SHOW", "START", "TABLE", "TRUNCATE", "UNLISTEN", "UPDATE", "VACUUM", "VALUES",
        "WITH",
    ]

    /// Returns the command of a statement in capital letters: its first word, behind comments and
    /// parentheses.
    ///
    /// - Returns: `nil` if that is no command.
    /// - Complexity: O(length of the word and of the comments before it).
    static func operation(of text: String) -> String? {
        var rest = text.utf8[...]
        while let first = rest.first {
            if first.isSpaceOrParenthesis {
                rest.removeFirst()
            } else if rest.starts(with: "--".utf8) {
                rest = rest.drop { $0 != UInt8(ascii: "\n") }
            } else if rest.starts(with: "/*".utf8) {
                rest = rest.dropFirst(2)
                while !rest.isEmpty, !rest.starts(with: "*/".utf8) { rest.removeFirst() }
                rest = rest.dropFirst(2)
            } else {
                break
            }
        }
        let word = rest.prefix(16).prefix { $0.isLetter }
        let operation = Substring(word).uppercased()
        return operations.contains(operation) ? operation : nil
    }

    /// The text, shortened to a number of bytes at most, if it is longer.
    func text(upTo limit: Int) -> String {
        if text.utf8.count <= limit { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: limit)
        // Not within a character.
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return text[..<end] + "…"
    }
}

extension UInt8 {
    fileprivate var isSpaceOrParenthesis: Bool {
        self == UInt8(ascii: " ") || (9...13).contains(self) || self == UInt8(ascii: "(")
    }

    fileprivate var isLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) }
}
