// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

/// What a statement leaves behind in its session, as far as its command tag and its text tell.
enum SessionEffect: Equatable {
    /// Nothing that a later lease meets.
    case none
    /// Settings, temporary objects, channels, cursors or locks; or less of those than the setup has made.
    case changed
    /// Prepared statements that the pool does not know of.
    case preparedStatements
    /// All prepared statements are gone, and perhaps all else.
    case forgottenStatements

    /// The effect of a statement that has succeeded.
    ///
    /// A tag that PostgreSQL 17 does not have counts as a change.
    ///
    /// - Parameters:
    ///   - commandTag: The tag, such as `UPDATE 3`.
    ///   - hasRows: Whether the result has rows, if only none: `CREATE TABLE AS` has the tag of `SELECT` and no rows.
    ///   - sql: The text, of one statement or more; `nil` if it is not known.
    init(commandTag: String, hasRows: Bool, sql: String?) {
        let tag = commandTag.utf8
        switch String(commandTag[..<(tag.firstIndex(of: UInt8(ascii: " ")) ?? tag.endIndex)]) {
        case "SELECT" where hasRows: self = .none
        // EXPLAIN ANALYZE executes what it explains.
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
            // CALL, DO, LISTEN, LOAD, RESET, UNLISTEN, and what other servers have.
            self = .changed
        }
    }

    /// Whether a text is one `SET LOCAL` or `SET TRANSACTION`.
    private static func endsWithTransaction(_ sql: String) -> Bool {
        let words = sql.utf8.split(maxSplits: 2) { $0 <= UInt8(ascii: " ") }
        guard words.count == 3 else { return false }
        let end = words[2].lastIndex { $0 > UInt8(ascii: " ") && $0 != UInt8(ascii: ";") } ?? words[2].startIndex
        return String(Substring(words[0])).lowercased() == "set"
            && ["local", "transaction"].contains(String(Substring(words[1])).lowercased())
            && !words[2][..<end].contains(UInt8(ascii: ";"))
    }

    /// Whether a text calls a function of PostgreSQL's that changes the session: `set_config`, unless its last argument is
    /// `true`, or one that takes an advisory lock for the session. What other functions do is not known.
    ///
    /// Any mention counts, also in a comment. O(bytes).
    static func callsSessionFunction(_ sql: String) -> Bool {
        sql.mayContain("_config") && setsConfigForSession(sql) || sql.mayContain("advisory_lock")
    }

    private static func setsConfigForSession(_ sql: String) -> Bool {
        let parts = sql.lowercased().split(separator: "set_config", omittingEmptySubsequences: false)
        return parts.dropFirst().contains { lastArgument($0) != "true" }
    }

    /// The last argument of a call, behind the name of the function; `nil` if it is not plain to see.
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
    /// Whether the text contains a word, in either case; also if the text is not known.
    fileprivate func mayContain(_ word: String) -> Bool { self?.mayContain(word) ?? true }
}

extension String {
    /// Whether the text contains a word of lower-case ASCII, in either case. O(bytes).
    fileprivate func mayContain(_ word: String) -> Bool { unsafe clockpool_mentions(self, word) != 0 }
}
