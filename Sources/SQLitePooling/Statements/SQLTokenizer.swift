// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The words and symbols of a statement, without comments, string literals and quoted names.
struct SQLTokenizer: Sequence, IteratorProtocol {
    /// A word, or one symbol.
    struct Element {
        fileprivate let bytes: ArraySlice<UInt8>

        /// Whether the token is this word, given in uppercase. O(length).
        func isWord(_ word: StaticString) -> Bool {
            word.utf8CodeUnitCount == bytes.count
                && word.withUTF8Buffer { word in
                    unsafe zip(word, bytes).allSatisfy { $0 == $1 & ~SQLTokenizer.lowercaseBit($1) }
                }
        }
    }

    private var rest: ArraySlice<UInt8>

    init(_ statement: ArraySlice<UInt8>) { rest = statement }

    mutating func next() -> Element? {
        while let first = rest.first {
            if let enclosed = EnclosedText(at: rest.startIndex, in: rest) {
                rest = rest[enclosed.end...]
                continue
            }
            switch first {
            case UInt8(ascii: " "), 9...13: rest = rest.dropFirst()
            default:
                let word = rest.prefix(while: Self.isPartOfWord)
                let bytes = word.isEmpty ? rest.prefix(1) : word
                rest = rest[bytes.endIndex...]
                return Element(bytes: bytes)
            }
        }
        return nil
    }

    private static func isPartOfWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 128...:
            true
        default: false
        }
    }

    /// The bit that distinguishes a lowercase letter from its uppercase form; 0 for other
    /// characters.
    fileprivate static func lowercaseBit(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) ? 0x20 : 0
    }

    /// Whether a conflict clause or a trigger of the statement may roll back the transaction: by
    /// `OR ROLLBACK`, `ON CONFLICT ROLLBACK` or `RAISE(ROLLBACK, …)`. O(length).
    static func mayRollBack(_ statement: ArraySlice<UInt8>) -> Bool {
        var (last, beforeLast): (Element?, Element?)
        for token in SQLTokenizer(statement) {
            if token.isWord("ROLLBACK"), let last {
                if last.isWord("OR") || last.isWord("CONFLICT") { return true }
                if last.isWord("("), beforeLast?.isWord("RAISE") == true { return true }
            }
            (beforeLast, last) = (last, token)
        }
        return false
    }

    /// Whether a conflict clause of the statement or of a definition is `REPLACE`. O(length).
    static func mayReplace(_ statement: ArraySlice<UInt8>) -> Bool {
        var isReplace = false
        for token in SQLTokenizer(statement) {
            // Otherwise it is the function.
            if isReplace, !token.isWord("(") { return true }
            isReplace = token.isWord("REPLACE")
        }
        return false
    }

    /// Whether the statement may join tables by `USING` or `NATURAL`. O(length).
    static func joinsByName(_ statement: ArraySlice<UInt8>) -> Bool {
        SQLTokenizer(statement).contains { $0.isWord("USING") || $0.isWord("NATURAL") }
    }

    /// Whether the statement is `VACUUM … INTO`. O(1) for all other statements but `VACUUM`.
    static func vacuumsInto(_ statement: ArraySlice<UInt8>) -> Bool {
        vacuums(statement) && SQLTokenizer(statement).contains { $0.isWord("INTO") }
    }

    /// Whether the statement is `VACUUM`. O(1).
    static func vacuums(_ statement: ArraySlice<UInt8>) -> Bool {
        var tokens = SQLTokenizer(statement)
        var first = tokens.next()
        while first?.isWord(";") == true { first = tokens.next() }
        return first?.isWord("VACUUM") == true
    }
}

extension SQLiteQuery {
    /// Whether the statement has the same result in a transaction with other statements as alone.
    ///
    /// These are plain statements that change data or the schema and have no conflict clause that
    /// can roll back the transaction. `false` in cases of doubt.
    ///
    /// - Complexity: O(length of the text).
    var mayShareTransaction: Bool {
        let bytes = Array(text.utf8)[...]
        var tokens = SQLTokenizer(bytes)
        guard let first = tokens.next() else { return false }
        if first.isWord("CREATE") {
            // A temporary object belongs to the connection, which is replaced afterwards.
            guard let object = tokens.next(), !object.isWord("TEMP"), !object.isWord("TEMPORARY") else { return false }
        } else {
            let isPlain =
                first.isWord("INSERT") || first.isWord("UPDATE") || first.isWord("DELETE") || first.isWord("REPLACE")
                || first.isWord("WITH") || first.isWord("DROP") || first.isWord("ALTER")
            guard isPlain else { return false }
        }
        return !SQLTokenizer.mayRollBack(bytes)
    }
}
