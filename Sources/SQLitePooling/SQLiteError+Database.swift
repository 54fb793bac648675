// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

extension SQLiteError {
    /// The last error of a connection.
    ///
    /// - Parameters:
    ///   - code: What the call returned.
    ///   - database: The connection.
    ///   - sql: The statement.
    ///   - start: Where in `sql` the text begins that SQLite was given.
    ///   - parameters: Values that must not be shown.
    init(
        _ code: Int32,
        of database: OpaquePointer,
        sql: String? = nil,
        start: Int = 0,
        parameters: [SQLiteParameter] = []
    ) {
        let code = Code(rawValue: code)
        var message = unsafe String(cString: sqlite3_errmsg(database))
        if code.primary == .error || code.primary == .cannotOpen || code == .constraintTrigger {
            message = Self.withoutValues(message, parameters)
        }
        let offset = Int(unsafe clockpool_sqlite_error_offset(database))
        self.init(code, message, sql: sql, offset: sql != nil && offset >= 0 ? start + offset : nil)
    }

    /// `message` without what it may quote of `parameters`.
    ///
    /// SQLite's own messages quote the statement and the schema. Those of functions and virtual tables also quote what they
    /// are given, such as a search pattern, or a part of it. Where a statement has texts for parameters, everything in
    /// quotes goes, and so does every word that is in one of the texts.
    static func withoutValues(_ message: String, _ parameters: [some SQLiteEncodable]) -> String {
        var words: Set<Substring> = []
        for parameter in parameters {
            for text in parameter.sqliteParameter.texts { words.formUnion(text.split { !isPartOfWord($0) }) }
        }
        guard !words.isEmpty else { return message }
        var result = ""
        var rest = Substring(message)
        while let first = rest.first {
            let word = rest.prefix { isPartOfWord($0) }
            if !word.isEmpty {
                result += words.contains(word) ? "…" : word
                rest = rest.dropFirst(word.count)
            } else if first == "\"" || first == "'", let last = rest.lastIndex(of: first), last > rest.startIndex {
                // To the last quote, because what is quoted may hold some itself.
                result += "\(first)…\(first)"
                rest = rest[rest.index(after: last)...]
            } else {
                result.append(first)
                rest = rest.dropFirst()
            }
        }
        return result
    }

    private static func isPartOfWord(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_"
    }
}
