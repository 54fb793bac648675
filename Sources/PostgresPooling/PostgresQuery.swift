// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A statement with the values of its parameters.
///
/// It is written as a literal, and what is interpolated becomes a parameter, never a part of the text:
///
/// ```swift
/// let user: PostgresQuery = "SELECT name FROM person WHERE id = \(id)"   // SELECT name FROM person WHERE id = $1
/// ```
///
/// A `String` that is put together at run time is not taken for SQL. Names are interpolated as `\(identifier: name)`, other
/// statements as `\(sql: condition)`, and ``init(unsafe:parameters:)`` is the way out for text from elsewhere.
///
/// Descriptions show the text and never a value.
public struct PostgresQuery: Sendable {
    /// The text of the statement, with `$1`, `$2` and so on for the parameters.
    public private(set) var text: String

    /// The values of the parameters, in the order of their numbers.
    public private(set) var parameters: [PostgresParameter]

    /// Takes any text for SQL.
    ///
    /// - Parameters:
    ///   - text: A statement that no stranger has had a part in.
    ///   - parameters: The values of its parameters `$1`, `$2` and so on.
    public init(unsafe text: String, parameters: [PostgresParameter] = []) {
        self.text = text
        self.parameters = parameters
        for index in parameters.indices { self.parameters[index].place = -1 }
    }
}

extension PostgresQuery: ExpressibleByStringInterpolation {
    /// A statement without parameters.
    ///
    /// The literal is a `StaticString`, which a `String` does not convert to.
    public init(stringLiteral text: StaticString) {
        self.init(unsafe: text.description)
    }

    /// A statement with parameters.
    public init(stringInterpolation: StringInterpolation) {
        self = stringInterpolation.query
    }

    /// Puts a statement together from a literal's pieces.
    public struct StringInterpolation: StringInterpolationProtocol, Sendable {
        var query = PostgresQuery(unsafe: "")

        /// Begins a literal.
        public init(literalCapacity: Int, interpolationCount: Int) {
            query.text.reserveCapacity(literalCapacity + 2 * interpolationCount)
            query.parameters.reserveCapacity(interpolationCount)
        }

        /// Appends a piece of the literal as it is.
        public mutating func appendLiteral(_ literal: StaticString) {
            query.append(literal.description)
        }

        /// Appends a parameter with this value.
        public mutating func appendInterpolation(_ value: some PostgresEncodable) {
            query.append(value.postgresParameter)
        }

        /// Appends a parameter with this value, or `NULL` for `nil`.
        ///
        /// Without this the compiler would warn of the description of an optional.
        public mutating func appendInterpolation(_ value: (some PostgresEncodable)?) {
            query.append(value.postgresParameter)
        }

        /// Appends the name of a table, a column or the like, in double quotes.
        ///
        /// Any text is a name; one with a NUL character makes a statement that is refused. In quotes, upper and lower case
        /// differ. A name with its schema is two: `\(identifier: schema).\(identifier: table)`.
        public mutating func appendInterpolation(identifier name: String) {
            var quoted = "\""
            for character in name.unicodeScalars {
                quoted.unicodeScalars.append(character)
                if character == "\"" { quoted.unicodeScalars.append(character) }
            }
            quoted += "\""
            query.append(quoted)
        }

        /// Appends another statement, or a part of one, with its parameters, which get the numbers that follow.
        ///
        /// A text from elsewhere that has parameters, see ``PostgresQuery/init(unsafe:parameters:)``, keeps its numbers: it
        /// must come before all other parameters, or the statement is refused with the code `encoding`.
        public mutating func appendInterpolation(sql: PostgresQuery) {
            query.append(sql)
        }
    }
}

extension PostgresQuery {
    private mutating func append(_ parameter: PostgresParameter) {
        // A letter, a digit or a dollar sign would make a name of the placeholder, such as `LIMIT$1`, or begin a text with it.
        if let last = text.utf8.last, last.isPartOfName, !endsInPlaceholder { text += " " }
        parameters.append(parameter)
        parameters[parameters.count - 1].place = Int32(clamping: text.utf8.count)
        text += "$"
        text += String(parameters.count)
    }

    private mutating func append(_ piece: String) {
        // A digit would become a part of the placeholder's number, and another parameter of it; servers of today refuse a letter
        // there. It is looked for among the bytes, because with a combining mark behind it, it is another character.
        if let first = piece.utf8.first, first.isPartOfName, endsInPlaceholder { text += " " }
        text += piece
    }

    /// Whether nothing follows the last placeholder, also one that came with a text from elsewhere.
    private var endsInPlaceholder: Bool {
        let rest = text.utf8.reversed().drop(while: \.isDigit)
        return rest.first == UInt8(ascii: "$") && text.utf8.last != UInt8(ascii: "$")
    }

    private mutating func append(_ other: PostgresQuery) {
        // A text from elsewhere has numbers that nobody but its author knows the places of.
        guard other.parameters.allSatisfy({ $0.place >= 0 }) else {
            let isFirst = parameters.isEmpty
            append(other.text)
            parameters += other.parameters
            if !isFirst {
                parameters.append(
                    .failure("a text with parameters of its own comes after others, and its numbers do not fit")
                )
            }
            return
        }
        var rest = other.text[...]
        for (index, parameter) in other.parameters.enumerated() {
            let place = other.text.utf8.index(other.text.startIndex, offsetBy: Int(parameter.place))
            append(String(rest[..<place]))
            append(parameter)
            rest = other.text[other.text.utf8.index(place, offsetBy: 1 + "\(index + 1)".utf8.count)...]
        }
        append(String(rest))
    }

    /// Refuses a text that would end for libpq where it does not, and parameters that cannot be prepared either: too many, or one
    /// without a value, whose type is not the one that it would have.
    func validate() throws(PostgresError) {
        if text.hasNUL { throw PostgresError(.encoding, "the statement has a NUL character", sql: text) }
        try validateCount(of: parameters, sql: text)
        for (index, parameter) in parameters.enumerated() {
            if case .failure(let reason) = parameter.content {
                throw PostgresError(.encoding, "parameter $\(index + 1): \(reason)", sql: text)
            }
        }
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= self }

    /// Whether a name of PostgreSQL can have it behind its first character.
    fileprivate var isPartOfName: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "_"), UInt8(ascii: "$"), 0x80...: true
        default: isDigit
        }
    }
}

extension PostgresQuery: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The text of the statement, without values.
    public var description: String { text }

    /// The text of the statement, without values.
    public var debugDescription: String { text }

    /// The text of the statement and how many parameters it has, without values.
    public var customMirror: Mirror {
        Mirror(self, children: ["text": text, "parameterCount": parameters.count])
    }
}
