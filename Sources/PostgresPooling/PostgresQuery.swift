// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A statement with the values of its parameters.
///
/// It is written as a literal, and what is interpolated becomes a parameter, never a part of the text:
///
/// ```swift
/// let user: PostgresQuery = "SELECT name FROM users WHERE id = \(id)"   // SELECT name FROM users WHERE id = $1
/// ```
///
/// A `String` that is put together at run time is not taken for a statement. Names are interpolated as `\(identifier: name)`, other
/// statements as `\(sql: condition)`, and ``init(unsafe:parameters:)`` is the way out for text from elsewhere.
///
/// Descriptions show the text and never a value.
public struct PostgresQuery: Sendable {
    /// What the text consists of; the parameters stand between, in order.
    private var pieces: [Piece]

    /// The values of the parameters, in the order of their numbers.
    public private(set) var parameters: [PostgresParameter]

    /// The text of the statement, with `$1`, `$2` and so on for what was interpolated.
    public let text: String

    fileprivate enum Piece: Sendable {
        case text(String)
        case parameter
    }

    /// Takes any text for a statement.
    ///
    /// - Parameters:
    ///   - text: A statement that no stranger has had a part in. Where it has parameters, they are numbered.
    ///   - parameters: Their values, in the order of their numbers.
    public init(unsafe text: String, parameters: [any PostgresEncodable] = []) {
        pieces = [.text(text)]
        self.text = text
        self.parameters = parameters.map(\.postgresParameter)
    }

    private init(_ pieces: [Piece], _ parameters: [PostgresParameter]) {
        var (text, number) = ("", 0)
        for piece in pieces {
            switch piece {
            case .text(let part): text += part
            case .parameter:
                number += 1
                text += "$\(number)"
            }
        }
        self.pieces = pieces
        self.parameters = parameters
        self.text = text
    }

    /// The types of the parameters, as object identifiers.
    var types: [UInt32] { parameters.map(\.type) }
}

extension PostgresQuery: ExpressibleByStringInterpolation {
    /// A statement without parameters.
    ///
    /// The literal is a `StaticString`, which a `String` does not convert to.
    public init(stringLiteral text: StaticString) { self.init(unsafe: text.description) }

    /// A statement with parameters.
    public init(stringInterpolation: StringInterpolation) {
        self.init(stringInterpolation.pieces, stringInterpolation.parameters)
    }

    /// Puts a statement together from a literal's pieces.
    public struct StringInterpolation: StringInterpolationProtocol, Sendable {
        fileprivate var pieces: [Piece] = []
        fileprivate var parameters: [PostgresParameter] = []

        /// Begins a literal.
        public init(literalCapacity: Int, interpolationCount: Int) {
            pieces.reserveCapacity(2 * interpolationCount + 1)
            parameters.reserveCapacity(interpolationCount)
        }

        /// Appends a piece of the literal as it is.
        public mutating func appendLiteral(_ literal: StaticString) {
            if literal.utf8CodeUnitCount > 0 { pieces.append(.text(literal.description)) }
        }

        /// Appends a parameter with this value.
        public mutating func appendInterpolation(_ value: some PostgresEncodable) { append(value.postgresParameter) }

        /// Appends a parameter with this value, or `NULL` for `nil`.
        ///
        /// Without this the compiler would warn of the description of an optional.
        public mutating func appendInterpolation(_ value: (some PostgresEncodable)?) { append(value.postgresParameter) }

        /// Appends the name of a table, a column or the like, in double quotes.
        ///
        /// Any text is a name; one with a NUL character makes a statement that is refused.
        public mutating func appendInterpolation(identifier name: String) {
            pieces.append(
                .text(
                    "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
                        + "\""
                )
            )
        }

        /// Appends another statement, or a part of one, with its parameters.
        ///
        /// One from ``PostgresQuery/init(unsafe:parameters:)`` must not have parameters: their numbers stand in its text.
        public mutating func appendInterpolation(sql query: PostgresQuery) {
            let places = query.pieces.count { if case .parameter = $0 { true } else { false } }
            precondition(
                places == query.parameters.count,
                "A query whose parameters are numbered in its text cannot be a part of another."
            )
            pieces += query.pieces
            parameters += query.parameters
        }

        private mutating func append(_ parameter: PostgresParameter) {
            pieces.append(.parameter)
            parameters.append(parameter)
        }
    }
}

extension PostgresQuery: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The text of the statement, without values.
    public var description: String { text }

    /// The text of the statement, without values.
    public var debugDescription: String { text }

    /// The text of the statement and how many parameters it has, without values.
    public var customMirror: Mirror { Mirror(self, children: ["text": text, "parameterCount": parameters.count]) }
}
