// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A statement with the values of its parameters.
///
/// A statement is written as a literal. An interpolated value becomes a parameter, never a part of
/// the text:
///
/// ```swift let user: PostgresQuery = "SELECT name FROM person WHERE id = \(id)"   // SELECT name
/// FROM person WHERE id = $1
/// ```
///
/// A `String` that is built at run time is not accepted as SQL. Interpolate names as
/// `\(identifier: name)` and other statements as `\(sql: condition)`. ``init(unsafe:parameters:)``
/// accepts text from elsewhere.
///
/// Descriptions contain the text and never a value.
public struct PostgresQuery: Sendable {
    /// The pieces of the statement, in order. Running a prepared statement needs only these;
    /// `text` builds the text on demand.
    private(set) var pieces: [Piece] = []

    /// Whether a parameter has a type that is known by name, whose identifier must be looked up.
    private(set) var hasNamedTypes = false

    /// Whether the server sends the rows in text format; see ``asText(_:)``.
    var hasTextResults = false

    /// Whether the statement is prepared on the server; see ``prepared(_:_:)``.
    var preparation = Preparation.automatic

    /// Whether the text may end in a comment to the end of the line. `false` only if it is known
    /// not to, so that repeated appending takes linear time.
    private var mayEndInLineComment = true

    enum Piece: Sendable {
        /// A part of the text that is a literal of the program.
        case literal(StaticString)
        /// A part of the text that was built at run time.
        case text(String)
        /// A parameter whose placeholder is here and gets the next number.
        case parameter(PostgresParameter)
        /// A parameter without a placeholder of its own: the text of an earlier piece contains its
        /// number.
        case numbered(PostgresParameter)
    }

    /// The text of the statement, with `$1`, `$2` and so on for the parameters.
    ///
    /// - Complexity: O(length). Each call builds the text.
    public var text: String {
        if case .text(let text)? = pieces.first, pieces.count == 1 { return text }
        return assembled { _ in }
    }

    /// Builds the text.
    ///
    /// - Parameter notePlaceholder: A closure that is called with each placeholder of an
    ///   interpolated value, in order.
    func assembled(_ onPlaceholder: (Placeholder) -> Void) -> String {
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
                onPlaceholder(Placeholder(number: count, offset: offset, type: parameter.type))
                isBehindPlaceholder = true
                continue
            case .numbered: count += 1
            }
            isBehindPlaceholder = false
        }
        return text
    }

    /// The values of the parameters, in the order of their numbers.
    ///
    /// - Complexity: O(length).
    public var parameters: [PostgresParameter] { pieces.compactMap(\.parameter) }

    /// Creates a statement from any text.
    ///
    /// - Parameters:
    ///   - text: A statement that contains no untrusted input.
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
    /// The parameter; `nil` if the piece is text.
    var parameter: PostgresParameter? {
        switch self {
        case .parameter(let parameter), .numbered(let parameter): parameter
        case .literal, .text: nil
        }
    }
}

extension PostgresQuery: ExpressibleByStringInterpolation {
    /// Creates a statement without parameters.
    ///
    /// The literal is a `StaticString`. A `String` does not convert to it.
    public init(stringLiteral text: StaticString) {
        pieces = [.literal(text)]
    }

    /// Creates a statement with parameters.
    public init(stringInterpolation: StringInterpolation) {
        self = stringInterpolation.query
    }

    /// Builds a statement from the pieces of a literal.
    public struct StringInterpolation: StringInterpolationProtocol, Sendable {
        fileprivate var query: PostgresQuery

        /// Whether the text ends in a comment of an interpolated statement.
        private var mustEndLine = false

        /// Begins a literal.
        public init(literalCapacity: Int, interpolationCount: Int) {
            query = PostgresQuery(capacity: 2 * interpolationCount + 1)
        }

        /// Appends a piece of the literal unchanged.
        public mutating func appendLiteral(_ literal: StaticString) {
            guard literal.withUTF8Buffer({ !$0.isEmpty }) else { return }
            endLine(unless: literal.beginsWithNewline)
            query.pieces.append(.literal(literal))
        }

        /// Appends a parameter with this value.
        ///
        /// A value within quotes or a comment is not a parameter: running the statement fails with
        /// the code `misplacedParameter`.
        public mutating func appendInterpolation(_ value: some PostgresEncodable) {
            query.append(value.postgresParameter)
        }

        /// Appends a parameter with this value, or `NULL` for `nil`.
        ///
        /// Without this overload the compiler would warn about the description of an optional.
        public mutating func appendInterpolation(_ value: (some PostgresEncodable)?) {
            query.append(value.postgresParameter)
        }

