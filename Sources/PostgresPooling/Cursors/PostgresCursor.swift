// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// A query whose rows are fetched in batches, from
/// ``PostgresConnection/withCursor(_:fetchSize:timeout:_:)`` or a pool.
///
/// ```swift
/// try await pool.withCursor("SELECT id, name FROM users", fetchSize: 500) { cursor in
///     while let users = try await cursor.fetch(as: (Int, String).self) {
///         for (id, name) in users { … }
///     }
/// }
/// ```
///
/// Only one batch is in memory. Between two batches, ``connection`` may run other statements of
/// the same transaction. The server executes the query only as far as rows are fetched, so ending
/// the body early costs nothing.
///
/// The cursor cannot escape the body.
public struct PostgresCursor: ~Copyable, Sendable {
    private let lease: PostgresConnection
    private let fetch: PostgresQuery

    /// The maximum number of rows of a batch.
    public let fetchSize: Int

    private let isAtEnd = Atomic(false)

    /// Returns the name of a connection's cursor.
    static func name(_ number: Int) -> String { "lockpool_cursor_\(number)" }

    init(_ connection: consuming PostgresConnection, name: String, fetchSize: Int, isText: Bool) {
        lease = connection
        self.fetchSize = fetchSize
        let fetch = PostgresQuery(unsafe: "FETCH FORWARD \(fetchSize) FROM \(name)")
        // The columns of the statement are those of the cursor that has the name now.
        self.fetch = .prepared(.never, isText ? .asText(fetch) : fetch)
    }

    /// The connection of the cursor, for other statements of its transaction.
    public var connection: PostgresConnection {
        _read { yield lease }
    }

    /// Fetches the next rows.
    ///
    /// Suspends until the server has sent them.
    ///
    /// - Parameter timeout: The time limit; by default the configuration's `statementTimeout`. The
    ///   time limit of the body applies, too.
    /// - Returns: At most ``fetchSize`` rows, and fewer only at the end; `nil` after the last row.
    ///   They may outlive the cursor.
    /// - Throws: As ``PostgresConnection/query(_:timeout:)``. After an error of the server, a
    ///   timeout or a cancellation the transaction has failed.
    public func fetch(timeout: Duration? = nil) async throws -> PostgresRows? {
        if isAtEnd.load(ordering: .relaxed) { return nil }
        let rows = try await lease.query(fetch, timeout: timeout)
        if rows.count < fetchSize { isAtEnd.store(true, ordering: .relaxed) }
        return rows.isEmpty ? nil : rows
    }

    /// Fetches the next rows, and decodes them.
    ///
    /// - Parameters:
    ///   - columns: The type of each column, in order, as a tuple.
    ///   - timeout: As in ``fetch(timeout:)``.
    /// - Returns: At most ``fetchSize`` rows; `nil` after the last row.
    /// - Throws: As ``fetch(timeout:)``; ``PostgresError`` with the code `columnCount` or
    ///   `decoding` if the rows do not have these types.
    public func fetch<each Column: PostgresDecodable>(
        as columns: (repeat each Column).Type,
        timeout: Duration? = nil
    ) async throws -> [(repeat each Column)]? {
        guard let rows = try await fetch(timeout: timeout) else { return nil }
        return try rows.decode(as: columns)
    }

    /// Fetches the next rows, which have one column, and decodes them.
    ///
    /// - Parameters:
    ///   - column: The type of the column.
    ///   - timeout: As in ``fetch(timeout:)``.
    /// - Returns: At most ``fetchSize`` values; `nil` after the last row.
    /// - Throws: As ``fetch(timeout:)``; ``PostgresError`` with the code `columnCount` or
    ///   `decoding` if the rows do not have this type.
    public func fetch<Column: PostgresDecodable>(
        as column: Column.Type,
        timeout: Duration? = nil
    ) async throws -> [Column]? {
        guard let rows = try await fetch(timeout: timeout) else { return nil }
        return try rows.decode(as: column)
    }
}
