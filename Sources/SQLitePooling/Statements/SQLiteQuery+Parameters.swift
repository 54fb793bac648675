// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLiteQuery {
    /// Creates a statement with written parameters, as `?` or with numbers, such as `?1`.
    ///
    /// ```swift
    /// let user = SQLiteQuery("SELECT name FROM user WHERE id = ?1 OR parent = ?1", values: id)
    /// ```
    ///
    /// - Parameters:
    ///   - text: The statement.
    ///   - values: The values of the parameters, in the order of their numbers.
    public init<each Value: SQLiteEncodable>(_ text: StaticString, values: repeat each Value) {
        self.init(unsafe: text.description)
        for value in repeat each values { append(value.sqliteParameter) }
    }

    /// Creates a statement with named parameters: `:name`, `@name` or `$name`.
    ///
    /// ```swift
    /// let user = SQLiteQuery("SELECT name FROM user WHERE id = :n OR parent = :n", named: ["n": id])
    /// ```
    ///
    /// - Parameters:
    ///   - text: The statement.
    ///   - named: The values by name, without the prefix character. A name without a parameter, or
    ///     a parameter without a value, makes the statement fail with the code `parameterName`.
    public init(_ text: StaticString, named: KeyValuePairs<String, any SQLiteEncodable>) {
        self.init(unsafe: text.description)
        for (name, value) in named { merge([name: value.sqliteParameter]) }
    }

    /// Creates a statement from text that is built at run time.
    ///
    /// - Parameters:
    ///   - text: A statement without any part from untrusted input.
    ///   - parameters: The values of the parameters, in the order of their numbers.
    public init(unsafe text: String, parameters: [some SQLiteEncodable]) {
        self.init(unsafe: text, parameters: parameters.map(\.sqliteParameter))
    }

    /// Creates a statement with named parameters from text that is built at run time.
    ///
    /// - Parameters:
    ///   - text: A statement without any part from untrusted input.
    ///   - named: The values by name, as for ``init(_:named:)``.
    public init(unsafe text: String, named: [String: any SQLiteEncodable]) {
        self.init(unsafe: text)
        namedParameters = named.mapValues(\.sqliteParameter)
    }

    /// Adds named values, and records the fault of a name that already has a different value.
    mutating func merge(_ named: [String: SQLiteParameter]) {
        for (name, value) in named {
            if let old = namedParameters.updateValue(value, forKey: name), !old.isIdentical(to: value) {
                fault = .ambiguous(name)
            }
        }
    }
}
