// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

/// The effect of a statement on its session, as far as its command tag and its text show.
enum SessionEffect: Equatable {
    /// No effect on a later lease.
    case none
    /// Changed settings, temporary objects, channels, cursors or locks; or fewer of these than the
    /// setup has made.
    case changed
    /// Prepared statements that the pool does not know.
    case preparedStatements
    /// The loss of all prepared statements, and possibly of everything else.
    case forgottenStatements

    /// Derives the effect of a successful statement.
    ///
    /// A tag that PostgreSQL 17 does not have counts as a change.
    ///
    /// - Parameters:
    ///   - commandTag: The tag, such as `UPDATE 3`.
    ///   - hasRows: Whether the result has rows, even none: `CREATE TABLE AS` has the tag of
    ///     `SELECT` but no rows.
    ///   - sql: The text of one or more statements; `nil` if it is not known.
    init(commandTag: String, hasRows: Bool, sql: String?) {
        let tag = commandTag.utf8
        switch String(commandTag[..<(tag.firstIndex(of: UInt8(ascii: " ")) ?? tag.endIndex)]) {
        case "SELECT" where hasRows: self = .none
        // EXPLAIN ANALYZE executes the statement.
        case "SELECT", "CREATE", "EXPLAIN": self = sql.mayContain("temp") ? .changed : .none
        case "DECLARE": self = sql.mayContain("hold") ? .changed : .none
        case "SET" where commandTag == "SET CONSTRAINTS": self = .none
        case "SET": self = sql.map(SessionEffect.endsWithTransaction) == true ? .none : .changed
        case "PREPARE": self = commandTag == "PREPARE TRANSACTION" ? .none : .preparedStatements
        case "DEALLOCATE": self = commandTag == "DEALLOCATE ALL" ? .forgottenStatements : .none
        case "DISCARD": self = commandTag == "DISCARD ALL" ? .forgottenStatements : .changed
        case "", "ALTER", "ANALYZE", "BEGIN", "CHECKPOINT", "CLOSE", "CLUSTER", "COMMENT", "COMMIT", "COPY", "DELETE",
            "DROP", "FETCH", "GRANT", "IMPORT", "INSERT", "LOCK", "MERGE", "MOVE", "NOTIFY", "REASSIGN",
            "REFRESH", "REINDEX", "RELEASE", "REVOKE", "ROLLBACK", "SAVEPOINT", "SECURITY", "SHOW", "START",
            "TRUNCATE", "UPDATE", "VACUUM":
            self = .none
        default:
            // CALL, DO, LISTEN, LOAD, RESET, UNLISTEN, and tags of other servers.
            self = .changed
        }
    }

    /// Returns whether a text is a single `SET LOCAL` or `SET TRANSACTION`.
    private static func endsWithTransaction(_ sql: String) -> Bool {
        let words = sql.utf8.split(maxSplits: 2) { $0 <= UInt8(ascii: " ") }
        guard words.count == 3 else { return false }
        let end = words[2].lastIndex { $0 > UInt8(ascii: " ") && $0 != UInt8(ascii: ";") } ?? words[2].startIndex
        return String(Substring(words[0])).lowercased() == "set"
            && ["local", "transaction"].contains(String(Substring(words[1])).lowercased())
            && !words[2][..<end].contains(UInt8(ascii: ";"))
    }

    /// Returns whether a text calls a built-in function that changes the session: `set_config`,
    /// unless its last argument is `true`, or a function that takes a session advisory lock. The
    /// effects of other functions are unknown.
    ///
    /// Any mention counts, even in a comment. O(bytes).
    static func callsSessionFunction(_ sql: String) -> Bool {
        sql.mayContain("_config") && setsConfigForSession(sql) || sql.mayContain("advisory_lock")
    }

    private static func setsConfigForSession(_ sql: String) -> Bool {
        let parts = sql.lowercased().split(separator: "set_config", omittingEmptySubsequences: false)
        return parts.dropFirst().contains { lastArgument($0) != "true" }
    }

    /// Returns the last argument of a call, after the name of the function; `nil` if it is not
    /// obvious.
    private static func lastArgument(_ call: Substring) -> String? {
        var (depth, isQuoted, argument) = (0, false, "")
        for character in call {
            if character == "'" { isQuoted.toggle() }
            switch character {
            case _ where isQuoted: break
            case "(": depth += 1
            case ")" where depth <= 1: return depth == 1 ? argument.filter { !$0.isWhitespace } : nil
            case ")": depth -= 1
            case "," where depth == 1:
                argument = ""
                continue
            case _ where depth == 0 && !character.isWhitespace && character != "\"": return nil
            default: break
            }
            if depth > 1 || character != "(" { argument.append(character) }
        }
        return nil
    }
}

extension String? {
    /// Returns whether the text contains a word, ignoring case; `true` if the text is not known.
    fileprivate func mayContain(_ word: String) -> Bool { self?.mayContain(word) ?? true }
}

extension String {
    /// Returns whether the text contains a word of lower-case ASCII, ignoring case. O(bytes).
    func mayContain(_ word: String) -> Bool { unsafe clockpool_mentions(self, word) != 0 }
}
