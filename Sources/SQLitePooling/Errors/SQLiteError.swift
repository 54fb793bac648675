// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What went wrong in SQLite, or in the use of it.
///
/// It holds the text of the statement with its literals, and by default never the value of a parameter or a column.
public struct SQLiteError: Error, Hashable, Sendable {
    /// What kind of failure it is.
    public let code: Code

    /// What happened, in words. Where the words are SQLite's, what may come from values is left out, unless the
    /// configuration's ``SQLiteConfiguration/errorDetail-swift.property`` is `full`.
    public let message: String

    /// The text of the statement; `nil` if the error is not about one.
    public let sql: String?

    /// The byte of ``sql``, in UTF-8, that the error is about, where SQLite knows it.
    public let offset: Int?

    init(_ code: Code, _ message: String, sql: String? = nil, offset: Int? = nil) {
        self.code = code
        self.message = message
        self.sql = sql
        self.offset = offset
    }

    /// Whether the same call may succeed when it is repeated unchanged: another process held a lock, a reader's file or the
    /// schema changed, the system gave no thread, or another write lost the shared transaction.
    ///
    /// Nothing has changed then. Repeat a transaction from its beginning.
    public var isRetryable: Bool {
        switch code.primary {
        case .busy, .locked, .protocolFailure, .schemaChanged, .fileChanged, .threadUnavailable,
            .sharedTransactionLost:
            true
        default: false
        }
    }
}

extension SQLiteError: CustomStringConvertible {
    /// What happened, the code, and the statement, shortened when it is long. No value is shown.
    public var description: String {
        var text = "\(message) (\(code))"
        if let sql {
            if let offset { text += " at byte \(offset)" }
            let limit = 400
            text += " in: \(sql.prefix(limit))"
            if sql.dropFirst(limit).isEmpty == false { text += "…" }
        }
        return text
    }
}
