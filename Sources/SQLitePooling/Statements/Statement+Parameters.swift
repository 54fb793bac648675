// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension Statement {
    /// Binds the values of a statement: those with a name by name, the others in the order of their numbers.
    ///
    /// - Returns: SQLite's code.
    /// - Throws: ``SQLiteError`` if a value has no parameter, or cannot be stored.
    func bind(_ sql: SQL) throws(SQLiteError) -> Int32 {
        if let name = sql.ambiguousName {
            throw SQLiteError(.parameterName, "the parameter “\(name)” was given two different values", sql: text)
        }
        return try bind(sql.namedParameters.isEmpty ? sql.parameters : inOrder(sql))
    }

    /// The values in the order of the parameters' numbers.
    private func inOrder(_ sql: SQL) throws(SQLiteError) -> [SQLiteParameter] {
        var values: [SQLiteParameter] = []
        values.reserveCapacity(parameterCount)
        var unnamed = sql.parameters[...]
        for name in parameterNames {
            if let name {
                guard let value = sql.namedParameters[name] else {
                    throw SQLiteError(.parameterName, "the parameter “\(name)” has no value", sql: text)
                }
                values.append(value)
            } else if let value = unnamed.popFirst() {
                values.append(value)
            }
        }
        if let unknown = sql.namedParameters.keys.sorted().first(where: { !parameterNames.contains($0) }) {
            throw SQLiteError(.parameterName, "the statement has no parameter “\(unknown)”", sql: text)
        }
        // Where values without a name are missing or left over, their number does not fit, which the binding says.
        return values + unnamed
    }
}
