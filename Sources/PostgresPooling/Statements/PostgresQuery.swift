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
    /// What it was put together from, in order. A statement that is run again and again needs no more: its text is made when somebody
    /// asks for it.
    private(set) var pieces: [Piece] = []

    /// Whether a parameter has a type that is known by its name, and whose identifier is to be looked up.
    private(set) var hasNamedTypes = false

    /// Whether the server sends the rows in text format; see ``asText(_:)``.
    var hasTextResults = false

    enum Piece: Sendable {
        /// A part of the text that stands in the program.
        case literal(StaticString)
        /// A part of the text that was made at run time.
        case text(String)
        /// A parameter, whose placeholder is here and gets the next number.
        case parameter(PostgresParameter)
        /// A parameter that has no placeholder of its own: the text of a piece before it has its number, if anything has.
        case numbered(PostgresParameter)
    }

    /// The text of the statement, with `$1`, `$2` and so on for the parameters. O(length): it is put together for each call.
    public var text: String {
        if case .text(let text)? = pieces.first, pieces.count == 1 { return text }
        return assembled { _ in }
    }

    /// Puts the text together.
    ///
    /// - Parameter notePlaceholder: Is called with each placeholder of an interpolated value, in order.
    func assembled(_ notePlaceholder: (Placeholder) -> Void) -> String {
        var text = ""
        var count = 0
        var isBehindPlaceholder = false
        for piece in pieces {
            switch piece {
            case .literal(let literal): text.append(piece: literal.description)
            case .text(let piece): text.append(piece: piece)
            case .parameter(let parameter):
                count += 1
                let offset = text.append(placeholder: count, isBehindAnother: isBehindPlaceholder)
                notePlaceholder(Placeholder(number: count, offset: offset, type: parameter.type))
                isBehindPlaceholder = true
                continue
            case .numbered: count += 1
            }
            isBehindPlaceholder = false
        }
        return text
    }

    /// The values of the parameters, in the order of their numbers. O(length).
    public var parameters: [PostgresParameter] { pieces.compactMap(\.parameter) }

    /// Takes any text for SQL.
    ///
    /// - Parameters:
    ///   - text: A statement that no stranger has had a part in.
    ///   - parameters: The values of its parameters `$1`, `$2` and so on.
    public init(unsafe text: String, parameters: [PostgresParameter] = []) {
        pieces.reserveCapacity(1 + parameters.count)
        pieces.append(.text(text))
        pieces += parameters.lazy.map { .numbered($0) }
        hasNamedTypes = parameters.contains { $0.type.isNamed }
    }

    fileprivate init(capacity: Int) { pieces.reserveCapacity(capacity) }
}

extension PostgresQuery.Piece {
    /// The parameter that it is; `nil` if it is a part of the text.
    var parameter: PostgresParameter? {
        switch self {
        case .parameter(let parameter), .numbered(let parameter): parameter
        case .literal, .text: nil
        }
    }
}

extension PostgresQuery: ExpressibleByStringInterpolation {
    /// A statement without parameters.
    ///
    /// The literal is a `StaticString`, which a `String` does not convert to.
    public init(stringLiteral text: StaticString) {
        pieces = [.literal(text)]
    }

    /// A statement with parameters.
    public init(stringInterpolation: StringInterpolation) {
        self = stringInterpolation.query
    }

    /// Puts a statement together from a literal's pieces.
    public struct StringInterpolation: StringInterpolationProtocol, Sendable {
        fileprivate var query: PostgresQuery

        /// Begins a literal.
        public init(literalCapacity: Int, interpolationCount: Int) {
            query = PostgresQuery(capacity: 2 * interpolationCount + 1)
        }

        /// Appends a piece of the literal as it is.
        public mutating func appendLiteral(_ literal: StaticString) {
            if literal.withUTF8Buffer({ !$0.isEmpty }) { query.pieces.append(.literal(literal)) }
        }

        /// Appends a parameter with this value.
        ///
        /// Within quotes or a comment there is no parameter: the statement is refused with the code `misplacedParameter`.
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
            query.pieces.append(.text(quoted))
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
    fileprivate mutating func append(_ parameter: PostgresParameter) {
        if parameter.type.isNamed { hasNamedTypes = true }
        pieces.append(.parameter(parameter))
    }

    /// The same statement with other parameters. O(length).
    ///
    /// - Parameter transform: Returns the parameter, whose type has an identifier, in place of its argument.
    func replacingParameters(_ transform: (PostgresParameter) -> PostgresParameter) -> PostgresQuery {
        var query = self
        for index in query.pieces.indices {
            switch query.pieces[index] {
            case .parameter(let parameter): query.pieces[index] = .parameter(transform(parameter))
            case .numbered(let parameter): query.pieces[index] = .numbered(transform(parameter))
            case .literal, .text: break
            }
        }
        query.hasNamedTypes = false
        return query
    }

    private mutating func append(_ other: PostgresQuery) {
        if other.hasNamedTypes { hasNamedTypes = true }
        // A text with numbers of its own has them where nobody but its author knows.
        let isMisnumbered = other.pieces.contains(where: \.isNumbered) && pieces.contains { $0.parameter != nil }
        pieces += other.pieces
        if isMisnumbered {
            let reason = "a text with parameters of its own comes after others, and its numbers do not fit"
            pieces.append(.numbered(.failure(reason)))
        }
    }

    /// Refuses a text that would end for libpq where it does not, parameters that cannot be prepared either (too many, or one
    /// without a value, whose type is not the one that it would have), and interpolated values that are no parameters where they
    /// stand.
    ///
    /// - Parameter text: Its text, which the caller has.
    /// - Complexity: O(length of the text). It runs when a connection has not prepared the statement.
    func validate(_ text: String) throws(PostgresError) {
        let parameters = parameters
        if text.hasNUL { throw PostgresError(.encoding, "the statement has a NUL character", sql: text) }
        try validateCount(of: parameters.count, sql: text)
        for (index, parameter) in parameters.enumerated() {
            if case .failure(let reason) = parameter.content {
                throw PostgresError(.encoding, "parameter $\(index + 1): \(reason)", sql: text)
            }
        }
        try validatePlacement(in: text)
    }
}

extension PostgresQuery.Piece {
    fileprivate var isNumbered: Bool {
        if case .numbered = self { true } else { false }
    }
}

extension String {
    /// - Returns: The byte at which the placeholder begins.
    fileprivate mutating func append(placeholder number: Int, isBehindAnother: Bool) -> Int {
        // A letter, a digit or a dollar sign would make a name of the placeholder, such as `LIMIT$1`, or begin a text with it.
        if let last = utf8.last, last.isPartOfName, !isBehindAnother { self += " " }
        let offset = utf8.count
        self += "$\(number)"
        return offset
    }

    fileprivate mutating func append(piece: String) {
        // A digit would become a part of the placeholder's number, and another parameter of it; servers of today refuse a letter
        // there. It is looked for among the bytes, because with a combining mark behind it, it is another character.
        if let first = piece.utf8.first, first.isPartOfName, endsInPlaceholder { self += " " }
        self += piece
    }

    /// Whether nothing follows the last placeholder, also one that came with a text from elsewhere.
    private var endsInPlaceholder: Bool {
        let rest = utf8.reversed().drop(while: \.isDigit)
        return rest.first == UInt8(ascii: "$") && utf8.last != UInt8(ascii: "$")
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
