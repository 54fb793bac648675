// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// An error of SQLite, or of its use.
///
/// The error contains the text of the statement with its literals. By default it contains no value
/// of a parameter or a column.
public struct SQLiteError: Error, Hashable, Sendable {
    /// The code of the error.
    public let code: Code

    /// A description of the error. Parts of SQLite's messages that may come from values are
    /// omitted, unless ``SQLiteConfiguration/errorDetail-swift.property`` is `full`.
    public let message: String

    /// The text of the statement; `nil` if the error does not concern one.
    public let sql: String?

    /// The byte offset in ``sql``, in UTF-8, that the error refers to; `nil` if SQLite does not
    /// report it.
    public let offset: Int?

    init(_ code: Code, _ message: String, sql: String? = nil, offset: Int? = nil) {
        self.code = code
        self.message = message
        self.sql = sql
        self.offset = offset
    }

    /// Whether the same call may succeed if it is repeated unchanged.
    ///
    /// The cause is a lock of another process, a changed file of a reader, a changed schema, a
    /// thread that the system could not create, or another write that lost the shared transaction.
    /// Nothing has changed in the database. Repeat a transaction from its beginning.
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
    /// The message, the code and the statement, which is shortened if it is long. Contains no
    /// values.
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
