// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQL {
    /// A statement whose parameters are written out, as `?` or with numbers, such as `?1`.
    ///
    /// ```swift
    /// let user = SQL("SELECT name FROM user WHERE id = ?1 OR parent = ?1", values: id)
    /// ```
    ///
    /// - Parameters:
    ///   - text: The statement.
    ///   - values: The values of its parameters, in the order of their numbers.
    public init<each Value: SQLiteEncodable>(_ text: StaticString, values: repeat each Value) {
        self.init(unsafe: text.description)
        for value in repeat each values { append(value.sqliteParameter) }
    }

    /// A statement whose parameters have names: `:name`, `@name` or `$name`.
    ///
    /// ```swift
    /// let user = SQL("SELECT name FROM user WHERE id = :id OR parent = :id", named: ["id": id])
    /// ```
    ///
    /// - Parameters:
    ///   - text: The statement.
    ///   - named: The values by name, without the character before it. A name that the statement does not have, and one that
    ///     has no value here, make the statement fail with the code `parameterName`.
    public init(_ text: StaticString, named: KeyValuePairs<String, any SQLiteEncodable>) {
        self.init(unsafe: text.description)
        for (name, value) in named { merge([name: value.sqliteParameter]) }
    }

    /// Takes any text for SQL.
    ///
    /// - Parameters:
    ///   - text: A statement that no stranger has had a part in.
    ///   - parameters: The values of its parameters, in the order of their numbers.
    public init(unsafe text: String, parameters: [some SQLiteEncodable]) {
        self.init(unsafe: text, parameters: parameters.map(\.sqliteParameter))
    }

    /// Takes any text for SQL whose parameters have names.
    ///
    /// - Parameters:
    ///   - text: A statement that no stranger has had a part in.
    ///   - named: The values by name, as for ``init(_:named:)``.
    public init(unsafe text: String, named: [String: any SQLiteEncodable]) {
        self.init(unsafe: text)
        namedParameters = named.mapValues(\.sqliteParameter)
    }

    /// Takes over values by name, and notes a name that has another one already.
    mutating func merge(_ named: [String: SQLiteParameter]) {
        for (name, value) in named {
            if let old = namedParameters.updateValue(value, forKey: name), !old.isIdentical(to: value) {
                ambiguousName = name
            }
        }
    }
}
