// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLiteQuery: ExpressibleByStringInterpolation {
    /// Creates a statement without parameters.
    ///
    /// The literal is a `StaticString`, to which a `String` does not convert.
    public init(stringLiteral text: StaticString) {
        self.init(unsafe: text.description)
    }

    /// Creates a statement with parameters.
    public init(stringInterpolation: StringInterpolation) {
        self = stringInterpolation.sql
    }

    /// Composes a statement from the segments of a literal.
    public struct StringInterpolation: StringInterpolationProtocol, Sendable {
        var sql = SQLiteQuery(unsafe: "")

        /// Begins a literal.
        public init(literalCapacity: Int, interpolationCount: Int) {
            sql.text.reserveCapacity(literalCapacity + interpolationCount)
            sql.parameters.reserveCapacity(interpolationCount)
        }

        /// Appends a segment of the literal unchanged.
        public mutating func appendLiteral(_ literal: StaticString) {
            literal.withUTF8Buffer { utf8 in
                unsafe sql.text += String(decoding: utf8, as: UTF8.self)
            }
        }

        /// Appends a parameter with this value.
        ///
        /// A value within quotes or a comment has no parameter: the statement fails with the code
        /// `parameterCount`.
        public mutating func appendInterpolation(_ value: some SQLiteEncodable) {
            sql.text += "?"
            sql.parameters.append(value.sqliteParameter)
        }

        /// Appends a parameter with this value, or `NULL` for `nil`.
        ///
        /// Without this overload the compiler would warn about the description of an optional.
        public mutating func appendInterpolation(_ value: (some SQLiteEncodable)?) {
            sql.text += "?"
            sql.parameters.append(value.sqliteParameter)
        }

        /// Appends a list as one parameter, for `IN` or as a table with the column `value`.
        ///
        /// ```swift
        /// "DELETE FROM user WHERE id IN \(list: ids)"
        /// "INSERT INTO user (name) SELECT value FROM \(list: names) ORDER BY rowid"
        /// ```
        ///
        /// The text is `lock_pool_list(?)` for any number of elements, so that one prepared
        /// statement serves all. An element has the type that it would have as a parameter of its
        /// own. The column `rowid` is the position of an element, from 1. The schema of a file
        /// cannot use the table. O(number of elements).
        public mutating func appendInterpolation(list elements: some Sequence<some SQLiteEncodable>) {
            sql.text += "lock_pool_list(?)"
            sql.parameters.append(SQLiteParameter(.elements(elements.map(\.sqliteParameter))))
        }

        /// Appends the name of a table, a column or another object, in double quotes.
        ///
        /// Any text is a name; a name with a NUL character makes the statement fail. A name that
        /// no object has is an error: connections of a ``SQLitePool`` do not read it as a string.
        public mutating func appendInterpolation(identifier name: String) {
            sql.text += SQLiteQuery.quoted(name)
        }

        /// Appends another statement, or a part of one, with its parameters. Parameters with
        /// written numbers are renumbered. A name has one value in the whole statement.
        ///
        /// The part begins a new line if it follows a `--` comment, and a comment at its end does
        /// not extend beyond the part.
        public mutating func appendInterpolation(sql: SQLiteQuery) {
            self.sql.endComment(endsBlock: false)
            self.sql.append(sql)
        }
    }
}

// Unavailable interpolations, whose messages name the alternative. The compiler considers them
// only if no other one fits.

extension SQLiteQuery.StringInterpolation {
    /// A value whose type does not conform to ``SQLiteEncodable``.
    @_disfavoredOverload
    @available(
        *,
        unavailable,
        message: """
            the type of this value does not conform to SQLiteEncodable: interpolate a value that does, or declare the conformance; \
            interpolate a name as \\(identifier: name), and a part of a statement as \\(sql: part)
            """
    )
    public mutating func appendInterpolation<Value>(_ value: Value) {}

    /// A value with a raw value, such as an enumeration, that does not conform to
    /// ``SQLiteEncodable``.
    @_disfavoredOverload
    @available(
        *,
        unavailable,
        message: """
            this type has a raw value and does not conform to SQLiteEncodable: declare the conformance in an extension without \
            members, and the raw value becomes the parameter
            """
    )
    public mutating func appendInterpolation<Value: RawRepresentable>(_ value: Value) {}

    /// A collection, which is not a single value.
    @_disfavoredOverload
    @available(
        *,
        unavailable,
        message: "SQLite has no arrays: write IN \\(list: values), without parentheses, to look for one of the elements"
    )
    public mutating func appendInterpolation<Values: Sequence>(_ value: Values) {}

    /// A part of a string.
    @_disfavoredOverload
    @available(*, unavailable, message: "a parameter is a String: interpolate String(value)")
    public mutating func appendInterpolation<Text: StringProtocol>(_ value: Text) {}
}
