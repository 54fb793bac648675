// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresError {
    /// The server's description of an error, field by field, as in "Error and Notice Message
    /// Fields" of PostgreSQL's manual.
    public struct ServerFields: Hashable, Sendable {
        /// The code of the condition.
        public let sqlState: SQLState

        /// `ERROR`, `FATAL` or `PANIC`; for a notice `WARNING`, `NOTICE`, `DEBUG`, `INFO` or
        /// `LOG`. Never translated.
        public let severity: String

        /// The message, in the server's language, without possible values.
        ///
        /// Text in quotes is replaced by `…` if the error concerns a value (such as the SQLSTATE
        /// classes `22` and `P0`). Names, such as those of columns and violated constraints, stay.
        /// Control characters are written as escape sequences.
        public let message: String

        /// The message as the server has sent it. It may quote values, so no description contains
        /// it.
        public let fullMessage: String

        /// The detail. It may quote values, so no description contains it.
        public let detail: String?

        /// The advice. In an error that a function raises it may quote values, which descriptions
        /// omit.
        public let hint: String?

        /// The position of the error in the statement, as the number of a character, from 1.
        public let position: Int?

        /// The position of the error in ``internalQuery``.
        public let internalPosition: Int?

        /// The text of a statement that the server generated. A function may have built it from
        /// values, so no description contains it.
        public let internalQuery: String?

        /// The calls in which the error occurred, innermost first. They may quote values, so no
        /// description contains them.
        public let context: String?

        /// The schema of the object that the error concerns.
        public let schema: String?

        /// The table that the error concerns.
        public let table: String?

        /// The column that the error concerns.
        public let column: String?

        /// The data type that the error concerns.
        public let dataType: String?

        /// The constraint that was violated.
        public let constraint: String?

        init(_ result: PostgresResult) { self.init(field: result.errorField) }

        /// Creates the fields from the values that `field` returns for the `PG_DIAG_…` codes.
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

        /// The name of the server's function that reported the error.
        let routine: String?

        /// The hint without values.
        var shownHint: String? { hint.map { PostgresError.shown($0, sqlState, routine: routine) } }

        /// Creates the fields of a failed connection attempt, for which libpq has only a text.
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

extension PostgresError {
    /// A condition code of PostgreSQL: five characters, of which the first two are its class.
    public struct SQLState: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
        /// The five characters.
        public let description: String

        /// The first two characters, which name the kind of condition, such as `23` for violated
        /// constraints.
        public var conditionClass: String { String(description.prefix(2)) }

        init(_ code: String) { description = code }

        /// Returns whether a word can be a code: it contains a digit, unlike a severity such as
        /// `FATAL`.
        static func isCode(_ word: Substring) -> Bool {
            word.utf8.count == 5 && word.contains { $0.isNumber }
                && word.allSatisfy { $0.isASCII && ($0.isNumber || $0.isUppercase) }
        }

        /// Creates a code as written in the manual, such as `"23505"`.
        public init(stringLiteral code: StaticString) { description = code.description }

        /// Another row has the same key.
        public static let uniqueViolation: SQLState = "23505"
        /// The row that a foreign key refers to does not exist, or a referenced row would no
        /// longer exist.
        public static let foreignKeyViolation: SQLState = "23503"
        /// A column that must have a value would be null.
        public static let notNullViolation: SQLState = "23502"
        /// A row violates a `CHECK` constraint.
        public static let checkViolation: SQLState = "23514"
        /// Another row conflicts under an exclusion constraint.
        public static let exclusionViolation: SQLState = "23P01"
        /// The transaction conflicts with concurrent ones. Another attempt may succeed.
        public static let serializationFailure: SQLState = "40001"
        /// Transactions waited for each other, and the server chose this one to end the deadlock.
        public static let deadlockDetected: SQLState = "40P01"
        /// A lock was not available at once, or not within the time limit.
        public static let lockNotAvailable: SQLState = "55P03"
        /// The statement was cancelled, or exceeded the server's time limit.
        public static let queryCanceled: SQLState = "57014"
        /// The server is shutting down, or an administrator has ended the session.
        public static let adminShutdown: SQLState = "57P01"
        /// Another process of the server has crashed.
        public static let crashShutdown: SQLState = "57P02"
        /// The server is starting up, shutting down or recovering.
        public static let cannotConnectNow: SQLState = "57P03"
        /// The server accepts no further connections.
        public static let tooManyConnections: SQLState = "53300"
        /// The password is wrong.
        public static let invalidPassword: SQLState = "28P01"
        /// The server does not admit this user.
        public static let invalidAuthorization: SQLState = "28000"
        /// The database does not exist.
        public static let invalidCatalogName: SQLState = "3D000"
        /// The statement is not valid SQL.
        public static let syntaxError: SQLState = "42601"
        /// The table does not exist.
        public static let undefinedTable: SQLState = "42P01"
        /// The column does not exist.
        public static let undefinedColumn: SQLState = "42703"
        /// The function or operator does not exist for arguments of these types.
        public static let undefinedFunction: SQLState = "42883"
        /// The user lacks a privilege.
        public static let insufficientPrivilege: SQLState = "42501"
        /// A read-only transaction attempted to write.
        public static let readOnlyTransaction: SQLState = "25006"
        /// An earlier statement of the transaction has failed, so it can only be rolled back.
        public static let inFailedTransaction: SQLState = "25P02"
        /// The prepared statement does not exist.
        public static let invalidStatementName: SQLState = "26000"
        /// A prepared statement of this name exists already.
        static let duplicateStatementName: SQLState = "42P05"
        /// The server does not support the feature.
        public static let featureNotSupported: SQLState = "0A000"
    }
}

extension PostgresError: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The message, the code, the position in the statement, and the statement, shortened if it is
    /// long. Without values.
    public var description: String {
        let condition = server.map { "\($0.severity) \($0.sqlState)" }
        let kind =
            code == .server
            ? condition ?? code.description
            : ([code.description] + (condition.map { [$0] } ?? [])).joined(separator: ", ")
        var text = "\(message) (\(kind))"
        if attempts > 1 { text += " after \(attempts) attempts" }
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

    /// The code, the message and the statement, without values.
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

    /// Severity, code and message, without the fields that may quote values.
    public var customMirror: Mirror {
        Mirror(self, children: ["severity": severity, "sqlState": sqlState.description, "message": message])
    }
}
