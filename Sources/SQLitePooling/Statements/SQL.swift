// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A statement with the values of its parameters.
///
/// It is written as a literal, and what is interpolated becomes a parameter, never a part of the text:
///
/// ```swift
/// let user: SQL = "SELECT name FROM user WHERE id = \(id)"   // SELECT name FROM user WHERE id = ?
/// ```
///
/// A `String` that is put together at run time is not taken for SQL. Names are interpolated as `\(identifier: name)`, other
/// statements as `\(sql: condition)`, and `SQL(unsafe:parameters:)` takes text from elsewhere.
///
/// Parameters may be written out too, with a number or a name:
///
/// ```swift
/// let user = SQL("SELECT name FROM user WHERE id = :id OR parent = :id", named: ["id": id])
/// ```
///
/// Descriptions show the text and never a value.
public struct SQL: Sendable {
    /// The text of the statement, with a `?` for each parameter that was interpolated.
    public private(set) var text: String

    /// The values of the parameters, in the order of their numbers; where there are ``namedParameters``, of those that have
    /// no name.
    public private(set) var parameters: [SQLiteParameter]

    /// The values of the parameters that have a name.
    public internal(set) var namedParameters: [String: SQLiteParameter] = [:]

    /// A name that was given two values.
    var ambiguousName: String?

    /// Takes any text for SQL.
    ///
    /// - Parameters:
    ///   - text: A statement that no stranger has had a part in.
    ///   - parameters: The values of its parameters, in the order of their numbers.
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

extension SQL: ExpressibleByStringInterpolation {
    /// A statement without parameters.
    ///
    /// The literal is a `StaticString`, which a `String` does not convert to.
    public init(stringLiteral text: StaticString) {
        self.init(unsafe: text.description)
    }

    /// A statement with parameters.
    public init(stringInterpolation: StringInterpolation) {
        self = stringInterpolation.sql
    }

    /// Puts a statement together from a literal's pieces.
    public struct StringInterpolation: StringInterpolationProtocol, Sendable {
        var sql = SQL(unsafe: "")

        /// Begins a literal.
        public init(literalCapacity: Int, interpolationCount: Int) {
            sql.text.reserveCapacity(literalCapacity + interpolationCount)
            sql.parameters.reserveCapacity(interpolationCount)
        }

        /// Appends a piece of the literal as it is.
        public mutating func appendLiteral(_ literal: StaticString) {
            literal.withUTF8Buffer { utf8 in
                unsafe sql.text += String(decoding: utf8, as: UTF8.self)
            }
        }

        /// Appends a parameter with this value.
        ///
        /// Within quotes or a comment there is no parameter: the statement is refused with the code `parameterCount`.
        public mutating func appendInterpolation(_ value: some SQLiteEncodable) {
            sql.text += "?"
            sql.parameters.append(value.sqliteParameter)
        }

        /// Appends a parameter with this value, or `NULL` for `nil`.
        ///
        /// Without this the compiler would warn of the description of an optional.
        public mutating func appendInterpolation(_ value: (some SQLiteEncodable)?) {
            sql.text += "?"
            sql.parameters.append(value.sqliteParameter)
        }

        /// Appends a list for `IN` as one parameter: `WHERE id IN \(list: ids)`.
        ///
        /// The text is `(SELECT value FROM json_each(?))`, whatever the number of elements, so that the statement stays
        /// prepared. ``SQLiteParameter/list(_:)`` says which elements there may be.
        public mutating func appendInterpolation(list elements: some Sequence<some SQLiteEncodable>) {
            sql.text += "(SELECT value FROM json_each(?))"
            sql.parameters.append(.list(elements))
        }

        /// Appends the name of a table, a column or the like, in double quotes.
        ///
        /// Any text is a name; one with a NUL character makes a statement that is refused. A name that nothing has is an
        /// error too: connections of a ``SQLitePool`` do not take it for a string.
        public mutating func appendInterpolation(identifier name: String) {
            sql.text += SQL.quoted(name)
        }

        /// Appends another statement, or a part of one, with its parameters. A name has one value in the whole statement.
        public mutating func appendInterpolation(sql: SQL) {
            self.sql.text += sql.text
            self.sql.parameters += sql.parameters
            self.sql.merge(sql.namedParameters)
            self.sql.ambiguousName = self.sql.ambiguousName ?? sql.ambiguousName
        }
    }
}

extension SQL: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The text of the statement, without values.
    public var description: String { text }

    /// The text of the statement, without values.
    public var debugDescription: String { text }

    /// The text of the statement and how many parameters it has, without values.
    public var customMirror: Mirror {
        Mirror(self, children: ["text": text, "parameterCount": parameters.count + namedParameters.count])
    }
}
