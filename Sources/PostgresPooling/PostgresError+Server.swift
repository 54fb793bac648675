// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresError {
    /// What the server says of an error, field by field, as in "Error and Notice Message Fields" of PostgreSQL's manual.
    public struct ServerFields: Hashable, Sendable {
        /// The code of the condition.
        public let sqlState: SQLState

        /// `ERROR`, `FATAL` or `PANIC`; for a notice `WARNING`, `NOTICE`, `DEBUG`, `INFO` or `LOG`. Never translated.
        public let severity: String

        /// The message, in the server's language.
        public let message: String

        /// More about it. It may quote values, and so no description shows it.
        public let detail: String?

        /// What to do about it.
        public let hint: String?

        /// Where in the statement the error is: the number of a character, from 1.
        public let position: Int?

        /// The same for a statement that the server made itself.
        public let internalPosition: Int?

        /// The text of that statement.
        public let internalQuery: String?

        /// The calls in which the error occurred, innermost first. It may quote values, and so no description shows it.
        public let context: String?

        /// The schema of the object that the error is about.
        public let schema: String?

        /// The table that the error is about.
        public let table: String?

        /// The column that the error is about.
        public let column: String?

        /// The data type that the error is about.
        public let dataType: String?

        /// The constraint that was violated.
        public let constraint: String?

        init(_ result: PostgresResult) {
            sqlState = SQLState(result.errorField("C") ?? "")
            severity = result.errorField("V") ?? result.errorField("S") ?? ""
            message = result.errorField("M") ?? ""
            detail = result.errorField("D")
            hint = result.errorField("H")
            position = result.errorField("P").flatMap { Int($0) }
            internalPosition = result.errorField("p").flatMap { Int($0) }
            internalQuery = result.errorField("q")
            context = result.errorField("W")
            schema = result.errorField("s")
            table = result.errorField("t")
            column = result.errorField("c")
            dataType = result.errorField("d")
            constraint = result.errorField("n")
        }

        /// What is known of a failed connect, where libpq gives only a text.
        init(sqlState: SQLState, severity: String, message: String) {
            self.sqlState = sqlState
            self.severity = severity
            self.message = message
            detail = nil
            hint = nil
            position = nil
            internalPosition = nil
            internalQuery = nil
            context = nil
            schema = nil
            table = nil
            column = nil
            dataType = nil
            constraint = nil
        }
    }

    /// The code of the condition, if the server reported one.
    public var sqlState: SQLState? { server?.sqlState }

    /// Whether the same transaction, or the same statement outside of one, may succeed when it is made again from its
    /// beginning: it lost a race with others, or the server was starting up, shutting down, or full.
    ///
    /// A retry is never unsafe by this: a connection that broke in the middle of a statement is not retryable, because nobody
    /// knows whether the statement was done.
    public var isRetryable: Bool {
        switch sqlState {
        case .serializationFailure, .deadlockDetected, .tooManyConnections, .cannotConnectNow, .lockNotAvailable: true
        default: code == .connectFailed && server == nil
        }
    }
}

/// A code of PostgreSQL for a condition: five characters, of which the first two are its class.
public struct SQLState: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// The five characters.
    public let description: String

    /// The first two characters, which say what kind of condition it is, such as `23` for violated constraints.
    public var conditionClass: String { String(description.prefix(2)) }

    init(_ code: String) { description = code }

    /// The code as it stands in the manual, such as `"23505"`.
    public init(stringLiteral code: StaticString) { description = code.description }

    public static let uniqueViolation: SQLState = "23505"
    public static let foreignKeyViolation: SQLState = "23503"
    public static let notNullViolation: SQLState = "23502"
    public static let checkViolation: SQLState = "23514"
    public static let exclusionViolation: SQLState = "23P01"
    public static let serializationFailure: SQLState = "40001"
    public static let deadlockDetected: SQLState = "40P01"
    public static let lockNotAvailable: SQLState = "55P03"
    public static let queryCanceled: SQLState = "57014"
    public static let adminShutdown: SQLState = "57P01"
    public static let crashShutdown: SQLState = "57P02"
    public static let cannotConnectNow: SQLState = "57P03"
    public static let tooManyConnections: SQLState = "53300"
    public static let invalidPassword: SQLState = "28P01"
    public static let invalidAuthorization: SQLState = "28000"
    public static let invalidCatalogName: SQLState = "3D000"
    public static let syntaxError: SQLState = "42601"
    public static let undefinedTable: SQLState = "42P01"
    public static let undefinedColumn: SQLState = "42703"
    public static let undefinedFunction: SQLState = "42883"
    public static let insufficientPrivilege: SQLState = "42501"
    public static let readOnlyTransaction: SQLState = "25006"
    public static let inFailedTransaction: SQLState = "25P02"
    public static let invalidStatementName: SQLState = "26000"
    public static let featureNotSupported: SQLState = "0A000"
}

extension PostgresError: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// What happened, the code, where in the statement, and the statement, shortened when it is long. No value is shown.
    public var description: String {
        var text = "\(message) (\(server.map { "\($0.severity) \($0.sqlState)" } ?? code.description))"
        if let server {
            if let hint = server.hint { text += " Hint: \(hint)" }
            if let position = server.position, sql != nil { text += " at character \(position)" }
        }
        if let sql {
            let limit = 400
            text += " in: \(sql.prefix(limit))"
            if sql.dropFirst(limit).isEmpty == false { text += "…" }
        }
        return text
    }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// The kind, the message and the statement. No value is shown.
    public var customMirror: Mirror {
        Mirror(
            self,
            children: [
                "code": code.description, "message": message, "sqlState": sqlState?.description as Any,
                "sql": sql as Any,
            ]
        )
    }
}

extension PostgresError.ServerFields: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Severity, code and message.
    public var description: String { "\(severity) \(sqlState): \(message)" }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// Severity, code and message; the fields that may quote values are left out.
    public var customMirror: Mirror {
        Mirror(self, children: ["severity": severity, "sqlState": sqlState.description, "message": message])
    }
}
