// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A SQL statement with the values of its parameters.
///
/// A statement is written as a literal. Interpolated values become parameters and never become
/// part of the text:
///
/// ```swift
/// let user: SQLiteQuery = "SELECT name FROM user WHERE id = \(id)"  // … WHERE id = ?
/// ```
///
/// A `String` that is built at run time is not a statement. Names are interpolated as
/// `\(identifier: name)`, and other statements as `\(sql: condition)`. `+`, `+=`
/// and `joined(separator:)` combine statements. `SQLiteQuery(unsafe:parameters:)` takes any text.
///
/// Parameters can also be written in the text, with a number or a name:
///
/// ```swift
/// let user = SQLiteQuery("SELECT name FROM user WHERE id = :n OR parent = :n", named: ["n": id])
/// ```
///
/// Descriptions contain the text and no values.
public struct SQLiteQuery: Sendable {
    /// The text of the statement, with a `?` for each interpolated parameter.
    public internal(set) var text: String

    /// The values of the parameters, in the order of their numbers; if there are
    /// ``namedParameters``, of those without a name.
    public internal(set) var parameters: [SQLiteParameter]

    /// The values of the named parameters.
    public internal(set) var namedParameters: [String: SQLiteParameter] = [:]

    /// The fault of the joined parts, with which the statement fails.
    var fault: Fault?

    enum Fault: Sendable {
        /// A name with two different values.
        case ambiguous(String)
        /// Names for which the written numbers of a joined part cannot be raised.
        case misnumbered([String])

        func error(sql: String) -> SQLiteError {
            switch self {
            case .ambiguous(let name):
                return SQLiteError(.parameterName, "the parameter “\(name)” has two different values", sql: sql)
            case .misnumbered(let names):
                let list = names.map { "“\($0)”" }.joined(separator: ", ")
                return SQLiteError(
                    .encoding,
                    "a joined part has written numbers, such as ?1, and the name \(list) occurs in both parts or with two "
                        + "prefixes: write \\(value) or a name instead of the numbers",
                    sql: sql
                )
            }
        }
    }

    /// Creates a statement from text that is built at run time.
    ///
    /// - Parameters:
    ///   - text: A statement without any part from untrusted input.
    ///   - parameters: The values of the parameters, in the order of their numbers.
    public init(unsafe text: String, parameters: [SQLiteParameter] = []) {
        self.text = text
        self.parameters = parameters
    }

    mutating func append(_ parameter: SQLiteParameter) { parameters.append(parameter) }

    /// Returns a name in double quotes.
    static func quoted(_ name: String) -> String {
        var text = "\""
        for character in name.unicodeScalars {
            text.unicodeScalars.append(character)
            if character == "\"" { text.unicodeScalars.append(character) }
        }
        return text + "\""
    }
}

extension SQLiteQuery: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The text of the statement, without values.
    public var description: String { text }

    /// The text of the statement, without values.
    public var debugDescription: String { text }

    /// The text of the statement and the number of its parameters, without values.
    public var customMirror: Mirror {
        Mirror(self, children: ["text": text, "parameterCount": parameters.count + namedParameters.count])
    }
}