        /// Appends a name, such as that of a table or a column, in double quotes.
        ///
        /// Any text is a valid name, except one with a NUL character, which makes the statement
        /// fail. Quoted names are case-sensitive. Interpolate a name with a schema as two names:
        /// `\(identifier: schema).\(identifier: table)`.
        public mutating func appendInterpolation(identifier name: String) {
            var quoted = "\""
            for character in name.unicodeScalars {
                quoted.unicodeScalars.append(character)
                if character == "\"" { quoted.unicodeScalars.append(character) }
            }
            quoted += "\""
            endLine()
            query.pieces.append(.text(quoted))
        }

        /// Appends a statement, or a part of one, with its parameters, which get the next numbers.
        ///
        /// A text from elsewhere with parameters, see ``PostgresQuery/init(unsafe:parameters:)``,
        /// keeps its numbers. It must precede all other parameters. Otherwise running the
        /// statement fails with the code `encoding`.
        ///
        /// If its text ends in a comment with `--`, a newline ends the comment before the text
        /// that follows. A value that follows directly is not a parameter, as in any comment.
        public mutating func appendInterpolation(sql: PostgresQuery) {
            endLine(unless: sql.beginsWithNewline)
            // A comment of the literal itself includes the rest of the line on purpose.
            let mayEndInComment = sql.lastLineHasHyphens && !query.endsInLineComment
            query.append(sql)
            mustEndLine = mayEndInComment && query.endsInLineComment
        }

        /// Ends the comment of an interpolated statement before the next piece.
        private mutating func endLine(unless hasNewline: Bool = false) {
            guard mustEndLine else { return }
            mustEndLine = false
            if !hasNewline { query.pieces.append(.literal("\n")) }
        }
    }
}

extension PostgresQuery {
    fileprivate mutating func append(_ parameter: PostgresParameter) {
        if parameter.type.isNamed { hasNamedTypes = true }
        pieces.append(.parameter(parameter))
    }

    /// Returns the statement with other parameters.
    ///
    /// - Parameter transform: Returns the replacement of a parameter. The replacement's type has
    ///   an identifier.
    /// - Complexity: O(length).
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

    /// Appends a part on a new line if the text ends in a comment to the end of the line.
    mutating func join(_ other: PostgresQuery) {
        if other.pieces.isEmpty { return }
        if mayEndInLineComment, endsInLineComment, !other.beginsWithNewline { pieces.append(.literal("\n")) }
        append(other)
        mayEndInLineComment = other.lastLineHasHyphens
    }

    mutating func append(_ other: PostgresQuery) {
        if other.hasNamedTypes { hasNamedTypes = true }
        // Only the author of a text knows where it contains the numbers of its parameters.
        let isMisnumbered = other.pieces.contains(where: \.isNumbered) && pieces.contains { $0.parameter != nil }
        pieces += other.pieces
        if isMisnumbered {
            let reason =
                "a text with parameters of its own follows other parameters, so its numbers do not match; put it first"
            pieces.append(.numbered(.failure(reason)))
        }
    }

    /// Rejects a text with a NUL character, which would end it for libpq; parameters that cannot
    /// be sent (too many, or one without a value); and interpolated values that are not parameters
    /// at their positions.
    ///
    /// - Parameter text: The text of the statement, which the caller has built.
    /// - Complexity: O(length of the text). Runs only for statements that the connection has not
    ///   prepared.
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

extension PostgresQuery: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The text of the statement, without values.
    public var description: String { text }

    /// The text of the statement, without values.
    public var debugDescription: String { text }

    /// The text of the statement and the number of its parameters, without values.
    public var customMirror: Mirror {
        Mirror(self, children: ["text": text, "parameterCount": parameters.count])
    }
}

extension PostgresQuery {
    /// Returns the statement with its rows in PostgreSQL's text format.
    ///
    /// The text format makes every type readable, including types without a binary format, such as
    /// `aclitem`:
    ///
    /// ```swift
    /// let rights = try await pool.query(.asText("SELECT relacl FROM pg_class"), as: String?.self)
    /// ```
    ///
    /// All columns are then texts, as `psql` displays them. They decode as `String` and as types
    /// that decode from a `text`. Decoding any other type fails. The text of some types depends on
    /// settings of the session, such as `DateStyle`.
    ///
    /// A statement that is interpolated with `\(sql:)` has the format of the whole.
    ///
    /// - Parameter query: The statement.
    public static func asText(_ query: PostgresQuery) -> PostgresQuery {
        var query = query
        query.hasTextResults = true
        return query
    }

    /// The format of the rows, as libpq's number.
    var resultFormat: Int32 { hasTextResults ? 0 : 1 }
}
