// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresQuery {
    /// The same statement, whose rows come in PostgreSQL's text format.
    ///
    /// It makes each type readable, those included that have no binary format, such as `aclitem`:
    ///
    /// ```swift
    /// let rights = try await pool.query(.asText("SELECT relacl FROM pg_class"), as: String?.self)
    /// ```
    ///
    /// All columns are texts then, as `psql` shows them, and decode as `String` and as types that decode
    /// from a `text`. Any other type refuses them. The text of some types depends on settings of the
    /// session, such as `DateStyle`.
    ///
    /// A statement that is interpolated by `\(sql:)` has the format of the whole.
    ///
    /// - Parameter query: Any statement.
    public static func asText(_ query: PostgresQuery) -> PostgresQuery {
        var query = query
        query.hasTextResults = true
        return query
    }

    /// The format of the rows, in libpq's numbers.
    var resultFormat: Int32 { hasTextResults ? 0 : 1 }
}
