// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresQuery {
    /// Whether a statement is prepared by name on the server.
    ///
    /// A named statement is parsed once for each connection. After five executions, the server may
    /// also plan it once for all values.
    public enum Preparation: Hashable, Sendable {
        /// The statement is prepared when it runs for the second time on a connection. The
        /// default.
        case automatic

        /// The statement is prepared when it first runs on a connection, which takes one more
        /// round trip.
        ///
        /// It is sent without a name, as with ``never``, where the connection prepares no
        /// statement: behind a pooler in transaction mode, with a
        /// ``PostgresConfiguration/statementCacheCapacity`` of 0, for a statement that is too
        /// large for the cache, within a transaction if the cache is full, and for statements that
        /// change the session.
        case always

        /// The statement is sent without a name, also if the connection has prepared the same
        /// text. The server plans it for its values each time.
        case never
    }

    /// Returns the statement with control over whether it is prepared on the server.
    ///
    /// ```swift
    /// // A plan for this value, because most orders have one of two states.
    /// let query: PostgresQuery = "SELECT id FROM orders WHERE state = \(state)"
    /// let late = try await pool.query(.prepared(.never, query))
    /// ```
    ///
    /// A statement that is interpolated with `\(sql:)` is prepared like the whole.
    ///
    /// - Parameters:
    ///   - preparation: Whether to prepare the statement.
    ///   - query: The statement.
    public static func prepared(_ preparation: Preparation, _ query: PostgresQuery) -> PostgresQuery {
        var query = query
        query.preparation = preparation
        return query
    }
}
