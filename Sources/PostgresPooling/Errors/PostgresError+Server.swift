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

        /// The message, in the server's language, without what may be values.
        ///
        /// What stands within quotes in an error of a value (such as the SQLSTATE classes `22` and `P0`) is replaced by `…`. Names, such
        /// as that of a column or of a violated constraint, stay. Control characters are written as escape sequences.
        public let message: String

        /// The message as the server has sent it. It may quote values, and so no description shows it.
        public let fullMessage: String

        /// More about it. It may quote values, and so no description shows it.
        public let detail: String?

        /// What to do about it. In an error that a function raises it may quote values, which descriptions leave out.
        public let hint: String?

        /// Where in the statement the error is: the number of a character, from 1.
        public let position: Int?

        /// The same for a statement that the server made itself.
        public let internalPosition: Int?

        /// The text of that statement. A function may have built it from values, and so no description shows it.
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

        init(_ result: PostgresResult) { self.init(field: result.errorField) }

        /// The fields that `field` gives by their `PG_DIAG_…` codes.
        init(field: (Character) -> String?) {
            sqlState = SQLState(field("C") ?? "")
            severity = field("V") ?? field("S") ?? ""
            routine = field("R")
            fullMessage = field("M") ?? ""
            message = PostgresError.shown(fullMessage, sqlState, routine: routine)
            detail = field("D")
            hint = field("H")
            position = field("P").flatMap { Int($0) }
            internalPosition = field("p").flatMap { Int($0) }
            internalQuery = field("q")
            context = field("W")
            schema = field("s")
            table = field("t")
            column = field("c")
            dataType = field("d")
            constraint = field("n")
        }

        /// The name of the server's function that reported it.
        let routine: String?

        /// The hint without values.
        var shownHint: String? { hint.map { PostgresError.shown($0, sqlState, routine: routine) } }

        /// What is known of a failed connect, where libpq gives only a text.
        init(sqlState: SQLState, severity: String, message: String) {
            self.sqlState = sqlState
            self.severity = severity
            fullMessage = message
            self.message = PostgresError.shown(message, sqlState)
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
            routine = nil
        }
    }

    /// The code of the condition, if the server reported one.
    public var sqlState: SQLState? { server?.sqlState }
}

/// A code of PostgreSQL for a condition: five characters, of which the first two are its class.
public struct SQLState: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// The five characters.
    public let description: String

    /// The first two characters, which say what kind of condition it is, such as `23` for violated constraints.
    public var conditionClass: String { String(description.prefix(2)) }

    init(_ code: String) { description = code }

    /// Whether a word can be a code: it has a digit, which a severity such as `FATAL` has not.
    static func isCode(_ word: Substring) -> Bool {
        word.utf8.count == 5 && word.contains { $0.isNumber }
            && word.allSatisfy { $0.isASCII && ($0.isNumber || $0.isUppercase) }
    }

    /// The code as it stands in the manual, such as `"23505"`.
    public init(stringLiteral code: StaticString) { description = code.description }

    /// Another row has the same key.
    public static let uniqueViolation: SQLState = "23505"
    /// The row that a foreign key points to does not exist, or one that is pointed to would not any more.
    public static let foreignKeyViolation: SQLState = "23503"
    /// A column that must have a value would have none.
    public static let notNullViolation: SQLState = "23502"
    /// A row does not fulfil a `CHECK` constraint.
    public static let checkViolation: SQLState = "23514"
    /// Another row is in the way of an exclusion constraint.
    public static let exclusionViolation: SQLState = "23P01"
    /// Transactions at the same time got into each other's way; another attempt may succeed.
    public static let serializationFailure: SQLState = "40001"
    /// Transactions waited for each other, and this one was chosen to end that.
    public static let deadlockDetected: SQLState = "40P01"
    /// A lock was not to be had at once, or not within the time limit.
    public static let lockNotAvailable: SQLState = "55P03"
    /// The statement was cancelled, or took longer than the server's time limit.
    public static let queryCanceled: SQLState = "57014"
    /// The server is shutting down, or somebody has ended the connection.
    public static let adminShutdown: SQLState = "57P01"
    /// Another process of the server has crashed.
    public static let crashShutdown: SQLState = "57P02"
    /// The server is starting up, shutting down or recovering.
    public static let cannotConnectNow: SQLState = "57P03"
    /// The server has no room for another connection.
    public static let tooManyConnections: SQLState = "53300"
    /// The password is wrong.
    public static let invalidPassword: SQLState = "28P01"
    /// The server does not let this user in.
    public static let invalidAuthorization: SQLState = "28000"
    /// There is no such database.
    public static let invalidCatalogName: SQLState = "3D000"
    /// The statement is not SQL.
    public static let syntaxError: SQLState = "42601"
    /// There is no such table.
    public static let undefinedTable: SQLState = "42P01"
    /// There is no such column.
    public static let undefinedColumn: SQLState = "42703"
    /// There is no such function, or operator, for arguments of these types.
    public static let undefinedFunction: SQLState = "42883"
    /// The user may not do this.
    public static let insufficientPrivilege: SQLState = "42501"
    /// A transaction that may only read wanted to write.
    public static let readOnlyTransaction: SQLState = "25006"
    /// An earlier statement of the transaction has failed, and it can only be rolled back.
    public static let inFailedTransaction: SQLState = "25P02"
    /// There is no such prepared statement.
    public static let invalidStatementName: SQLState = "26000"
    /// There is a prepared statement of this name already.
    static let duplicateStatementName: SQLState = "42P05"
    /// The server does not support this.
    public static let featureNotSupported: SQLState = "0A000"
}

extension PostgresError: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// What happened, the code, where in the statement, and the statement, shortened when it is long. No value is shown.
    public var description: String {
        let condition = server.map { "\($0.severity) \($0.sqlState)" }
        let kind =
            code == .server
            ? condition ?? code.description
            : ([code.description] + (condition.map { [$0] } ?? [])).joined(separator: ", ")
        var text = "\(message) (\(kind))"
        if let server {
            if let hint = server.shownHint { text += " Hint: \(hint)" }
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
